"""Batches are formed in the fastest way that fits."""

import json
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from transformers import AutoConfig

from finintent.errors import ConfigError
from finintent.models.folder import OWN_FILE
from finintent.training.memory import (
    GIB,
    USABLE,
    available_bytes,
    model_shape,
    training_bytes,
    validation_bytes,
)
from finintent.training.plan import (
    Batching,
    batchings,
    check_lengths,
    check_targets,
    fastest,
    original,
    row_lengths,
    surely_fits,
    validation_batch,
)
from shapes import LONGEST, SHAPES
from tiny import ROOT, write_tiny_model


def test_as_many_rows_are_validated_as_fit():
    shape = model_shape(SHAPES["qwen2.5-7b"], rank=8)
    assert [validation_batch(shape, 16, 135, available=size * GIB) for size in (22, 17, 16, 8)] == [16, 8, 4, 1]


@pytest.mark.parametrize(
    ("memory_gb", "expected"),
    [
        (18, Batching(8, 1, checkpointing=True, fused=True)),
        (24, Batching(8, 1, checkpointing=False, fused=True)),
        (80, Batching(8, 1, checkpointing=False, fused=True)),
    ],
)
def test_the_fastest_batching_that_fits_is_chosen(memory_gb: float, expected: Batching):
    shape = model_shape(SHAPES["qwen2.5-7b"], rank=8)
    assert fastest(shape, 8, LONGEST, fused=True, available=available_bytes(memory_gb)) == expected


def test_a_card_that_is_too_small_is_told_and_four_bits_fit_it():
    shape = model_shape(SHAPES["qwen2.5-7b"], rank=8)
    with pytest.raises(ConfigError, match=r"one row of 128 tokens needs 14\.\d GiB, but the GPU .* has 10\.7"):
        fastest(shape, 8, LONGEST, fused=True, available=available_bytes(12))
    assert fastest(shape, 8, LONGEST, fused=True, available=available_bytes(12), bits=4).micro_batch >= 4


@pytest.mark.parametrize("preset", ["fast", "original"])
def test_a_gpu_job_is_planned_by_its_longest_row(tmp_path: Path, monkeypatch, preset: str):
    monkeypatch.chdir(tmp_path)
    model, template = write_tiny_model(tmp_path / "model"), "gemma"
    (model / OWN_FILE).write_text("{}")
    rows = [{"instruction": "the user is in " * times, "output": "A"} for times in (1, 4)]
    alpaca = [str(tmp_path / f"{split}.json") for split in ("train", "validation")]
    for path, row in zip(alpaca, rows, strict=True):
        Path(path).write_text(json.dumps([row]))
    shorter, tokens = row_lengths(str(model), template, alpaca)
    assert tokens > shorter > len(rows[0]["instruction"].split())
    shape = model_shape(AutoConfig.from_pretrained(model), rank=4)
    fits = training_bytes(shape, Batching(8, 1, checkpointing=True, fused=True), tokens)
    main = runpy.run_path(str(ROOT / "workflow/scripts/render_configs.py"))["main"]
    main.__globals__["torch"] = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True))
    training = {
        "precision": "fp32", "lora_rank": 4, "preset": preset, "batch_size": 8, "cutoff_len": 512, "llamafactory": {},
        "cut_rows": False,
    }  # fmt: skip
    outputs = {name: f"results/sft/m/{name}.yaml" for name in ("train", "merge")}
    Path(outputs["train"]).parent.mkdir(parents=True)
    main(
        model=str(model),
        alpaca=alpaca,
        template=template,
        training=training,
        eval_batch_size=16,
        memory_gb=fits / GIB / USABLE,
        seed=1,
        versions={},
        outputs=outputs,
    )
    settings = yaml.safe_load(Path(outputs["train"]).read_text())
    expected = original(8) if preset == "original" else Batching(8, 1, checkpointing=True, fused=True)
    assert expected.arguments().items() <= settings.items()
    validated = settings["per_device_eval_batch_size"]
    assert validation_bytes(shape, validated, tokens) <= fits < validation_bytes(shape, 2 * validated, tokens)


def test_without_a_gpu_nothing_is_planned_so_that_transformers_is_not_imported():
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]); "
        "sys.exit(' '.join({'transformers', 'llamafactory'} & sys.modules.keys()) or 0)"
    )
    script = str(ROOT / "workflow/scripts/render_configs.py")
    result = subprocess.run([sys.executable, "-c", code, script], check=False, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_every_batching_has_the_rows_of_the_step():
    steps = [batching.micro_batch * batching.accumulation for batching in batchings(12, fused=False)]
    assert steps == [12] * 7  # 12 at once without and with checkpointing; 6, 4, 3, 2 and 1 with it
    assert original(12).arguments()["gradient_accumulation_steps"] == 12


def rows_of(path: Path, *instructions: str) -> list[str]:
    path.write_text(json.dumps([{"instruction": text, "output": "A"} for text in instructions]), encoding="utf-8")
    return [str(path)]


def test_rows_that_would_be_cut_are_counted_and_refused_unless_that_is_asked_for(caplog):
    check_lengths([10, 48], limit=48, cut_rows=False)
    with pytest.raises(ConfigError, match=r"2 of 3 rows are longer than training.cutoff_len, 48 .* raise it to 90, or"):
        check_lengths([90, 48, 49], limit=48, cut_rows=False)
    caplog.set_level("INFO", "finintent")
    check_lengths([90, 48, 49], limit=48, cut_rows=True)
    assert caplog.messages == [
        "2 of 3 rows are longer than training.cutoff_len, 48 tokens; they are cut, as training.cut_rows asks"
    ]


def test_what_fits_by_its_bytes_fits_by_its_tokens(tmp_path: Path):
    model = write_tiny_model(tmp_path / "model")
    for text in ("the user is in", "药明康德" * 100, "ก" * 300):
        paths = rows_of(tmp_path / "rows.json", "short", text)
        limit = max(row_lengths(str(model), "gemma", paths)) - 1
        assert not surely_fits("gemma", paths, limit)
        assert surely_fits("gemma", paths, len(text.encode()) + 2000)
    assert not surely_fits(None, paths, 10000)  # the tokenizer's own template may be of any length


def test_no_template_of_llamafactory_is_longer_than_it_is_taken_to_be():
    from llamafactory.data.template import TEMPLATES

    from finintent.training.plan import TEMPLATE_BYTES

    roles = 150  # with the marks of roles
    assert max(len(template.default_system.encode()) for template in TEMPLATES.values()) + roles <= TEMPLATE_BYTES


@pytest.mark.parametrize("targets", [None, "all", "q_proj, v_proj", "mlp.up_proj", "embed_tokens"])
def test_modules_of_the_model_may_get_an_adapter(tmp_path: Path, targets: str | None):
    check_targets(str(write_tiny_model(tmp_path)), targets)


@pytest.mark.parametrize("targets", ["W_pack", "q_proj,W_pack", "proj"])
def test_modules_of_another_model_are_refused(tmp_path: Path, targets: str):
    with pytest.raises(
        ConfigError, match=r"lora_target names '\w+', which LlamaForCausalLM does not have; .*down_proj"
    ):
        check_targets(str(write_tiny_model(tmp_path)), targets)
