"""The same answers kept in Redis, for several replicas. Redis being away is a miss and a line in the log, no error."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from providers.cache import StoredAnswer
from providers.request import Request

_PREFIX = b"contactgraph:1:"
_log = logging.getLogger(__name__)


class RedisClient(Protocol):
    """What is used of redis.asyncio.Redis."""

    def get(self, name: bytes) -> Awaitable[Any]: ...

    def set(self, name: bytes, value: bytes, *, px: int) -> Awaitable[Any]: ...

    def delete(self, name: bytes) -> Awaitable[Any]: ...

    def aclose(self) -> Awaitable[None]: ...


class RedisCache:
    """A `Cache` in Redis. Keys are digests; values are whole answers, which are personal data: give Redis a password.

    `secret` keys the digests and must be the same on every replica. After a failure Redis is left alone for
    `pause` seconds, so that one that hangs does not slow every call down.
    """

    def __init__(
        self, client: RedisClient, secret: bytes, pause: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not secret:
            raise ValueError("expected a secret that is not empty")
        self.secret = secret
        self._client = client
        self._pause = pause
        self._clock = clock
        self._paused_until = -math.inf
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(StoredAnswer)

    @classmethod
    def from_url(cls, url: str, secret: bytes, timeout: float = 0.5) -> RedisCache:
        """Returns a cache at a redis://, rediss:// or unix:// URL.

        `timeout` is in seconds, for connecting and each command. No connection is made before the first call. Raises
        ValueError for another kind of URL.
        """
        client: Any = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
        return cls(client, secret)

    async def get(self, scope: bytes, request: Request) -> StoredAnswer | None:
        """Returns the kept answer; None also when Redis fails or holds something else there."""
        if self._clock() < self._paused_until:
            return None
        try:
            value = await self._client.get(self._key(scope, request))
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return None
        if value is None:
            return None
        try:
            return self._decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None  # of another version of this program

    async def put(self, scope: bytes, request: Request, answer: StoredAnswer, keep: float) -> None:
        """Keeps the answer; does nothing when Redis fails."""
        if self._clock() < self._paused_until:
            return
        milliseconds = int(keep * 1000)
        try:
            if milliseconds > 0:
                await self._client.set(self._key(scope, request), self._encoder.encode(answer), px=milliseconds)
            else:
                await self._client.delete(self._key(scope, request))
        except (RedisError, OSError) as error:
            self._leave_alone(error)

    async def aclose(self) -> None:
        """Closes the connections to Redis; what is kept there stays."""
        try:
            await self._client.aclose()
        except (RedisError, OSError) as error:
            self._leave_alone(error)

    def _key(self, scope: bytes, request: Request) -> bytes:
        question = self._encoder.encode(request)
        return _PREFIX + hashlib.blake2b(question, key=scope, digest_size=32).hexdigest().encode()

    def _leave_alone(self, error: Exception) -> None:
        self._paused_until = self._clock() + self._pause
        # The kind alone: the text may have Redis's address and user.
        _log.warning("the Redis cache does not answer (%s); going on without it", type(error).__name__)
