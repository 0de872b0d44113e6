"""How many threads a job computes with."""

import os
from collections.abc import Iterator

import pytest
import torch

from finintent.inference import compute
from finintent.inference.compute import keep_freed_memory, use_every_core

QUOTA = "joblib.externals.loky.backend.context._cpu_count_cgroup"


@pytest.fixture
def own_threads() -> Iterator[None]:
    """Put back what the test changes of this process."""
    threads, affinity = torch.get_num_threads(), os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, affinity)
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("own_threads")
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no CPU affinity")
@pytest.mark.skipif(torch.cuda.is_available(), reason="the CPU stands in for a GPU only where there is none")
def test_threads_are_the_cores_that_affinity_and_quota_leave(monkeypatch):
    cores = os.sched_getaffinity(0)
    monkeypatch.setattr(QUOTA, lambda cores: cores)
    use_every_core()
    assert torch.get_num_threads() == len(cores)
    os.sched_setaffinity(0, {min(cores)})
    use_every_core()
    assert torch.get_num_threads() == 1
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(2)
    monkeypatch.setattr(QUOTA, lambda cores: 1)  # such as `docker run --cpus 1`
    use_every_core()
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("gpu", "options"), [(False, {-4: 0, -1: 2**31 - 1}), (True, {})])
def test_memory_is_kept_where_the_processor_computes(monkeypatch, gpu: bool, options: dict[int, int]):
    class Library:
        def __init__(self) -> None:
            self.given: dict[int, int] = {}

        def mallopt(self, option: int, value: int) -> None:
            self.given[option] = value

    library = Library()
    monkeypatch.setattr(compute.ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(compute.sys, "platform", "linux")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    keep_freed_memory()
    assert library.given == options


def test_another_c_library_is_left_alone(monkeypatch):
    monkeypatch.setattr(compute.ctypes, "CDLL", lambda name: object())
    keep_freed_memory()
