"""Write the curated splits as LlamaFactory's Alpaca files, with the dataset_info.json that names them."""

from pathlib import Path

from finintent.alpaca import alpaca_row, dataset_info
from finintent.files import read_jsonl, write_json
from finintent.logs import logged
from finintent.task import read_instruction, read_taxonomy


def main(splits: dict[str, str], taxonomy: str, instruction: str, directory: Path) -> None:
    labels, wording = read_taxonomy(taxonomy), read_instruction(instruction)
    for split, path in splits.items():
        write_json(directory / f"{split}.json", [alpaca_row(row, labels, wording) for row in read_jsonl(path)])
    write_json(directory / "dataset_info.json", dataset_info())


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            {"train": snakemake.input.train, "validation": snakemake.input.validation},
            snakemake.input.taxonomy,
            snakemake.input.instruction,
            Path(snakemake.output.info).parent,
        )
