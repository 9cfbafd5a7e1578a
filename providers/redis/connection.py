"""One Redis for everything that processes share. Redis being away is a line in the log, no error."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.exceptions import RedisError

_log = logging.getLogger(__name__)


class Script(Protocol):
    """What is used of redis.asyncio's scripts: sent by their digest, and whole where Redis does not know it."""

    def __call__(self, keys: Sequence[bytes], args: Sequence[bytes | int]) -> Awaitable[Any]: ...


class RedisClient(Protocol):
    """What is used of redis.asyncio.Redis."""

    def get(self, name: bytes) -> Awaitable[Any]: ...

    def register_script(self, script: str) -> Script: ...

    def aclose(self) -> Awaitable[None]: ...


class RedisAway(Exception):
    """Redis did not answer, or was not asked because it lately did not."""


class RedisLink:
    """A client, and what is known of the server behind it.

    After a failure Redis is left alone for `pause` seconds, so that one that hangs does not slow every call down. The
    log has one line when it goes, and one when it is back.
    """

    def __init__(self, client: RedisClient, pause: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._pause = pause
        self._clock = clock
        self._paused_until = -math.inf
        self._away = False

    @classmethod
    def from_url(cls, url: str, timeout: float = 0.5) -> RedisLink:
        """Returns a link to a redis://, rediss:// or unix:// URL; `timeout` is seconds, to connect and a command.

        Raises ValueError for another kind of URL. No connection is made before the first question.
        """
        client: Any = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
        return cls(client)

    def script(self, text: str) -> Script:
        """Returns the script for `run`; nothing is sent yet."""
        return self._client.register_script(text)

    async def get(self, key: bytes) -> bytes | None:
        """Returns the value of a key, None when there is none. Raises RedisAway."""
        value: bytes | None = await self._answer(lambda: self._client.get(key))
        return value

    async def run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes | int]) -> Any:
        """Returns what the script says. Raises RedisAway."""
        return await self._answer(lambda: script(keys, arguments))

    async def aclose(self) -> None:
        """Closes the connections; what is kept in Redis stays."""
        try:
            await self._client.aclose()
        except (RedisError, OSError) as error:
            _log.debug("Redis did not take leave (%s)", type(error).__name__)

    async def _answer(self, question: Callable[[], Awaitable[Any]]) -> Any:
        if self._clock() < self._paused_until:
            raise RedisAway
        try:
            answer = await question()
        except (RedisError, OSError) as error:
            self._paused_until = self._clock() + self._pause
            if not self._away:
                self._away = True
                # The kind alone: the text may have Redis's address and user.
                kind = type(error).__name__
                _log.warning(
                    "Redis does not answer (%s): limits of sources hold for each process alone, answers are not kept",
                    kind,
                )
            raise RedisAway from error
        # An answer that comes during the pause is to a question from before the failure.
        if self._away and self._clock() >= self._paused_until:
            self._away = False
            _log.warning("Redis answers again: limits of sources and answers are shared")
        return answer
