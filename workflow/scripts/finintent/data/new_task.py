"""A task of one's own from two files: its folder of resources and its configuration."""

import re
import shutil
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rapidfuzz import fuzz

from finintent.config.curation import Curation
from finintent.config.generation import OwnRows
from finintent.data.curation import ADVICE, accept
from finintent.data.own_rows import own_candidates
from finintent.errors import ConfigError, DataError
from finintent.files import one_line, parse
from finintent.row_files import FileRow, find_column, read_rows
from finintent.task.language import SCRIPTS, in_language
from finintent.task.questions import GOLD_KEYS, read_questions
from finintent.task.taxonomy import LETTERS, Taxonomy
from finintent.task.text import cleaned, normalise
from finintent.task.wording import read_instruction

TEMPLATES = Path(__file__).parents[3] / "templates"
QUERY_COLUMNS = ("query", "text", "question", "utterance", "sentence")
LABEL_COLUMNS = ("label", "intent", "category", "class", "topic")
TRAIN_ROWS, VALIDATION_ROWS = 500, 160  # at most, as in the default study
TRAIN_SHARE = 0.75  # of fewer rows
LIKE = 75  # similarity (0 to 100) from which an option's text names a label of another spelling
GUESSES = ("zh", "ja", "ko", "ru", "ar", "he", "el", "hi", "th", "en")  # languages by script, Chinese before Japanese
BLOCK = 0x80  # code points; a model's vocabulary is kept by blocks of this size


@dataclass(frozen=True)
class NewTask:
    """A task that was written.

    Attributes:
        files: what was written, the configuration last.
        taxonomy: the labels that were found.
        rows: number of rows by label code, and how many of them curation keeps.
        questions: number of evaluation questions.
        rejected: number of rows that curation rejects, by reason.
    """

    files: list[Path]
    taxonomy: Taxonomy
    rows: dict[str, tuple[int, int]]
    questions: int
    rejected: dict[str, int]


def new_task(name: str, rows: Path, questions: Path, language: str | None = None) -> NewTask:
    """Write `resources/NAME/` and `config/NAME.yaml` for rows and evaluation questions of one's own.

    Args:
        name: id of the task.
        rows: file of queries and labels.
        questions: file of evaluation questions.
        language: code of the language; without it, one that is written in the script of the rows.

    Raises:
        ConfigError: the id or the language is none, or a file would be overwritten.
        DataError: a file cannot be read, or its rows make no study.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise ConfigError(f"{name!r} is no id of a task; use small letters, digits and _, a letter first")
    folder, config = Path("resources", name), Path("config", f"{name}.yaml")
    for path in (folder, config):
        if path.exists():
            raise ConfigError(f"{path} exists and is not overwritten; choose another name, or move it away")
    table = read_rows(rows)
    columns = {
        "query_column": _column(rows, table, QUERY_COLUMNS, "query"),
        "label_column": _column(rows, table, LABEL_COLUMNS, "label"),
    }
    texts = [str(row.cells[columns["query_column"]] or "") for row in table]
    values = {
        "version": 1,
        "language": language or _language(texts),
        "title": name.replace("_", " ").capitalize(),
        "labels": _labels(rows, table, columns["label_column"], questions),
    }
    taxonomy = parse(f"the task {name}", values, Taxonomy)
    wording = TEMPLATES / f"instruction.{'zh' if taxonomy.language.startswith('zh') else 'en'}.yaml"
    settings = OwnRows(path=str(rows), **columns)
    candidates = own_candidates(settings, taxonomy, read_instruction(wording))
    asked = read_questions(questions, taxonomy, "")
    curation = {"max_characters": max(60, *map(len, texts)), "reject_label_names": False}
    kept, rejected = accept(
        candidates, taxonomy, None, [question["question"] for question in asked],
        Curation(train_rows=1, validation_rows=1, **curation),
    )  # fmt: skip
    counts, left = (Counter(row["label"] for row in part) for part in (candidates, kept))
    reasons = Counter(row["reason"] for row in rejected)
    train, validation = _sizes(taxonomy, left, reasons, rows)
    block = {
        "resources": folder.as_posix(),
        "generation": {"backend": "file", "file": {"path": str(rows)} | _changed(columns)},
        "curation": {"train_rows": train, "validation_rows": validation, **curation},
        "evaluation": {"path": str(questions)},
    }
    values = {"study": {"datasets": [name]}, "datasets": {name: block}, **_script(texts, taxonomy)}
    (folder / "prompts").mkdir(parents=True)
    config.parent.mkdir(exist_ok=True)
    shutil.copyfile(wording, folder / "prompts/instruction.yaml")
    _write(folder / "taxonomy.yaml", TAXONOMY_HEAD, taxonomy.model_dump(mode="json"))
    _write(config, CONFIG_HEAD.format(name=name, config=config.as_posix()), values)
    return NewTask(
        files=[folder / "taxonomy.yaml", folder / "prompts/instruction.yaml", config],
        taxonomy=taxonomy,
        rows={code: (counts[code], left[code]) for code in taxonomy.codes},
        questions=len(asked),
        rejected=dict(reasons.most_common()),
    )


def as_text(task: NewTask) -> str:
    """Return what was written, what was found in the files, and what to do next."""
    names, width = task.taxonomy.names, max(map(len, task.taxonomy.codes))
    config = task.files[-1].as_posix()
    lines = [f"Wrote {', '.join(path.as_posix() for path in task.files)}.", ""]
    lines += [
        f"  {code:{width}}  {count} rows, {left} usable: {names[code]}" for code, (count, left) in task.rows.items()
    ]
    lines += [f"  {count} rows rejected as {reason}: {ADVICE[reason]}" for reason, count in task.rejected.items()]
    lines += [
        f"  {task.questions} evaluation questions; the language is {task.taxonomy.language!r}, or give --language",
        "",
        f"Next: fill in the definitions in {task.files[0].as_posix()}, read the wording in {task.files[1].as_posix()}, "
        f"look at the numbers in {config}. Then:",
        "",
        f"  snakemake --cores 1 --resources gpu=1 --configfile {config}",
    ]
    return "\n".join(lines)


TAXONOMY_HEAD = """\
# The labels, in the order of their options. `code` stands in figures and files, `name` is the text of the option that a
# model reads. Fill in the definitions: the cards show them, and Claude reads them where it writes rows.
"""
CONFIG_HEAD = """\
# yaml-language-server: $schema=../workflow/schemas/config.schema.json
# The task {name}, laid over config/config.yaml:
#   snakemake --cores 1 --resources gpu=1 --configfile {config}
# docs/configuration.md describes every key.
"""


def _write(path: Path, head: str, values: dict[str, Any]) -> None:
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)
    path.write_text(head + text, encoding="utf-8")


def _changed(columns: dict[str, str]) -> dict[str, str]:
    """Return the names of columns that are not the default ones."""
    return {key: name for key, name in columns.items() if OwnRows.model_fields[key].default != name}


def _column(path: Path, table: list[FileRow], names: tuple[str, ...], what: str) -> str:
    found = find_column(table[0].cells, names)
    if found is None or any(found not in row.cells for row in table):
        raise DataError(
            f"{path}: no column {' or '.join(names)}, found {one_line(', '.join(table[0].cells))}; name the column of "
            f"the {what} so"
        )
    return found


def _labels(path: Path, table: list[FileRow], column: str, questions: Path) -> list[dict[str, str]]:
    """Return the labels that the rows name, with the option texts of the questions where those spell them differently.

    Raises:
        DataError: a row has no label, there are fewer than two labels or about as many as rows, or the questions name
            one that the rows do not.
    """
    spellings: dict[str, Counter[str]] = {}
    for row in table:
        text = row.cells[column]
        if not isinstance(text, str | int) or isinstance(text, bool) or not str(text).strip():
            raise DataError(f"{row.where}: {column} is {one_line(repr(text))}, expected a label")
        key = normalise(str(text)) or str(text).strip()
        spellings.setdefault(key, Counter())[_one_line(text)] += 1
    if len(spellings) < 2 or 2 * len(spellings) > len(table):
        raise DataError(
            f"{path}: {len(spellings)} different labels in {len(table)} rows, in the column {column!r}; expected two "
            "or more, each in several rows: is it the right column?"
        )
    names = [spelling.most_common(1)[0][0] for spelling in spellings.values()]
    codes: list[str] = []
    for number, name in enumerate(names, 1):
        code = _code(name) or f"label_{number}"
        codes.append(code if code not in codes else f"{code}_{number}")
    texts = _option_texts(questions, names)
    return [
        {"code": code, "name": texts.get(name, name), "definition": f"(to be filled in: what belongs to {name})"}
        for code, name in zip(codes, names, strict=True)
    ]


def _one_line(text: Any) -> str:
    """Return a label's text as it can stand in the line of an option."""
    return " ".join(cleaned(str(text)).split())


def _code(name: str) -> str:
    """Return a label's text as an id, "" where nothing of it is ASCII."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")


def _option_texts(path: Path, names: list[str]) -> dict[str, str]:
    """Return the text by which the questions name each label, where it differs from that of the rows.

    Raises:
        DataError: the questions name a label that the rows do not.
    """
    rows = read_rows(path)
    named: dict[str, str] = {}  # where each text is
    for row in rows:
        listed = row.cells.get("options")
        shown = listed if isinstance(listed, list) else [row.cells[key] for key in LETTERS if key in row.cells]
        options = [value for value in shown if isinstance(value, str) and value.strip()]
        gold = find_column(row.cells, GOLD_KEYS)
        answer = [] if options or gold is None else [row.cells[gold]]
        for text in (*options, *answer):
            named.setdefault(_one_line(text), row.where)
    known = {normalise(name) for name in names}
    others = {text: where for text, where in named.items() if normalise(text) not in known}
    found: dict[str, str] = {}
    for text, where in others.items():
        likes = [name for name in names if fuzz.ratio(normalise(name), normalise(text)) >= LIKE]
        # The rows keep their spelling, which names the label by its code.
        if len(likes) != 1 or likes[0] in found or normalise(_code(likes[0])) != normalise(likes[0]):
            raise DataError(
                f"{where}: the label {text!r} is in no row ({one_line(', '.join(names))}); write the labels alike in "
                "both files"
            )
        found[likes[0]] = text
    return found


def _language(texts: list[str]) -> str:
    """Return a language that is written in the script of most texts, of several the best known."""
    kana = sum(any("\u3040" <= letter <= "\u30ff" for letter in text) for text in texts)
    if 2 * kana > len(texts):
        return "ja"
    fits = {code: sum(in_language(text, code) for text in texts if re.search(r"[^\W\d_]", text)) for code in GUESSES}
    return max(GUESSES, key=lambda code: fits[code])


def _sizes(taxonomy: Taxonomy, left: Counter[str], reasons: Counter[str], path: Path) -> tuple[int, int]:
    """Return the numbers of training and validation rows that the label with the fewest rows allows."""
    code = min(taxonomy.codes, key=lambda code: left[code])
    if left[code] < 2:
        why = "".join(f"; {count} rejected as {reason} ({ADVICE[reason]})" for reason, count in reasons.most_common())
        raise DataError(
            f"{path}: the label {taxonomy.names[code]!r} has {left[code]} rows that can be used, expected at least one "
            f"to train and one to validate on{why}; add rows of it, or remove it"
        )
    train = max(1, min(left[code] - 1, round(TRAIN_SHARE * left[code])))
    labels = len(taxonomy.codes)
    most = max(labels, TRAIN_ROWS), max(labels, VALIDATION_ROWS)
    return min(most[0], labels * train), min(most[1], labels * (left[code] - train))


def _script(texts: list[str], taxonomy: Taxonomy) -> dict[str, Any]:
    """Return what the embedded model and the linear baseline need for another script than Chinese."""
    if SCRIPTS.get(taxonomy.language.split("-")[0]) == {"CJK"}:
        return {}
    blocks = {ord(letter) // BLOCK for text in (*texts, *taxonomy.names.values()) for letter in text} - {0}
    kept = [[f"{BLOCK * block:04x}", f"{BLOCK * block + BLOCK - 1:04x}"] for block in sorted(blocks)]
    return {
        "models": {"gemma-3-270m": {"vocabulary": {"ranges": [["2010", "2027"], *kept], "max_ascii_run": 32}}},
        "baseline": {"min_ngram": 2, "max_ngram": 5},
    }
