"""Alpaca rows of both forms of answer."""

import pytest

from finintent.data.alpaca import alpaca_row
from finintent.errors import DataError
from finintent.task.taxonomy import Label, Taxonomy, read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT

RESOURCES = ROOT / "tests/datasets" / DATASET
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")
INSTRUCTION = read_instruction(RESOURCES / "prompts/instruction.yaml")
ROW = {"query": "Where is it?", "label": "shipping"}


def test_a_row_answers_with_the_letter_or_the_text_of_its_option():
    options = "Question: Where is it?\nA. Billing\nB. Shipping\nC. Account\n"
    by_letter = alpaca_row(ROW, TAXONOMY, INSTRUCTION, "letter")
    assert by_letter == {"instruction": f"{options}Answer A, B or C.", "input": "", "output": "B"}
    by_label = alpaca_row(ROW, TAXONOMY, INSTRUCTION, "label")
    assert by_label == {
        "instruction": f"{options}Answer with the name of the topic.", "input": "", "output": "Shipping",
    }  # fmt: skip


def test_both_forms_of_a_row_show_the_same_order():
    for seed in range(10):
        by_letter = alpaca_row(ROW, TAXONOMY, INSTRUCTION, "letter", seed)
        by_label = alpaca_row(ROW, TAXONOMY, INSTRUCTION, "label", seed)
        assert f"\n{by_letter['output']}. Shipping\n" in by_letter["instruction"]
        assert by_letter["instruction"].split("\n")[:-1] == by_label["instruction"].split("\n")[:-1]
        assert by_label["output"] == "Shipping"


def test_more_labels_than_letters_are_for_the_label_form():
    labels = [Label(code=f"c{number}", name=f"name {number}", definition="d") for number in range(77)]
    taxonomy = Taxonomy(version=1, language="en", title="t", labels=labels)
    row = alpaca_row({"query": "Why?", "label": "c76"}, taxonomy, INSTRUCTION, "label")
    assert "\n1. name 0\n" in row["instruction"]
    assert "\n77. name 76\n" in row["instruction"]
    assert row["output"] == "name 76"
    with pytest.raises(DataError, match="77 options, but only 26 letters"):
        alpaca_row({"query": "Why?", "label": "c76"}, taxonomy, INSTRUCTION, "letter")
