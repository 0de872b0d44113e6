"""Write curated rows as LlamaFactory's Alpaca files, with a record of their numbers and digests."""

from pathlib import Path

from finintent.config.answer_form import Answer
from finintent.data.alpaca import SPLITS, alpaca_row
from finintent.files import read_jsonl, sha256, write_json
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(
    *,
    train: str,
    validation: str,
    taxonomy: str,
    instruction: str,
    rows: int,
    answer: Answer,
    shuffle: int | None,
    directory: Path,
) -> None:
    labels, wording = read_taxonomy(taxonomy), read_instruction(instruction)
    # Curation shuffled the rows, so the first ones are a random sample, and a larger sample contains a smaller one.
    curated = dict(zip(SPLITS, (read_jsonl(train)[:rows], read_jsonl(validation)), strict=True))
    for split, chosen in curated.items():
        write_json(directory / f"{split}.json", [alpaca_row(row, labels, wording, answer, shuffle) for row in chosen])
    record = {
        "rows": {split: len(chosen) for split, chosen in curated.items()},
        "sha256": {split: sha256(directory / f"{split}.json") for split in SPLITS},
    }
    write_json(directory / "record.json", record)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            train=snakemake.input.train,
            validation=snakemake.input.validation,
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            rows=int(snakemake.wildcards.rows),
            **snakemake.params.form,
            directory=Path(snakemake.output.record).parent,
        )
