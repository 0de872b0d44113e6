"""`snakemake estimate_study`: before anything is on the disk, and at the size of a cluster."""

import copy
import json
import time
from pathlib import Path

from tiny import DATASET, make_workspace, snakemake, tiny_config

MODELS, DATASETS = 100, 20
SECONDS = 60


def test_a_study_of_a_hundred_models_is_estimated_within_a_minute(tmp_path: Path):
    config = tiny_config({f"model-{number}": tmp_path for number in range(MODELS)})
    for number, model in enumerate(config["models"].values()):
        model["source"] = {"type": "huggingface", "repo_id": "a/b", "size_gb": 1 + number % 20}
    dataset = config["datasets"].pop(DATASET)
    dataset["generation"]["recorded"]["dataset"] = DATASET
    config["datasets"] = {f"topics_{number}": copy.deepcopy(dataset) for number in range(DATASETS)}
    config["study"] |= {"datasets": list(config["datasets"]), "seeds": [1, 2, 3]}
    config["gpu"] = {"card": "A100", "usd_per_hour": 4}
    workspace = make_workspace(tmp_path / "study", config)
    start = time.perf_counter()
    printed = snakemake(workspace, "estimate_study").stdout
    taken = time.perf_counter() - start
    print(f"{taken:.1f} s")
    assert taken < SECONDS
    study = json.loads((workspace / "results/estimate.json").read_text(encoding="utf-8"))
    assert len(study["models"]) == MODELS
    assert study["models"][0]["jobs"] == DATASETS * (2 + 3 * 5)  # two without a training, three seeds of five
    assert study["download_gb"] == sum(1 + number % 20 for number in range(MODELS))
    assert study["usd"] == 4 * study["gpu_hours"]
    hours = study["wall_clock_hours"]
    assert hours["8"] < hours["1"] / 7
    assert "model-99 *" in printed
    assert not list((workspace / "results").glob("models"))
    # It has no output that could be up to date.
    assert "model-99 *" in snakemake(workspace, "estimate_study").stdout
