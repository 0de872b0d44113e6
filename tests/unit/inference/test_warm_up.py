"""Loading kernels early needs a GPU, and never ends an evaluation."""

import pytest
import torch

from finintent.inference.warm_up import _try, warming_up


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_no_model_is_made():
    asked = []
    with warming_up("no-folder", bf16=False, ask=asked.append):
        pass
    assert asked == []


def test_a_failure_is_dropped():
    def ask(_: object) -> None:
        raise torch.OutOfMemoryError("full")

    _try(ask, None)
