"""The memory of the host that a scheduler is asked for, against what was measured."""

from pathlib import Path

from finintent.models.host_memory import host_mb, preparation_mb, weights_gigabytes

GIB, MB = 2**30, 10**6
HUB = {"type": "huggingface", "repo_id": "a/b", "size_gb": 15.2}


def test_a_merge_at_full_size_fits():
    """Of docs/results.md, four models at full size: 15.2 GiB for Qwen2.5-7B's 15.2 GB, 16.0 for Llama-3-8B's 16.1."""
    for size, measured in ((15.2, 15.2), (16.1, 16.0), (12.5, 12.7), (15.0, 15.0)):
        asked = host_mb(HUB | {"size_gb": size}) * MB / GIB
        assert 1.15 * measured < asked < 1.45 * measured


def test_a_model_of_unknown_size_gets_what_the_libraries_take():
    assert host_mb({"type": "gguf", "package": "a"}) == 4000


def test_a_conversion_holds_three_times_a_shard():
    assert preparation_mb(HUB) == host_mb(HUB)
    assert preparation_mb(HUB | {"convert": "baichuan2"}) * MB > 3 * 15.2e9


def test_the_weights_of_a_gguf_file_grow(tmp_path: Path):
    source = {"type": "gguf", "filename": "a", "size_gb": 0.5}
    assert weights_gigabytes(source) == 3
    assert weights_gigabytes(source | {"dtype": "bfloat16"}) == 1.5
    (tmp_path / "weights").write_bytes(bytes(1000))
    assert weights_gigabytes({"type": "local", "path": str(tmp_path)}) == 1e-6
