"""The block `training`, and the catalogue `recipes`: how LlamaFactory trains."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from finintent.config.answer_form import Answer
from finintent.config.block import Block, Number

Precision = Annotated[
    Literal["auto", "bf16", "fp32"],
    Field(description="bf16, fp32, or auto: bf16 where the hardware multiplies it natively"),
]


class Training(Block):
    """LlamaFactory's settings for every recipe and model; what is not set anywhere has LlamaFactory's own default."""

    precision: Precision = "auto"
    lora_rank: int = Field(8, ge=1, description="rank of the adapter's matrices")
    lora_alpha: int | None = Field(None, ge=1, description="scale of the adapter, divided by its rank")
    lora_dropout: Number | None = Field(None, ge=0, lt=1, description="dropout before the adapter")
    lora_target: str | None = Field(None, description="modules that get an adapter, separated by commas, or all")
    learning_rate: Number | None = Field(None, gt=0, description="peak learning rate")
    num_train_epochs: Number | None = Field(None, gt=0, description="passes over the training rows")
    max_steps: int | None = Field(None, ge=1, description="number of optimizer steps after which training stops")
    batch_size: int = Field(8, ge=1, description="rows per optimizer step")
    per_device_eval_batch_size: int = Field(
        8, ge=1, description="rows per validation step at most; fewer where a GPU's memory does not hold them"
    )
    lr_scheduler_type: str | None = Field(None, description="shape of the learning rate over the run")
    warmup_ratio: Number | None = Field(None, ge=0, le=1, description="share of the steps that warm up")
    adam_beta2: Number | None = Field(None, gt=0, lt=1, description="decay of AdamW's second moment")
    weight_decay: Number | None = Field(None, ge=0, description="AdamW's weight decay")
    loraplus_lr_ratio: Number | None = Field(None, ge=1, description="learning rate of B over that of A (LoRA+)")
    neftune_noise_alpha: Number | None = Field(None, ge=0, description="noise on the input embeddings (NEFTune)")
    cutoff_len: int = Field(2048, ge=16, description="length in tokens at which a row is cut")
    logging_steps: int | None = Field(None, ge=1, description="steps between two points of the loss curve")
    llamafactory: dict[str, Any] = Field(
        {}, description="any further argument of `llamafactory-cli train`, passed on unchanged"
    )


class Recipe(Training):
    """How a model is taught, by its id: the form of its training rows, and what differs from the block `training`."""

    answer: Answer = Field(
        description="what the model learns to answer with: the letter of the option, or the option's text (label)"
    )
    shuffle_options: bool = Field(
        False, description="whether each training row shows its options in an order of its own"
    )
    preset: Literal["fast", "original"] = Field(
        "fast",
        description="fast: as many rows at once as fit in memory; original: one row at a time, as in the original "
        "study",
    )

    @model_serializer(mode="wrap")
    def _own_keys(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Keep the form of the rows and the preset, and of the other keys those that were set."""
        form = Recipe.model_fields.keys() - Training.model_fields.keys()
        return {key: value for key, value in serialize(self).items() if key in form | self.model_fields_set}
