"""What the rows of a batch begin with stands once in their sequence, and padding not at all."""

import pytest
import torch

from finintent.training.rows import Moved, Rows

IDS = torch.tensor([[5, 6, 1, 2, 0], [5, 6, 3, 0, 0], [5, 6, 1, 7, 8]])
PRESENT = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()


def test_a_sequence_holds_each_token_once():
    rows = Rows.of(IDS, PRESENT, limit=5)
    assert rows.shared == 2
    assert IDS.flatten()[rows.places].tolist() == [5, 6, 1, 2, 3, 1, 7, 8]
    assert rows.positions.tolist() == [0, 1, 2, 3, 2, 2, 3, 4]
    assert torch.equal(rows.spread(IDS.flatten()[rows.places])[PRESENT], IDS[PRESENT])


@pytest.mark.parametrize(("limit", "shared"), [(0, 0), (1, 1), (2, 2), (9, 2)])
def test_no_more_is_shared_than_may_be(limit: int, shared: int):
    rows = Rows.of(IDS, PRESENT, limit)
    assert (rows.shared, len(rows.places)) == (shared, 12 - 2 * shared)


def test_one_row_and_equal_rows():
    assert len(Rows.of(IDS[:1], PRESENT[:1], limit=3).places) == 4
    assert len(Rows.of(IDS[[1, 1]], PRESENT[[1, 1]], limit=2).places) == 4  # two shared, and the last of each


def test_gradients_are_those_of_indexing():
    rows = Rows.of(IDS, PRESENT, limit=5)
    states = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(3, 5, 3, dtype=torch.float64) * PRESENT[..., None]
    ours = torch.autograd.grad((Moved.apply(states, rows.spread, rows.spread_backward) * weights).sum(), states)[0]
    plain = torch.autograd.grad((states[rows.columns] * weights).sum(), states)[0]
    torch.testing.assert_close(ours, plain, atol=1e-6, rtol=1e-6)  # what is shared is summed in float32
    padded = torch.randn(3, 5, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(8, 3, dtype=torch.float64)
    ours = torch.autograd.grad((Moved.apply(padded, rows.gathered, rows.gathered_backward) * weights).sum(), padded)[0]
    plain = torch.autograd.grad((padded.flatten(0, 1)[rows.places] * weights).sum(), padded)[0]
    assert torch.equal(ours, plain)
