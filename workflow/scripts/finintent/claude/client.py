"""The client of Claude: every answer is stored before it is used, and a stored answer is never requested again."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import anthropic
import httpx2
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from finintent.claude.budget import Budget
from finintent.claude.prices import Prices, estimate_tokens
from finintent.claude.prompts import Request
from finintent.claude.records import Record, check_message
from finintent.claude.store import ResponseStore
from finintent.config.fetching import Fetching
from finintent.errors import ApiError, DataError
from finintent.files import decode, digest, one_line, parse_json
from finintent.hub_errors import UNKNOWN_PROXY
from finintent.progress import showing

logger = logging.getLogger(__name__)

CLOCK_SKEW = timedelta(minutes=5)  # between this machine and the API
LONGEST_PAUSE = 60  # seconds, between two tries
LISTING_DELAY = timedelta(minutes=1)
LISTING_POLL_SECONDS = 8
ITEM_TRIES = 3  # batches in which a request may fail


class Claude:
    """Answers requests from the store, and asks the API for the answers that the store lacks.

    The API key is read from the environment variable ANTHROPIC_API_KEY, at the first request that needs it.
    """

    def __init__(self, store: ResponseStore, prices: Prices, settings: Fetching) -> None:
        self.store = store
        self.prices = prices
        self.settings = settings
        self._client: anthropic.Anthropic | None = None
        self._budget = Budget(settings.max_cost_usd, store)

    def ask(self, requests: list[Request]) -> dict[str, Record]:
        """Return the stored answer to each request, by the request's digest.

        Answers that arrived before an error are in the store.

        Raises:
            ApiError: the API did not answer all requests.
            BudgetError: the next request could exceed the budget.
        """
        with showing(lambda: self._status(requests)):
            self._retry(self._ask_missing, requests, Counter())
        return {request.digest: self.store.answers[request.digest] for request in requests}

    @property
    def client(self) -> anthropic.Anthropic:
        """The SDK's client, made on first use."""
        if self._client is None:
            self._client = make_client(self.settings.timeout_seconds, self.settings.max_retries)
        return self._client

    def _status(self, requests: list[Request]) -> str:
        missing = len(self._missing(requests))
        return (
            f"{len(requests) - missing} of {len(requests)} answers, {self.store.spent_usd:.2f} US dollars spent in all"
        )

    def _missing(self, requests: list[Request]) -> list[Request]:
        return list({r.digest: r for r in requests if r.digest not in self.store.answers}.values())

    def _sent(self, request: Request) -> dict[str, Any]:
        """Return the body to send: the part that all requests share is marked for the cache if it is long enough."""
        body = request.body
        if estimate_tokens({**body, "messages": []}) < self.prices.cache_minimum_tokens:
            return body
        *first, last = body["system"]
        return {**body, "system": [*first, {**last, "cache_control": {"type": "ephemeral"}}]}

    def _keep(self, request: Request, message: dict[str, Any], batch: str | None) -> None:
        cost = self.prices.cost(request.body["model"], message["usage"], batch=batch is not None)
        self.store.append(
            {
                "type": "answer",
                "digest": request.digest,
                "purpose": request.purpose,
                "request": request.body,
                "message": message,
                "batch": batch,
                "cost_usd": cost,
                "prices": self.prices.date.isoformat(),
            }
        )

    def _ask_missing(self, requests: list[Request], failed: Counter[str]) -> None:
        """Ask until the store lacks nothing; `failed` counts the batches in which a request failed, by its digest."""
        while missing := self._missing(requests):
            if self._collect_open(failed):
                continue
            if self.settings.mode == "messages":
                self._answer_all(missing)
            else:
                self._submit(missing)

    def _retry(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function, and again after growing pauses while it raises TransientError.

        Raises:
            ApiError: it raised TransientError in the last try too.
        """
        tries = self.settings.max_retries + 1
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=wait_exponential(multiplier=0.5, max=LONGEST_PAUSE),
            stop=stop_after_attempt(tries),
            reraise=True,
        )
        try:
            return retrying(function, *arguments)
        except TransientError as error:
            raise ApiError(f"{error} in {tries} tries; {_kept(self.store)}") from None

    # Messages

    def _answer_all(self, requests: list[Request]) -> None:
        self.client  # noqa: B018 - one error for a missing key, not one a thread
        pool = ThreadPoolExecutor(self.settings.concurrency)
        failures = []
        try:
            for future in as_completed([pool.submit(self._answer, request) for request in requests]):
                error = future.exception()
                if _passing(error):
                    failures.append(error)  # the others may still get through
                elif error is not None:
                    raise error
        except anthropic.APIError as error:
            raise ApiError(f"{_described(error)}; {_kept(self.store)}") from None
        finally:
            pool.shutdown(cancel_futures=True)  # waits for the answers in progress, which are paid
        if failures:
            raise ApiError(
                f"{len(failures)} of {len(requests)} requests got no answer in {self.settings.max_retries + 1} tries "
                f"each (last error: {_described(failures[-1])}); {_kept(self.store)}"
            )

    def _answer(self, request: Request) -> None:
        with self._budget.reserve(self.prices.worst_cost(request.body, batch=False)):
            # Stored without parsing it first: an answer that is not on disk when this process ends is paid again.
            answer = self.client.messages.with_raw_response.create(**self._sent(request))
            self._keep(request, self._message(answer.http_response.content), batch=None)

    def _message(self, content: bytes) -> dict[str, Any]:
        """Return the message in the body of an answer.

        Raises:
            ApiError: there is none.
        """
        source = "the answer"
        try:
            message = parse_json(source, decode(source, content))
            check_message(source, message)
        except DataError as error:
            raise ApiError(_no_answer(f"{one_line(content.decode(errors='replace'))!r}: {error}", self.store)) from None
        return message

    # Batches

    def _collect_open(self, failed: Counter[str]) -> bool:
        """Collect the batches in progress, whichever job submitted them; return False if there were none."""
        for submission in self.store.unconfirmed_submissions:
            self._find_batch(submission)
        batches = self.store.open_batches
        for batch in batches:
            failures = self._collect(batch)
            failed.update(list(failures))
            if again := [key for key in failures if failed[key] >= ITEM_TRIES]:
                raise ApiError(f"a request failed in {ITEM_TRIES} batches ({failures[again[0]]}); {_kept(self.store)}")
        return bool(batches)

    def _submit(self, requests: list[Request]) -> None:
        """Create a batch of as many requests as the budget allows.

        The submission is stored first. If the API's answer is lost, the batch is not simply submitted again: it may
        exist.

        Raises:
            TransientError: the API could not be reached, or was too busy; open batches must be collected first.
            ApiError: it refused the batch.
        """
        client = self.client.with_options(max_retries=0)
        count = self._budget.affordable([self.prices.worst_cost(request.body, batch=True) for request in requests])
        stored = {request.digest: {"body": request.body, "purpose": request.purpose} for request in requests[:count]}
        submission = digest([list(stored), len(self.store.records)])[:16]
        self.store.append({"type": "submission", "submission": submission, "requests": stored})
        items = [{"custom_id": request.digest, "params": self._sent(request)} for request in requests[:count]]
        try:
            with self._parsed_answers():
                batch = self._check_batch(client.messages.batches.create(requests=items))
        except anthropic.APIError as error:
            if not _passing(error) or isinstance(error, anthropic.RateLimitError):  # after other errors it may exist
                self.store.append({"type": "unsubmitted", "submission": submission})
            if _passing(error):
                raise TransientError("no batch could be created") from None
            raise ApiError(f"{_described(error)}; {_kept(self.store)}") from None
        self.store.append({"type": "batch", "submission": submission, "batch": batch.id})
        logger.info("batch %s: %d requests submitted", batch.id, count)

    def _find_batch(self, submission: Record) -> None:
        """Find the batch of a submission in the API's list, after the API's answer to the submission was lost.

        Only a batch's results tell which job submitted it, by the digests of the requests. So every batch of the right
        time and size is recorded.
        """
        recorded = {record["batch"] for record in self.store.records if record["type"] == "batch"}
        start = datetime.fromisoformat(submission["time"])
        while True:
            found = [
                batch.id
                for batch in self._call(self._batches_since, start - CLOCK_SKEW)
                if batch.id not in recorded and _size(batch) == len(submission["requests"])
            ]
            # A new batch may not be listed yet.
            if found or datetime.now(UTC) - start > LISTING_DELAY:
                break
            time.sleep(LISTING_POLL_SECONDS)
        for batch_id in found:
            record = {"type": "batch", "submission": submission["submission"], "batch": batch_id, "found": True}
            self.store.append(record)
        if not found:
            self.store.append({"type": "unsubmitted", "submission": submission["submission"]})

    def _batches_since(self, earliest: datetime) -> list[MessageBatch]:
        with self._parsed_answers():
            listed = self.client.messages.batches.list(limit=100)
            return list(takewhile(lambda batch: self._check_batch(batch).created_at >= earliest, listed))

    def _retrieved(self, batch_id: str) -> MessageBatch:
        with self._parsed_answers():
            return self._check_batch(self.client.messages.batches.retrieve(batch_id))

    @contextmanager
    def _parsed_answers(self) -> Iterator[None]:
        """Describe what the SDK raises where an answer is not what it expects: it does not check what it receives."""
        try:
            yield
        except (AttributeError, TypeError, ValueError) as error:
            raise ApiError(_no_answer(f"what is no batch ({one_line(error)})", self.store)) from None

    @staticmethod
    def _check_batch(batch: Any) -> MessageBatch:
        """Return a batch with all that a batch has.

        Raises:
            ValueError: something is missing.
        """
        if not isinstance(batch, MessageBatch):
            raise ValueError(one_line(repr(batch)))
        known = isinstance(batch.id, str), isinstance(batch.created_at, datetime), batch.request_counts is not None
        if not all(known):
            raise ValueError(one_line(batch.to_dict()))
        return batch

    def _collect(self, batch: Record) -> dict[str, str]:
        """Wait for a batch and store its answers; return the reason of each item that failed, by digest."""
        deadline = time.monotonic() + 60 * self.settings.batch_wait_minutes
        while (state := self._call(self._retrieved, batch["batch"])).processing_status != "ended":
            if time.monotonic() >= deadline:
                raise ApiError(
                    f"batch {batch['batch']} is not finished; run the same command later to collect it: no request is "
                    "sent twice"
                )
            time.sleep(self.settings.batch_poll_seconds)
        requests = self.store.submission(batch["submission"])["requests"]
        if state.archived_at:
            failures = dict.fromkeys(requests, "no longer kept by the API")
        else:
            failures = self._keep_results(batch, requests, self._call(self._results, state))
        self.store.append({"type": "outcome", "batch": batch["batch"], "failures": failures})
        reasons = f" ({next(iter(failures.values()))})" if failures else ""
        answered = len(requests) - len(failures)
        logger.info("batch %s: %d answers, %d failed%s", batch["batch"], answered, len(failures), reasons)
        if refused := [reason for reason in failures.values() if "invalid_request_error" in reason]:
            raise ApiError(f"a request was refused ({refused[0]}); {_kept(self.store)}")
        return failures

    def _keep_results(
        self, batch: Record, requests: dict[str, Record], items: list[MessageBatchIndividualResponse]
    ) -> dict[str, str]:
        """Store the answers of a batch; return the reason of each request that has none."""
        ours = [item for item in items if item.custom_id in requests]
        if batch.get("found") and not ours:
            return {}  # another job's batch of the same size
        failures = dict.fromkeys(requests, "not in the batch")
        for item in ours:
            if item.result.type == "succeeded":
                if item.custom_id not in self.store.answers:
                    message = item.result.message.to_dict(mode="python")
                    try:
                        check_message("the message", message)
                    except DataError as error:
                        failures[item.custom_id] = f"no message: {error}"
                        continue
                    self._keep(Request(**requests[item.custom_id]), message, batch["batch"])
                failures.pop(item.custom_id, None)
            else:
                error = item.result.error.error if item.result.type == "errored" else None
                failures[item.custom_id] = item.result.type + (f": {error.type}, {error.message}" if error else "")
        return failures

    def _results(self, batch: MessageBatch) -> list[MessageBatchIndividualResponse]:
        """Return all results of a batch.

        Raises:
            TransientError: the connection was interrupted; the SDK itself does not try again then.
        """
        try:
            results = [
                item
                for item in self.client.messages.batches.results(batch.id)
                if getattr(item, "result", None) is not None
            ]
        except (httpx2.TransportError, ValueError) as error:
            raise TransientError(f"the results of batch {batch.id} were interrupted ({error})") from None
        if len(results) < _size(batch):
            raise TransientError(f"{len(results)} of {_size(batch)} results of batch {batch.id} came")
        return results

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the API, more than once where that may help, and describe its errors."""
        try:
            return self._retry(function, *arguments)
        except anthropic.NotFoundError as error:
            raise ApiError(
                f"{_described(error)}; a batch belongs to the workspace of the key that created it and is kept for "
                f"29 days; use that key, or delete its submission's lines in {self.store.path} to ask and pay again"
            ) from None
        except anthropic.APIError as error:
            raise ApiError(f"{_described(error)}; {_kept(self.store)}") from None


class TransientError(Exception):
    """An error that a later try may not have: a batch that could not be created, results that ended early."""


def make_client(timeout_seconds: float, max_retries: int) -> anthropic.Anthropic:
    """Return a client of the API.

    Raises:
        ApiError: the environment holds no key, or a proxy of an unknown kind.
    """
    key = os.environ.get("ANTHROPIC_API_KEY", "").strip()
    if not key:
        raise ApiError(
            "ANTHROPIC_API_KEY is not set, and some requests are not in the store; set it (a key from "
            "platform.claude.com), or choose generation.backend: recorded, or remove the block evaluation.claude"
        )
    if not key.isascii() or not key.isprintable() or " " in key:  # the error of the connection would print the key
        raise ApiError(
            "ANTHROPIC_API_KEY holds a space, a line break or a character beyond ASCII, which no key has; set it to "
            "the key alone, in one line"
        )
    try:
        httpx2.Client().close()  # as the SDK's own, whose destructor complains where its making failed
    except ValueError:
        raise ApiError(f"Anthropic's API cannot be asked: {UNKNOWN_PROXY}") from None
    return anthropic.Anthropic(api_key=key, timeout=timeout_seconds, max_retries=max_retries)


def _passing(error: BaseException | None) -> bool:
    """Return whether an error may be temporary: no connection, too many requests, an error of the service."""
    if isinstance(error, anthropic.APIStatusError):
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    return isinstance(error, anthropic.APIConnectionError)


def _described(error: BaseException) -> str:
    if isinstance(error, anthropic.APIStatusError):
        refused = isinstance(error, anthropic.AuthenticationError | anthropic.PermissionDeniedError)
        advice = "; check the key in ANTHROPIC_API_KEY" if refused else ""
        return f"Anthropic's API answered {error.status_code}: {one_line(error.message, 300)}{advice}"
    return f"Anthropic's API could not be reached ({one_line(error)})"


def _no_answer(found: str, store: ResponseStore) -> str:
    place = os.environ.get("ANTHROPIC_BASE_URL")
    server = f"the server at ANTHROPIC_BASE_URL, {place}," if place else "Anthropic's API"
    advice = "check the address and what stands between"
    return f"{server} answered with status 200, but with {found}; {advice}; {_kept(store)}"


def _kept(store: ResponseStore) -> str:
    return f"{len(store.answers)} answers are safe in {store.path}: run the same command again to continue"


def _size(batch: MessageBatch) -> int:
    return sum(batch.request_counts.to_dict().values())
