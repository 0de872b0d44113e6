"""The table of devices, and how they are found by name."""

from typing import get_args

import pytest

from finintent.config.gpu import Card
from finintent.machine.speed import FLOAT32, GPUS, gpu_named, processor


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100 80GB PCIe MIG 3g.40gb", "A100"),
        ("NVIDIA A10G", "A10G"),
    ],
)
def test_a_card_is_found_by_its_drivers_name(product: str, name: str):
    assert gpu_named(product) == GPUS[name]


@pytest.mark.parametrize("product", ["NVIDIA A10", "NVIDIA L4", "NVIDIA GH200 480GB"])
def test_a_card_with_a_similar_name_is_another(product: str):
    assert gpu_named(product) is None


def test_every_card_of_the_configuration_has_a_speed():
    assert tuple(GPUS) == get_args(Card)
    assert [name for name, card in GPUS.items() if card.measured] == ["H100", "H200"]


def test_twice_the_cores_compute_twice_as_much_and_float32_less():
    two, four, wide = processor(2, bf16=True), processor(4, bf16=True), processor(2, bf16=False)
    assert four.training_flops == 2 * two.training_flops
    assert two.reading_flops == pytest.approx(FLOAT32 * wide.reading_flops)
    assert two.measured
    assert not wide.measured
