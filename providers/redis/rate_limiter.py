"""A source's limits held in Redis, over all workers and replicas.

Both limits are one small script each, so that what is looked at and what is taken is one step for everybody. Time is
Redis's own: the clocks of replicas do not matter.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import os
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from providers.redis.connection import RedisAway, RedisLink, Script
from providers.resilience.rate_limiter import NoFreeSlot, RateExceeded, SharedLimitsAway
from providers.settings import SourceSettings

_PREFIX: Final = b"contactgraph:1:"
_MICROSECONDS: Final = 1_000_000
_SLOWEST: Final = 10**15  # microseconds between turns that the scripts still count exactly
# A ticket outlives its call's deadline by this much: the call ends first, unless its process has died.
_MARGIN: Final = 1.0
# Who stands next in line looks again after about so many seconds, the one behind after twice as many, and so on.
_LOOK_AGAIN: Final = 0.004
_LOOK_AT_LATEST: Final = 0.05

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

# A line of tickets in the order of their arrival, of which the first hold the slots; so nobody is overtaken for ever,
# however busy another process is. What a process that died leaves behind ends by itself.
# KEYS: the line, the instants at which its tickets end. ARGV: a ticket, how many microseconds it lasts when it is new,
# tickets whose calls are over. Returns how many tickets are before this one.
_STAND_IN_LINE: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
for index = 3, #ARGV do
  over[#over + 1] = ARGV[index]
end
for _, ticket in ipairs(over) do
  redis.call('ZREM', KEYS[1], ticket)
  redis.call('ZREM', KEYS[2], ticket)
end
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[2]), ARGV[1])
  local milliseconds = math.ceil(ARGV[2] / 1000)
  if redis.call('PTTL', KEYS[1]) < milliseconds then
    redis.call('PEXPIRE', KEYS[1], milliseconds)
    redis.call('PEXPIRE', KEYS[2], milliseconds)
  end
end
return redis.call('ZRANK', KEYS[1], ARGV[1])
"""

# KEYS as above. ARGV: tickets whose calls are over.
_LEAVE: Final = """
redis.call('ZREM', KEYS[1], unpack(ARGV))
redis.call('ZREM', KEYS[2], unpack(ARGV))
"""


class RedisLimits:
    """The limits of sources in one Redis.

    `secret` keys the digests that stand for sources and must be the same on every replica. The link is its owner's to
    close, after this.
    """

    def __init__(self, link: RedisLink, secret: bytes) -> None:
        if not secret:
            raise ValueError("expected a secret that is not empty")
        self._link = link
        self._key = hashlib.blake2b(secret).digest()
        self.take_turn = link.script(_TURN)
        self.stand_in_line = link.script(_STAND_IN_LINE)
        self.leave = link.script(_LEAVE)
        self._afterwards: set[asyncio.Task[None]] = set()

    def of(self, settings: SourceSettings) -> SourceLimits:
        """Returns the limits of one source. All sources of this name and address share them, wherever they run."""
        name = f"{settings.name}\0{settings.base_url}".encode()
        digest = hashlib.blake2b(name, key=self._key, digest_size=16).hexdigest()
        return SourceLimits(self, digest, settings.max_concurrency, settings.rate_limit)

    async def run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes | int]) -> Any:
        """Returns what the script says. Raises SharedLimitsAway."""
        try:
            return await self._link.run(script, keys, arguments)
        except RedisAway as error:
            raise SharedLimitsAway from error

    def afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        """Does the work beside everything else; `aclose` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)

    async def aclose(self) -> None:
        """Waits until slots that were given back are free."""
        await asyncio.gather(*self._afterwards)


class SourceLimits:
    """One source's `SharedLimits`. Made by `RedisLimits.of`."""

    def __init__(self, limits: RedisLimits, key: str, max_concurrency: int, rate: float | None) -> None:
        self._limits = limits
        # The braces keep both keys of the line in one slot of a Redis Cluster.
        self._bucket = (_PREFIX + f"turns:{{{key}}}".encode(),)
        self.line = (_PREFIX + f"line:{{{key}}}".encode(), _PREFIX + f"ends:{{{key}}}".encode())
        self._max_concurrency = max_concurrency
        # As in Gate: bursts of one second's worth, and of one call for a rate below one a second.
        self._interval = 0 if rate is None else min(math.ceil(_MICROSECONDS / rate), _SLOWEST)
        self._ahead = 0 if rate is None else int((max(rate, 1.0) - 1.0) * self._interval)
        self._over: list[bytes] = []

    async def turn(self, patience: float) -> float:
        """Takes the next turn and returns the seconds until it comes. Raises RateExceeded, SharedLimitsAway."""
        arguments = (self._interval, self._ahead, max(0, int(patience * _MICROSECONDS)))
        taken, microseconds = await self._limits.run(self._limits.take_turn, self._bucket, arguments)
        wait: float = microseconds / _MICROSECONDS
        if not taken:
            raise RateExceeded(wait)
        return wait

    async def lease(self, deadline: float) -> bytes:
        """Returns a slot, standing in line for it until `deadline`. Raises NoFreeSlot, SharedLimitsAway."""
        loop = asyncio.get_running_loop()
        ticket = os.urandom(8)
        over: list[bytes] = []
        try:
            while (left := deadline - loop.time()) > 0:
                over, self._over = self._over, []
                arguments: list[bytes | int] = [ticket, math.ceil((left + _MARGIN) * _MICROSECONDS), *over]
                before = await self._limits.run(self._limits.stand_in_line, self.line, arguments)
                if before < self._max_concurrency:
                    return ticket
                # Nobody is told that a slot is free; looking is cheap for the few who are next.
                pause = min(_LOOK_AGAIN * (before - self._max_concurrency + 1), _LOOK_AT_LATEST)
                await asyncio.sleep(min(left, pause))
            raise NoFreeSlot
        except (NoFreeSlot, asyncio.CancelledError):
            # What went with a question that was broken off may not have got there.
            for each in (ticket, *over):
                self.give_back(each)
            raise

    def give_back(self, lease: bytes) -> None:
        """Frees the slot soon, in one go with the next call's ticket where there is one; does not wait for it."""
        self._over.append(lease)
        if len(self._over) == 1:
            self._limits.afterwards(self._leave())

    async def _leave(self) -> None:
        over, self._over = self._over, []
        if not over:
            return
        # Away: tickets end by themselves.
        with contextlib.suppress(SharedLimitsAway):
            await self._limits.run(self._limits.leave, self.line, over)
