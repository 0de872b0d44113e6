"""What decides how Claude answers an evaluation question."""

from pydantic import Field

from finintent.config.block import Block, Effort


class AnswerPlan(Block):
    """What decides how Claude answers an evaluation question."""

    effort: Effort = "low"
    max_tokens: int = Field(1000, ge=1, description="longest answer in tokens, thinking included")
