"""A source that answers 429 is left alone with that credential until its time is over, over all calls."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate

import pytest

from providers.http.credential import Credential
from providers.open_sources import open_sources
from providers.resilience.rate_limited import FIRST_WAIT, LONGEST_UNASKED_WAIT, LONGEST_WAIT, RateLimitedCredentials
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.errors import SourceRateLimited
from providers.spi.request import Request
from tests.support.scripted_server import ok


class BusySource:
    """Answers 429 with these headers to every credential in `busy`, and counts the requests of each."""

    def __init__(self, *headers: str) -> None:
        lines = ["HTTP/1.1 429 Too Many Requests", "Content-Length: 0", *headers]
        self._refusal = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.busy = {"alice"}
        self.asked: Counter[str] = Counter()
        self.base_url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                found = re.search(rb"Authorization: Bearer (\S+)", await reader.readuntil(b"\r\n\r\n"))
                assert found is not None
                credential = found[1].decode()
                self.asked[credential] += 1
                writer.write(self._refusal if credential in self.busy else ok())
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def busy(*headers: str) -> AsyncIterator[tuple[BusySource, Source]]:
    """The server, and a source with the callers' credentials that asks it."""
    made = BusySource(*headers)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    settings = SourceSettings(
        name="sales",
        provider="wacr",
        base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        token_header="X-Sales-Token",
        cache_ttl=0.0,
        timeout=2.0,
    )
    (source,) = open_sources([settings], {})
    try:
        yield made, source
    finally:
        await source.aclose()
        server.close()


async def ask(source: Source, credential: str = "alice", number: int = 0) -> object:
    request = Request("GET", "/v2/contacts", (("page", str(number)),))
    return await source.send(request, Credential(credential), deadline=None)


async def test_a_thousand_calls_of_a_source_that_asked_for_time_ask_it_no_more() -> None:
    async with busy("Retry-After: 30") as (server, source):
        outcomes = await asyncio.gather(*(ask(source, number=n) for n in range(1_000)), return_exceptions=True)
        assert all(isinstance(outcome, SourceRateLimited) for outcome in outcomes)
        # Those that were under way before the first answer came: max_concurrency.
        assert server.asked["alice"] <= source.settings.max_concurrency
        with pytest.raises(SourceRateLimited, match="sales was not asked: it answered 429") as raised:
            await ask(source)
        assert raised.value.retry_after == pytest.approx(30.0, abs=5.0)
        assert source.health.calls["SOURCE_RATE_LIMITED"] == server.asked["alice"]


async def test_another_credential_is_asked_meanwhile() -> None:
    async with busy("Retry-After: 30") as (server, source):
        with pytest.raises(SourceRateLimited):
            await ask(source)
        for number in range(5):
            await ask(source, "bob", number)
        with pytest.raises(SourceRateLimited):
            await ask(source)
        assert server.asked == {"alice": 1, "bob": 5}


async def test_when_its_time_is_over_the_source_is_asked_again() -> None:
    async with busy("Retry-After: 3") as (server, source):
        clock = Clock()
        source._upstream._rate_limited.clock = clock
        with pytest.raises(SourceRateLimited):
            await ask(source)
        server.busy.clear()
        clock.now += 2.9
        with pytest.raises(SourceRateLimited):
            await ask(source)
        clock.now += 0.2
        await ask(source)
        assert server.asked["alice"] == 2


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Retry-After: 0",),
        ("Retry-After: -5",),
        ("Retry-After: soon",),
        (f"Retry-After: {formatdate(0, usegmt=True)}",),
    ],
    ids=["none", "zero", "negative", "nonsense", "in the past"],
)
async def test_without_a_time_a_thousand_calls_are_a_handful(headers: tuple[str, ...]) -> None:
    async with busy(*headers) as (server, source):
        for number in range(1_000):
            with pytest.raises(SourceRateLimited):
                await ask(source, number=number)
        assert server.asked["alice"] <= 20


# ---------------------------------------------------------------- how long


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_what_a_source_asks_for_is_kept_within_an_hour() -> None:
    clock = Clock()
    waits = RateLimitedCredentials(clock)
    waits.refused("a", 365 * 86_400.0, clock.now)
    assert waits.wait("a") == LONGEST_WAIT
    assert waits.wait("b") == 0.0


def test_without_a_time_each_wait_is_twice_the_last_up_to_a_minute() -> None:
    clock = Clock()
    waits = RateLimitedCredentials(clock)
    seen = []
    for _ in range(14):
        waits.refused("a", None, clock.now)
        seen.append(waits.wait("a"))
        clock.now += seen[-1] + 0.001
    assert seen[:3] == [pytest.approx(FIRST_WAIT * 2**n) for n in range(3)]
    assert seen[-1] == pytest.approx(LONGEST_UNASKED_WAIT)


def test_answers_that_were_under_way_together_make_one_wait() -> None:
    clock = Clock()
    waits = RateLimitedCredentials(clock)
    for _ in range(8):
        waits.refused("a", None, clock.now)
    assert waits.wait("a") == pytest.approx(FIRST_WAIT)


def test_a_good_answer_ends_the_growth_but_not_a_wait_that_began_after_its_question() -> None:
    clock = Clock()
    waits = RateLimitedCredentials(clock)
    waits.refused("a", 5.0, clock.now)
    waits.answered("a", clock.now)
    assert waits.wait("a") == 5.0
    clock.now += 6
    waits.answered("a", clock.now)
    assert not waits
