"""Curation: from raw candidates to balanced training and validation sets; every rejected row keeps its reason."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from pydantic import Field, RootModel

from finintent.config.curation import Curation, SeededCuration
from finintent.data.similarity import BLOCK, similarity
from finintent.errors import DataError, TooFewRowsError
from finintent.task.labels import nearest
from finintent.task.language import in_language
from finintent.task.taxonomy import Taxonomy
from finintent.task.text import cleaned, has_text, normalise

Row = dict[str, Any]
UNKNOWN_PERSONA = "unknown"  # of rows that were not written for a persona
ADVICE = {  # of each reason, as to a data set that lost too many rows
    "schema": "no text, or no label: complete these rows",
    "language": "no letter of the script of `language` in taxonomy.yaml: correct that language, or these rows",
    "length": "shorter or longer than curation.min_characters and max_characters allow: change these",
    "names_label": "an option's text is in the query: set curation.reject_label_names to false if real users write so",
    "judge_disagrees": "the judge gave another label: make the definitions in taxonomy.yaml clearer",
    "conflicting_labels": "the same text, or nearly the same, under two labels: correct these rows",
    "duplicate": "the same text again: add different rows",
    "near_evaluation": "too similar to an evaluation question: is evaluation.path a file of the same rows? If not, "
    "raise curation.decontamination_threshold",
    "near_duplicate": "too similar to another row: add different rows, or raise curation.near_duplicate_threshold",
}


class Personas(RootModel[Annotated[dict[str, Annotated[str, Field(min_length=1)]], Field(min_length=1)]]):
    """A personas.yaml: the description of each persona by its id."""


@dataclass
class Curated:
    """The two splits, the rejected rows (with `reason`), and the counts of each."""

    train: list[Row] = field(default_factory=list)
    validation: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)


def accept(
    candidates: list[Row], taxonomy: Taxonomy, personas: list[str] | None, questions: list[str], settings: Curation
) -> tuple[list[Row], list[Row]]:
    """Return the candidates that may train a model, and the rejected ones with their `reason`.

    An accepted row has the index of the nearest evaluation question (`nearest_question`) and the similarity to it
    (`question_similarity`, 0-100).

    Args:
        candidates: raw rows.
        taxonomy: the labels.
        personas: ids of the personas; None where a row may name any.
        questions: the evaluation questions that no row may be similar to.
        settings: lengths and thresholds.
    """
    rejected: list[Row] = []
    rows = _well_formed(candidates, taxonomy, personas, settings, rejected)
    rows = _agreed(rows, rejected)
    rows = _distinct(rows, rejected)
    rows = _decontaminated(rows, questions, settings.decontamination_threshold, rejected)
    return _far_apart(rows, settings.near_duplicate_threshold, rejected), rejected


def wanted_rows(codes: list[str], settings: Curation) -> dict[str, tuple[int, int]]:
    """Return the numbers of training and validation rows of each label, which differ by one at most."""
    train, validation = (_shares(rows, len(codes)) for rows in (settings.train_rows, settings.validation_rows))
    return dict(zip(codes, zip(train, validation, strict=True), strict=True))


def _shares(total: int, parts: int) -> list[int]:
    """Split a number into parts that differ by one at most."""
    return [total // parts + (index < total % parts) for index in range(parts)]


def curate(
    candidates: list[Row],
    taxonomy: Taxonomy,
    personas: list[str] | None,
    questions: list[str],
    settings: SeededCuration,
) -> Curated:
    """Filter candidates and split them, balanced over labels and stratified over personas; arguments as of `accept`.

    Raises:
        DataError: a row names a label or persona that there is not, or a split asks for fewer rows than labels.
        TooFewRowsError: fewer rows are left than the splits need; the message has the number that each label lacks and
            the reasons of the rejected rows, the commonest first.
    """
    _check_ids(candidates, "label", taxonomy.codes, "taxonomy.yaml")
    if personas is not None:
        _check_ids(candidates, "persona", [*personas, UNKNOWN_PERSONA], "personas.yaml")
    for key in ("train_rows", "validation_rows"):
        if getattr(settings, key) < len(taxonomy.codes):
            raise DataError(
                f"curation.{key} is {getattr(settings, key)}, fewer than the {len(taxonomy.codes)} labels; give each "
                "label a row at least"
            )
    result = Curated()
    rows, result.rejected = accept(candidates, taxonomy, personas, questions, settings)
    kept = Counter(row["label"] for row in rows)
    _split(rows, taxonomy.codes, settings, result)
    _check_gates(result, questions, settings)
    splits = {"train": result.train, "validation": result.validation}
    result.counts = {
        "candidates": len(candidates),
        "kept_per_label": {code: kept[code] for code in taxonomy.codes},
        "rejected_per_reason": dict(Counter(row["reason"] for row in result.rejected)),
        **{
            name: {
                "rows": len(split),
                "per_label": dict(sorted(Counter(row["label"] for row in split).items())),
                "per_persona": dict(sorted(Counter(row["persona"] for row in split).items())),
            }
            for name, split in splits.items()
        },
    }
    return result


def _check_ids(candidates: list[Row], key: str, known: list[str], file: str) -> None:
    """Refuse an id that is none: a typing error would reject its rows one by one. None is for curation to reject."""
    unknown = Counter(row[key] for row in candidates if isinstance(row.get(key), str) and row[key] not in known)
    if unknown:
        name, count = unknown.most_common(1)[0]
        raise DataError(
            f"the candidates name the {key} {name!r} in {count} rows, which is not in {file} ({', '.join(known)})"
            f"{nearest(name, known)}; correct one of the two"
        )


def _reject(row: Row, reason: str, rejected: list[Row], **details: Any) -> None:
    rejected.append({**row, "reason": reason, **details})


def _well_formed(
    candidates: list[Row], taxonomy: Taxonomy, personas: list[str] | None, settings: Curation, rejected: list[Row]
) -> list[Row]:
    names = [normalise(name) for name in taxonomy.names.values()] if settings.reject_label_names else []
    speakers = None if personas is None else [*personas, UNKNOWN_PERSONA]
    kept = []
    for row in candidates:
        query = cleaned(row["query"]) if isinstance(row.get("query"), str) else ""
        persona = row.get("persona")
        known = isinstance(persona, str) if speakers is None else persona in speakers
        if not has_text(query) or row.get("label") not in taxonomy.codes or not known:
            _reject(row, "schema", rejected)
        elif not in_language(query, taxonomy.language):
            _reject(row, "language", rejected)
        elif not settings.min_characters <= len(query) <= settings.max_characters:
            _reject(row, "length", rejected)
        elif any(name in normalise(query) for name in names):
            _reject(row, "names_label", rejected)
        else:
            kept.append({**row, "query": query})
    return kept


def _agreed(rows: list[Row], rejected: list[Row]) -> list[Row]:
    kept = []
    for row in rows:
        if row.get("judged") in (None, row["label"]):
            kept.append(row)
        else:
            _reject(row, "judge_disagrees", rejected)
    return kept


def _distinct(rows: list[Row], rejected: list[Row]) -> list[Row]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[normalise(row["query"])].append(row)
    kept = []
    for group in groups.values():
        first, *others = group
        if len({row["label"] for row in group}) > 1:
            for row in group:
                _reject(row, "conflicting_labels", rejected)
            continue
        kept.append(first)
        for row in others:
            _reject(row, "duplicate", rejected, match=first["id"])
    return kept


def _decontaminated(rows: list[Row], questions: list[str], threshold: float, rejected: list[Row]) -> list[Row]:
    if not questions:
        raise DataError("the evaluation set is empty: decontamination needs at least one question")
    matrix = similarity([normalise(row["query"]) for row in rows], [normalise(question) for question in questions])
    kept = []
    for row, similarities in zip(rows, matrix, strict=True):
        nearest = int(similarities.argmax())
        highest = float(similarities[nearest])
        if highest >= threshold:
            _reject(row, "near_evaluation", rejected, match=questions[nearest], similarity=round(highest, 1))
        else:
            kept.append({**row, "nearest_question": nearest, "question_similarity": highest})
    return kept


def _far_apart(rows: list[Row], threshold: float, rejected: list[Row]) -> list[Row]:
    texts = [normalise(row["query"]) for row in rows]
    kept = np.zeros(len(rows), dtype=bool)
    conflicting: dict[int, tuple[int, float]] = {}  # row: the row of another label that is near it, and how near
    for index, row in enumerate(rows):
        first = index // BLOCK * BLOCK
        if index == first:
            block = similarity(texts[first : first + BLOCK], texts[: first + BLOCK])
        similarities = np.where(kept[: block.shape[1]], block[index - first], -1)
        nearest_kept = int(similarities.argmax())
        if similarities[nearest_kept] < threshold:
            kept[index] = True
            continue
        highest = float(similarities[nearest_kept])
        if rows[nearest_kept]["label"] == row["label"]:
            _reject(row, "near_duplicate", rejected, match=rows[nearest_kept]["id"], similarity=round(highest, 1))
        else:
            conflicting[index] = nearest_kept, highest
            conflicting.setdefault(nearest_kept, (index, highest))
    for index, (other, highest) in conflicting.items():
        _reject(rows[index], "conflicting_labels", rejected, match=rows[other]["id"], similarity=round(highest, 1))
    return [row for index, row in enumerate(rows) if kept[index] and index not in conflicting]


def _split(rows: list[Row], codes: list[str], settings: SeededCuration, result: Curated) -> None:
    wanted = wanted_rows(codes, settings)
    groups = {code: [row for row in rows if row["label"] == code] for code in codes}
    if missing := {
        code: sum(wanted[code]) - len(group) for code, group in groups.items() if len(group) < sum(wanted[code])
    }:
        lacking = ", ".join(f"{code} lacks {count}" for code, count in missing.items())
        reasons = Counter(row["reason"] for row in result.rejected).most_common()
        rejected = "".join(f"; {count} rejected as {reason} ({ADVICE[reason]})" for reason, count in reasons)
        raise TooFewRowsError(
            f"curation left too few rows for {settings.train_rows} training + {settings.validation_rows} validation "
            f"rows: {lacking}; of {len(rows) + len(result.rejected)} candidates {len(rows)} are left{rejected}; add "
            "candidates for these labels, or lower curation.train_rows or curation.validation_rows in the config",
            result.rejected,
        )
    rng = random.Random(settings.seed)
    for code, group in groups.items():
        ordered = _interleaved(group, rng)
        train, validation = wanted[code]
        result.validation += ordered[:validation]
        result.train += ordered[validation : validation + train]
        for row in ordered[validation + train :]:
            _reject(row, "surplus", result.rejected)
    rng.shuffle(result.train)
    rng.shuffle(result.validation)


def _interleaved(rows: list[Row], rng: random.Random) -> list[Row]:
    """Shuffle rows and interleave the personas, so that any consecutive part holds them in equal shares."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["persona"]].append(row)
    places = []
    for persona in sorted(groups):
        rng.shuffle(groups[persona])
        places += [((index + 0.5) / len(groups[persona]), persona, row) for index, row in enumerate(groups[persona])]
    return [row for _, _, row in sorted(places, key=lambda place: place[:2])]


def _check_gates(result: Curated, questions: list[str], settings: Curation) -> None:
    """Check on the finished splits what the filters guarantee; a failure here is a defect of this module."""
    train, validation = ([normalise(row["query"]) for row in split] for split in (result.train, result.validation))
    if similarity(train, validation).max(initial=0) >= settings.near_duplicate_threshold:
        raise DataError("a validation row is near a training row: curation failed its own gate")
    nearest = similarity(train + validation, [normalise(question) for question in questions])
    if nearest.max(initial=0) >= settings.decontamination_threshold:
        raise DataError("a curated row is near an evaluation question: curation failed its own gate")
