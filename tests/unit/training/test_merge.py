"""LlamaFactory's arguments for the merge."""

from pathlib import Path

from finintent.files import write_json
from finintent.training.merge import merge_config


def test_merged_weights_keep_the_precision_of_the_base(tmp_path: Path):
    write_json(tmp_path / "config.json", {"dtype": "bfloat16"})
    config = merge_config(model=str(tmp_path), adapter="a", merged="m")
    assert config["infer_dtype"] == "bfloat16"
    assert (config["model_name_or_path"], config["adapter_name_or_path"], config["export_dir"]) == (
        str(tmp_path), "a", "m",
    )  # fmt: skip
