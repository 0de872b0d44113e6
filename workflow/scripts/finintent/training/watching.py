"""How far a running training is, by the log that LlamaFactory writes."""

import json
from pathlib import Path


def training_status(checkpoints: Path) -> str:
    """Return the step, the last loss and the time left of a training that writes into a folder, "" before its first."""
    log = checkpoints / "trainer_log.jsonl"
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
    if not entries:
        return "loading"
    last = entries[-1]
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    loss = f", loss {losses[-1]:.3g}" if losses else ""
    return f"step {last['current_steps']} of {last['total_steps']}{loss}, {last.get('remaining_time', '?')} left"
