"""Train the linear baseline on the training rows and let it answer the evaluation questions."""

from typing import Any

from finintent.baseline import predict_baseline, train_baseline
from finintent.files import read_jsonl, write_jsonl
from finintent.logs import logged


def main(train: str, questions: str, settings: dict[str, Any], output: str) -> None:
    pipeline = train_baseline(
        read_jsonl(train),
        ngrams=(settings["min_ngram"], settings["max_ngram"]),
        regularisation=settings["regularisation"],
        seed=settings["seed"],
    )
    write_jsonl(output, predict_baseline(pipeline, read_jsonl(questions)))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input.train, snakemake.input.questions, snakemake.params.baseline, snakemake.output[0])
