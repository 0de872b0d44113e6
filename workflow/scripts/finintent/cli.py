"""The command `finintent`: use a tuned model, and compare models' answers."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from finintent.errors import ConfigError, FinintentError

# Each command imports what it needs itself, so that `--help` and a mistake do not wait for PyTorch.

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
STANDARD_INPUT = Path("/dev/stdin")


@app.callback()
def main() -> None:
    """Score, compare and use language models on closed-set questions."""


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Let an error that the user can fix end the command with its sentence and exit code 1.

    Any other error keeps its traceback, after a line that asks to report it.
    """
    try:
        yield
    except FinintentError as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    except Exception:
        typer.echo("An error that this project does not foresee; please report it with the lines below", err=True)
        raise


def _check_port(port: int) -> None:
    with socket.socket() as page:
        page.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port of a page that has just ended can be used
        try:
            page.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(f"port {port} cannot be used ({error.strerror}); give another one with --port") from None


def _forget_proxies() -> None:
    """Remove the environment's proxies from this process: Gradio would ask them for its own page, on this machine."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)


def _print_json(value: Any, indent: int | None = None) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=indent))


@app.command()
def classify(
    model: Annotated[Path, typer.Option(help="folder of a tuned model, with classifier.json and model/ in it")],
    question: Annotated[str | None, typer.Argument(help="the question, in quotes")] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(help="file of questions instead (JSON lines, CSV, XLSX, …); - for JSON lines from standard input"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line, for programs")] = False,
) -> None:
    """Name the label of a question, with the calibrated probability of each, most probable first.

    Where several labels tie for the first place, none is the answer: `label` of --json is null.
    """
    with _one_sentence():
        if (question is None) == (jsonl is None):
            raise ConfigError("found both a question and --jsonl, or neither; give one of them")
        from finintent.inference.classifier_file import read_classifier
        from finintent.task.questions import checked, read_texts

        read_classifier(model)
        file = STANDARD_INPUT if jsonl == Path("-") else jsonl
        texts = read_texts(file) if file else [checked(question)]
        from finintent.inference.classifier import classify_all, load_classifier

        classifier = load_classifier(model)
        names = classifier.settings.taxonomy.names
        for answer in classify_all(classifier, texts):
            if as_json:
                _print_json(answer)
            else:
                typer.echo(answer["question"])
                if answer["label"] is None:
                    typer.echo("  tie: several labels are the most probable, so none is the answer")
                for code, share in answer["probabilities"].items():
                    typer.echo(f"  {100 * share:5.1f} %  {names[code]} ({code})")


def _print_format(wanted: bool) -> None:
    if wanted:
        from finintent.analysis.prediction_files import format_text

        typer.echo(format_text(), nl=False)
        raise typer.Exit


@app.command()
def compare(
    files: Annotated[list[Path], typer.Argument(help="two or more files of predictions on the same questions")],
    taxonomy: Annotated[Path, typer.Option(help="taxonomy.yaml of the task")],
    scorer: Annotated[str, typer.Option(help="how an answer is read; an unknown name lists all")] = "loglikelihood",
    seed: Annotated[int, typer.Option(help="of the bootstrap", min=0)] = 42,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object, for programs")] = False,
    file_format: Annotated[
        bool,
        typer.Option(
            "--format", help="print what a file of predictions holds, and end", callback=_print_format, is_eager=True
        ),
    ] = False,
) -> None:
    """Compare sets of predictions: accuracy, paired tests (adjusted for their number), intervals, agreement."""
    from finintent.analysis.prediction_files import as_text, compare_sets
    from finintent.task.taxonomy import read_taxonomy

    with _one_sentence():
        compared = compare_sets(files, read_taxonomy(taxonomy), scorer, seed=seed)
    if as_json:
        _print_json(compared, indent=2)
    else:
        typer.echo(as_text(compared))


@app.command()
def demo(
    base: Annotated[Path, typer.Option(help="folder of the base model's weights")],
    tuned: Annotated[Path, typer.Option(help="folder of the tuned model, with classifier.json and model/ in it")],
    port: Annotated[int, typer.Option(help="of the page on this machine", min=1, max=65535)] = 7860,
) -> None:
    """Show a base model and its tuned one side by side, on a page that needs no network."""
    with _one_sentence():
        from finintent.inference.classifier_file import check_weights, read_classifier

        settings = read_classifier(tuned)
        check_weights(base)
        _check_port(port)
        _forget_proxies()
        from finintent.inference.classifier import load_base, load_classifier
        from finintent.inference.demo import build_page, serve

        page = build_page(load_base(base, settings), load_classifier(tuned))
        address = serve(page, port)
    typer.echo(f"{address} (stop with Ctrl+C)")
    page.block_thread()


@app.command()
def new(
    task: Annotated[str, typer.Argument(help="id of the task: small letters, digits and _")],
    rows: Annotated[Path, typer.Option(help="file of queries and labels to train on (CSV, XLSX, JSON lines, …)")],
    questions: Annotated[Path, typer.Option(help="file of questions and labels to evaluate on")],
    language: Annotated[str | None, typer.Option(help="code of the language, such as en or zh")] = None,
) -> None:
    """Write the resources and the configuration of a task of one's own; nothing is overwritten."""
    with _one_sentence():
        from finintent.data.new_task import as_text, new_task

        written = new_task(task, rows, questions, language)
    typer.echo(as_text(written))


@app.command()
def train(config: Annotated[Path, typer.Argument(help="train.yaml of a run")]) -> None:
    """Train as `llamafactory-cli train` does, in less time and memory."""
    with _one_sentence():
        from finintent.training.arguments_file import read_arguments

        arguments = read_arguments(config)
        from finintent.training.trainer import train

        train(arguments, config)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="file of raw outputs and gold answers (JSON, JSON lines, CSV, XLSX, …)")],
    scorer: Annotated[str | None, typer.Option(help="name of one scorer; all when left out")] = None,
    text: Annotated[str | None, typer.Option(help="name of the column of raw outputs")] = None,
    gold: Annotated[str | None, typer.Option(help="name of the column of gold answers")] = None,
    letters: Annotated[str | None, typer.Option(help="the option letters, such as ABCDE")] = None,
    questions: Annotated[
        Path | None, typer.Option(help="the questions in OpenFinData's format, for the options' texts")
    ] = None,
    answer: Annotated[
        str, typer.Option(help="what the outputs name: letter, or label for the text of an option")
    ] = "letter",
) -> None:
    """Score a file of raw outputs, by one scorer or by all, with 95 % Wilson intervals."""
    from finintent.analysis.output_files import score_file

    with _one_sentence():
        table = score_file(
            file,
            scorer,
            text=text,
            gold=gold,
            letters=None if letters is None else list(letters),
            questions=questions,
            answer=answer,
        )
    typer.echo(table.to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    app()
