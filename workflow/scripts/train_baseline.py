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
    # Curation shuffled the rows, so the first ones are a random sample, and a larger sample contains a smaller one.
    training_rows = read_jsonl(train)[:rows]
    asked = {
        "evaluation": read_jsonl(questions),
        "validation": read_jsonl(validation),
    }
    pipeline = train_baseline(
        training_rows,
        ngrams=(settings["min_ngram"], settings["max_ngram"]),
        regularisation=settings["regularisation"],
        seed=settings["seed"],
    )
    for name, question_set in asked.items():
        write_predictions(outputs[f"linear_{name}"], predict_baseline(pipeline, question_set))
        write_predictions(outputs[f"majority_{name}"], predict_majority(training_rows, labels.codes, question_set))


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
