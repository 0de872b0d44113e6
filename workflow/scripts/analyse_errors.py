"""List every question with the answers of all models, and accuracy by kind of question."""

from pathlib import Path

from finintent.error_analysis import question_table, slices
from finintent.files import read_jsonl
from finintent.logs import logged
from finintent.task import read_taxonomy


def main(predictions: list[tuple[str, str]], taxonomy: str, outputs: dict[str, str]) -> None:
    answered = {(model, Path(path).stem): read_jsonl(path) for model, path in predictions}
    for name, table in (
        ("questions", question_table(answered)),
        ("slices", slices(answered, read_taxonomy(taxonomy).names)),
    ):
        table.to_csv(outputs[name], index=False, float_format="%.4g")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            # Paths are results/predictions/{model}/{dataset}/{variant}.jsonl.
            [(Path(path).parts[-3], path) for path in snakemake.input.predictions],
            snakemake.input.taxonomy,
            dict(snakemake.output.items()),
        )
