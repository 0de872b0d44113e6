"""What every block refuses, and the types that several blocks use."""

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from finintent.config.block import Block, Distinct, Number, mistake


class Inner(Block):
    count: int = Field(1, ge=1)


class Outer(Block):
    number: Number = 70
    limit: Number | None = None
    flag: bool = False
    names: Annotated[list[str], Distinct] = Field([])
    inner: Inner | None = None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"other": 1}, "extra_forbidden"),
        ({"number": "70"}, "float_type"),
        ({"number": True}, "float_type"),
        ({"number": float("inf")}, "finite_number"),
        ({"flag": 1}, "bool_type"),
        ({"flag": "true"}, "bool_type"),
        ({"names": "a"}, "list_type"),
        ({"names": ["a", "b", "a"]}, "mistake"),
        ({"inner": {"count": 1.0}}, "int_type"),
        ({"inner": {"count": True}}, "int_type"),
        ({"inner": {"count": 0}}, "greater_than_equal"),
        ({"inner": None}, "empty"),
        ({"limit": None}, "empty"),
    ],
)
def test_a_value_of_another_type_is_refused(values: dict, kind: str):
    with pytest.raises(ValidationError) as error:
        Outer.model_validate(values)
    assert [found["type"] for found in error.value.errors()] == [kind]


@pytest.mark.parametrize(("written", "text"), [(70, "70"), (70.0, "70"), (0.5, "0.5"), (1e-4, "0.0001"), (0, "0")])
def test_a_number_has_one_text_however_it_is_written(written: float, text: str):
    assert str(Outer(number=written, limit=written).model_dump(mode="json")["number"]) == text
    assert str(Outer(number=written, limit=written).model_dump(mode="json")["limit"]) == text


def test_a_block_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Outer().number = 1


def test_a_mistake_names_key_and_advice():
    assert mistake("low", "is above high; swap them").message() == "low is above high; swap them"
