"""The card of a tuned model: what it was made from, how it answers, and what it is not for."""

from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from finintent.analysis.answers import LOG_LIKELIHOOD
from finintent.analysis.comparison import paired_rows
from finintent.analysis.tables import markdown_cell
from finintent.config.answer_form import Answer
from finintent.task.system import System
from finintent.task.taxonomy import Taxonomy

TEMPLATE = Path(__file__).parents[3] / "report/model_card.md.j2"
# The settings of a training run that a reader would change; the others are paths and switches of the workflow.
HYPERPARAMETERS = (
    "lora_rank", "lora_alpha", "lora_dropout", "lora_target", "learning_rate", "lr_scheduler_type", "warmup_ratio",
    "num_train_epochs", "per_device_train_batch_size", "gradient_accumulation_steps", "cutoff_len", "bf16", "template",
)  # fmt: skip


def model_card(
    systems: tuple[System, System],
    *,
    base: dict[str, Any],
    training: dict[str, Any],
    answers: tuple[pd.DataFrame, pd.DataFrame],
    metrics: tuple[dict[str, Any], dict[str, Any]],
    rows: dict[str, Any],
    answer: Answer,
    dataset: str,
    taxonomy: Taxonomy,
    seed: int,
) -> str:
    """Return the card of one training run in Markdown, with the Hub's metadata at its head.

    Args:
        systems: the base model and the tuned one.
        base: `source` of the record that `prepare_model` wrote.
        training: a training.json.
        answers: the answers table of each of the two on the evaluation questions.
        metrics: the result of `metrics.measure` for each.
        rows: `origin` and `synthetic` of the training rows.
        answer: what it was taught to answer with.
        dataset: id of the data set.
        taxonomy: its labels.
        seed: of the bootstrap.
    """
    tuned = systems[1]
    measured = dict(zip(systems, metrics, strict=True))
    by_name = {system.name: table for system, table in zip(systems, answers, strict=True)}
    (test,) = paired_rows(by_name, [tuple(by_name)], LOG_LIKELIHOOD, seed=seed)
    scores = {system: values["scorers"][LOG_LIKELIHOOD] for system, values in measured.items()}
    repository = base.get("repo_id")
    data = ModelCardData(
        base_model=repository,
        language=taxonomy.language,
        license="other",  # the base model's own
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["llama-factory", "lora", *(["synthetic"] if rows["synthetic"] else [])],
        model_name=tuned.name,
        eval_results=[
            EvalResult(
                task_type="text-classification",
                dataset_type=dataset,
                dataset_name=taxonomy.title,
                metric_type=metric,
                metric_name=name,
                metric_value=round(scores[tuned][key], 4),
            )
            for metric, key, name in (
                ("accuracy", "accuracy", f"accuracy by {LOG_LIKELIHOOD}, 95 % interval {_interval(scores[tuned])}"),
                ("f1", "macro_f1", "macro-F1"),
            )
        ],
    )
    return ModelCard.from_template(
        data,
        template_path=str(TEMPLATE),
        title=markdown_cell(taxonomy.title),
        dataset=dataset,
        labels=[{key: markdown_cell(text) for key, text in label.model_dump().items()} for label in taxonomy.labels],
        answer=answer,
        base_name=repository or base.get("model_id") or base.get("package") or tuned.model,
        revision=base.get("revision"),
        system=tuned,
        rows=rows | {"origin": markdown_cell(rows["origin"])},
        hyperparameters={key: training["settings"][key] for key in HYPERPARAMETERS if key in training["settings"]},
        training=training,
        scores={system.name: {**values, "interval": _interval(values)} for system, values in scores.items()},
        calibration=measured[tuned]["calibration"],
        permutations=measured[tuned]["permutations"],
        verdict=test["verdict"],
    ).content


def _interval(scores: dict[str, Any]) -> str:
    return f"{100 * scores['accuracy_low']:.1f} to {100 * scores['accuracy_high']:.1f}"
