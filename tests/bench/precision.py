"""How many answers bfloat16 and the batch size change. Usage: python tests/bench/precision.py --help

Each question is asked once, in its own order of the options, in float32 and in bfloat16 at several batch sizes.
"""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow/scripts"))

from finintent.config.answer_form import Answer  # noqa: E402
from finintent.files import read_jsonl  # noqa: E402
from finintent.inference.classifier_file import read_classifier  # noqa: E402
from finintent.inference.likelihood import predict  # noqa: E402
from finintent.inference.loading import load_model  # noqa: E402
from finintent.inference.prompting import Prompter, draw_examples  # noqa: E402
from finintent.task.chosen import most_probable  # noqa: E402 - after the path

SEED = 42  # of the default study


def main(
    weights: Annotated[Path, typer.Argument(help="folder of a model")],
    classifier: Annotated[Path, typer.Argument(help="folder with a classifier.json, which says how to ask it")],
    questions: Annotated[Path, typer.Argument(help="file of questions in the workflow's form")],
    answer: Annotated[
        str, typer.Option(help="form of answer, letter or label; that of classifier.json by default")
    ] = "",
    examples: Annotated[Path | None, typer.Option(help="training rows, one of each label for the prompt")] = None,
    batch_sizes: str = "4,16,32",
    new_tokens: Annotated[int, typer.Option(help="of the greedy text, whose answers are compared too; 0: none")] = 0,
) -> None:
    """Print a row a precision and batch size: answers equal to those of float32, ties, log-probabilities, time."""
    settings = read_classifier(classifier)
    form: Answer = answer or settings.answer
    prompter = Prompter(str(weights), settings.template)
    asked = read_jsonl(questions)
    turns = []
    if examples:
        turns = draw_examples(
            read_jsonl(examples), settings.taxonomy, settings.instruction, form, per_label=1, seed=SEED
        )
    reference = None
    print("precision  batch  right  same answer      ties  largest difference  same text  seconds")
    for bf16, sizes in ((False, [16]), (True, map(int, batch_sizes.split(",")))):
        model = load_model(str(weights), bf16=bf16)
        for size in sizes:
            start = time.perf_counter()
            rows = predict(
                model, prompter, asked, settings.taxonomy, settings.instruction, batch_size=size, seed=SEED,
                answer=form, max_new_tokens=new_tokens, examples=turns,
            )  # fmt: skip
            seconds = time.perf_counter() - start
            named = [most_probable(row.log_probabilities) for row in rows]
            reference = reference or (named, rows)
            same = sum(left == right is not None for left, right in zip(named, reference[0], strict=True))
            farthest = max(
                abs(value - other.log_probabilities[code])
                for row, other in zip(rows, reference[1], strict=True)
                for code, value in row.log_probabilities.items()
            )
            right = sum(label == row.gold for label, row in zip(named, rows, strict=True))
            texts = sum(row.text == other.text for row, other in zip(rows, reference[1], strict=True))
            print(
                f"{'bfloat16' if bf16 else 'float32':9}  {size:5}  {right:5}  {same} ({100 * same / len(rows):5.1f} %)"
                f"  {named.count(None):4}  {farthest:18.4f}  {texts if new_tokens else '-':>9}  {seconds:7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)
