"""How Claude's answers are fetched and where they are kept, which does not change an answer."""

from typing import Literal

from pydantic import Field

from finintent.config.block import Block, Number


class Fetching(Block):
    """How answers are fetched and where they are kept."""

    store: str = Field(description="file that keeps every paid answer, one a line")
    mode: Literal["messages", "batches"] = Field(
        "messages", description="messages: answered at once; batches: half the price, answered within a day"
    )
    max_cost_usd: Number = Field(5, ge=0, description="US dollars that all answers in the store may cost together")
    concurrency: int = Field(8, ge=1, description="requests under way at once")
    max_retries: int = Field(
        10, ge=0, description="further tries after a limit, an overload or a broken connection, by the SDK"
    )
    timeout_seconds: Number = Field(300, gt=0, description="seconds that one try may take")
    batch_poll_seconds: Number = Field(30, gt=0, description="seconds between two looks at a batch")
    batch_wait_minutes: Number = Field(
        1500,
        ge=0,
        description="minutes after which a job leaves its batch to be collected by a later run; 0 submits and collects "
        "in two runs",
    )
