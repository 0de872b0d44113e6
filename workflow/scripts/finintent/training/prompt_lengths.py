"""How many tokens the prompts of a data set have, about, before a tokenizer is at hand."""

import re
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from finintent.config.answer_form import Answer
from finintent.files import read_jsonl
from finintent.task.questions import read_questions
from finintent.task.taxonomy import Taxonomy, read_taxonomy
from finintent.task.wording import read_instruction

# Tokens of a character outside ASCII; of ASCII each word, digit, sign and line end counts as one.
CHARACTER_TOKENS = 0.7
PIECES = re.compile(r"[A-Za-z]+|[!-~]|\n")
TEMPLATE_TOKENS = 15  # of a chat template without a system prompt
# Until there are evaluation questions: their number, and the longest text that is allowed over a typical one.
QUESTIONS, LONGEST_OVER_TYPICAL = 100, 4


@dataclass(frozen=True)
class Prompts:
    """The prompts of a data set, in tokens.

    Attributes:
        questions: number of evaluation questions.
        validation: number of validation rows.
        query: mean of a user's text.
        head: of a prompt before that text, the template's part included.
        tail: of a prompt after that text, by form of answer.
        answer: mean of an answer with its end token, by form.
        labels: number of labels.
    """

    questions: int
    validation: int
    query: float
    head: float
    tail: dict[Answer, float]
    answer: dict[Answer, float]
    labels: int

    def row(self, answer: Answer) -> float:
        """Return the mean tokens of a training row."""
        return self.head + self.query + self.tail[answer] + self.answer[answer]


def read_prompts(dataset: str, block: dict[str, Any], results: Path) -> Prompts:
    """Return the prompts of a data set, from its resources and its evaluation questions where they are there.

    Args:
        dataset: its id.
        block: its entry of the catalogue.
        results: the folder of results.
    """
    resources, curation = Path(block["resources"]), block["curation"]
    taxonomy = read_taxonomy(resources / "taxonomy.yaml")
    instruction = read_instruction(resources / "prompts/instruction.yaml")
    queries = _queries(block["evaluation"], results / f"questions/{dataset}.jsonl", taxonomy)
    # The wording is in the users' language.
    typical = queries or [instruction.template[: curation["max_characters"] // LONGEST_OVER_TYPICAL]]
    options = {marker: taxonomy.names[code] for marker, code in taxonomy.options.items()}
    forms: list[Answer] = list(instruction.request) or ["letter"]
    turns = {form: instruction.render("\0", options, form).split("\0", 1) for form in forms}
    return Prompts(
        questions=len(queries) or QUESTIONS,
        validation=curation["validation_rows"],
        query=mean(map(tokens, typical)),
        head=tokens(turns[forms[0]][0]) + TEMPLATE_TOKENS / 2,
        tail={form: tokens(after) + TEMPLATE_TOKENS / 2 for form, (_, after) in turns.items()},
        answer={"letter": 2, "label": 1 + mean(map(tokens, taxonomy.names.values()))},
        labels=len(taxonomy.labels),
    )


def tokens(text: str) -> float:
    """Return about how many tokens a text has; real tokenizers differ by a fifth."""
    return len(PIECES.findall(text)) + CHARACTER_TOKENS * sum(not character.isascii() for character in text)


def _queries(evaluation: dict[str, Any], prepared: Path, taxonomy: Taxonomy) -> list[str]:
    """Return the users' texts of the evaluation questions, none where they are not on this machine."""
    if prepared.is_file():
        return [row["question"] for row in read_jsonl(prepared)]
    if evaluation["source"] == "local":
        return [row["question"] for row in read_questions(evaluation["path"], taxonomy, evaluation["marker"])]
    return []
