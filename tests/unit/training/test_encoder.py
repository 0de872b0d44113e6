"""Fine-tuning of tiny random encoders, for real."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import Trainer

from finintent.errors import ConfigError, TrainingError
from finintent.inference.encoder import Encoder
from finintent.training.encoder import Finetuned, finetune
from tiny import write_tiny_encoder

CODES = ["billing", "shipping", "account"]
TEXTS = [("zzz aa", "billing"), ("qqq aa", "shipping"), ("xxx aa", "account")]
ROWS = [{"query": f"{text} {letter * 3}?", "label": label} for letter in "bcdefghk" for text, label in TEXTS]
SETTINGS = {
    "precision": "fp32", "learning_rate": 0.01, "num_train_epochs": 12, "batch_size": 4, "warmup_ratio": 0.1,
    "weight_decay": 0.01, "max_length": 64,
}  # fmt: skip


@pytest.fixture(params=["bert", "xlm-roberta"])
def encoder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a tiny random encoder."""
    return write_tiny_encoder(tmp_path / "encoder", request.param)


def train(
    encoder: Path, name: str, *, seed: int = 1, validation: Sequence[dict] = ROWS[-6:], **settings: object
) -> Finetuned:
    """Fine-tune on all rows but the last six, with checkpoints of a name beside the encoder."""
    return finetune(
        encoder,
        training=ROWS[:-6],
        validation=validation,
        codes=CODES,
        settings=SETTINGS | settings,
        seed=seed,
        checkpoints=encoder.parent / name,
    )


def same(left: Finetuned, right: Finetuned) -> bool:
    others = right.model.state_dict()
    return all(torch.equal(tensor, others[name]) for name, tensor in left.model.state_dict().items())


def test_it_learns_and_keeps_the_epoch_of_the_lowest_validation_loss(encoder: Path):
    record = train(encoder, "run").record
    losses = [entry["loss"] for entry in record["validation_loss"]]
    assert len(losses) == 12
    assert record["best_validation_loss"] == min(losses)
    assert record["best_epoch"] == 1 + losses.index(min(losses))
    assert min(losses) < 0.5 < losses[0]
    assert record["training_loss"][-1]["loss"] < record["training_loss"][0]["loss"]
    assert (record["steps"], record["resumed_step"]) == (12 * math.ceil(18 / 4), 0)
    assert record["rows_per_second"] > 0
    assert record["peak_gpu_bytes"] is None


def test_the_kept_model_is_that_of_the_best_epoch_and_answers_on_its_own(encoder: Path):
    # Wrong labels: the better it learns the others, the higher is this loss.
    validation = [row | {"label": CODES[CODES.index(row["label"]) - 1]} for row in ROWS[-6:]]
    trained = train(encoder, "run", validation=validation)
    assert trained.record["best_epoch"] < 12
    assert trained.record["validation_loss"][-1]["loss"] > trained.record["best_validation_loss"] + 1
    trained.save(encoder.parent / "kept")
    questions = [
        {"id": str(index), "question": row["query"], "gold": row["label"], "hard": False}
        | {"options": dict(zip("ABC", CODES, strict=True))}
        for index, row in enumerate(validation)
    ]
    answers = Encoder(encoder.parent / "kept").predict(questions, batch_size=4)
    loss = -sum(answer.log_probabilities[answer.gold] for answer in answers) / len(answers)
    assert loss == pytest.approx(trained.record["best_validation_loss"], abs=1e-4)


def test_a_seed_decides_the_weights(encoder: Path):
    seeds = {"first": 1, "again": 1, "other": 2}
    first, again, other = (train(encoder, name, seed=seed, num_train_epochs=1) for name, seed in seeds.items())
    assert same(first, again)
    assert not same(first, other)


def test_an_interrupted_run_resumes_to_the_same_weights(encoder: Path, monkeypatch: pytest.MonkeyPatch):
    whole = train(encoder, "whole", num_train_epochs=3)
    evaluate, calls = Trainer.evaluate, []

    def stop(trainer: Trainer, *arguments: object, **named: object) -> dict:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(trainer, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "evaluate", stop)
        with pytest.raises(KeyboardInterrupt):
            train(encoder, "broken", num_train_epochs=3)
    resumed = train(encoder, "broken", num_train_epochs=3)
    assert (resumed.record["resumed_step"], resumed.record["steps"]) == (5, 15)
    assert resumed.record["validation_loss"] == whole.record["validation_loss"]
    assert same(resumed, whole)


def test_a_length_beyond_the_encoders_positions_is_refused(encoder: Path):
    with pytest.raises(ConfigError, match=r"encoder.max_length is 513, but .* reads 512 tokens at most"):
        train(encoder, "run", max_length=513)


def test_a_loss_that_is_not_a_number_is_an_error(encoder: Path):
    with pytest.raises(TrainingError, match="validation loss is not a number"):
        train(encoder, "run", learning_rate=1e30, num_train_epochs=1)
