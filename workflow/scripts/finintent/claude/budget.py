"""The limit on the cost of requests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from finintent.claude.store import ResponseStore
from finintent.errors import BudgetError


class Budget:
    """Keeps the money spent, plus what requests in progress could cost, below a limit in US dollars."""

    def __init__(self, limit: float, store: ResponseStore) -> None:
        self._limit = limit
        self._store = store
        self._reserved: list[float] = []
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, worst: float) -> Iterator[None]:
        """Reserve the most that a request can cost, in US dollars, while the request is in progress.

        If the budget is too small at the moment, it waits until requests in progress are finished.

        Raises:
            BudgetError: no request is in progress, and the budget is too small.
        """
        with self._changed:
            while self._reserved and self._store.spent_usd + sum(self._reserved) + worst > self._limit:
                self._changed.wait()
            self.affordable([worst])
            self._reserved.append(worst)
        try:
            yield
        finally:
            with self._changed:
                self._reserved.remove(worst)
                self._changed.notify_all()

    def affordable(self, worst: list[float]) -> int:
        """Return how many of some requests the remaining budget covers, at least one.

        Args:
            worst: the most that each request can cost, in US dollars.

        Raises:
            BudgetError: it does not cover the first.
        """
        spent = self._store.spent_usd
        total = spent + sum(self._reserved)
        for count, cost in enumerate(worst):
            total += cost
            if total > self._limit:
                if count:
                    return count
                raise BudgetError(
                    f"stopped before a request that could cost {cost:.4f} US dollars: {spent:.4f} are spent, and "
                    f"max_cost_usd is {self._limit}; raise it, or ask for fewer rows (curation.train_rows): all "
                    f"answers so far are in {self._store.path} and are used again"
                )
        return len(worst)
