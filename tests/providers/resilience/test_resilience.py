"""Retries, their budget, the circuit, the limits: one source's behaviour when it is not answered well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
import stamina
from stamina.instrumentation import RetryDetails, get_on_retry_hooks, set_on_retry_hooks

from providers.cache.single_flight import SingleFlight
from providers.http.credential import Credential
from providers.registry import PROVIDERS
from providers.resilience.circuit_breaker import CircuitBreaker, CircuitState, Permit
from providers.resilience.rate_limiter import Gate, NoFreeSlot, RateExceeded
from providers.resilience.retry import RetryBudget
from providers.resilience.status_errors import LONGEST_RETRY_AFTER, retry_after
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.errors import (
    SourceBadRequest,
    SourceError,
    SourceForbidden,
    SourceInvalidResponse,
    SourceRateLimited,
    SourceTimeout,
    SourceUnauthenticated,
    SourceUnavailable,
)
from providers.spi.record import SourceRecord, global_id
from providers.spi.request import Request, Response

LIST = Request("GET", "/v2/contacts")
Reply = httpx.Response | Exception


class Sales:
    """A source "sales" whose upstream gives `replies` in turn, the last one for ever."""

    def __init__(self, *replies: Reply, **settings: Any) -> None:
        self._replies = list(replies)
        self.requests: list[httpx.Request] = []
        self.attempts: list[tuple[int | None, bool]] = []
        made = SourceSettings(
            name="sales",
            provider="wacr",
            base_url="http://api.example.com",
            token_env="SALES_TOKEN",
            **{"cache_ttl": 0.0, **settings},
        )
        self.source = Source(
            made,
            PROVIDERS["wacr"](made),
            SourceRecord(global_id("Source", "sales", "sales"), "sales", "wacr"),
            httpx.MockTransport(self._handle),
            credential=Credential("a-token"),
        )

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    def reply(self, *replies: Reply) -> None:
        self._replies = list(replies)

    async def ask(self, request: Request = LIST, within: float | None = None) -> Response:
        deadline = None if within is None else asyncio.get_running_loop().time() + within
        return await self.source.send(
            request,
            None,
            deadline=deadline,
            on_attempt=lambda status, milliseconds, hit: self.attempts.append((status, hit)),
        )

    async def failure(self, request: Request = LIST, within: float | None = None) -> SourceError:
        with pytest.raises(SourceError) as raised:
            await self.ask(request, within)
        return raised.value


def status(code: int, **headers: str) -> httpx.Response:
    return httpx.Response(code, headers={name.replace("_", "-"): value for name, value in headers.items()})


GOOD = httpx.Response(200, json={"data": []})


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries follow at once; whether a wait fits the deadline is still decided."""
    with stamina.set_testing(True, attempts=100):
        yield


@contextmanager
def waits() -> Iterator[list[float]]:
    """The seconds between attempts, really waited."""
    seen: list[float] = []

    def note(details: RetryDetails) -> None:
        seen.append(details.wait_for)

    hooks = get_on_retry_hooks()
    set_on_retry_hooks([note])
    try:
        with stamina.set_testing(False):
            yield seen
    finally:
        set_on_retry_hooks(hooks)


# ---------------------------------------------------------------- retries


@pytest.mark.parametrize(
    "first",
    [
        status(429),
        status(502),
        status(503),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadError("reset"),
    ],
    ids=["429", "502", "503", "refused", "connect timeout", "reset"],
)
async def test_what_may_pass_is_asked_again(first: Reply) -> None:
    sales = Sales(first, GOOD)
    assert (await sales.ask()).body == b'{"data":[]}'
    assert len(sales.requests) == 2


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 409, 422, 500, 501, 504])
async def test_every_other_status_is_final_for_the_call(code: int) -> None:
    sales = Sales(status(code), GOOD)
    assert (await sales.failure()).status == code
    assert len(sales.requests) == 1


async def test_a_read_timeout_is_not_repeated() -> None:
    sales = Sales(httpx.ReadTimeout("slow"), GOOD)
    assert isinstance(await sales.failure(), SourceTimeout)
    assert len(sales.requests) == 1


async def test_a_read_only_post_is_repeated_with_its_body() -> None:
    sales = Sales(status(503), GOOD)
    await sales.ask(Request("POST", "/api/contacts", body=b'{"page":1}'))
    assert [(request.method, request.content) for request in sales.requests] == [("POST", b'{"page":1}')] * 2
    assert sales.requests[1].headers["content-type"] == "application/json"


async def test_retries_end_with_their_number_and_the_last_failure() -> None:
    sales = Sales(status(502), status(502), status(503, x_request_id="r-3"), retries=2)
    failure = await sales.failure()
    assert (type(failure), failure.status, failure.request_id) == (SourceUnavailable, 503, "r-3")
    assert sales.attempts == [(502, False), (502, False), (503, False)]


async def test_without_retries_one_attempt_is_made() -> None:
    sales = Sales(status(503), retries=0)
    await sales.failure()
    assert len(sales.requests) == 1


async def test_an_attempt_without_an_answer_has_no_status() -> None:
    sales = Sales(httpx.ConnectError("refused"), GOOD)
    await sales.ask()
    assert sales.attempts == [(None, False), (200, False)]


async def test_waits_grow_exponentially_with_jitter() -> None:
    with waits() as seen:
        await Sales(status(503), retries=2).failure()
    first, second = seen
    assert 0.1 <= first <= 0.2
    assert 0.2 <= second <= 0.3


async def test_retry_after_is_obeyed_when_it_fits() -> None:
    with waits() as seen:
        await Sales(status(429, retry_after="0.02"), GOOD).ask()
    assert seen == [0.02]


async def test_a_retry_after_beyond_the_deadline_is_reported_instead_of_waited_for() -> None:
    sales = Sales(status(429, retry_after="12"), GOOD, timeout=10.0)
    failure = await sales.failure()
    assert isinstance(failure, SourceRateLimited)
    assert (failure.message, failure.retry_after) == ("sales answered 429; retry in 12 s", 12.0)
    assert len(sales.requests) == 1


async def test_a_retry_after_within_the_timeout_but_beyond_the_requests_deadline_is_not_waited_for() -> None:
    sales = Sales(status(503, retry_after="5"), GOOD, timeout=10.0)
    assert (await sales.failure(within=2.0)).retry_after == 5.0
    assert len(sales.requests) == 1


async def test_no_retry_is_begun_that_could_not_end_before_the_deadline() -> None:
    sales = Sales(status(503), GOOD)
    await sales.failure(within=0.05)
    assert len(sales.requests) == 1


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=30), usegmt=True)}, 30.0),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=30), usegmt=True)}, 0.0),
        (
            {
                "retry-after": format_datetime(NOW + timedelta(hours=1, seconds=30), usegmt=True),
                "date": format_datetime(NOW + timedelta(hours=1), usegmt=True),
            },
            30.0,
        ),
        ({"retry-after": "999999999"}, LONGEST_RETRY_AFTER),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 400}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_the_budget_lets_a_few_retries_through_and_then_one_in_five_calls() -> None:
    budget = RetryBudget(share=0.2, reserve=3.0)
    assert [budget.withdraw() for _ in range(4)] == [True, True, True, False]
    allowed = 0
    for _ in range(100):
        budget.deposit()
        allowed += budget.withdraw()
    assert allowed in (19, 20)


def test_a_budget_that_is_not_used_does_not_grow() -> None:
    budget = RetryBudget(share=0.2, reserve=3.0)
    for _ in range(1_000):
        budget.deposit()
    assert [budget.withdraw() for _ in range(4)] == [True, True, True, False]


async def test_an_outage_is_not_multiplied() -> None:
    sales = Sales(status(503), retries=2, circuit_failures=0)
    for _ in range(100):
        await sales.failure()
    assert 120 <= len(sales.requests) <= 131


# ---------------------------------------------------------------- what statuses mean


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (401, SourceUnauthenticated, "sales refused the credential (401); check SALES_TOKEN"),
        (403, SourceForbidden, "sales forbids this to the credential (403); check the permissions of SALES_TOKEN"),
        (429, SourceRateLimited, "sales answered 429"),
        (400, SourceBadRequest, "sales refused the request (400)"),
        (404, SourceBadRequest, "sales does not have what was asked for (404); check base_url"),
        (422, SourceBadRequest, "sales refused the request (422)"),
        (408, SourceTimeout, "sales gave up waiting for the request (408)"),
        (500, SourceUnavailable, "sales answered 500"),
        (504, SourceUnavailable, "sales answered 504"),
        (304, SourceInvalidResponse, "sales answered 304; expected 200 with JSON"),
        (206, SourceInvalidResponse, "sales answered 206; expected 200 with JSON"),
    ],
)
async def test_a_status_becomes_an_error_that_names_source_and_remedy(
    code: int, kind: type[SourceError], message: str
) -> None:
    failure = await Sales(httpx.Response(code, text="<b>secret body</b>"), retries=0).failure()
    assert (type(failure), failure.message, failure.status, failure.source) == (kind, message, code, "sales")


async def test_a_created_post_is_a_success() -> None:
    assert (await Sales(httpx.Response(201, json={"data": {}})).ask()).body == b'{"data":{}}'


@pytest.mark.parametrize(
    ("reply", "request_id"),
    [
        (status(500, x_request_id="req_1-a"), "req_1-a"),
        (status(500, request_id="req_2"), "req_2"),
        (status(500, x_request_id="<script>"), None),
        (status(500, x_request_id="x" * 65), None),
        (
            httpx.Response(422, json={"request_id": "req_3"}, headers={"Content-Type": "application/problem+json"}),
            "req_3",
        ),
        (httpx.Response(422, json={"request_id": 7}, headers={"Content-Type": "application/problem+json"}), None),
        (httpx.Response(422, content=b"\xff{", headers={"Content-Type": "application/problem+json"}), None),
        (httpx.Response(422, json={"request_id": "req_4"}), None),
    ],
)
async def test_the_upstreams_request_id_is_kept_when_it_is_tidy(reply: httpx.Response, request_id: str | None) -> None:
    assert (await Sales(reply).failure()).request_id == request_id


@pytest.mark.parametrize(
    ("body", "got"),
    [
        (b"<html>Bad Gateway</html>", "an HTML page"),
        (b" \n<!doctype html>", "an HTML page"),
        (b"", "nothing"),
        (b"hello", "something else"),
        ("[]".encode("utf-16"), "something else"),
    ],
)
async def test_a_success_without_json_says_what_was_expected(body: bytes, got: str) -> None:
    failure = await Sales(httpx.Response(200, content=body)).failure()
    assert isinstance(failure, SourceInvalidResponse)
    assert failure.message == f"sales: expected JSON, got {got}; check base_url"


@pytest.mark.parametrize("before", [b"\xef\xbb\xbf", b" \r\n\t"])
async def test_json_after_a_byte_order_mark_or_white_space_is_json(before: bytes) -> None:
    assert (await Sales(httpx.Response(200, content=before + b"[]")).ask()).body == b"[]"


async def test_an_answer_over_the_limit_names_the_setting() -> None:
    failure = await Sales(httpx.Response(200, content=b" " * 1_001), max_response_bytes=1_000).failure()
    assert isinstance(failure, SourceInvalidResponse)
    assert "an answer of at most 1000 bytes; raise max_response_bytes" in failure.message


async def test_a_redirect_inside_the_origin_is_followed_with_the_credential() -> None:
    sales = Sales(httpx.Response(301, headers={"Location": "/v2/contacts/"}), GOOD)
    await sales.ask()
    assert [request.url.path for request in sales.requests] == ["/v2/contacts", "/v2/contacts/"]
    assert sales.requests[1].headers["authorization"] == "Bearer a-token"


@pytest.mark.parametrize("location", ["http://elsewhere.example.com/", "https://api.example.com/v2/contacts", ""])
async def test_a_redirect_elsewhere_is_not_followed(location: str) -> None:
    sales = Sales(httpx.Response(302, headers={"Location": location}), GOOD)
    failure = await sales.failure()
    assert isinstance(failure, SourceInvalidResponse)
    assert failure.message == "sales answered with a redirect (302) that leads elsewhere; check base_url"
    assert "example.com" not in failure.message
    assert len(sales.requests) == 1


async def test_a_redirect_in_circles_ends() -> None:
    sales = Sales(httpx.Response(302, headers={"Location": "/v2/contacts"}))
    assert isinstance(await sales.failure(), SourceInvalidResponse)
    assert len(sales.requests) == 4


@pytest.mark.parametrize(("code", "asked"), [(302, 1), (303, 1), (307, 2), (308, 2)])
async def test_a_post_is_redirected_only_where_it_stays_a_post(code: int, asked: int) -> None:
    sales = Sales(httpx.Response(code, headers={"Location": "/other"}), GOOD)
    question = Request("POST", "/api/contacts", body=b"{}")
    if asked == 1:
        await sales.failure(question)
    else:
        await sales.ask(question)
    assert [request.method for request in sales.requests] == ["POST"] * asked


# ---------------------------------------------------------------- time


async def test_a_hanging_source_costs_its_own_timeout() -> None:
    source = Held().source(timeout=0.05)
    with pytest.raises(SourceTimeout) as raised:
        await source.send(LIST, None, deadline=asyncio.get_running_loop().time() + 30.0)
    assert raised.value.message == "sales did not answer in time; its timeout is 0.05 s"


async def test_a_deadline_that_is_over_costs_no_call() -> None:
    sales = Sales(GOOD)
    failure = await sales.failure(within=0.0)
    assert isinstance(failure, SourceTimeout)
    assert sales.requests == []


# ---------------------------------------------------------------- limits


class Held:
    """An upstream that answers when told, and counts who is being served."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.serving = 0
        self.most = 0

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.serving += 1
        self.most = max(self.most, self.serving)
        try:
            await self.release.wait()
        finally:
            self.serving -= 1
        return httpx.Response(200, json=[])

    def source(self, **settings: Any) -> Source:
        made = SourceSettings(
            name="sales",
            provider="wacr",
            base_url="http://api.example.com",
            token_env="T",
            **{"cache_ttl": 0.0, **settings},
        )
        record = SourceRecord("id", "sales", "wacr")
        transport = httpx.MockTransport(self.handle)
        return Source(made, PROVIDERS["wacr"](made), record, transport, credential=Credential("a-token"))


async def settled(condition: Callable[[], bool]) -> None:
    """Gives other tasks turns until the condition holds."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("never came about")


async def test_no_more_calls_than_allowed_are_under_way() -> None:
    held = Held()
    source = held.source(max_concurrency=2)
    calls = [asyncio.create_task(source.send(LIST, None, deadline=None)) for _ in range(6)]
    await settled(lambda: held.serving == 2)
    held.release.set()
    await asyncio.gather(*calls)
    assert held.most == 2


async def test_cancelled_calls_give_their_slots_back() -> None:
    held = Held()
    source = held.source(max_concurrency=2)
    calls = [asyncio.create_task(source.send(LIST, None, deadline=None)) for _ in range(6)]
    await settled(lambda: held.serving == 2)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert held.serving == 0
    held.release.set()
    answers = await asyncio.gather(*(source.send(LIST, None, deadline=None) for _ in range(2)))
    assert [answer.body for answer in answers] == [b"[]", b"[]"]


async def test_waiting_for_a_slot_ends_with_the_deadline_and_does_not_blame_the_source() -> None:
    held = Held()
    source = held.source(max_concurrency=1, circuit_failures=1)
    first = asyncio.create_task(source.send(LIST, None, deadline=None))
    await settled(lambda: held.serving == 1)
    with pytest.raises(SourceTimeout, match="max_concurrency"):
        await source.send(LIST, None, deadline=asyncio.get_running_loop().time() + 0.02)
    assert source.health.circuit is CircuitState.CLOSED
    held.release.set()
    assert (await first).body == b"[]"


async def test_a_gate_refused_or_cancelled_holds_nothing() -> None:
    gate = Gate(1, None)
    loop = asyncio.get_running_loop()
    await gate.enter(loop.time() + 5)
    with pytest.raises(NoFreeSlot):
        await gate.enter(loop.time() + 0.01)
    waiting = asyncio.create_task(gate.enter(loop.time() + 5))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.leave()
    await asyncio.wait_for(gate.enter(loop.time() + 5), 1)


@pytest.mark.parametrize(("rate", "burst"), [(3.0, 3), (0.01, 1)])
async def test_the_rate_limit_lets_a_burst_through_and_then_says_when(rate: float, burst: int) -> None:
    gate = Gate(100, rate)
    loop = asyncio.get_running_loop()
    for _ in range(burst):
        await gate.enter(loop.time() + 5)
    with pytest.raises(RateExceeded) as raised:
        await gate.enter(loop.time() + 0.001)
    assert raised.value.retry_after == pytest.approx(1 / rate)


async def test_our_own_rate_limit_is_reported_as_one() -> None:
    sales = Sales(GOOD, rate_limit=0.01)
    await sales.ask()
    failure = await sales.failure(within=0.01)
    assert isinstance(failure, SourceRateLimited)
    assert (failure.status, failure.retry_after) == (None, 100.0)
    assert len(sales.requests) == 1


# ---------------------------------------------------------------- the circuit


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock, failures: int = 3) -> CircuitBreaker:
    breaker = CircuitBreaker(failures, 5.0, clock)
    for _ in range(failures):
        breaker.failed(breaker.admit())
    return breaker


def test_a_circuit_opens_on_consecutive_failures() -> None:
    breaker = CircuitBreaker(3, 5.0, Clock())
    assert [breaker.failed(breaker.admit()) for _ in range(3)] == [False, False, True]
    assert breaker.state is CircuitState.OPEN
    assert breaker.admit() is Permit.REFUSED


def test_a_circuit_opens_on_failures_among_successes_of_the_last_twenty_calls() -> None:
    breaker = CircuitBreaker(10, 5.0, Clock())
    for _ in range(9):
        breaker.succeeded(breaker.admit())
        breaker.failed(breaker.admit())
    assert breaker.state is CircuitState.CLOSED
    assert breaker.failed(breaker.admit())
    assert breaker.admit() is Permit.REFUSED


def test_failures_long_ago_do_not_count() -> None:
    breaker = CircuitBreaker(3, 5.0, Clock())
    for _ in range(100):
        breaker.failed(breaker.admit())
        for _ in range(10):
            breaker.succeeded(breaker.admit())
    assert breaker.state is CircuitState.CLOSED


def test_an_open_circuit_says_when_to_come_back() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 2
    assert breaker.retry_after == 3.0


def test_after_the_cool_down_one_call_finds_out() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    assert breaker.state is CircuitState.HALF_OPEN
    assert [breaker.admit(), breaker.admit()] == [Permit.PROBE, Permit.REFUSED]


def test_a_good_probe_closes_the_circuit_and_forgets() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    breaker.succeeded(breaker.admit())
    assert breaker.state is CircuitState.CLOSED
    assert [breaker.failed(breaker.admit()) for _ in range(2)] == [False, False]


def test_a_bad_probe_opens_it_for_another_cool_down() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    breaker.failed(breaker.admit())
    assert (breaker.state, breaker.retry_after) == (CircuitState.OPEN, 5.0)


def test_an_abandoned_probe_leaves_its_place_to_the_next() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += 5
    breaker.abandoned(breaker.admit())
    assert breaker.admit() is Permit.PROBE


def test_calls_from_before_the_opening_change_nothing() -> None:
    clock = Clock()
    breaker = CircuitBreaker(1, 5.0, clock)
    early, late = breaker.admit(), breaker.admit()
    breaker.failed(early)
    clock.now += 1
    breaker.failed(late)
    breaker.succeeded(late)
    assert (breaker.state, breaker.retry_after) == (CircuitState.OPEN, 4.0)


def test_without_a_number_of_failures_a_circuit_never_opens() -> None:
    breaker = CircuitBreaker(0, 5.0, Clock())
    for _ in range(100):
        breaker.failed(breaker.admit())
    assert breaker.state is CircuitState.CLOSED


async def test_a_source_that_keeps_failing_is_left_alone() -> None:
    sales = Sales(status(500), circuit_failures=3, circuit_cooldown=60.0)
    for _ in range(3):
        await sales.failure()
    failure = await sales.failure()
    assert len(sales.requests) == 3
    assert isinstance(failure, SourceUnavailable)
    assert failure.message.startswith("sales was not asked: it kept failing; the next try is in ")
    assert failure.retry_after == pytest.approx(60.0, abs=5.0)
    assert sales.source.health.circuit is CircuitState.OPEN


@pytest.mark.parametrize("reply", [status(401), status(404), status(422), status(429, retry_after="99")])
async def test_refusals_do_not_open_the_circuit(reply: httpx.Response) -> None:
    sales = Sales(reply, circuit_failures=2)
    for _ in range(5):
        await sales.failure()
    assert sales.source.health.circuit is CircuitState.CLOSED


async def test_a_source_that_answers_again_is_asked_again() -> None:
    sales = Sales(status(500), circuit_failures=2, circuit_cooldown=0.01)
    for _ in range(2):
        await sales.failure()
    sales.reply(GOOD)
    await asyncio.sleep(0.02)
    await sales.ask()
    assert sales.source.health.circuit is CircuitState.CLOSED


async def test_a_probe_is_one_attempt() -> None:
    sales = Sales(status(503), retries=0, circuit_failures=1, circuit_cooldown=0.01)
    await sales.failure()
    await asyncio.sleep(0.02)
    patient = sales.source.settings.model_copy(update={"retries": 5})
    sales.source._upstream._settings = patient
    await sales.failure()
    assert len(sales.requests) == 2


async def test_a_cancelled_probe_does_not_block_the_source() -> None:
    held = Held()
    source = held.source(circuit_failures=1, circuit_cooldown=0.01, timeout=0.02)
    with pytest.raises(SourceTimeout):
        await source.send(LIST, None, deadline=None)
    await asyncio.sleep(0.02)
    probe = asyncio.create_task(source.send(LIST, None, deadline=None))
    await settled(lambda: held.serving == 1)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    held.release.set()
    assert (await source.send(LIST, None, deadline=None)).body == b"[]"


# ---------------------------------------------------------------- single flight


class Work:
    """Counts how often it is started; ends when told, with `failure` if there is one."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.release = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.started += 1
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        return self.started


@pytest.fixture
async def flights() -> AsyncIterator[SingleFlight[str, int]]:
    made: SingleFlight[str, int] = SingleFlight()
    yield made
    await made.aclose()


async def waiting(flights: SingleFlight[str, int], work: Work, number: int) -> list[asyncio.Task[tuple[int, bool]]]:
    tasks = [asyncio.create_task(flights.run("key", work, None)) for _ in range(number)]
    await settled(lambda: work.started > 0)
    await asyncio.sleep(0)
    return tasks


async def test_a_thousand_equal_questions_are_one(flights: SingleFlight[str, int]) -> None:
    work = Work()
    tasks = await waiting(flights, work, 1_000)
    work.release.set()
    results = await asyncio.gather(*tasks)
    assert (work.started, [started for _, started in results].count(True)) == (1, 1)
    assert len(flights) == 0


async def test_a_waiter_that_is_cancelled_leaves_the_others_alone(flights: SingleFlight[str, int]) -> None:
    work = Work()
    first, second = await waiting(flights, work, 2)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.release.set()
    assert await second == (1, False)
    assert work.cancelled == 0


async def test_when_the_last_waiter_is_gone_the_work_is_cancelled_and_the_next_begins_anew(
    flights: SingleFlight[str, int],
) -> None:
    work = Work()
    for task in await waiting(flights, work, 2):
        task.cancel()
    await settled(lambda: work.cancelled == 1)
    work.release.set()
    assert await flights.run("key", work, None) == (2, True)


async def test_an_exception_reaches_every_waiter(flights: SingleFlight[str, int]) -> None:
    work = Work()
    work.failure = ValueError("no")
    tasks = await waiting(flights, work, 3)
    work.release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(result) for result in results] == ["no", "no", "no"]


async def test_a_waiters_deadline_is_its_own(flights: SingleFlight[str, int]) -> None:
    work = Work()
    (patient,) = await waiting(flights, work, 1)
    with pytest.raises(TimeoutError):
        await flights.run("key", work, asyncio.get_running_loop().time() + 0.01)
    work.release.set()
    assert await patient == (1, True)


async def test_detached_work_goes_on_without_waiters(flights: SingleFlight[str, int]) -> None:
    work = Work()
    flights.detach("key", work)
    flights.detach("key", work)
    joined = asyncio.create_task(flights.run("key", work, None))
    await settled(lambda: work.started == 1)
    joined.cancel()
    await asyncio.gather(joined, return_exceptions=True)
    assert (work.started, work.cancelled, len(flights)) == (1, 0, 1)
    work.release.set()
    await settled(lambda: len(flights) == 0)
