"""The command `finintent`: score published outputs."""

from pathlib import Path
from typing import Annotated

import typer

from finintent.errors import FinintentError
from finintent.scorers import TEXT_SCORERS, score_file

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Comparison of language models on closed-set questions."""


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="JSON list, JSON lines or CSV with raw outputs and gold letters")],
    scorer: Annotated[str | None, typer.Option(help=f"one of {', '.join(TEXT_SCORERS)}; all when left out")] = None,
    text: Annotated[str | None, typer.Option(help="name of the column of raw outputs")] = None,
    gold: Annotated[str | None, typer.Option(help="name of the column of gold letters")] = None,
    letters: Annotated[str | None, typer.Option(help="the option letters, such as ABCDE")] = None,
) -> None:
    """Score a file of raw outputs, by one scorer or by all, with 95 % Wilson intervals."""
    try:
        table = score_file(file, scorer, text=text, gold=gold, letters=list(letters) if letters else None)
    except FinintentError as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(table.to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    app()
