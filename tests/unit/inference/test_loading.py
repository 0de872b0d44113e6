"""Loading a model."""

import pytest
import torch

from finintent.errors import ModelError
from finintent.inference import loading


@pytest.mark.parametrize(("bf16", "name"), [(True, "bfloat16"), (False, "float32")])
def test_a_model_that_does_not_fit_is_one_sentence(monkeypatch, bf16: bool, name: str):
    asked = []

    def load(directory: str, *, dtype: torch.dtype, device_map: str | None) -> None:
        asked.append(dtype)
        raise torch.OutOfMemoryError

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", load)
    for change in ("skip_cudnn_attention", "use_every_core"):  # of the whole process
        monkeypatch.setattr(loading, change, lambda: None)
    with pytest.raises(ModelError, match=f"m: too large for the GPU's memory in {name}; free it"):
        loading.load_model("m", bf16=bf16)
    assert asked == [getattr(torch, name)]
