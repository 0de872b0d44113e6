"""Filter candidates and split them into training and validation sets; keep every rejected row with its reason."""

from typing import Any

from finintent.config.curation import SeededCuration
from finintent.data.curation import Personas, curate
from finintent.errors import TooFewRowsError
from finintent.files import parse, read_jsonl, read_yaml, write_json, write_jsonl
from finintent.logs import logged
from finintent.task.questions import validation_questions
from finintent.task.taxonomy import read_taxonomy


def main(
    *,
    candidates: str,
    questions: str,
    taxonomy: str,
    personas: str | None,
    settings: dict[str, Any],
    outputs: dict[str, str],
    failed: str,
) -> None:
    labels = read_taxonomy(taxonomy)
    try:
        curated = curate(
            read_jsonl(candidates),
            labels,
            list(read_yaml(personas, Personas).root) if personas else None,
            [question["question"] for question in read_jsonl(questions)],
            parse("curation settings", settings, SeededCuration),
        )
    except TooFewRowsError as error:
        write_jsonl(failed, error.rejected)  # not to an output: those of a failed job are deleted
        raise TooFewRowsError(f"{error}; {failed} has every rejected row", error.rejected) from None
    write_jsonl(outputs["train"], curated.train)
    write_jsonl(outputs["validation"], curated.validation)
    write_jsonl(outputs["validation_questions"], validation_questions(curated.validation, labels))
    write_jsonl(outputs["rejected"], curated.rejected)
    write_json(outputs["curation"], {**curated.counts, "settings": settings})


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            candidates=snakemake.input.candidates,
            questions=snakemake.input.questions,
            taxonomy=snakemake.input.taxonomy,
            personas=snakemake.input.get("personas"),
            settings=snakemake.params.curation,
            outputs=dict(snakemake.output.items()),
            failed=snakemake.log[0].removesuffix(".log") + ".rejected.jsonl",
        )
