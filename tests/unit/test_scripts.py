"""The scripts' adapters, through a stand-in for the snakemake object."""

import json
import math
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard

from finintent.analysis.tables import write_table
from finintent.files import read_json, read_jsonl, sha256
from finintent.inference.classifier_file import ClassifierFile
from tiny import DATASET, ROOT, write_tiny_model

RESOURCES = ROOT / "tests/datasets" / DATASET
TAXONOMY = str(RESOURCES / "taxonomy.yaml")


TRAINING = {
    "job_seconds": 5400,
    "tokens_per_second": 9.0,
    "card_peak_bytes": None,
    "energy_joules": None,
    "seconds": 60.0,
    "rows_per_second": 2.0,
    "best_epoch": 2.0,
    "best_validation_loss": 0.5,
    "peak_memory_bytes": 2**30,
    "device": "a processor",
    "versions": {"python": "3.11", "llamafactory": "0.9.5"},
    "data_sha256": {"train": "ab" * 32, "validation": "cd" * 32},
    "settings": {"lora_rank": 4, "learning_rate": 0.01, "output_dir": "checkpoints"},
    "driver": None,
}
OTHER_JOB = {
    "job_seconds": 360, "card_peak_bytes": 20 * 2**30, "energy_joules": 180_000, "device": "a card", "driver": "1.2",
}  # fmt: skip
CURATION = {
    "train_rows": 24, "validation_rows": 9, "min_characters": 4, "max_characters": 60,
    "near_duplicate_threshold": 70, "decontamination_threshold": 55, "seed": 1,
}  # fmt: skip


class Files(list):
    """Named files, as Snakemake hands them over: by position and by name."""

    def __init__(self, *files: object, **named: object) -> None:
        super().__init__([*files, *named.values()])
        self._named = named
        self.__dict__.update(named)

    def get(self, name: str) -> object:
        return self._named.get(name)

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
        params=SimpleNamespace(marker="Question:"),
    )
    run(
        "collect_candidates.py",
        log,
        input=Files(responses=str(RESOURCES / "recorded_responses.jsonl")),
        output=Files(candidates=str(tmp_path / "candidates.jsonl"), record=str(tmp_path / "record.json")),
        params=SimpleNamespace(dataset=DATASET),
    )
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
            **{
                name: str(tmp_path / f"{name}.jsonl")
                for name in ("train", "validation", "validation_questions", "rejected")
            },
            curation=str(tmp_path / "curation.json"),
        ),
        params=SimpleNamespace(curation=CURATION),
    )
    return tmp_path


def test_a_curation_that_fails_leaves_its_rejected_rows(data: Path, capfd: pytest.CaptureFixture):
    with pytest.raises(SystemExit):
        run(
            "curate_dataset.py",
            data / "curate.log",
            input=Files(
                candidates=str(data / "candidates.jsonl"), questions=str(data / "questions.jsonl"), taxonomy=TAXONOMY
            ),
            params=SimpleNamespace(curation=CURATION | {"max_characters": 5}),
        )
    rejected = read_jsonl(data / "curate.rejected.jsonl")
    assert f"{len(rejected)} rejected as length" in (data / "curate.log").read_text()
    assert f"{data}/curate.rejected.jsonl has every rejected row" in capfd.readouterr().err


def test_rows_of_ones_own_become_candidates(data: Path):
    (data / "own.csv").write_text("query,label\nWhere is it?,Shipping\n")
    run(
        "read_own_rows.py",
        data / "log",
        input=Files(taxonomy=TAXONOMY, instruction=str(RESOURCES / "prompts/instruction.yaml")),
        output=Files(candidates=str(data / "own.jsonl"), record=str(data / "own.json")),
        params=SimpleNamespace(source={"path": str(data / "own.csv")}),
    )
    assert [(row["query"], row["label"]) for row in read_jsonl(data / "own.jsonl")] == [("Where is it?", "shipping")]
    assert read_json(data / "own.json")["origin"] == "taken from the file own.csv"


def format_alpaca(data: Path, shuffle: int | None, answer: str = "letter") -> tuple[list[dict], dict]:
    """Run format_alpaca on the first 10 training rows; return them and the record."""
    (data / "alpaca").mkdir(exist_ok=True)
    run(
        "format_alpaca.py",
        data / "log",
        input=Files(
            train=str(data / "train.jsonl"),
            validation=str(data / "validation.jsonl"),
            taxonomy=TAXONOMY,
            instruction=str(RESOURCES / "prompts/instruction.yaml"),
        ),
        output=Files(record=str(data / "alpaca/record.json")),
        wildcards=SimpleNamespace(rows="10"),
        params=SimpleNamespace(form={"answer": answer, "shuffle": shuffle}),
    )
    return tuple(json.loads((data / "alpaca" / name).read_text()) for name in ("train.json", "record.json"))


def test_curated_rows_become_alpaca_files(data: Path):
    rows, record = format_alpaca(data, shuffle=None)
    curated = [json.loads(line) for line in (data / "train.jsonl").read_text().splitlines()]
    assert len(rows) == 10
    assert rows[0]["instruction"].startswith(f"Question: {curated[0]['query']}\nA. Billing\n")
    assert rows[0]["output"] == {"billing": "A", "shipping": "B", "account": "C"}[curated[0]["label"]]
    assert record["rows"] == {"train": 10, "validation": 9}
    assert record["sha256"] == {split: sha256(data / f"alpaca/{split}.json") for split in ("train", "validation")}


def test_llamafactory_finds_the_files_by_their_description(tmp_path: Path):
    run("describe_alpaca.py", tmp_path / "log", output=Files(str(tmp_path / "dataset_info.json")))
    info = json.loads((tmp_path / "dataset_info.json").read_text())
    assert {split: part["file_name"] for split, part in info.items()} == {
        "train": "train.json", "validation": "validation.json",
    }  # fmt: skip


def test_shuffled_options_keep_the_label(data: Path):
    rows, _ = format_alpaca(data, shuffle=1)
    curated = [json.loads(line) for line in (data / "train.jsonl").read_text().splitlines()]
    for row, source in zip(rows, curated, strict=False):
        assert f"\n{row['output']}. {source['label'].capitalize()}\n" in row["instruction"]
    assert len({row["instruction"].split("\nA. ")[1].split("\n")[0] for row in rows}) > 1
    assert rows == format_alpaca(data, shuffle=1)[0]
    by_label, _ = format_alpaca(data, shuffle=1, answer="label")
    assert [row["output"] for row in by_label] == [row["label"].capitalize() for row in curated[:10]]


def evaluate(data: Path, **examples: str) -> list[list[dict]]:
    """Run evaluate_model on a tiny model; return the predictions of the questions and of the validation rows."""
    outputs = {"evaluation": str(data / "evaluation.jsonl"), "validation": str(data / "answers.jsonl")}
    scoring = {"max_new_tokens": 2, "permutations": 3}
    run(
        "evaluate_model.py",
        data / "log",
        input=Files(
            weights=str(write_tiny_model(data / "model")),
            questions=str(data / "questions.jsonl"),
            validation=str(data / "validation_questions.jsonl"),
            taxonomy=TAXONOMY,
            instruction=str(RESOURCES / "prompts/instruction.yaml"),
            **examples,
        ),
        output=Files(**outputs, record=str(data / "job.json")),
        params=Files(template="gemma", answer="letter", scoring=scoring, precision="fp32", seed=1, few_shot=1),
        config={"scoring": {"batch_size": 4}},
    )
    return [lines(Path(path)) for path in outputs.values()]


def test_a_model_answers_evaluation_questions_and_validation_rows(data: Path):
    rows = [json.loads(line) for line in (data / "validation.jsonl").read_text().splitlines()]
    zero_shot, few_shot = evaluate(data), evaluate(data, examples=str(data / "train.jsonl"))
    assert zero_shot != few_shot
    for asked, checked in (zero_shot, few_shot):
        assert [row["id"] for row in asked] == [str(number) for number in range(6)]
        assert all(isinstance(row["text"], str) and len(row["permutations"]) == 2 for row in asked)
        assert [(row["question"], row["gold"], row["text"]) for row in checked] == [
            (row["query"], row["label"], None) for row in rows
        ]
        assert all(row["options"] == {"A": "billing", "B": "shipping", "C": "account"} for row in checked)
        assert all("permutations" not in row for row in checked)
        assert min(row["prompt_tokens"] for row in asked) > 10
    assert few_shot[0][0]["prompt_tokens"] > zero_shot[0][0]["prompt_tokens"] + 15  # three more turns
    job = json.loads((data / "job.json").read_text())
    # Of the latter run: six questions in three orders, nine validation rows in one.
    tokens = 3 * sum(row["prompt_tokens"] for row in asked) + sum(row["prompt_tokens"] for row in checked)
    assert job["tokens_per_second"] / job["rows_per_second"] == pytest.approx(tokens / (6 * 3 + 9))
    assert job["rows_per_second"] > 27 / job["job_seconds"]  # loading the model is no answering


SYSTEMS = [
    ("m", "base", None, None, None),
    ("m", "tuned", "label", 24, 1),
    ("m", "tuned", "label", 24, 2),
    ("m", "tuned", "label", 12, 1),
    ("tfidf-logreg", "baseline", None, 24, None),
    ("tfidf-logreg", "baseline", None, 12, None),
    ("majority-class", "baseline", None, 24, None),
    ("claude", "zero_shot", None, None, None),
]


def train_baselines(data: Path, rows: int) -> dict[str, Path]:
    """Run the script and return the path of each output by its name."""
    parts = [f"{model}_{split}" for model in ("linear", "majority") for split in ("evaluation", "validation")]
    paths = {name: data / f"{name}-{rows}.jsonl" for name in parts}
    run(
        "train_baseline.py",
        data / "log",
        input=Files(
            train=str(data / "train.jsonl"),
            validation=str(data / "validation_questions.jsonl"),
            questions=str(data / "questions.jsonl"),
            taxonomy=TAXONOMY,
        ),
        output=Files(**{name: str(path) for name, path in paths.items()}),
        params=SimpleNamespace(baseline={"min_ngram": 1, "max_ngram": 3, "regularisation": 20, "seed": 1}),
        wildcards=SimpleNamespace(rows=str(rows)),
    )
    return paths


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_baselines_answer_both_sets_of_questions(data: Path):
    paths = train_baselines(data, 24)
    assert [len(lines(path)) for path in paths.values()] == [6, 9, 6, 9]
    train = lines(data / "train.jsonl")
    shares = {
        code: (sum(row["label"] == code for row in train) + 1) / 27 for code in ("billing", "shipping", "account")
    }
    for row in lines(paths["majority_evaluation"]) + lines(paths["majority_validation"]):
        assert {code: math.exp(value) for code, value in row["log_probabilities"].items()} == pytest.approx(shares)
        assert row["text"] is None
    assert lines(paths["linear_evaluation"]) != lines(train_baselines(data, 12)["linear_evaluation"])


def test_a_label_without_a_training_row_keeps_some_probability(data: Path):
    rows = lines(data / "train.jsonl")
    (data / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows if row["label"] != "account"))
    for row in lines(train_baselines(data, 24)["majority_evaluation"]):
        assert 0 < math.exp(row["log_probabilities"]["account"]) < 0.1
        assert sum(map(math.exp, row["log_probabilities"].values())) == pytest.approx(1)


def test_the_whole_analysis_of_a_study(data: Path):
    """From predictions to the report: two seeds, two sizes, both baselines and a model without probabilities."""
    full, part = train_baselines(data, 24), train_baselines(data, 12)
    stand_in = {24: full, 12: part}
    silent = data / "claude.jsonl"
    silent.write_text(
        "".join(
            json.dumps(row | {"text": "A", "log_probabilities": None}) + "\n"
            for row in lines(full["linear_evaluation"])
        )
    )
    paths = []
    for model, variant, _, rows, _ in SYSTEMS:
        kind = "majority" if model == "majority-class" else "linear"
        paths.append({
            "base": full["majority_evaluation"], "zero_shot": silent,
        }.get(variant) or stand_in[rows][f"{kind}_evaluation"])  # fmt: skip
    main = [index for index, system in enumerate(SYSTEMS) if index not in (2, 3, 5)]
    metrics = {index: str(data / f"metrics-{index}.json") for index in range(len(SYSTEMS))}
    answers = {index: str(data / f"answers-{index}.parquet") for index in range(len(SYSTEMS))}
    for index in metrics:
        kind = "majority" if SYSTEMS[index][0] == "majority-class" else "linear"
        validation = {} if SYSTEMS[index][1] == "zero_shot" else {"validation": str(full[f"{kind}_validation"])}
        run(
            "score_predictions.py",
            data / "log",
            input=Files(evaluation=str(paths[index]), taxonomy=TAXONOMY, **validation),
            output=Files(answers=answers[index], metrics=metrics[index]),
        )
    right = [
        row["gold"] == max(row["log_probabilities"], key=row["log_probabilities"].get)
        for row in lines(full["linear_evaluation"])
    ]
    linear = json.loads(Path(metrics[4]).read_text())
    assert linear["scorers"]["loglikelihood"]["accuracy"] == sum(right) / 6

    def tables(*names: str) -> dict[str, str]:
        return {name: str(data / f"{name}.parquet") for name in names}

    def out(*names: str) -> dict[str, str]:
        return tables(*names) | {f"{name}_csv": str(data / f"{name}.csv") for name in names}

    summary, sentences = str(data / "summary.json"), str(data / "runs.json")
    compared = [SYSTEMS[index] for index in main]
    run(
        "tabulate_accuracy.py",
        data / "log",
        input=Files(metrics=list(metrics.values())),
        output=Files(**out("accuracy", "permutations")),
        params=SimpleNamespace(systems=SYSTEMS),
    )
    run(
        "summarise_runs.py",
        data / "log",
        input=Files(answers=list(answers.values())),
        output=Files(**out("seeds", "learning_curve"), sentences=sentences),
        params=SimpleNamespace(systems=SYSTEMS, main_recipe="label", seed=1),
    )
    run(
        "analyse_errors.py",
        data / "log",
        input=Files(answers=[answers[index] for index in main], rows=str(data / "validation.jsonl")),
        output=Files(**out("questions", "slices")),
        params=SimpleNamespace(systems=compared),
    )
    run(
        "measure_quality.py",
        data / "log",
        input=Files(
            record=str(data / "record.json"),
            **{name: str(data / f"{name}.jsonl") for name in ("train", "validation", "rejected")},
            taxonomy=TAXONOMY,
            personas=str(RESOURCES / "personas.yaml"),
        ),
        output=Files(str(data / "quality.json")),
    )
    record, other = data / "training.json", data / "job.json"
    record.write_text(json.dumps(TRAINING))
    (data / "source.json").write_text(json.dumps({"source": {"repo_id": "someone/model", "revision": "abc"}}))
    (data / "asked.json").write_text(
        json.dumps({"questions": 6, "stop_reasons": {"end_turn": 5, "max_tokens": 1}, "cost_usd": 0.5})
    )
    other.write_text(json.dumps(OTHER_JOB))
    (data / "evaluation.json").write_text(json.dumps(OTHER_JOB | {"rows_per_second": 4.0}))
    trained = [system for system in SYSTEMS if system[1] == "tuned"]
    run(
        "summarise_cost.py",
        data / "log",
        input=Files(
            training=[str(record)] * 3,
            merge=[str(other)] * 3,
            check=[str(other)] * 3,
            evaluation=[str(data / "evaluation.json")] * 4,
        ),
        output=Files(**out("cost", "jobs")),
        params=SimpleNamespace(trained=trained, merged=trained, computed=[SYSTEMS[0], *trained], usd_per_hour=2),
    )
    estimated = {"model": "m", "device": "a card", "stage": "train", "jobs": 3}
    write_table(
        pd.DataFrame([estimated | {"estimated_minutes": 300.0, "measured_minutes": 270.0, "difference": 1 / 9}]),
        **dict(zip(("parquet", "csv"), out("estimate").values(), strict=True)),
    )
    run(
        "compare_models.py",
        data / "log",
        input=Files(
            answers=list(answers.values()), **tables("seeds", "permutations", "cost"), asked=[str(data / "asked.json")]
        ),
        output=Files(**out("tests"), summary=summary),
        params=SimpleNamespace(systems=SYSTEMS, main_recipe="label", asked=["claude"], seed=1),
    )
    run(
        "plot_accuracy.py",
        data / "log",
        input=Files(str(data / "seeds.parquet")),
        output=Files(str(data / "accuracy.svg")),
        wildcards=SimpleNamespace(dataset=DATASET),
    )
    run(
        "write_report.py",
        data / "log",
        input=Files(
            summary=summary,
            runs=sentences,
            **tables("accuracy", "permutations", "seeds", "learning_curve", "questions", "slices"),
            curation=str(data / "curation.json"),
            quality=str(data / "quality.json"),
            **tables("cost", "jobs", "estimate"),
            training=[str(record)],
            models=[str(data)],
            asked=[str(data / "asked.json")],
            published=str(ROOT / "resources/reference/published_results.csv"),
        ),
        output=Files(report=str(data / "report.md"), provenance=str(data / "provenance.yaml")),
        params=SimpleNamespace(models=["m"], asked=["claude"]),
        config={"seed": 1, "study": {"models": ["m"]}},
        wildcards=SimpleNamespace(dataset=DATASET),
    )
    report = (data / "report.md").read_text(encoding="utf-8")
    share = f"{100 * sum(right) / 6:.1f}"
    assert report.index("Of the open models and baselines, ") < report.index(
        f"| m tuned (label, 24 rows) | 1 2 | {share} |"
    )
    assert f"| tfidf-logreg (24 rows) | loglikelihood | {share} |" in report
    assert "| m tuned (label, 12 rows) | 1 |" in report
    assert "A thousand questions to claude cost 83.33 US dollars." in report
    assert "Each tuned model against the linear baseline, trained on the same rows:" in report
    assert "Each other recipe" not in report  # there is one recipe
    assert "tuned (label, 12 rows)" not in (data / "accuracy.svg").read_text()  # no contrast of that size is planned
    assert "| claude zero-shot | greedy |" in report
    assert "m tuned (label, 24 rows): 2 seeds (1, 2), mean" in report
    assert "| m tuned (label) | 12 | 1 |" in report
    assert "The options were shown in one order only" in report
    # 90 and three times 6 minutes; 4 questions a second
    assert "| m tuned (label, 24 rows) | 1 | 108.0 | 90.0 | 3.60 | 150.0 | 20.0 | 250.0 | 0.1389 |" in report
    assert "| m base | - | 6.0 | - | 0.20 | 50.0 | 20.0 | 250.0 | 0.1389 |" in report
    assert "| m tuned (label, 24 rows) | 2 | train | 90.0 | 2.00 | 9 | a processor | - |" in report
    assert "| m | a card | train | 3 | 300.0 | 270.0 | 11.1 % |" in report
    assert "| majority-class | - |" in report  # a constant has no temperature
    assert "persona (validation rows)" in report
    assert "claude's own answers to the 6 questions cost 0.5000 US dollars" in report
    assert "they ended by end_turn (5), max_tokens (1)" in report
    assert "m: repo_id someone/model, revision abc." in report
    provenance = yaml.safe_load((data / "provenance.yaml").read_text(encoding="utf-8"))
    assert provenance["config"] == {"seed": 1, "study": {"models": ["m"]}}
    assert provenance["versions"]["llamafactory"] == "0.9.5"
    assert "None" not in report
    assert not re.search(r"\bnan\b", report)

    run(
        "write_model_card.py",
        data / "log",
        input=Files(
            model=str(data), training=str(record), base_answers=answers[0], tuned_answers=answers[1],
            base_metrics=metrics[0], tuned_metrics=metrics[1], quality=str(data / "quality.json"), taxonomy=TAXONOMY,
            validation=str(data / "validation.jsonl"), instruction=str(RESOURCES / "prompts/instruction.yaml"),
        ),
        output=Files(card=str(data / "README.md"), classifier=str(data / "classifier.json")),
        params=SimpleNamespace(seed=1, answer="label", template="gemma", precision="fp32"),
        wildcards=SimpleNamespace(model="m", dataset=DATASET, recipe="label", rows="24", seed="1"),
    )  # fmt: skip
    card = ModelCard.load(data / "README.md")
    assert card.data.base_model == "someone/model"
    assert {result.metric_type: result.metric_value for result in card.data.eval_results} == {
        "accuracy": round(sum(right) / 6, 4),
        "f1": round(linear["scorers"]["loglikelihood"]["macro_f1"], 4),
    }
    assert "by the recipe `label`" in card.text
    assert "with the text of one of 3 options" in card.text
    assert f"| m tuned (label, 24 rows) | {share} |" in card.text
    assert "m tuned (label, 24 rows) and m base are not distinguishable" in card.text  # six questions show nothing
    fitted = linear["calibration"]["temperature"]
    assert f"after division of the log-probabilities by the temperature {fitted:.3f}" in card.text
    assert "| `lora_rank` | 4 |" in card.text
    assert "output_dir" not in card.text
    assert "None" not in card.content
    classifier = ClassifierFile.model_validate(read_json(data / "classifier.json"))
    assert (classifier.answer, classifier.temperature, len(classifier.examples)) == ("label", fitted, 5)


def test_each_run_has_checkpoints_of_its_own(data: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    Path("model/config.json").write_text('{"dtype": "float32"}')
    for name in ("source.json", "tokenizer_config.json"):
        Path("model", name).write_text("{}")
    Path("rows.json").write_text("[]")

    def checkpoints(seed: str = "1", validated: int = 4, root: str = "", **changes: object) -> str:
        Path(root, "results/sft/m/d").mkdir(parents=True, exist_ok=True)
        params = {
            "template": "gemma",
            "training": {
                "precision": "fp32",
                "preset": "fast",
                "batch_size": 8,
                "cutoff_len": 2048,
                "cut_rows": False,
                "learning_rate": 1e-4,
                "llamafactory": {"packing": False},
            },
            "versions": {"llamafactory": "0.9.5"},
        }
        config = {"training": {"per_device_eval_batch_size": validated}, "models": {"m": {"training": {}}}, "gpu": {}}
        outputs = {name: f"{root}results/sft/m/d/{name}.yaml" for name in ("train", "merge")}
        run(
            "render_configs.py",
            data / "log",
            input=Files(model="model", alpaca=["rows.json"]),
            output=Files(**outputs),
            wildcards=SimpleNamespace(seed=seed, model="m"),
            params=SimpleNamespace(**params | changes),
            config=config,
        )
        rendered = yaml.safe_load(Path(outputs["train"]).read_text())
        assert rendered["packing"] is False
        assert "precision" not in rendered
        assert rendered["per_device_eval_batch_size"] == validated
        merge = yaml.safe_load(Path(outputs["merge"]).read_text())
        assert merge["export_dir"] == f"{root}results/merged/m/d/model"
        assert merge["adapter_name_or_path"] == f"{root}results/sft/m/d/adapter"
        return rendered["output_dir"]

    first = checkpoints()
    assert checkpoints() == checkpoints(validated=2) == first
    assert checkpoints(root=".snakemake/storage/s3/bucket/") == first  # a local copy of an object in a bucket
    assert checkpoints(seed="2") != first
    assert checkpoints(versions={"llamafactory": "0.9.5", "peft": "0.18.1"}) != first
    Path("rows.json").write_text('[{"instruction": "Why?", "output": "A"}]')
    assert checkpoints() != first


def test_an_error_ends_the_script_with_one_sentence(tmp_path: Path, capfd):
    with pytest.raises(SystemExit):
        run(
            "collect_candidates.py",
            tmp_path / "log",
            input=Files(responses="nowhere.jsonl"),
            output=Files(candidates=str(tmp_path / "out"), record=str(tmp_path / "record")),
            params=SimpleNamespace(dataset=DATASET),
        )
    sentence = "DataError: nowhere.jsonl: no such file; check the path\n"
    assert capfd.readouterr().err == sentence
    assert (tmp_path / "log").read_text() == sentence
