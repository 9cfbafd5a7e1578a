"""Limits of sources over several replicas, in a real Redis: what one takes, the other has not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.http.credential import Credential
from providers.redis.connection import RedisLink, Script
from providers.redis.rate_limiter import RedisLimits, SourceLimits
from providers.registry import PROVIDERS
from providers.resilience.rate_limiter import Gate, NoFreeSlot, RateExceeded
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.errors import SourceRateLimited
from providers.spi.record import SourceRecord
from providers.spi.request import Request
from tests.support.redis_server import RedisServer, needs_redis, running_redis

LIST = Request("GET", "/v2/contacts")
SECRET = b"of every replica"
LONG = 20.0
"""Seconds until a call gives up that is not meant to."""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def settings(name: str, **more: Any) -> SourceSettings:
    """Of a source; tests share a Redis, so each has a source name of its own."""
    return SourceSettings(
        name=name,
        provider="wacr",
        base_url="http://api.example.com",
        token_env="TOKEN",
        **{"cache_ttl": 0.0, "retries": 0, "timeout": LONG, **more},
    )


class Upstream:
    """What all replicas ask. While `gate` is clear it holds calls back; it notes how many it had at once."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0
        self.most = 0
        self.asked: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        return httpx.Response(200, json={"data": []})

    async def has(self, calls: int) -> None:
        """Waits until so many calls have come."""
        for _ in range(int(LONG * 1_000)):
            if len(self.asked) >= calls:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"{len(self.asked)} calls came")


class OwnRedisLimits(RedisLimits):
    """Limits in Redis with a link of their own, as every replica has one."""

    def __init__(self, url: str, secret: bytes) -> None:
        self._own = RedisLink.from_url(url)
        super().__init__(self._own, secret)

    async def aclose(self) -> None:
        await super().aclose()
        await self._own.aclose()


class Replica:
    """One process's source, with limits in Redis."""

    def __init__(self, url: str, upstream: Upstream, made: SourceSettings, secret: bytes = SECRET) -> None:
        self.limits = OwnRedisLimits(url, secret)
        self.source = Source(
            made,
            PROVIDERS["wacr"](made),
            SourceRecord("id", made.name, "wacr"),
            httpx.MockTransport(upstream),
            credential=Credential("a-token"),
            shared_limits=self.limits.of(made),
        )

    async def ask(self, path: str = "/v2/contacts", within: float = LONG) -> None:
        await self.source.send(Request("GET", path), None, deadline=asyncio.get_running_loop().time() + within)

    async def aclose(self) -> None:
        await self.source.aclose()
        await self.limits.aclose()


async def closed(*replicas: Replica | RedisLimits) -> None:
    for replica in replicas:
        await replica.aclose()


# ---------------------------------------------------------------- calls a second


@needs_redis
async def test_a_turn_that_one_replica_took_is_not_there_for_another(redis: RedisServer) -> None:
    upstream, made = Upstream(), settings("turns", rate_limit=0.01)
    one, two = (Replica(redis.url, upstream, made) for _ in range(2))
    await one.ask()
    with pytest.raises(SourceRateLimited, match="turns was not asked: its rate_limit leaves no room") as raised:
        await two.ask(within=5)
    assert raised.value.retry_after == pytest.approx(100, abs=LONG)
    assert len(upstream.asked) == 1
    await closed(one, two)


@needs_redis
async def test_replicas_together_get_the_configured_rate_and_no_more(redis: RedisServer) -> None:
    rate, turns = 50.0, 120
    limits = [OwnRedisLimits(redis.url, SECRET) for _ in range(2)]
    sources = [each.of(settings("rate", rate_limit=rate)) for each in limits]
    loop = asyncio.get_running_loop()
    began = loop.time()
    come: list[float] = []
    for turn in range(turns):
        wait = await sources[turn % 2].turn(LONG)
        come.append(loop.time() + wait - began)
    # One second's worth at once, then one after the other: however slow this machine is, none comes too early.
    late = [instant - max(0.0, (turn + 1 - rate) / rate) for turn, instant in enumerate(come)]
    assert min(late) > -0.001
    assert come[-1] < LONG
    await closed(*limits)


@needs_redis
async def test_a_refused_turn_is_not_spent(redis: RedisServer) -> None:
    limits = OwnRedisLimits(redis.url, SECRET)
    source = limits.of(settings("refused", rate_limit=0.01))
    assert await source.turn(0) == 0
    waits: list[float] = []
    for _ in range(3):
        with pytest.raises(RateExceeded) as raised:
            await source.turn(1)
        waits.append(raised.value.retry_after)
    assert waits == sorted(waits, reverse=True)
    await closed(limits)


@needs_redis
async def test_sources_of_another_name_address_or_secret_have_turns_of_their_own(redis: RedisServer) -> None:
    limits, others = OwnRedisLimits(redis.url, SECRET), OwnRedisLimits(redis.url, b"another")
    made = settings("mine", rate_limit=0.01)
    mine = limits.of(made)
    assert await mine.turn(0) == 0
    for other in (
        limits.of(made.model_copy(update={"name": "yours"})),
        limits.of(made.model_copy(update={"base_url": "http://other.example.com"})),
        others.of(made),
    ):
        assert await other.turn(0) == 0
    with pytest.raises(RateExceeded):
        await limits.of(made).turn(0)
    await closed(limits, others)


@needs_redis
@pytest.mark.parametrize("rate", [1e-12, 1e9], ids=["a turn in an age", "more than can be counted"])
async def test_any_rate_can_be_counted(redis: RedisServer, rate: float) -> None:
    limits = OwnRedisLimits(redis.url, SECRET)
    source = limits.of(settings("fast" if rate > 1 else "slow", rate_limit=rate))
    assert await source.turn(0) == 0
    if rate < 1:
        with pytest.raises(RateExceeded):
            await source.turn(3_600)
    await closed(limits)


# ---------------------------------------------------------------- calls at once


@needs_redis
async def test_replicas_together_make_no_more_calls_at_once_than_configured(redis: RedisServer) -> None:
    upstream, made = Upstream(), settings("at-once", max_concurrency=3)
    upstream.gate.clear()
    one, two = (Replica(redis.url, upstream, made) for _ in range(2))
    calls = [asyncio.create_task(replica.ask()) for replica in (one, two) for _ in range(6)]
    await upstream.has(3)
    await asyncio.sleep(0.1)  # for a fourth, if one could come
    assert upstream.under_way == 3
    upstream.gate.set()
    await asyncio.gather(*calls)
    assert (len(upstream.asked), upstream.most) == (12, 3)
    await closed(one, two)


@needs_redis
async def test_slots_go_to_replicas_in_the_order_in_which_they_asked(redis: RedisServer) -> None:
    limits = [OwnRedisLimits(redis.url, SECRET) for _ in range(3)]
    sources = [each.of(settings("line", max_concurrency=1)) for each in limits]
    deadline = asyncio.get_running_loop().time() + LONG
    served: list[int] = []

    async def call(number: int) -> None:
        lease = await sources[number % 3].lease(deadline)
        served.append(number)
        sources[number % 3].give_back(lease)

    first = await sources[0].lease(deadline)
    calls: list[asyncio.Task[None]] = []
    for number in range(6):
        calls.append(asyncio.create_task(call(number)))
        await in_line(redis, "line", number + 2)
    sources[0].give_back(first)
    await asyncio.gather(*calls)
    assert served == [0, 1, 2, 3, 4, 5]
    await closed(*limits)


async def in_line(redis: RedisServer, name: str, tickets: int) -> None:
    """Waits until so many tickets stand in a source's line."""
    limits = OwnRedisLimits(redis.url, SECRET)
    line = limits.of(settings(name)).line[0]
    client: Any = Redis.from_url(redis.url)
    found = -1
    for _ in range(int(LONG * 1_000)):
        found = await client.zcard(line)
        if found == tickets:
            break
        await asyncio.sleep(0.001)
    await client.aclose()
    await limits.aclose()
    assert found == tickets


@needs_redis
async def test_a_slot_of_a_process_that_died_becomes_free_by_itself(redis: RedisServer) -> None:
    limits = [OwnRedisLimits(redis.url, SECRET) for _ in range(2)]
    dead, alive = (each.of(settings("dead", max_concurrency=1)) for each in limits)
    loop = asyncio.get_running_loop()
    await dead.lease(loop.time() + 0.01)
    with pytest.raises(NoFreeSlot):
        await alive.lease(loop.time() + 0.05)
    assert await alive.lease(loop.time() + LONG)
    await closed(*limits)


@needs_redis
async def test_who_gives_up_waiting_leaves_the_line(redis: RedisServer) -> None:
    limits = OwnRedisLimits(redis.url, SECRET)
    source = limits.of(settings("gives-up", max_concurrency=1))
    loop = asyncio.get_running_loop()
    held = await source.lease(loop.time() + LONG)
    with pytest.raises(NoFreeSlot):
        await source.lease(loop.time() + 0.02)
    waiting = asyncio.create_task(source.lease(loop.time() + LONG))
    await in_line(redis, "gives-up", 2)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    source.give_back(held)
    assert await source.lease(loop.time() + LONG)
    await limits.aclose()  # which waits for what was given back
    await in_line(redis, "gives-up", 1)


@needs_redis
async def test_a_failed_call_gives_its_slot_back(redis: RedisServer) -> None:
    upstream, made = Upstream(), settings("failed", max_concurrency=1)
    upstream.gate.clear()
    one, two = (Replica(redis.url, upstream, made) for _ in range(2))
    call = asyncio.create_task(one.ask())
    await upstream.has(1)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    upstream.gate.set()
    await two.ask(within=LONG)
    assert upstream.asked == ["/v2/contacts"] * 2
    await closed(one, two)


# ---------------------------------------------------------------- Redis away


class Away:
    """A Redis client that answers while `here`, and counts what it was asked."""

    def __init__(self, *, here: bool) -> None:
        self.here = here
        self.asked = 0

    async def get(self, name: bytes) -> Any:
        raise NotImplementedError

    def register_script(self, script: str) -> Script:
        async def run(keys: Sequence[bytes], args: Sequence[bytes | int]) -> Any:
            self.asked += 1
            if not self.here:
                raise RedisError("at redis://user:pw@host")
            return [1, 0] if len(keys) == 1 else 0

        return run

    async def aclose(self) -> None:
        """Nothing is open."""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_without_redis_every_process_has_its_own_limits_and_the_log_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client, clock = Away(here=False), Clock()
    limits = RedisLimits(RedisLink(client, pause=5.0, clock=clock), SECRET)
    gate = Gate(2, 3.0, limits.of(settings("sales", max_concurrency=2, rate_limit=3.0)))
    loop = asyncio.get_running_loop()
    assert [await gate.enter(loop.time() + LONG) for _ in range(2)] == [None, None]
    with pytest.raises(NoFreeSlot):
        await gate.enter(loop.time() + 0.001)
    with pytest.raises(RateExceeded):
        await gate.enter(loop.time() + 0.001)
    assert client.asked == 1  # then it is left alone
    clock.now += 5
    gate.leave()
    await gate.enter(loop.time() + LONG)
    assert client.asked == 2
    assert caplog.text.count("Redis does not answer (RedisError)") == 1
    assert "pw" not in caplog.text


async def test_limits_are_shared_again_when_redis_is_back(caplog: pytest.LogCaptureFixture) -> None:
    client, clock = Away(here=False), Clock()
    gate = Gate(2, None, RedisLimits(RedisLink(client, pause=5.0, clock=clock), SECRET).of(settings("sales")))
    loop = asyncio.get_running_loop()
    assert await gate.enter(loop.time() + LONG) is None
    client.here = True
    clock.now += 5
    assert await gate.enter(loop.time() + LONG) is not None
    assert [record.message.split(" (")[0].split(":")[0] for record in caplog.records] == [
        "Redis does not answer",
        "Redis answers again",
    ]


async def test_a_source_without_a_rate_costs_one_question_a_call() -> None:
    client = Away(here=True)
    limits = RedisLimits(RedisLink(client), SECRET)
    gate = Gate(2, None, limits.of(settings("sales")))
    loop = asyncio.get_running_loop()
    for _ in range(10):
        # What is over goes out with the next call's question.
        gate.leave(await gate.enter(loop.time() + LONG))
    assert client.asked == 10
    await limits.aclose()
    assert client.asked == 11


class Held(Away):
    """A Redis client whose answers, while `gate` is clear, do not come; it keeps what it was told."""

    def __init__(self) -> None:
        super().__init__(here=True)
        self.gate = asyncio.Event()
        self.told: list[Sequence[bytes | int]] = []

    def register_script(self, script: str) -> Script:
        async def run(keys: Sequence[bytes], args: Sequence[bytes | int]) -> Any:
            await self.gate.wait()
            self.told.append(args)
            return 0

        return run


async def test_a_question_that_is_broken_off_takes_no_slot_with_it() -> None:
    client = Held()
    limits = RedisLimits(RedisLink(client), SECRET)
    source = limits.of(settings("sales"))
    asking = asyncio.create_task(source.lease(asyncio.get_running_loop().time() + LONG))
    source.give_back(b"an earlier call's")  # which goes with the question that is about to be put
    for _ in range(5):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    client.gate.set()
    await limits.aclose()
    assert b"an earlier call's" in [each for args in client.told for each in args]


def test_shared_limits_need_a_secret() -> None:
    with pytest.raises(ValueError, match="expected a secret"):
        RedisLimits(RedisLink(Away(here=True)), b"")


@needs_redis
async def test_calls_under_way_when_redis_goes_are_answered_and_so_are_later_ones(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running_redis() as server:
        upstream = Upstream()
        upstream.gate.clear()
        replica = Replica(server.url, upstream, settings("goes", max_concurrency=1, rate_limit=100.0))
        calls = [asyncio.create_task(replica.ask()) for _ in range(3)]
        await upstream.has(1)
        server.stop()
        upstream.gate.set()
        await asyncio.gather(*calls)
        await replica.ask()
    assert (len(upstream.asked), upstream.most) == (4, 1)
    assert caplog.text.count("limits of sources hold for each process alone") == 1
    await replica.aclose()


@needs_redis
async def test_a_redis_that_hangs_is_waited_for_once(caplog: pytest.LogCaptureFixture) -> None:
    with running_redis() as server:
        upstream = Upstream()
        replica = Replica(server.url, upstream, settings("hangs", max_concurrency=1, rate_limit=100.0))
        server.hang()
        for _ in range(5):
            await replica.ask()
        await replica.aclose()
    assert len(upstream.asked) == 5
    assert caplog.text.count("Redis does not answer (TimeoutError)") == 1


def test_one_source_shares_with_its_like_alone() -> None:
    limits = RedisLimits(RedisLink(Away(here=True)), SECRET)
    assert isinstance(limits.of(settings("sales")), SourceLimits)
    lines = {limits.of(settings(name)).line for name in ("sales", "sales", "service")}
    assert len(lines) == 2
