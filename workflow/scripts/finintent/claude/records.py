"""What a stored answer and the other records of a store must hold, checked when they are stored and when they are read.

A gateway between this machine and the API can answer with status 200 and something else than a message.
"""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from finintent.errors import DataError
from finintent.files import one_line, parse

Record = dict[str, Any]


class _Usage(BaseModel):
    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)


class _Content(BaseModel):
    type: str
    text: str | None = None

    @model_validator(mode="after")
    def _text_of_its_type(self) -> "_Content":
        if self.type == "text" and self.text is None:
            raise ValueError("a block of the type text lacks its text")
        return self


class _Message(BaseModel):
    type: Literal["message"] = "message"
    model: str
    content: list[_Content]
    stop_reason: str
    usage: _Usage


class _Answer(BaseModel):
    digest: str
    message: _Message
    cost_usd: float = Field(ge=0, allow_inf_nan=False)
    time: AwareDatetime


class _Submission(BaseModel):
    submission: str
    requests: dict[str, dict[str, Any]]
    time: AwareDatetime


class _Unsubmitted(BaseModel):
    submission: str


class _Batch(BaseModel):
    submission: str
    batch: str


class _Outcome(BaseModel):
    batch: str
    failures: dict[str, str]


KINDS = {
    "answer": _Answer, "submission": _Submission, "unsubmitted": _Unsubmitted, "batch": _Batch, "outcome": _Outcome,
}  # fmt: skip


def check_record(where: str, record: Any) -> None:
    """Check that a record of a store is complete.

    Raises:
        DataError: it is not; the message says what is wrong.
    """
    kind = KINDS.get(str(record.get("type"))) if isinstance(record, dict) else None
    if kind is None:
        raise DataError(f"{where}: {one_line(record)} is no record of a store; delete the line")
    try:
        parse(where, record, kind)
    except DataError as error:
        raise DataError(f"{error}; delete the line, and what it held is asked for again") from None


def check_message(where: str, message: Any) -> None:
    """Check that an answer of the API is a message.

    Raises:
        DataError: it is not; the message says what is wrong.
    """
    parse(where, message, _Message)
