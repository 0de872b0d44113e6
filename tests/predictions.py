"""Predictions of a task of two labels, made by hand, and their way through the analysis."""

from finintent.analysis.answers import answer_table, given_answers
from finintent.analysis.comparison import Comparison, compared, paired_rows
from finintent.analysis.contrasts import planned_contrasts
from finintent.analysis.metrics import measure, summarise
from finintent.task.prediction import Order, Prediction
from finintent.task.system import LINEAR_BASELINE, System

NAMES = {"a": "apples", "b": "bread"}
OPTIONS = {"A": "a", "B": "b"}
M_BASE, M, N = System("m", "base"), System("m", "tuned", "label", 500, 1), System("n", "tuned", "label", 500, 1)
LINEAR = System(LINEAR_BASELINE, "baseline", rows=500)


def rows(*pairs: tuple[str, str | None]) -> list[Prediction]:
    letters = {code: letter for letter, code in OPTIONS.items()}
    return [
        Prediction(
            id=str(index),
            gold=gold,
            options=OPTIONS,
            text=letters.get(label, "neither"),
            log_probabilities={code: -0.1 if code == label else -3.0 for code in NAMES},
        )
        for index, (gold, label) in enumerate(pairs)
    ]


def counted(correct: int, total: int) -> list[Prediction]:
    return rows(*[("a", "a")] * correct, *[("a", "b")] * (total - correct))


def changed(given: list[Prediction], **changes: object) -> list[Prediction]:
    return [row.model_copy(update=changes) for row in given]


def read(given: list[Prediction], scorer: str) -> list[str | None]:
    return given_answers(answer_table(given, NAMES), scorer)


def measured_alone(given: list[Prediction], validation: list[Prediction] = []) -> dict:  # noqa: B006
    return measure(given, answer_table(given, NAMES), validation, list(NAMES))


def summarised_as(given: list[Prediction], scorer: str) -> dict:
    return summarise(answer_table(given, NAMES), list(NAMES), scorer)


def compare_all(predictions: dict[System, list[Prediction]]) -> list[Comparison]:
    answers = {system: answer_table(given, NAMES) for system, given in predictions.items()}
    return compared(planned_contrasts(list(predictions), "label"), answers, seed=0)


def compare(first: list[Prediction], second: list[Prediction]) -> dict:
    answers = {"first": answer_table(first, NAMES), "second": answer_table(second, NAMES)}
    (row,) = paired_rows(answers, [("first", "second")], "greedy", seed=0)
    return row


def shown(gold: str, *labels: str) -> Prediction:
    """A prediction in as many orders of the options as there are answers."""
    first, *others = rows(*((gold, answer) for answer in labels))
    more = [Order(options={"A": "b", "B": "a"}, log_probabilities=row.log_probabilities) for row in others]
    return first.model_copy(update={"permutations": tuple(more)})


def tied(gold: str, text: str | None = "A") -> Prediction:
    """A prediction whose labels are equally probable, and whose text names the first, unless another one is given."""
    return rows((gold, gold))[0].model_copy(
        update={"log_probabilities": dict.fromkeys(NAMES, -0.7), "text": text, "id": f"tie {gold}"}
    )
