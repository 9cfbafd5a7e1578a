"""A source's limits held in Redis, over all workers and replicas. Redis being away is a line in the log, no error.

Both limits are one small script each, so that what is looked at and what is taken is one step for everybody. Time is
Redis's own: the clocks of replicas do not matter.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import os
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.limits import NoFreeSlot, RateExceeded, SharedLimitsAway

_PREFIX: Final = b"contactgraph:1:"
_MICROSECONDS: Final = 1_000_000
# A lease outlives its call's deadline by this much: the call ends first, unless its process has died.
_MARGIN: Final = 1.0
# A slot that becomes free is noticed within these many seconds; random, so that waiting processes do not march in step.
_LOOK_AGAIN: Final = (0.005, 0.03)

# The generic cell rate algorithm: the key holds the instant at which the bucket would be full again.
# KEYS: the bucket. ARGV: microseconds a turn, microseconds that a burst may be ahead, microseconds of patience.
# Returns {1, microseconds until the turn} or {0, microseconds until there would have been one}.
_TURN: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local wait = math.max(due - now - ARGV[2], 0)
if wait > tonumber(ARGV[3]) then
  return {0, math.ceil(wait)}
end
due = due + ARGV[1]
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', string.format('%.0f', (due - now) / 1000 + 1))
return {1, math.ceil(wait)}
"""

# The leases of a source with the instants at which they end by themselves.
# KEYS: the leases. ARGV: how many there may be, the new one's id, how many microseconds it lasts. Returns 1 or 0.
_LEASE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[2])
local milliseconds = math.ceil(ARGV[3] / 1000)
if redis.call('PTTL', KEYS[1]) < milliseconds then
  redis.call('PEXPIRE', KEYS[1], milliseconds)
end
return 1
"""


class RedisClient(Protocol):
    """What is used of redis.asyncio.Redis."""

    def register_script(self, script: str) -> Callable[..., Awaitable[Any]]: ...

    def zrem(self, name: bytes, *values: bytes) -> Awaitable[Any]: ...

    def aclose(self) -> Awaitable[None]: ...


class RedisLimits:
    """The limits of sources in one Redis.

    `secret` keys the digests that stand for sources and must be the same on every replica. After a failure Redis is
    left alone for `pause` seconds; the log has one line when it goes, and one when it is back.
    """

    def __init__(
        self, client: RedisClient, secret: bytes, pause: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not secret:
            raise ValueError("expected a secret that is not empty")
        self._client = client
        self._key = hashlib.blake2b(secret).digest()
        self._pause = pause
        self._clock = clock
        self._paused_until = -math.inf
        self._away = False
        self._turn = client.register_script(_TURN)
        self._lease = client.register_script(_LEASE)
        self._releases: set[asyncio.Task[None]] = set()

    @classmethod
    def from_url(cls, url: str, secret: bytes, timeout: float = 0.5) -> RedisLimits:
        """Returns the limits at a redis:// or rediss:// URL; `timeout` is in seconds, for connecting and each command.

        Raises ValueError for another kind of URL. No connection is made before the first call.
        """
        client: Any = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
        return cls(client, secret)

    def of(self, source: str, base_url: str, max_concurrency: int, rate: float | None) -> SourceLimits:
        """Returns the limits of one source; whoever asks for the same source and address shares them."""
        digest = hashlib.blake2b(f"{source}\0{base_url}".encode(), key=self._key, digest_size=16).hexdigest().encode()
        return SourceLimits(self, digest, max_concurrency, rate)

    async def turn(self, key: bytes, *arguments: int) -> tuple[bool, float]:
        """Returns whether a turn was taken, and the seconds until it comes. Raises SharedLimitsAway."""
        taken, wait = await self._run(self._turn, _PREFIX + b"turns:" + key, arguments)
        return bool(taken), wait / _MICROSECONDS

    async def lease(self, key: bytes, most: int, lease: bytes, seconds: float) -> bool:
        """Returns whether the lease was given. Raises SharedLimitsAway."""
        arguments = (most, lease, int(seconds * _MICROSECONDS))
        try:
            return bool(await self._run(self._lease, _PREFIX + b"leases:" + key, arguments))
        except asyncio.CancelledError:
            self.give_back(key, lease)  # the script may have run
            raise

    def give_back(self, key: bytes, lease: bytes) -> None:
        """Ends a lease, without waiting for Redis; one that does not get there ends by itself."""
        if self._clock() < self._paused_until:
            return
        task = asyncio.get_running_loop().create_task(self._release(key, lease))
        self._releases.add(task)
        task.add_done_callback(self._releases.discard)

    async def aclose(self) -> None:
        """Ends the leases that were given back, and closes the connections to Redis."""
        await asyncio.gather(*self._releases)
        try:
            await self._client.aclose()
        except (RedisError, OSError) as error:
            self._leave_alone(error)

    async def _release(self, key: bytes, lease: bytes) -> None:
        try:
            await self._client.zrem(_PREFIX + b"leases:" + key, lease)
        except (RedisError, OSError) as error:
            self._leave_alone(error)

    async def _run(self, script: Callable[..., Awaitable[Any]], key: bytes, arguments: tuple[Any, ...]) -> Any:
        if self._clock() < self._paused_until:
            raise SharedLimitsAway
        try:
            result = await script(keys=[key], args=arguments)
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            raise SharedLimitsAway from error
        if self._away:
            self._away = False
            _log.info("Redis answers again: limits of sources are shared")
        return result

    def _leave_alone(self, error: Exception) -> None:
        self._paused_until = self._clock() + self._pause
        if not self._away:
            self._away = True
            # The kind alone: the text may have Redis's address and user.
            kind = type(error).__name__
            _log.warning("Redis does not answer (%s): limits of sources hold for this process alone", kind)


class SourceLimits:
    """One source's `SharedLimits`. Made by `RedisLimits.of`."""

    def __init__(self, limits: RedisLimits, key: bytes, max_concurrency: int, rate: float | None) -> None:
        self._limits = limits
        self._key = key
        self._max_concurrency = max_concurrency
        # As in Gate: bursts of one second's worth, and of one call for a rate below one a second.
        burst = 1.0 if rate is None else max(rate, 1.0)
        self._interval = 0 if rate is None else math.ceil(_MICROSECONDS / rate)
        self._ahead = int((burst - 1.0) * self._interval)

    async def turn(self, patience: float) -> float:
        """Takes the next turn and returns the seconds until it comes. Raises RateExceeded, SharedLimitsAway."""
        most = max(0, int(patience * _MICROSECONDS))
        taken, wait = await self._limits.turn(self._key, self._interval, self._ahead, most)
        if not taken:
            raise RateExceeded(wait)
        return wait

    async def lease(self, deadline: float) -> bytes:
        """Returns a slot, looking for a free one until `deadline`. Raises NoFreeSlot, SharedLimitsAway."""
        loop = asyncio.get_running_loop()
        lease = os.urandom(8)
        while True:
            left = deadline - loop.time()
            if left <= 0:
                raise NoFreeSlot
            if await self._limits.lease(self._key, self._max_concurrency, lease, left + _MARGIN):
                return lease
            # No slot tells anybody that it is free: most calls last longer than a look takes.
            await asyncio.sleep(min(left, random.uniform(*_LOOK_AGAIN)))  # noqa: S311  nothing is secret about it

    def give_back(self, lease: bytes) -> None:
        """Frees the slot soon; does not wait for it."""
        self._limits.give_back(self._key, lease)


_log = logging.getLogger(__name__)
