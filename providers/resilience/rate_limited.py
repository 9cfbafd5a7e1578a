"""Who has to wait because the source said 429: a source is left alone with a credential until its time is over."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable

import msgspec

# A source that asks for longer is asked once in this time all the same: it may have meant something else.
LONGEST_WAIT = 3_600.0
# Without a time, or with one that is over: so long after the first 429, twice as long after each that follows a wait.
FIRST_WAIT = 0.1
LONGEST_UNASKED_WAIT = 60.0
_MAX_CREDENTIALS = 10_000
_DIGEST_BYTES = 16


class _Wait(msgspec.Struct, gc=False):
    """`until` is on the clock; `times` counts the waits that followed each other."""

    until: float
    times: int = 0


class RateLimited(Exception):
    """The source said not to be asked with this credential yet. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class RateLimitedCredentials:
    """The credentials with which one source is not to be asked now, as keyed digests. `clock` is in seconds.

    The ten thousand last are known. Nothing is looked up while there are none, which is the common case.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._key = os.urandom(_DIGEST_BYTES)
        self._waits: dict[bytes, _Wait] = {}

    def __bool__(self) -> bool:
        return bool(self._waits)

    def wait(self, credential: str) -> float:
        """Returns the seconds until the source may be asked with the credential, 0.0 when it may be now."""
        wait = self._waits.get(self._digest(credential))
        return max(wait.until - self.clock(), 0.0) if wait is not None else 0.0

    def refused(self, credential: str, retry_after: float | None, asked_at: float) -> float:
        """Notes a 429 to a question put at `asked_at` (the clock's), and returns until when it lasts.

        Answers to questions that were under way together count once.
        """
        digest = self._digest(credential)
        wait = self._waits.pop(digest, None)
        if wait is None:
            wait = _Wait(asked_at)
        self._waits[digest] = wait
        if asked_at >= wait.until:
            wait.times += 1
        if retry_after:
            seconds = min(retry_after, LONGEST_WAIT)
        else:
            seconds = min(FIRST_WAIT * 2.0 ** min(wait.times - 1, 20), LONGEST_UNASKED_WAIT)
        wait.until = max(wait.until, self.clock() + seconds)
        if len(self._waits) > _MAX_CREDENTIALS:
            del self._waits[next(iter(self._waits))]
        return wait.until

    def answered(self, credential: str, asked_at: float) -> None:
        """Notes that a question put at `asked_at` was answered: a wait before it is over."""
        digest = self._digest(credential)
        wait = self._waits.get(digest)
        if wait is not None and asked_at >= wait.until:
            del self._waits[digest]

    def _digest(self, credential: str) -> bytes:
        return hashlib.blake2b(credential.encode(), key=self._key, digest_size=_DIGEST_BYTES).digest()
