"""What decides the requests by which Claude writes candidates."""

from pydantic import Field

from finintent.config.block import Block, Effort, PricedModel


class Judge(Block):
    """A second opinion on every label, blind; rows on which it disagrees are rejected."""

    model: PricedModel = Field(description="id of the judging model, better not the writing one")
    queries_per_request: int = Field(40, ge=1, description="queries labelled in one request")


class Plan(Block):
    """What decides the requests."""

    model: PricedModel
    effort: Effort = "low"
    max_tokens: int = Field(8000, ge=256, description="longest answer in tokens")
    queries_per_request: int = Field(
        20, ge=1, description="queries that one request asks for; another number is another request"
    )
    examples: int = Field(20, ge=0, description="queries of a cell that its next round is shown")
    max_rounds: int = Field(20, ge=1, description="rounds after which nothing more is asked")
    max_faulty_replies: int = Field(
        2,
        ge=0,
        description="times that a request is changed and asked again after a refusal, a cut or malformed answer, a "
        "wrong language or too few rows",
    )
    judge: Judge | None = None
