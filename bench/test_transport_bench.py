"""CPU of this process for calls of 11 kB over loopback: the project's own client, the same over httpx, httpx alone.

The server is a process of its own, and what is measured is process time: waiting for it costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest
import uvloop
from pytest_benchmark.fixture import BenchmarkFixture

from bench.answered import CREDENTIAL_VARIABLE
from bench.one_answer import serving
from providers.cache.store import MemoryCache
from providers.http.connection_pool import PooledTransport
from providers.http.httpx_transport import HttpxTransport
from providers.http.transport import Limits, Transport, origin_of
from providers.registry import PROVIDERS
from providers.settings import SourceSettings
from providers.source import Credential, Source
from providers.spi.record import SourceRecord
from providers.spi.request import Request

BODY = b'{"data":[' + b",".join([b'{"id":1234567,"name":"abcdefgh"}'] * 340) + b"]}"
TARGET = "/v2/contacts?page=1&per_page=25"
CREDENTIAL = "a-token-of-the-benchmark"
HEADERS = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "gzip"),
    ("User-Agent", "contactgraph"),
    ("Authorization", f"Bearer {CREDENTIAL}"),
)
LIMITS = Limits(connect_timeout=5.0, read_timeout=10.0, max_bytes=10_000_000)
CALLS = 160
TOTAL_SECONDS = 60.0

Call = Callable[[], Awaitable[bytes]]

pytestmark = pytest.mark.benchmark(timer=time.process_time)
side_by_side = pytest.mark.parametrize("at_once", [1, 16])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of the server."""
    with serving(BODY) as address:
        yield address


async def calls(call: Call, at_once: int) -> list[bytes]:
    """Returns the bodies of CALLS calls, so many of them under way at a time."""
    bodies: list[bytes] = []

    async def one_after_the_other() -> None:
        for _ in range(CALLS // at_once):
            bodies.append(await call())

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return bodies


def measured(
    benchmark: BenchmarkFixture, runner: asyncio.Runner, call: Call, close: Callable[[], Awaitable[None]], at_once: int
) -> None:
    """Measures CALLS calls, and checks every answer."""
    loop = runner.get_loop()
    # The first calls make the connections.
    loop.run_until_complete(calls(call, at_once))
    bodies = benchmark(lambda: loop.run_until_complete(calls(call, at_once)))
    loop.run_until_complete(close())
    assert bodies == [BODY] * CALLS


@side_by_side
@pytest.mark.parametrize("kind", ["own", "over_httpx"])
def test_160_calls_of_a_transport(benchmark: BenchmarkFixture, url: str, kind: str, at_once: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        transport: Transport = PooledTransport() if kind == "own" else HttpxTransport(httpx.AsyncHTTPTransport())
        origin = origin_of(url)

        async def call() -> bytes:
            deadline = loop.time() + TOTAL_SECONDS
            return (await transport.send(origin, "GET", TARGET, HEADERS, None, LIMITS, deadline)).body

        measured(benchmark, runner, call, transport.aclose, at_once)


@side_by_side
def test_160_calls_of_an_httpx_client(benchmark: BenchmarkFixture, url: str, at_once: int) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        client = httpx.AsyncClient(base_url=url, headers=dict(HEADERS))

        async def call() -> bytes:
            return (await client.get(TARGET)).content

        measured(benchmark, runner, call, client.aclose, at_once)


@side_by_side
@pytest.mark.parametrize("cache_ttl", [0, 600], ids=["uncached", "cached"])
def test_160_calls_of_a_source(benchmark: BenchmarkFixture, url: str, cache_ttl: float, at_once: int) -> None:
    settings = SourceSettings(
        name="sales",
        provider="wacr",
        base_url=url,
        token_env=CREDENTIAL_VARIABLE,
        cache_ttl=cache_ttl,
        max_concurrency=16,
    )
    record = SourceRecord("source", "sales", "wacr")
    request = Request("GET", "/v2/contacts", (("page", "1"), ("per_page", "25"), ("sort", "id")))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        source = Source(
            settings,
            PROVIDERS["wacr"](settings),
            record,
            PooledTransport(),
            MemoryCache(1_000_000),
            credential=Credential(CREDENTIAL),
        )

        async def call() -> bytes:
            return (await source.send(request, None, deadline=loop.time() + TOTAL_SECONDS)).body

        measured(benchmark, runner, call, source.aclose, at_once)
