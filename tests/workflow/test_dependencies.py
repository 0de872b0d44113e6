"""What the stages that run on the accelerator import, and how often answers are read."""

import runpy
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from finintent.analysis import extraction
from finintent.code_digest import counted_modules
from finintent.task.prediction import Prediction, write_predictions
from finintent.task.system import System
from tiny import DATASET, ROOT

SCRIPTS = ROOT / "workflow/scripts"
CODES = ("billing", "shipping", "account")


@pytest.mark.parametrize(
    ("script", "most"), [("train_lora.py", 4), ("evaluate_model.py", 13), ("merge_lora.py", 4), ("check_merge.py", 5)]
)
def test_a_stage_on_the_accelerator_depends_on_few_modules(script: str, most: int):
    modules = counted_modules(SCRIPTS / script)
    print(f"{script}: {len(modules)} modules ({', '.join(modules)})")
    assert len(modules) <= most


def test_answers_of_a_default_study_are_read_once_under_each_scorer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Three systems with text and two without: one pass a system and scorer, for all later uses of the answers."""
    read = count()
    for name, scorer in extraction.TEXT_SCORERS.items():
        monkeypatch.setitem(
            extraction.TEXT_SCORERS, name, lambda *given, scorer=scorer: (next(read), scorer(*given))[1]
        )
    systems = [System("m", "base"), System("m", "few_shot"), System("m", "tuned", "letter", 9, 1)]
    systems += [System("tfidf-logreg", "baseline", rows=9), System("majority-class", "baseline", rows=9)]
    for number, (_, variant, _, _, _) in enumerate(systems):
        text = None if variant == "baseline" else "A"
        for split in ("evaluation", "validation"):
            rows = [
                Prediction(
                    id=str(index),
                    question=f"question {index}",
                    gold=CODES[index],
                    options=dict(zip("ABC", CODES, strict=True)),
                    log_probabilities=dict.fromkeys(CODES, -2.0) | {CODES[number % 3]: -0.5},
                    text=None if split == "validation" else text,
                )
                for index in range(3)
            ]
            write_predictions(tmp_path / f"{split}-{number}.jsonl", rows)
    taxonomy = str(ROOT / "tests/datasets" / DATASET / "taxonomy.yaml")
    score = runpy.run_path(str(SCRIPTS / "score_predictions.py"))["main"]
    for number in range(len(systems)):
        score(
            evaluation=str(tmp_path / f"evaluation-{number}.jsonl"),
            validation=str(tmp_path / f"validation-{number}.jsonl"),
            taxonomy=taxonomy,
            answers=str(tmp_path / f"{number}.parquet"),
            metrics=str(tmp_path / f"{number}.json"),
        )
    answers = [str(tmp_path / f"{number}.parquet") for number in range(len(systems))]
    outputs = {
        name: str(tmp_path / f"{name}.out")
        for base in ("accuracy", "permutations", "tests", "questions", "slices", "seeds", "learning_curve")
        for name in (base, f"{base}_csv")
    } | {name: str(tmp_path / f"{name}.json") for name in ("summary", "sentences")}
    outputs["cost"] = str(tmp_path / "cost.out")
    pd.DataFrame({"name": []}).to_parquet(outputs["cost"])
    validation = tmp_path / "validation.jsonl"
    validation.write_text("".join(f'{{"id": "{index}", "persona": "{index}"}}\n' for index in range(3)))
    metrics = [str(tmp_path / f"{number}.json") for number in range(len(systems))]
    for script, arguments in {
        "tabulate_accuracy.py": {"metrics": metrics},
        "summarise_runs.py": {"answers": answers, "main_recipe": "letter", "seed": 1},
        "compare_models.py": {
            "answers": answers, "main_recipe": "letter", "seeds": outputs["seeds"],
            "permutations": outputs["permutations"], "cost": outputs["cost"], "asked": {}, "seed": 1,
        },
        "analyse_errors.py": {"answers": answers, "validation_rows": str(validation)},
    }.items():  # fmt: skip
        runpy.run_path(str(SCRIPTS / script))["main"](systems=systems, outputs=outputs, **arguments)
    passes = next(read) / 3  # of three questions
    print(f"{passes:g} passes over answer texts")
    assert passes == 9
