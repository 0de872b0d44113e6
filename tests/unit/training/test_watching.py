"""How far a running training is."""

import json
from pathlib import Path

import pytest

from finintent.training.watching import training_status

STEPS = [
    {"current_steps": 5, "total_steps": 20, "loss": 1.23456, "remaining_time": "0:03:00"},
    {"current_steps": 10, "total_steps": 20, "eval_loss": 1.0, "remaining_time": "0:02:00"},
]


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([], "loading"),
        (STEPS[:1], "step 5 of 20, loss 1.23, 0:03:00 left"),
        (STEPS, "step 10 of 20, loss 1.23, 0:02:00 left"),
    ],
)
def test_the_last_entry_of_the_log_and_the_last_loss(tmp_path: Path, entries: list[dict], status: str):
    (tmp_path / "trainer_log.jsonl").write_text("\n".join(map(json.dumps, entries)))
    assert training_status(tmp_path) == status


def test_before_there_is_a_log_it_loads(tmp_path: Path):
    assert training_status(tmp_path / "nowhere") == "loading"
