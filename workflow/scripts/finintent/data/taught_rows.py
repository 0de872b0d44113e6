"""Rows that teach a chat model, Alpaca's or ShareGPT's, from any source: as candidates."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from finintent.analysis.extraction import greedy, greedy_label
from finintent.errors import DataError
from finintent.files import one_line
from finintent.row_files import FileRow, find_column
from finintent.task.labels import label_code
from finintent.task.reading import Turn, read_turn
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction

ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
CONVERSATIONS = ("conversations", "messages", "conversation")


class TaughtRow(NamedTuple):
    """A row: where it stands, what the user says, what is answered, and the user's own words if they stand alone."""

    where: str
    prompt: str
    answer: str
    own: str = ""


def is_taught(columns: Iterable[str]) -> bool:
    """Return whether some columns are those of Alpaca or ShareGPT."""
    columns = list(columns)
    alpaca = all(find_column(columns, [name]) for name in ("instruction", "output"))
    return alpaca or find_column(columns, CONVERSATIONS) is not None


def taught_rows(rows: Iterable[FileRow]) -> list[TaughtRow]:
    """Return the rows of a file in Alpaca's or ShareGPT's format.

    The user's own words stand alone in Alpaca's `input`, and in a turn that follows a system prompt.

    Raises:
        DataError: a row has another form.
    """
    return [_taught(row) for row in rows]


def _taught(row: FileRow) -> TaughtRow:
    cells = {key.casefold(): value for key, value in row.cells.items()}
    turns = next((cells[key] for key in CONVERSATIONS if key in cells), None)
    if turns is None:
        given = {key: cells.get(key) for key in ("instruction", "input", "output", "system")}
        said = [_plain(given[key], f"{row.where}: {key}") for key in ("instruction", "input", "output", "system")]
        instruction, own, answer, system = said
        return TaughtRow(
            row.where, "\n".join(filter(None, (instruction, own))), answer, own or (instruction if system else "")
        )
    said = {"system": _plain(cells.get("system"), f"{row.where}: system")}
    for turn in turns if isinstance(turns, list) else [turns]:
        role = ROLES.get(str(turn.get("from") or turn.get("role"))) if isinstance(turn, dict) else None
        if role is None or said.get(role):
            raise DataError(
                f"{row.where}: {one_line(turns)}; expected a turn of the user and one of the assistant, each with "
                "`from` and `value` (ShareGPT) or `role` and `content`"
            )
        said[role] = _plain(turn.get("value", turn.get("content")), f"{row.where}: the turn of {role}")
    prompt = said.get("user", "")
    return TaughtRow(row.where, prompt, said.get("assistant", ""), prompt if said["system"] else "")


def _plain(value: Any, where: str) -> str:
    if not isinstance(value, str | None):
        raise DataError(f"{where} is {one_line(repr(value))}, expected text")
    return (value or "").replace("\r\n", "\n")


def taught_candidates(
    rows: list[TaughtRow], instruction: Instruction, taxonomy: Taxonomy, *, source: str, advice: str
) -> list[tuple[str, str | None]]:
    """Return the query and the label code of each row.

    A row in the wording of `instruction` asks a question, and its answer names an option. In another wording, the
    user's own words are the query if they stand alone, and the answer is a label's code or its option's text. Where
    neither is so, the label is None and the query the whole prompt; curation rejects it.

    Args:
        rows: the rows.
        instruction: the wording of the data set.
        taxonomy: the labels.
        source: what the rows are of, for the error.
        advice: what to do about it.

    Raises:
        DataError: not one row is read.
    """
    pairs = [_pair(row, instruction, taxonomy) for row in rows]
    if not any(pairs):
        found = f"the first begins with {one_line(rows[0].prompt)!r}" if rows else "there are no rows at all"
        raise DataError(f"{source}: no row has the wording of prompts/instruction.yaml, {found}; {advice}")
    return [pair or (row.prompt, None) for row, pair in zip(rows, pairs, strict=True)]


def _pair(row: TaughtRow, instruction: Instruction, taxonomy: Taxonomy) -> tuple[str, str | None] | None:
    """Return the query and the label code of a row, None where it has another wording."""
    if turn := read_turn(instruction, row.prompt):
        codes = {name: code for code, name in taxonomy.names.items()}
        code = codes.get(_chosen(row.answer, turn) or "")
        return (turn.question, code) if code else (row.prompt, None)
    code = label_code(row.answer, taxonomy) if row.own else None
    return (row.own, code) if code else None


def _chosen(answer: str, turn: Turn) -> str | None:
    """Return the text of the option that an answer names: by its letter, its text, or both alike."""
    letters = list(turn.options)
    markers = {greedy_label(answer, letters, turn.options)} - {None}
    if turn.answer == "letter":
        markers |= {greedy(answer, letters, turn.options)} - {None}
    return turn.options[markers.pop()] if len(markers) == 1 else None
