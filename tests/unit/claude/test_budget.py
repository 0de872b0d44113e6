"""The limit on the cost of requests."""

import pytest

from fake_claude import FakeClaude
from finintent.claude.budget import Budget
from finintent.claude.store import ResponseStore
from finintent.errors import BudgetError
from generating import assert_paid_once_and_kept, generate
from writer import Writer

pytestmark = pytest.mark.usefixtures("quick")


def test_the_budget_stops_before_it_is_passed(tmp_path):
    message = r"stopped before a request that could cost 0\.000\d US dollars"
    with FakeClaude(Writer(), delay=0.05) as server, pytest.raises(BudgetError, match=message):
        generate(tmp_path, server, max_cost_usd=0.0007, concurrency=3)
    store = assert_paid_once_and_kept(tmp_path, server)
    assert 0 < store.spent_usd <= 0.0007


def test_requests_of_unlike_cost_do_not_wait_for_ever(tmp_path):
    with ResponseStore(tmp_path / "store") as store:
        budget = Budget(1.0, store)
        with budget.reserve(0.1), budget.reserve(0.2), budget.reserve(0.3):
            pass
        with pytest.raises(BudgetError), budget.reserve(1.1):
            pass


def test_a_batch_holds_no_more_than_the_budget_allows(tmp_path):
    with FakeClaude(Writer()) as server:
        generate(tmp_path, server, max_cost_usd=0.0007, mode="batches")
    assert [len(batch.requests) for batch in server.batches.values()] == [2, 2, 2]
    assert assert_paid_once_and_kept(tmp_path, server).spent_usd <= 0.0007
