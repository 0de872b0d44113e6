"""Let a fine-tuned encoder answer the evaluation questions and the validation rows: one prediction for each."""

import time
from pathlib import Path

from finintent.files import read_jsonl, write_json
from finintent.inference.encoder import Encoder
from finintent.logs import logged
from finintent.machine.lock import exclusive_accelerator
from finintent.machine.meter import metered
from finintent.task.prediction import write_predictions


def main(*, weights: Path, questions: str, validation: str, batch_size: int, outputs: dict[str, str]) -> None:
    asked = {"evaluation": read_jsonl(questions), "validation": read_jsonl(validation)}
    with exclusive_accelerator(), metered() as job:
        encoder = Encoder(weights)
        start = time.perf_counter()
        answers = {split: encoder.predict(rows, batch_size=batch_size) for split, rows in asked.items()}
        seconds = time.perf_counter() - start
    for split, predictions in answers.items():
        write_predictions(outputs[split], predictions)
    tokens = [prediction.prompt_tokens for predictions in answers.values() for prediction in predictions]
    rates = {"rows_per_second": len(tokens) / seconds, "tokens_per_second": sum(tokens) / seconds}
    write_json(outputs["record"], job | rates)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            weights=Path(snakemake.input.weights),
            questions=snakemake.input.questions,
            validation=snakemake.input.validation,
            batch_size=snakemake.config["scoring"]["batch_size"],  # not a parameter: a change makes nothing stale
            outputs=dict(snakemake.output.items()),
        )
