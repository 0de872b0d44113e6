"""The block `encoder`: how an encoder is fine-tuned to classify."""

from pydantic import Field

from finintent.config.block import Block, Number
from finintent.config.training import Precision


class EncoderTraining(Block):
    """How encoders are fine-tuned: all weights, by transformers' Trainer; the epoch with the lowest loss is kept."""

    precision: Precision = "auto"
    learning_rate: Number = Field(3e-5, gt=0, description="peak learning rate, after which it falls linearly to zero")
    num_train_epochs: int = Field(10, ge=1, description="passes over the training rows")
    batch_size: int = Field(16, ge=1, description="rows per optimizer step")
    warmup_ratio: Number = Field(0.1, ge=0, lt=1, description="share of the steps that warm up")
    weight_decay: Number = Field(0.01, ge=0, description="AdamW's weight decay")
    max_length: int = Field(256, ge=8, description="length in tokens at which a question is cut")
