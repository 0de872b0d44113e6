"""The catalogue `models`: where each base model comes from, its prompt, and what differs in its training."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_serializer, model_validator

from finintent.config.block import Block, Commit, Number, Repository, mistake
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


class Model(Block):
    """One model, by its id."""

    source: Source = Field(discriminator="type", description="where the base model comes from")
    template: str | None = Field(
        None,
        description="name of the chat template in LlamaFactory; only a converted Baichuan2 needs none: its "
        "tokenizer has one",
    )
    vocabulary: Vocabulary | None = None
    training: Training = Field(Training(), description="what differs from the block `training` for this model")

    @field_serializer("training")
    def _overrides(self, training: Training) -> dict[str, Any]:
        return training.model_dump(mode="json", exclude_unset=True)

    @model_validator(mode="after")
    def _keys_fit_the_source(self) -> "Model":
        if isinstance(self.source, GgufSource) and self.source.downloaded and self.source.size_gb is None:
            raise mistake(
                "source", "lacks the key 'size_gb', the file's size in GB, by which the disk is checked; add it"
            )
        if self.vocabulary and not isinstance(self.source, GgufSource):
            raise mistake("vocabulary", "works for GGUF sources only; remove it")
        if self.template is None and getattr(self.source, "convert", None) != "baichuan2":
            raise mistake(
                "",
                "lacks the key 'template', which only a converted Baichuan2 can do without: its tokenizer has a chat "
                "template; add LlamaFactory's name of it",
            )
        return self
