"""Train the baselines on the training rows and let them answer the evaluation questions and the validation rows."""

from typing import Any

from finintent.files import read_jsonl
from finintent.inference.baseline import predict_baseline, predict_majority, train_baseline
from finintent.logs import logged
from finintent.task.prediction import write_predictions
from finintent.task.taxonomy import read_taxonomy


def main(
    *,
    train: str,
    validation: str,
    questions: str,
    taxonomy: str,
    rows: int,
    settings: dict[str, Any],
    outputs: dict[str, str],
) -> None:
    labels = read_taxonomy(taxonomy)
    # Curation shuffled the rows: the first of them are a sample, and smaller ones lie within larger ones.
    learnt = read_jsonl(train)[:rows]
    asked = {
        "evaluation": read_jsonl(questions),
        "validation": read_jsonl(validation),
    }
    pipeline = train_baseline(
        learnt,
        ngrams=(settings["min_ngram"], settings["max_ngram"]),
        regularisation=settings["regularisation"],
        seed=settings["seed"],
    )
    for name, question_set in asked.items():
        write_predictions(outputs[f"linear_{name}"], predict_baseline(pipeline, question_set))
        write_predictions(outputs[f"majority_{name}"], predict_majority(learnt, labels.codes, question_set))


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            train=snakemake.input.train,
            validation=snakemake.input.validation,
            questions=snakemake.input.questions,
            taxonomy=snakemake.input.taxonomy,
            rows=int(snakemake.wildcards.rows),
            settings=snakemake.params.baseline,
            outputs=dict(snakemake.output.items()),
        )
