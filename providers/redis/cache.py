"""The same answers kept in Redis, for several replicas."""

from __future__ import annotations

import contextlib
import hashlib
import math
import time
from typing import Final

import msgspec

from providers.cache.store import StoredAnswer
from providers.redis.connection import RedisAway, RedisLink
from providers.spi.request import Request

_PREFIX: Final = b"contactgraph:1:"
_MICROSECONDS: Final = 1_000_000
_STAMP_DIGITS: Final = 16  # microseconds since the epoch, which Lua's numbers hold exactly

# How long a replica believes what it last read of a refused credential, in seconds, and of how many it remembers it.
_LOOK_AGAIN: Final = 1.0
_MOST_ENDS: Final = 10_000

# A value is `asked_at` in digits, and the answer behind it: what is compared and what is written is one step for all.
# KEYS: the question. ARGV: the stamp, the answer, milliseconds to keep it (0: forget).
_KEEP: Final = f"""
local known = tonumber(redis.call('GETRANGE', KEYS[1], 0, {_STAMP_DIGITS - 1}))
if known and known > tonumber(ARGV[1]) then
  return
end
if tonumber(ARGV[3]) > 0 then
  redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
else
  redis.call('DEL', KEYS[1])
end
"""


class RedisCache:
    """A `Cache` in Redis. Keys are digests; values are whole answers, which are personal data: give Redis a password.

    `secret` keys the digests and must be the same on every replica. Redis being away is a miss. The link is its
    owner's to close.
    """

    def __init__(self, link: RedisLink, secret: bytes) -> None:
        if not secret:
            raise ValueError("expected a secret that is not empty")
        self.secret = secret
        self._link = link
        self._keep = link.script(_KEEP)
        self._encoder = msgspec.msgpack.Encoder()
        self._ends: dict[bytes, tuple[float, int]] = {}
        self._decoder = msgspec.msgpack.Decoder(StoredAnswer)

    async def get(self, scope: bytes, request: Request) -> StoredAnswer | None:
        """Returns the kept answer; None also when Redis is away or holds something else there."""
        try:
            value = await self._link.get(self._key(scope, request))
            if value is None:
                return None
            ended = await self._ended(scope)
        except RedisAway:
            return None
        try:
            if int(value[:_STAMP_DIGITS]) <= ended:
                return None
            return self._decoder.decode(memoryview(value)[_STAMP_DIGITS:])
        except (msgspec.MsgspecError, ValueError):
            return None  # of another version of this program

    async def put(self, scope: bytes, request: Request, answer: StoredAnswer, keep: float) -> None:
        """Keeps the answer, unless one to a later question is there; does nothing when Redis is away."""
        stamp = f"{int(answer.asked_at * _MICROSECONDS):0{_STAMP_DIGITS}}".encode()
        milliseconds = max(0, int(keep * 1000))
        value = self._encoder.encode(answer) if milliseconds else b""
        try:
            await self._link.run(self._keep, (self._key(scope, request),), (stamp, value, milliseconds))
        except RedisAway:
            return

    async def end(self, scope: bytes, at: float, longest: float) -> None:
        """Leaves word that answers to questions put by `at` are over; other replicas know within a second.

        When Redis is away, only this process knows, until it looks again.
        """
        stamp = int(at * _MICROSECONDS)
        self._note_end(scope, stamp)
        value = f"{stamp:0{_STAMP_DIGITS}}".encode()
        with contextlib.suppress(RedisAway):
            await self._link.run(self._keep, (_end_key(scope),), (value, b"", math.ceil(longest * 1000) + 1000))

    async def aclose(self) -> None:
        """Does nothing: what is kept stays, and the link is its owner's."""

    async def _ended(self, scope: bytes) -> int:
        """Returns by when the scope's questions are over, in microseconds; 0: nobody said so. Raises RedisAway."""
        known = self._ends.get(scope)
        if known is not None and time.monotonic() - known[0] < _LOOK_AGAIN:
            return known[1]
        value = await self._link.get(_end_key(scope))
        stamp = int(value) if value is not None and value.isdigit() else 0
        self._note_end(scope, stamp)
        return stamp

    def _note_end(self, scope: bytes, stamp: int) -> None:
        self._ends.pop(scope, None)
        self._ends[scope] = (time.monotonic(), stamp)
        if len(self._ends) > _MOST_ENDS:
            del self._ends[next(iter(self._ends))]

    def _key(self, scope: bytes, request: Request) -> bytes:
        question = self._encoder.encode(request)
        return _PREFIX + hashlib.blake2b(question, key=scope, digest_size=32).hexdigest().encode()


def _end_key(scope: bytes) -> bytes:
    return _PREFIX + b"end:" + hashlib.blake2b(b"end", key=scope, digest_size=32).hexdigest().encode()
