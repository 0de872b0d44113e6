"""The catalogue `models`: what each model is, where it comes from, its prompt, and what differs in its training."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer, model_validator

from finintent.config.block import Block, Commit, Number, Repository, mistake
from finintent.config.encoder import EncoderTraining
from finintent.config.gguf import GgufSource
from finintent.config.training import Training

KIND = "which kind of source this is"
Convert = Annotated[
    Literal["chatglm3", "baichuan2"],
    Field(
        description="the checkpoint's own architecture, which is converted to a native one: no code of its authors runs"
    ),
]
Files = Annotated[
    list[str],
    Field(
        min_length=1,
        description="patterns of the files to take; without it the configuration, the tokenizer and the safetensors",
    ),
]
SizeGb = Annotated[Number, Field(gt=0, description="approximate size of the download in GB (10^9 bytes)")]


class LocalFolder(Block):
    """A Hugging Face model folder on this machine."""

    type: Literal["local"] = Field(description=KIND)
    path: str = Field(description="the folder")
    convert: Convert | None = None


class HuggingFaceRepository(Block):
    """A repository of the Hugging Face Hub."""

    type: Literal["huggingface"] = Field(description=KIND)
    repo_id: Repository = Field(description="owner/name of the repository")
    revision: Commit | None = Field(
        None, description="its commit; without it the newest one is taken, and recorded in resources/models"
    )
    gated: bool = Field(False, description="whether its licence has to be accepted on its page; HF_TOKEN is needed")
    files: Files | None = None
    size_gb: SizeGb
    convert: Convert | None = None


class ModelScopeRepository(Block):
    """A repository of ModelScope."""

    type: Literal["modelscope"] = Field(description=KIND)
    model_id: Repository = Field(description="owner/name of the repository")
    revision: Commit = Field(description="its commit")
    files: Files | None = None
    size_gb: SizeGb
    convert: Convert | None = None


Source = GgufSource | LocalFolder | HuggingFaceRepository | ModelScopeRepository
CodePoint = Annotated[str, Field(pattern=r"^[0-9a-f]{4,6}$")]
CodePoints = Annotated[list[CodePoint], Field(min_length=2, max_length=2)]


class Vocabulary(Block):
    """What is kept of the vocabulary, for GGUF sources only: what the task's text can reach is enough."""

    ranges: list[CodePoints] = Field(description="first and last code point of each kept range, in hexadecimal")
    max_ascii_run: int = Field(
        ge=1, description="longest run of ASCII characters (digits aside) whose encoding must not change"
    )
    pieces: list[str] = Field([], description="further pieces to keep")

    @model_validator(mode="after")
    def _ranges_ascend(self) -> "Vocabulary":
        for first, last in self.ranges:
            if int(first, 16) > int(last, 16):
                raise mistake("ranges", f"holds a range from {first} to {last}; swap the two")
        return self


# What a kind of model cannot use, and why.
UNFIT = {
    "causal": {"encoder": "is for models of the kind 'encoder'; remove it, or set `kind: encoder`"},
    "encoder": {
        "template": "is of no use to an encoder, which reads the question alone; remove it",
        "vocabulary": "works for GGUF sources only, which an encoder cannot have; remove it",
        "training": "holds LoRA's settings, but all weights of an encoder are tuned; write `encoder` instead",
    },
}


class Model(Block):
    """One model, by its id."""

    kind: Literal["causal", "encoder"] = Field(
        "causal",
        description="causal: a language model that answers prompts and is tuned with LoRA; encoder: a model such as "
        "BERT, which is fine-tuned to classify",
    )
    source: Source = Field(discriminator="type", description="where the base model comes from")
    template: str | None = Field(
        None,
        description="name of the chat template in LlamaFactory; of causal models, only a converted Baichuan2 needs "
        "none: its tokenizer has one",
    )
    vocabulary: Vocabulary | None = None
    training: Training = Field(Training(), description="what differs from the block `training` for this model")
    encoder: EncoderTraining = Field(
        EncoderTraining(), description="what differs from the block `encoder` for this model"
    )

    @field_serializer("training", "encoder")
    def _overrides(self, settings: Training | EncoderTraining) -> dict[str, Any]:
        return settings.model_dump(mode="json", exclude_unset=True)

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> "Model":
        for key, why in UNFIT[self.kind].items():
            value = getattr(self, key)
            set_to = value.model_fields_set if isinstance(value, Block) else value  # an empty block sets nothing
            if key in self.model_fields_set and set_to:
                raise mistake(key, why)
        if self.kind == "encoder" and isinstance(self.source, GgufSource):
            raise mistake("source", "is a GGUF file, but an encoder needs a Hugging Face folder or a repository")
        if self.kind == "encoder" and self.source.convert:
            raise mistake("source.convert", "converts language models only, and this is an encoder; remove it")
        return self

    @model_validator(mode="after")
    def _keys_fit_the_source(self) -> "Model":
        if isinstance(self.source, GgufSource) and self.source.downloaded and self.source.size_gb is None:
            raise mistake(
                "source", "lacks the key 'size_gb', the file's size in GB, by which the disk is checked; add it"
            )
        if self.vocabulary and not isinstance(self.source, GgufSource):
            raise mistake("vocabulary", "works for GGUF sources only; remove it")
        if self.kind == "causal" and self.template is None and getattr(self.source, "convert", None) != "baichuan2":
            raise mistake(
                "",
                "lacks the key 'template', which only a converted Baichuan2 can do without: its tokenizer has a chat "
                "template; add LlamaFactory's name of it",
            )
        return self
