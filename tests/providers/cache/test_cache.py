"""Kept answers: when they are given again, to whom, and what happens when the source or the store is away."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from email.utils import formatdate
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from providers.cache.freshness import Freshness, freshness
from providers.cache.store import Cache, MemoryCache, StoredAnswer, scope_of
from providers.http.credential import Credential
from providers.redis.cache import RedisCache
from providers.redis.connection import RedisAway, RedisLink, Script
from providers.redis.rate_limiter import RedisLimits
from providers.registry import PROVIDERS
from providers.resilience.rate_limiter import SharedLimitsAway
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.errors import SourceBadRequest, SourceError, SourceTimeout, SourceUnavailable
from providers.spi.record import SourceRecord
from providers.spi.request import Request, Response
from tests.support.redis_server import needs_redis, running_redis

LIST = Request("GET", "/v2/contacts", (("page", "1"),))
OTHER = Request("GET", "/v2/contacts", (("page", "2"),))
NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class World:
    """A source "sales" with a cache. The upstream's n-th answer is `{"n":n}`, with `headers`; 304 when asked with its
    ETag; held back while `gate` is clear."""

    def __init__(self, cache: Cache | None = None, name: str = "sales", **settings: Any) -> None:
        self.clock = Clock()
        self.cache = cache or MemoryCache(clock=self.clock)
        self.headers: dict[str, str] = {}
        self.status = 200
        self.requests: list[httpx.Request] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.attempts: list[tuple[int | None, bool]] = []
        made = SourceSettings(
            name=name,
            provider="wacr",
            base_url="http://api.example.com",
            token_header="X-Token",
            **{"cache_ttl": 5.0, "retries": 0, "circuit_failures": 0, **settings},
        )
        self.source = Source(
            made,
            PROVIDERS["wacr"](made),
            SourceRecord("id", name, "wacr"),
            httpx.MockTransport(self._handle),
            self.cache,
            clock=self.clock,
        )

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        number = len(self.requests)
        headers, status = dict(self.headers), self.status
        await self.gate.wait()
        if status == 200 and request.headers.get("if-none-match") == headers.get("ETag", "none"):
            return httpx.Response(304, headers=headers)
        return httpx.Response(status, json={"n": number}, headers=headers)

    async def ask(
        self,
        request: Request = LIST,
        caller: str = "alice",
        *,
        fresh: bool = False,
        within: float | None = None,
    ) -> Response:
        deadline = None if within is None else asyncio.get_running_loop().time() + within
        return await self.source.send(
            request,
            Credential(caller),
            deadline=deadline,
            fresh=fresh,
            on_attempt=lambda status, milliseconds, hit: self.attempts.append((status, hit)),
        )

    async def asked(self, number: int) -> None:
        """Waits until the upstream has that many requests."""
        for _ in range(10_000):
            if len(self.requests) >= number:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{len(self.requests)} requests came")


def said(response: Response) -> tuple[bytes, bool, bool]:
    return response.body, response.cache_hit, response.stale


# ---------------------------------------------------------------- fresh answers


async def test_an_equal_question_within_the_time_is_answered_from_the_cache() -> None:
    world = World()
    assert said(await world.ask()) == (b'{"n":1}', False, False)
    world.clock.now += 4.9
    again = await world.ask()
    assert said(again) == (b'{"n":1}', True, False)
    assert (again.status, again.fetched_at, again.headers["content-type"]) == (200, NOW, "application/json")
    assert world.attempts == [(200, False), (200, True)]


async def test_after_the_time_the_source_is_asked_again() -> None:
    world = World()
    await world.ask()
    world.clock.now += 5.0
    assert said(await world.ask()) == (b'{"n":2}', False, False)


@pytest.mark.parametrize(
    "other",
    [
        OTHER,
        Request("GET", "/v2/contacts", (("page", "1"), ("per_page", "5"))),
        Request("POST", "/v2/contacts", (("page", "1"),), b"{}"),
        Request("GET", "/v2/contact", (("page", "1"),)),
    ],
)
async def test_another_question_is_another_call(other: Request) -> None:
    world = World()
    await world.ask()
    assert said(await world.ask(other)) == (b'{"n":2}', False, False)


async def test_another_credential_never_gets_the_answer() -> None:
    world = World()
    await world.ask(caller="alice")
    assert said(await world.ask(caller="bob")) == (b'{"n":2}', False, False)
    assert said(await world.ask(caller="alice")) == (b'{"n":1}', True, False)


async def test_another_source_never_gets_the_answer() -> None:
    cache = MemoryCache()
    first, second = World(cache), World(cache, name="support")
    await first.ask()
    await second.ask()
    assert (len(first.requests), len(second.requests)) == (1, 1)


async def test_a_time_of_zero_turns_cache_and_sharing_off() -> None:
    world = World(cache_ttl=0.0)
    world.gate.clear()
    calls = [asyncio.create_task(world.ask()) for _ in range(3)]
    await world.asked(3)
    world.gate.set()
    assert {(await call).cache_hit for call in calls} == {False}


async def test_no_cache_from_the_client_asks_the_source_and_renews_the_answer() -> None:
    world = World()
    await world.ask()
    assert said(await world.ask(fresh=True)) == (b'{"n":2}', False, False)
    assert said(await world.ask()) == (b'{"n":2}', True, False)


async def test_no_cache_from_the_client_does_not_join_a_call_under_way() -> None:
    world = World()
    world.gate.clear()
    early = asyncio.create_task(world.ask())
    await world.asked(1)
    world.clock.now += 1
    fresh = asyncio.create_task(world.ask(fresh=True))
    await world.asked(2)
    world.gate.set()
    assert (await early).body == b'{"n":1}'
    assert (await fresh).body == b'{"n":2}'
    assert said(await world.ask()) == (b'{"n":2}', True, False)


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_failures_are_not_kept(status: int) -> None:
    world = World()
    world.status = status
    with pytest.raises(SourceError):
        await world.ask()
    world.status = 200
    assert (await world.ask()).body == b'{"n":2}'


# ---------------------------------------------------------------- one call for equal questions


async def test_a_thousand_equal_questions_at_once_are_one_upstream_call() -> None:
    world = World()
    world.gate.clear()
    calls = [asyncio.create_task(world.ask()) for _ in range(1_000)]
    await world.asked(1)
    world.gate.set()
    answers = await asyncio.gather(*calls)
    assert {answer.body for answer in answers} == {b'{"n":1}'}
    assert (len(world.requests), [answer.cache_hit for answer in answers].count(False)) == (1, 1)


async def test_equal_questions_of_different_callers_are_different_calls() -> None:
    world = World()
    world.gate.clear()
    calls = [asyncio.create_task(world.ask(caller=token)) for token in ("alice", "bob")]
    await world.asked(2)
    world.gate.set()
    assert {(await call).body for call in calls} == {b'{"n":1}', b'{"n":2}'}
    assert {request.headers["authorization"] for request in world.requests} == {"Bearer alice", "Bearer bob"}


async def test_a_failure_reaches_everyone_who_waits() -> None:
    world = World()
    world.status = 422
    world.gate.clear()
    calls = [asyncio.create_task(world.ask()) for _ in range(3)]
    await world.asked(1)
    world.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [SourceBadRequest] * 3
    assert len(world.requests) == 1


async def test_a_cancelled_caller_does_not_cancel_the_others() -> None:
    world = World()
    world.gate.clear()
    first, second = asyncio.create_task(world.ask()), asyncio.create_task(world.ask())
    await world.asked(1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    world.gate.set()
    assert (await second).body == b'{"n":1}'
    assert len(world.requests) == 1


async def test_a_callers_deadline_is_its_own() -> None:
    world = World()
    world.gate.clear()
    patient = asyncio.create_task(world.ask())
    await world.asked(1)
    with pytest.raises(SourceTimeout, match="sales did not answer in the time left for this request"):
        await world.ask(within=0.01)
    world.gate.set()
    assert (await patient).body == b'{"n":1}'


# ---------------------------------------------------------------- what the source says about keeping


DATE = formatdate(NOW, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Freshness(True, 5.0, True)),
        ({"cache-control": "max-age=2"}, Freshness(True, 2.0, True)),
        ({"cache-control": "max-age=3600"}, Freshness(True, 5.0, True)),
        ({"cache-control": "max-age=0"}, Freshness(True, 0.0, True)),
        ({"cache-control": 'private, max-age="3"'}, Freshness(True, 3.0, True)),
        ({"cache-control": "MAX-AGE=3, Must-Revalidate"}, Freshness(True, 3.0, False)),
        ({"cache-control": "max-age=4", "age": "3"}, Freshness(True, 1.0, True)),
        ({"cache-control": "max-age=4", "age": "9"}, Freshness(True, 0.0, True)),
        ({"cache-control": "max-age=soon"}, Freshness(True, 0.0, True)),
        ({"cache-control": "no-cache"}, Freshness(True, 0.0, False)),
        ({"cache-control": "no-store, max-age=9"}, Freshness(False)),
        ({"cache-control": "private"}, Freshness(True, 5.0, True)),
        ({"vary": "*"}, Freshness(False)),
        ({"vary": "Accept-Encoding"}, Freshness(True, 5.0, True)),
        ({"expires": formatdate(NOW + 3, usegmt=True), "date": DATE}, Freshness(True, 3.0, True)),
        ({"expires": formatdate(NOW - 3, usegmt=True), "date": DATE}, Freshness(True, 0.0, True)),
        ({"expires": "0"}, Freshness(True, 0.0, True)),
        ({"expires": "0", "cache-control": "max-age=4"}, Freshness(True, 4.0, True)),
    ],
)
def test_freshness_follows_the_answer_within_the_configured_time(headers: dict[str, str], expected: Freshness) -> None:
    assert freshness(headers, 5.0, NOW) == expected


async def test_no_store_is_obeyed_and_forgets_what_was_kept() -> None:
    world = World(stale_if_error=60.0)
    await world.ask()
    world.clock.now += 6
    world.headers = {"Cache-Control": "no-store"}
    await world.ask()
    world.status = 503
    with pytest.raises(SourceUnavailable):
        await world.ask()
    assert len(world.requests) == 3


async def test_an_etag_is_sent_back_and_an_unchanged_answer_is_renewed() -> None:
    world = World()
    world.headers = {"ETag": '"v1"', "X-Api-Version": "1"}
    await world.ask()
    world.clock.now += 6
    world.headers["X-Api-Version"] = "2"
    renewed = await world.ask()
    assert said(renewed) == (b'{"n":1}', False, False)
    assert (renewed.status, renewed.headers["x-api-version"], renewed.fetched_at) == (200, "2", NOW + 6)
    assert [request.headers.get("if-none-match") for request in world.requests] == [None, '"v1"']
    assert world.attempts == [(200, False), (304, False)]
    world.clock.now += 4
    assert said(await world.ask()) == (b'{"n":1}', True, False)


async def test_a_changed_answer_replaces_the_kept_one() -> None:
    world = World()
    world.headers = {"ETag": '"v1"'}
    await world.ask()
    world.clock.now += 6
    world.headers = {"ETag": '"v2"'}
    assert (await world.ask()).body == b'{"n":2}'
    assert said(await world.ask()) == (b'{"n":2}', True, False)


async def test_no_cache_from_the_source_means_asking_every_time_with_the_etag() -> None:
    world = World()
    world.headers = {"ETag": '"v1"', "Cache-Control": "no-cache"}
    assert [(await world.ask()).body for _ in range(3)] == [b'{"n":1}'] * 3
    assert [request.headers.get("if-none-match") for request in world.requests] == [None, '"v1"', '"v1"']


# ---------------------------------------------------------------- stale answers


async def test_when_the_source_is_down_a_late_answer_is_given_and_says_so() -> None:
    world = World(stale_if_error=60.0)
    await world.ask()
    world.clock.now += 64
    world.status = 503
    late = await world.ask()
    assert said(late) == (b'{"n":1}', True, True)
    assert late.fetched_at == NOW
    assert world.attempts == [(200, False), (503, False), (200, True)]


async def test_an_answer_that_is_too_late_is_not_given() -> None:
    world = World(stale_if_error=60.0)
    world.headers = {"ETag": '"v1"'}
    await world.ask()
    world.clock.now += 65
    world.status = 503
    with pytest.raises(SourceUnavailable):
        await world.ask()


@pytest.mark.parametrize(
    ("settings", "headers", "status", "fresh"),
    [
        ({}, {}, 503, False),
        ({"stale_if_error": 60.0}, {"Cache-Control": "must-revalidate"}, 503, False),
        ({"stale_if_error": 60.0}, {}, 401, False),
        ({"stale_if_error": 60.0}, {}, 503, True),
    ],
    ids=["not configured", "forbidden by the source", "refused by the source", "no-cache from the client"],
)
async def test_a_late_answer_is_not_given_when_it_may_not(
    settings: dict[str, Any], headers: dict[str, str], status: int, fresh: bool
) -> None:
    world = World(**settings)
    world.headers = {"ETag": '"v1"', **headers}
    await world.ask()
    world.clock.now += 6
    world.status = status
    with pytest.raises(SourceError):
        await world.ask(fresh=fresh)


async def test_a_late_answer_is_given_at_once_while_it_is_renewed() -> None:
    world = World(stale_while_revalidate=10.0)
    await world.ask()
    world.clock.now += 6
    world.gate.clear()
    assert said(await world.ask()) == (b'{"n":1}', True, True)
    assert said(await world.ask()) == (b'{"n":1}', True, True)
    await world.asked(2)
    world.gate.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert said(await world.ask()) == (b'{"n":2}', True, False)
    assert len(world.requests) == 2


async def test_closing_a_source_ends_what_goes_on_in_the_background() -> None:
    world = World(stale_while_revalidate=10.0)
    await world.ask()
    world.clock.now += 6
    world.gate.clear()
    await world.ask()
    await world.asked(2)
    await world.source.aclose()
    assert len(asyncio.all_tasks()) == 1


# ---------------------------------------------------------------- bounded memory


def answer(body: bytes, asked_at: float = NOW) -> StoredAnswer:
    return StoredAnswer(200, {"a": "b"}, body, asked_at, NOW, NOW + 5, True, None)


def page(number: int) -> Request:
    return Request("GET", "/v2/contacts", (("page", str(number)),))


async def test_memory_holds_no_more_bytes_than_allowed_and_drops_the_least_used() -> None:
    cache = MemoryCache(max_bytes=100_000)
    for number in range(50):
        await cache.put(b"scope", page(number), answer(b"x" * 9_000), 60.0)
        assert await cache.get(b"scope", page(0)) is not None
        assert cache.size <= 100_000
    kept = [number for number in range(50) if await cache.get(b"scope", page(number)) is not None]
    assert kept == [0, *range(42, 50)]


async def test_memory_holds_no_more_entries_than_allowed() -> None:
    cache = MemoryCache(max_entries=10)
    for number in range(50):
        await cache.put(b"scope", page(number), answer(b"x"), 60.0)
    assert len(cache) == 10


async def test_an_answer_too_large_for_the_cache_is_not_kept() -> None:
    cache = MemoryCache(max_bytes=100_000)
    await cache.put(b"scope", page(1), answer(b"x" * 12_500), 60.0)
    assert (len(cache), cache.size) == (0, 0)


async def test_memory_counts_what_it_drops() -> None:
    clock = Clock()
    cache = MemoryCache(clock=clock)
    await cache.put(b"scope", page(1), answer(b"x"), 60.0)
    await cache.put(b"scope", page(1), answer(b"yy"), 60.0)
    await cache.put(b"scope", page(2), answer(b"x"), 60.0)
    await cache.put(b"scope", page(2), answer(b"x"), 0.0)
    assert len(cache) == 1
    clock.now += 60
    assert await cache.get(b"scope", page(1)) is None
    assert (len(cache), cache.size) == (0, 0)


def test_a_scope_tells_source_address_credential_and_secret_apart_and_shows_none() -> None:
    def scope(secret: bytes = b"k", source: str = "s", url: str = "http://u", key: str = "t0ken") -> bytes:
        return scope_of(secret, source, url, Credential(key))

    others = {scope(b"other"), scope(source="x"), scope(url="http://x"), scope(key="x"), scope(b"k" * 65)}
    assert len({scope(), *others}) == 6
    assert scope() == scope()
    assert b"t0ken" not in scope()


# ---------------------------------------------------------------- Redis


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with running_redis() as server:
        yield server.url


class OwnRedisCache(RedisCache):
    """A cache in Redis with a link of its own, as every replica has one."""

    def __init__(self, url: str, secret: bytes) -> None:
        self._own = RedisLink.from_url(url)
        super().__init__(self._own, secret)

    async def aclose(self) -> None:
        await self._own.aclose()


@pytest.fixture(params=["memory", pytest.param("redis", marks=needs_redis)])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """Either cache, empty."""
    if request.param == "memory":
        cache: Cache = MemoryCache()
    else:
        cache = OwnRedisCache(request.getfixturevalue("redis_url"), os.urandom(16))
    yield cache
    await cache.aclose()


async def test_of_two_answers_the_one_to_the_later_question_is_kept(cache: Cache) -> None:
    scope = scope_of(cache.secret, "sales", "http://u", Credential("alice"))
    await cache.put(scope, LIST, answer(b"later", NOW + 0.000_002), 60.0)
    await cache.put(scope, LIST, answer(b"earlier", NOW), 60.0)
    assert await cache.get(scope, LIST) == answer(b"later", NOW + 0.000_002)
    await cache.put(scope, LIST, answer(b"", NOW), 0.0)
    assert await cache.get(scope, LIST) == answer(b"later", NOW + 0.000_002)
    await cache.put(scope, LIST, answer(b"as late", NOW + 0.000_002), 60.0)
    assert await cache.get(scope, LIST) == answer(b"as late", NOW + 0.000_002)
    await cache.put(scope, LIST, answer(b"latest", NOW + 10), 60.0)
    assert await cache.get(scope, LIST) == answer(b"latest", NOW + 10)
    await cache.put(scope, LIST, answer(b"", NOW + 10), 0.0)
    assert await cache.get(scope, LIST) is None


@needs_redis
async def test_replicas_share_answers_through_redis(redis_url: str) -> None:
    one = World(OwnRedisCache(redis_url, b"shared-secret"))
    two = World(OwnRedisCache(redis_url, b"shared-secret"))
    one.headers = {"ETag": '"v1"'}
    assert said(await one.ask()) == (b'{"n":1}', False, False)
    shared = await two.ask()
    assert said(shared) == (b'{"n":1}', True, False)
    assert (shared.headers["etag"], shared.fetched_at) == ('"v1"', NOW)
    assert said(await two.ask(caller="bob")) == (b'{"n":1}', False, False)
    assert [len(one.requests), len(two.requests)] == [1, 1]
    await one.cache.aclose()
    await two.cache.aclose()


@needs_redis
async def test_another_secret_or_question_finds_nothing_in_redis(redis_url: str) -> None:
    first, second = OwnRedisCache(redis_url, b"one"), OwnRedisCache(redis_url, b"two")
    credential = Credential("alice")
    scopes = [scope_of(cache.secret, "sales", "http://u", credential) for cache in (first, second)]
    await first.put(scopes[0], LIST, answer(b"mine"), 60.0)
    assert await first.get(scopes[0], LIST) == answer(b"mine")
    assert await second.get(scopes[1], LIST) is None
    assert await first.get(scopes[0], OTHER) is None
    await first.aclose()
    await second.aclose()


@needs_redis
async def test_redis_keys_hold_digests_and_values_end_by_themselves(redis_url: str) -> None:
    cache = OwnRedisCache(redis_url, b"secret-of-digests")
    client: Any = Redis.from_url(redis_url)
    await client.flushdb()
    scope = scope_of(cache.secret, "sales", "http://u", Credential("t0ken"))
    await cache.put(scope, Request("GET", "/c", (("search", "Ada"),)), answer(b"x"), 60.0)
    (key,) = await client.keys("*")
    assert len(key.removeprefix(b"contactgraph:1:")) == 64
    assert 0 < await client.pttl(key) <= 60_000
    await cache.put(scope, Request("GET", "/c", (("search", "Ada"),)), answer(b"x"), 0.0)
    assert await client.keys("*") == []
    await client.aclose()
    await cache.aclose()


@needs_redis
async def test_something_else_in_redis_is_a_miss(redis_url: str) -> None:
    cache = OwnRedisCache(redis_url, b"s")
    client: Any = Redis.from_url(redis_url)
    await cache.put(b"scope", LIST, answer(b"x"), 60.0)
    for key in await client.keys("*"):
        await client.set(key, b"\xc1 of another version")
    assert await cache.get(b"scope", LIST) is None
    await cache.put(b"scope", LIST, answer(b"of this one"), 60.0)
    assert await cache.get(b"scope", LIST) == answer(b"of this one")
    await client.aclose()
    await cache.aclose()


async def test_redis_being_away_is_a_miss_and_a_line_in_the_log_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = World(OwnRedisCache(f"redis://user:pw@127.0.0.1:{port}/0", b"s"))
    assert [said(await world.ask())[0] for _ in range(2)] == [b'{"n":1}', b'{"n":2}']
    assert caplog.text.count("Redis does not answer (ConnectionError)") == 1
    assert "127.0.0.1" not in caplog.text
    await world.cache.aclose()


class Switched:
    """A Redis client that holds nothing, counts what it was asked, and fails while it is not `here`."""

    def __init__(self) -> None:
        self.calls = 0
        self.here = False

    async def get(self, name: bytes) -> Any:
        self.calls += 1
        if not self.here:
            raise TimeoutError("at redis://user:pw@host")

    def register_script(self, script: str) -> Script:
        async def run(keys: Sequence[bytes], args: Sequence[bytes | int]) -> Any:
            await self.get(keys[0])

        return run

    async def aclose(self) -> None:
        raise TimeoutError


async def test_redis_that_failed_is_left_alone_for_a_while() -> None:
    clock, client = Clock(), Switched()
    link = RedisLink(client, pause=5.0, clock=clock)
    cache = RedisCache(link, b"s")
    for _ in range(10):
        assert await cache.get(b"scope", LIST) is None
        await cache.put(b"scope", LIST, answer(b"x"), 60.0)
    assert client.calls == 1
    clock.now += 5
    await cache.put(b"scope", LIST, answer(b"x"), 60.0)
    assert client.calls == 2
    await link.aclose()


async def test_the_log_says_once_that_redis_went_and_once_that_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    clock, client = Clock(), Switched()
    link = RedisLink(client, pause=5.0, clock=clock)
    cache, limits = RedisCache(link, b"s"), RedisLimits(link, b"s")
    sales = limits.of(SourceSettings(name="sales", provider="wacr", base_url="http://u", token_env="T", rate_limit=9))
    for _ in range(3):
        await cache.get(b"scope", LIST)
        with pytest.raises(SharedLimitsAway):
            await sales.turn(1.0)
        clock.now += 5
    client.here = True
    for _ in range(3):
        await cache.get(b"scope", LIST)
        clock.now += 5
    assert client.calls == 6
    assert [record.message for record in caplog.records] == [
        "Redis does not answer (TimeoutError): limits of sources hold for each process alone, answers are not kept",
        "Redis answers again: limits of sources and answers are shared",
    ]


async def test_an_answer_to_a_question_from_before_redis_went_does_not_say_that_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate, clock, client = asyncio.Event(), Clock(), Switched()
    link = RedisLink(client, pause=5.0, clock=clock)

    async def late(keys: Sequence[bytes], args: Sequence[bytes | int]) -> str:
        await gate.wait()
        return "answered"

    under_way = asyncio.create_task(link.run(late, (), ()))
    await asyncio.sleep(0)
    with pytest.raises(RedisAway):
        await link.get(b"key")
    gate.set()
    assert await under_way == "answered"
    with pytest.raises(RedisAway):
        await link.get(b"key")
    assert client.calls == 1
    assert [record.message.partition(" (")[0] for record in caplog.records] == ["Redis does not answer"]


def test_a_redis_cache_needs_a_secret() -> None:
    with pytest.raises(ValueError, match="expected a secret"):
        RedisCache(RedisLink(Switched()), b"")
