"""The disk space that a study needs, computed before it runs."""

from collections import namedtuple
from pathlib import Path

import pytest

from finintent.models import disk
from finintent.models.disk import disk_need

Usage = namedtuple("Usage", "total used free")
HUB = {"type": "huggingface", "repo_id": "a/b", "size_gb": 10}
CONVERTED = {"type": "modelscope", "model_id": "a/c", "size_gb": 4, "convert": "chatglm3"}


@pytest.fixture(autouse=True)
def free(monkeypatch):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: Usage(0, 0, 30 * 10**9))


def test_one_merged_model_at_a_time(tmp_path: Path):
    assert disk_need({"m": HUB, "n": CONVERTED}, runs={"m": 3, "n": 3}, keep_merged=False, results=tmp_path) == (
        f"Disk: up to 28.0 GB below {tmp_path}/ (downloads 14.0, converted copies 4.0, one merged model 10.0), "
        "of which 0.0 are used; 30.0 GB are free"
    )


def test_too_small_a_disk_is_said(tmp_path: Path):
    sentence = disk_need({"m": HUB, "n": CONVERTED}, runs={"m": 3, "n": 3}, keep_merged=True, results=tmp_path)
    assert "merged models 42.0" in sentence
    assert sentence.endswith(f": 30.0 too few. Free some, or make {tmp_path}/ a link to a larger disk")


def test_an_encoder_is_tuned_fewer_times_than_a_model_of_several_recipes(tmp_path: Path):
    assert "merged models 34.0" in disk_need(
        {"m": HUB, "n": CONVERTED}, runs={"m": 3, "n": 1}, keep_merged=True, results=tmp_path
    )


def test_what_is_there_is_counted_once(tmp_path: Path):
    for folder in ("downloads/m", "models/m", "downloads/other"):
        (tmp_path / folder).mkdir(parents=True)
    weights = tmp_path / "downloads/m/weights"
    for path in (weights, tmp_path / "downloads/other/weights"):  # the latter of no model of this study
        with path.open("wb") as file:
            file.truncate(10**9)
    (tmp_path / "models/m/weights").symlink_to(weights)
    assert "of which 1.0 are used" in disk_need({"m": HUB}, runs={"m": 1}, keep_merged=False, results=tmp_path)


def test_a_model_of_this_machine_takes_its_merged_copy(tmp_path: Path):
    model = tmp_path / "model"
    model.mkdir()
    with (model / "model.safetensors").open("wb") as file:
        file.truncate(2 * 10**9)
    source = {"type": "local", "path": str(model)}
    sentence = disk_need({"m": source}, runs={"m": 1}, keep_merged=True, results=tmp_path / "none")
    assert "up to 2.0 GB" in sentence
    assert "(merged models 2.0)" in sentence


def test_a_gguf_file_grows_when_it_is_dequantised(tmp_path: Path):
    wheels = {"type": "gguf", "wheels": {"part1==1": "0" * 64}, "size_gb": 0.5, "dtype": "bfloat16"}
    whole = {"type": "gguf", "repo_id": "a/b", "size_gb": 1}
    said = disk_need({"m": wheels, "n": whole}, runs={"m": 1, "n": 1}, keep_merged=True, results=tmp_path)
    assert "(downloads 2.0, converted copies 7.5, merged models 7.5)" in said


def test_nothing_is_said_where_no_size_is_known(tmp_path: Path):
    assert disk_need({"m": {"type": "gguf", "package": "p"}}, runs={"m": 1}, keep_merged=True, results=tmp_path) is None
