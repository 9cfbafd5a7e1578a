"""Answers kept for the next equal question: what is kept, under which key, and the bounded memory for it.

A key is (scope, request). The scope stands for source, address and credential as a keyed digest, so that no caller
ever gets what another one's credential was answered, and no store holds a credential.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import msgspec

from providers.http.credential import Credential
from providers.spi.request import Request

_DIGEST_BYTES = 32
_LONGEST_KEY = 64


class StoredAnswer(msgspec.Struct, array_like=True):
    """An answer as it is kept. Times are seconds since the epoch.

    Fresh until `fresh_until`; after that `etag` can revalidate it, and it may be given as stale if `stale_allowed`.
    `asked_at` is when its question was put, so that a slow answer does not replace a later one's.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    asked_at: float
    fetched_at: float
    fresh_until: float
    stale_allowed: bool
    etag: str | None


class Cache(Protocol):
    """Keeps answers. An implementation that fails answers as if it had nothing: a cache is never an error."""

    secret: bytes
    """Keys the digests in scopes. Caches that share their contents share it."""

    async def get(self, scope: bytes, request: Request) -> StoredAnswer | None:
        """Returns the kept answer, fresh or not."""

    async def put(self, scope: bytes, request: Request, answer: StoredAnswer, keep: float) -> None:
        """Keeps the answer for `keep` seconds at most; 0 forgets the one that is there.

        Does neither when the one there has a later `asked_at`: a slow answer says what was, not what is.
        """

    async def end(self, scope: bytes, at: float, longest: float) -> None:
        """Forgets every answer to a question that the scope put by `at` (seconds since the epoch): it was refused.

        `longest` is how many seconds an answer of the scope is kept at most.
        """

    async def aclose(self) -> None:
        """Gives up connections, if there are any."""


def scope_of(secret: bytes, source: str, base_url: str, credential: Credential) -> bytes:
    """Returns the keyed digest that stands for a source asked with a credential."""
    key = secret if len(secret) <= _LONGEST_KEY else hashlib.blake2b(secret).digest()
    text = "\0".join((source, base_url, credential.reveal()))
    return hashlib.blake2b(text.encode(), key=key, digest_size=_DIGEST_BYTES).digest()


class MemoryCache:
    """A `Cache` in this process: at most `max_bytes` and `max_entries`, the least recently used go first.

    An answer larger than an eighth of `max_bytes` is not kept. `clock` gives seconds since the epoch.
    """

    # The key, the structs and the tables' slots of an entry, roughly; strings are counted by length.
    ENTRY_BYTES = 1_024

    def __init__(
        self,
        max_bytes: int = 64_000_000,
        max_entries: int = 10_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.secret = os.urandom(_LONGEST_KEY)
        self.size = 0
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._clock = clock
        self._entries: OrderedDict[tuple[bytes, Request], tuple[StoredAnswer, float, int]] = OrderedDict()
        self._of_scope: dict[bytes, set[Request]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, scope: bytes, request: Request) -> StoredAnswer | None:
        """Returns the kept answer, None when its time is over."""
        key = (scope, request)
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry[0]

    async def put(self, scope: bytes, request: Request, answer: StoredAnswer, keep: float) -> None:
        """Keeps the answer, or forgets the one there, unless that is to a later question."""
        key = (scope, request)
        known = self._entries.get(key)
        if known is not None:
            if known[0].asked_at > answer.asked_at:
                return
            self._drop(key)
        size = self.ENTRY_BYTES + len(answer.body) + sum(len(n) + len(v) for n, v in answer.headers.items())
        size += len(request.body or b"") + sum(len(n) + len(v) for n, v in request.params)
        if keep <= 0 or size > self._max_bytes // 8:
            return
        self._entries[key] = (answer, self._clock() + keep, size)
        self._of_scope.setdefault(scope, set()).add(request)
        self.size += size
        while self.size > self._max_bytes or len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))

    async def end(self, scope: bytes, at: float, longest: float) -> None:
        """Forgets what the scope was answered to questions put by `at`."""
        for request in list(self._of_scope.get(scope, ())):
            if self._entries[scope, request][0].asked_at <= at:
                self._drop((scope, request))

    async def aclose(self) -> None:
        """Forgets everything."""
        self._entries.clear()
        self._of_scope.clear()
        self.size = 0

    def _drop(self, key: tuple[bytes, Request]) -> None:
        self.size -= self._entries.pop(key)[2]
        scope, request = key
        requests = self._of_scope[scope]
        requests.discard(request)
        if not requests:
            del self._of_scope[scope]
