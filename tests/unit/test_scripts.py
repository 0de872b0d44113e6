"""The scripts' adapters, through a stand-in for the snakemake object."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tiny import DATASET, ROOT

RESOURCES = ROOT / "tests/datasets" / DATASET
TAXONOMY = str(RESOURCES / "taxonomy.yaml")


class Files(list):
    """Named files, as Snakemake hands them over: by position and by name."""

    def __init__(self, *files: object, **named: object) -> None:
        super().__init__([*files, *named.values()])
        self._named = named
        self.__dict__.update(named)

    def items(self):
        return self._named.items()


def run(script: str, log: Path, **parts: object) -> None:
    job = {"input": Files(), "output": Files(), "params": SimpleNamespace(), "wildcards": SimpleNamespace()} | parts
    runpy.run_path(
        str(ROOT / "workflow/scripts" / script),
        init_globals={"snakemake": SimpleNamespace(log=[str(log)], **job)},
        run_name="script",
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with the questions, the candidates and the curated splits of the tiny data set."""
    log = tmp_path / "log"
    run(
        "prepare_questions.py",
        log,
        input=Files(file=str(RESOURCES / "eval.json"), taxonomy=TAXONOMY),
        output=Files(str(tmp_path / "questions.jsonl")),
        params=SimpleNamespace(evaluation={"marker": "Question:"}),
    )
    run(
        "collect_candidates.py",
        log,
        input=Files(responses=str(RESOURCES / "recorded_responses.jsonl")),
        output=Files(candidates=str(tmp_path / "candidates.jsonl"), record=str(tmp_path / "record.json")),
        wildcards=SimpleNamespace(dataset=DATASET),
    )
    curation = {
        "train_rows": 24, "validation_rows": 9, "min_characters": 4, "max_characters": 60,
        "near_duplicate_threshold": 70, "decontamination_threshold": 55, "seed": 1,
    }  # fmt: skip
    run(
        "curate_dataset.py",
        log,
        input=Files(
            candidates=str(tmp_path / "candidates.jsonl"),
            questions=str(tmp_path / "questions.jsonl"),
            taxonomy=TAXONOMY,
            personas=str(RESOURCES / "personas.yaml"),
        ),
        output=Files(
            **{name: str(tmp_path / f"{name}.jsonl") for name in ("train", "validation", "rejected")},
            curation=str(tmp_path / "curation.json"),
        ),
        params=SimpleNamespace(curation=curation),
    )
    return tmp_path


def test_curated_rows_become_alpaca_files(data: Path):
    run(
        "format_alpaca.py",
        data / "log",
        input=Files(
            train=str(data / "train.jsonl"),
            validation=str(data / "validation.jsonl"),
            taxonomy=TAXONOMY,
            instruction=str(RESOURCES / "prompts/instruction.yaml"),
        ),
        output=Files(info=str(data / "dataset_info.json")),
    )
    rows = json.loads((data / "train.json").read_text())
    curated = [json.loads(line) for line in (data / "train.jsonl").read_text().splitlines()]
    assert len(rows) == 24
    assert rows[0]["instruction"].startswith(f"Question: {curated[0]['query']}\nA. Billing\n")
    assert rows[0]["output"] == {"billing": "A", "shipping": "B", "account": "C"}[curated[0]["label"]]
    assert set(json.loads((data / "dataset_info.json").read_text())) == {"train", "validation"}


def test_baseline_is_compared_like_any_model(data: Path):
    answers, metrics = data / "baseline.jsonl", data / "metrics.json"
    run(
        "train_baseline.py",
        data / "log",
        input=Files(train=str(data / "train.jsonl"), questions=str(data / "questions.jsonl")),
        output=Files(str(answers)),
        params=SimpleNamespace(baseline={"min_ngram": 1, "max_ngram": 3, "regularisation": 20, "seed": 1}),
    )
    run(
        "summarise_metrics.py",
        data / "log",
        input=Files(predictions=[str(answers)], taxonomy=TAXONOMY),
        output=Files(str(metrics)),
    )
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    right = sum(row["gold"] == max(row["log_probabilities"], key=row["log_probabilities"].get) for row in rows)
    assert json.loads(metrics.read_text())["baseline"]["scorers"]["loglikelihood"]["accuracy"] == right / 6


def test_checkpoints_of_other_runs_are_deleted_and_their_own_kept(tmp_path: Path):
    script = runpy.run_path(str(ROOT / "workflow/scripts/train_lora.py"))
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    script["drop_other_runs"](own)
    assert own.is_dir()
    assert not other.exists()


def test_each_run_has_checkpoints_of_its_own(data: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    Path("model/config.json").write_text('{"dtype": "float32"}')
    Path("model/source.json").write_text("{}")
    Path("results/sft/m/d").mkdir(parents=True)

    def checkpoints(**changes: object) -> str:
        params = {
            "template": "gemma",
            "training": {"precision": "fp32", "learning_rate": 1e-4, "llamafactory": {"packing": False}},
            "seed": 1,
            "versions": {"llamafactory": "0.9.5"},
        }
        outputs = {name: f"results/sft/m/d/{name}.yaml" for name in ("train", "merge")}
        run(
            "render_configs.py",
            data / "log",
            input=Files(model="model", alpaca=[str(data / "train.jsonl")]),
            output=Files(**outputs),
            params=SimpleNamespace(**params | changes),
        )
        rendered = yaml.safe_load(Path(outputs["train"]).read_text())
        assert rendered["packing"] is False
        assert "precision" not in rendered
        return rendered["output_dir"]

    first = checkpoints()
    assert checkpoints() == first
    assert checkpoints(seed=2) != first
    assert checkpoints(versions={"llamafactory": "0.9.5", "peft": "0.18.1"}) != first
    (data / "train.jsonl").write_text("")
    assert checkpoints() != first


def test_an_error_ends_the_script_with_one_sentence(tmp_path: Path, capfd):
    with pytest.raises(SystemExit):
        run(
            "collect_candidates.py",
            tmp_path / "log",
            input=Files(responses="nowhere.jsonl"),
            output=Files(candidates=str(tmp_path / "out"), record=str(tmp_path / "record")),
            wildcards=SimpleNamespace(dataset=DATASET),
        )
    sentence = "DataError: nowhere.jsonl: no such file; check the path in the configuration\n"
    assert capfd.readouterr().err == sentence
    assert (tmp_path / "log").read_text() == sentence
