"""The block `gpu`: the card that jobs run on."""

from typing import Literal

from pydantic import Field

from finintent.config.block import Block, Number

Card = Literal["A10G", "A100", "H100", "H200"]


class Gpu(Block):
    """The card that jobs run on, where there is one."""

    card: Card | None = Field(
        None,
        description="the card that `estimate_study` plans for; without it, that of this machine, or its processor",
    )
    memory_gb: Number | None = Field(
        None,
        gt=0,
        description="memory of the card that training is planned for; without it, that of this machine's card",
    )
    usd_per_hour: Number | None = Field(None, ge=0, description="price of an hour of the machine in US dollars")
