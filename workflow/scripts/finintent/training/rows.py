"""A batch read as one sequence of tokens: what its rows begin with once, and no padding.

Every prompt begins with the template and the instruction, which are a fourth of the default study's tokens, and the
rows of a batch differ in length. Only attention has to know which tokens a row has. All else works on each token alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Move = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Rows:
    """Where the tokens of a batch's rows stand in one sequence.

    Attributes:
        places: the place in the flattened batch of each token of the sequence, shape (tokens,).
        columns: the place in the sequence of each token of the batch, shape (rows, width); 0 where a row has ended.
        shared: how many tokens all rows begin with; the sequence begins with them.
    """

    places: torch.Tensor
    columns: torch.Tensor
    shared: int

    @classmethod
    def of(cls, ids: torch.Tensor, present: torch.Tensor, limit: int) -> "Rows":
        """Return the rows of a batch.

        Args:
            ids: token ids, shape (rows, width), padded on the right.
            present: which of them are tokens, likewise.
            limit: how many tokens may be shared.
        """
        alike = ((ids == ids[0]) & present).all(0)
        shared = min(limit, int(alike.long().cumprod(0).sum()))
        own = present.clone()
        own[1:, :shared] = False  # the first row's stand for all
        places = own.flatten().nonzero()[:, 0]
        columns = torch.zeros(ids.numel(), dtype=torch.long)
        columns[places] = torch.arange(len(places))
        columns = columns.view(ids.shape)
        columns[:, :shared] = torch.arange(shared)
        return cls(places, columns, shared)

    @property
    def positions(self) -> torch.Tensor:
        """The position in its row of each token of the sequence, shape (tokens,)."""
        return self.places % self.columns.shape[1]

    def spread(self, states: torch.Tensor) -> torch.Tensor:
        """Return states of the sequence, shape (tokens, ...), as rows, shape (rows, width, ...)."""
        return states.index_select(0, self.columns.flatten()).unflatten(0, self.columns.shape)

    def gathered(self, states: torch.Tensor) -> torch.Tensor:
        """Return states of rows, shape (rows, width, ...), as a sequence, shape (tokens, ...)."""
        return states.flatten(0, 1).index_select(0, self.places)

    def spread_backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient of what `spread` took, from that of what it returned."""
        found = self.gathered(gradient)
        found[: self.shared] = gradient[:, : self.shared].sum(0, dtype=torch.float32)
        return found

    def gathered_backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """Return the gradient of what `gathered` took, from that of what it returned."""
        found = gradient.new_zeros((self.columns.numel(), *gradient.shape[1:]))
        return found.index_copy_(0, self.places, gradient).unflatten(0, self.columns.shape)


class Moved(torch.autograd.Function):
    """A move of states between a sequence and rows, by a method of `Rows`; the gradient moves by its counterpart."""

    @staticmethod
    def forward(context: Any, states: torch.Tensor, there: Move, back: Move) -> torch.Tensor:
        """Return the states that `there` moves."""
        context.back = back
        return there(states)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Return the gradient that `back` moves."""
        return context.back(gradient), None, None
