"""Loading a model."""

from pathlib import Path

import pytest
import torch

from finintent.errors import ModelError
from finintent.files import write_json
from finintent.inference import loading
from tiny import write_tiny_model


@pytest.mark.parametrize(("bf16", "name"), [(True, "bfloat16"), (False, "float32")])
def test_a_model_that_does_not_fit_is_one_sentence(monkeypatch, bf16: bool, name: str):
    asked = []

    def load(directory: str, *, dtype: torch.dtype, device_map: str | None) -> None:
        asked.append(dtype)
        raise torch.OutOfMemoryError

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", load)
    for change in ("skip_cudnn_attention", "use_every_core", "keep_freed_memory"):  # of the whole process
        monkeypatch.setattr(loading, change, lambda: None)
    with pytest.raises(ModelError, match=f"m: too large for the GPU's memory in {name}; free it"):
        loading.load_model("m", bf16=bf16)
    assert asked == [getattr(torch, name)]


@pytest.mark.parametrize(
    "values",
    [
        {"do_sample": True, "temperature": 3.0},
        {"num_beams": 4, "no_repeat_ngram_size": 2},
        {"suppress_tokens": [*range(6, 262)], "repetition_penalty": 1.5},
        {"max_length": 2},
    ],
)
def test_text_is_greedy_whatever_the_models_own_settings_are(tmp_path: Path, values: dict):
    def text(folder: Path) -> list[int]:
        prompt = torch.tensor([[2, 290, 291]])
        model = loading.load_model(str(folder), bf16=False)
        return model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=8).tolist()

    folder = write_tiny_model(tmp_path / "model")
    (folder / "generation_config.json").unlink()
    plain = text(folder)
    write_json(folder / "generation_config.json", values)
    assert text(folder) == plain
