"""Write curated rows as LlamaFactory's Alpaca files, with the dataset_info.json that names them."""

from pathlib import Path

from finintent.data.alpaca import alpaca_row, dataset_info
from finintent.files import read_jsonl, write_json
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(
    *, train: str, validation: str, taxonomy: str, instruction: str, rows: int, shuffle: int | None, directory: Path
) -> None:
    labels, wording = read_taxonomy(taxonomy), read_instruction(instruction)
    # Curation shuffled the rows: the first of them are a sample, and smaller samples lie within larger ones.
    for split, chosen in (("train", read_jsonl(train)[:rows]), ("validation", read_jsonl(validation))):
        write_json(directory / f"{split}.json", [alpaca_row(row, labels, wording, shuffle) for row in chosen])
    write_json(directory / "dataset_info.json", dataset_info())


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            train=snakemake.input.train,
            validation=snakemake.input.validation,
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            rows=int(snakemake.wildcards.rows),
            shuffle=snakemake.params.shuffle,
            directory=Path(snakemake.output.info).parent,
        )
