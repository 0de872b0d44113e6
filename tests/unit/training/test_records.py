import json

import pytest

from finintent.errors import TrainingError
from finintent.training.records import collect_adapter, drop_other_runs, last_checkpoint_step, training_record


def test_a_half_written_checkpoint_is_not_resumed_from(tmp_path):
    for step, state in ((63, "{}"), (126, None), (189, "")):  # the last was killed as its state was written
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").touch()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert last_checkpoint_step(tmp_path) == 63
    assert not (tmp_path / "checkpoint-126").exists()
    assert last_checkpoint_step(tmp_path / "none") == 0


def test_checkpoints_of_other_runs_are_deleted_and_their_own_kept(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    drop_other_runs(own)
    assert own.is_dir()
    assert not other.exists()


def test_a_run_without_an_adapter_is_an_error(tmp_path):
    with pytest.raises(TrainingError, match=r"ended without adapter_config\.json"):
        collect_adapter(tmp_path, tmp_path / "adapter")


def write_logs(folder, runtime: float) -> None:
    log = [
        {"loss": 9.0, "epoch": 0.5, "current_steps": 5},
        {"loss": 3.0, "epoch": 0.5, "current_steps": 5},  # logged again after a resume
        {"eval_loss": 2.0, "epoch": 1.0, "current_steps": 10},
        {"eval_loss": 2.5, "epoch": 2.0, "current_steps": 20},
    ]
    (folder / "trainer_log.jsonl").write_text("\n".join(map(json.dumps, log)))
    (folder / "all_results.json").write_text(
        json.dumps({"train_runtime": runtime, "epoch": 2.0, "effective_tokens_per_sec": 9.0})
    )
    state = {"global_step": 20, "log_history": [{"step": 10, "eval_runtime": 4}, {"step": 20, "eval_runtime": 4}]}
    (folder / "trainer_state.json").write_text(json.dumps(state))


def test_record_of_a_run(tmp_path):
    write_logs(tmp_path, runtime=28.0)
    record = training_record(tmp_path, rows=100, resumed_step=0)
    assert (record["best_epoch"], record["best_validation_loss"]) == (1.0, 2.0)
    assert record["training_loss"] == [{"epoch": 0.5, "step": 5, "loss": 3.0}]
    assert record["rows_per_second"] == 200 / 20
    assert record["peak_gpu_bytes"] is None


def test_peak_of_a_gpu_is_that_of_the_last_attempt(tmp_path):
    write_logs(tmp_path, runtime=28.0)
    with (tmp_path / "trainer_log.jsonl").open("a") as log:
        log.writelines(
            f"\n{json.dumps({'loss': 1.0, 'current_steps': 20, 'epoch': 2.0, 'vram_allocated': gib})}"
            for gib in (2.5, 1.0, 1.5)
        )
    assert training_record(tmp_path, rows=100, resumed_step=0)["peak_gpu_bytes"] == 1.5 * 2**30


def test_speed_of_a_resumed_run_is_of_what_it_trained(tmp_path):
    write_logs(tmp_path, runtime=14.0)
    record = training_record(tmp_path, rows=100, resumed_step=10)
    assert (record["rows_per_second"], record["tokens_per_second"]) == (100 / 10, 9.0 / 2)
    record = training_record(tmp_path, rows=100, resumed_step=20)
    assert (record["rows_per_second"], record["tokens_per_second"]) == (None, None)
