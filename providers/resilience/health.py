"""How a source has been doing lately (`Source.health`)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

import msgspec

from providers.resilience.circuit_breaker import CircuitBreaker, CircuitState
from providers.spi.errors import SourceError, SourceErrorCode

__all__ = ["CircuitState", "FailureNote", "SourceHealth"]

_RECENT_CALLS = 50
_API_VERSION_LENGTH = 64


class FailureNote(msgspec.Struct, frozen=True):
    """What is kept of a SourceError: not the exception, which would hold its traceback's frames alive."""

    code: SourceErrorCode
    message: str
    status: int | None
    retry_after: float | None
    request_id: str | None
    at: datetime


class SourceHealth:
    """Notes of one source's calls. Times are UTC; `clock` is in seconds since the epoch.

    `calls` counts upstream answers and failures by outcome: "OK" or a SourceErrorCode.
    """

    def __init__(self, breaker: CircuitBreaker, clock: Callable[[], float] = time.time) -> None:
        self._breaker = breaker
        self._clock = clock
        self._latencies: deque[float] = deque(maxlen=_RECENT_CALLS)
        self._last_success: float | None = None
        self._rate_limited_until: float | None = None
        self.last_error: FailureNote | None = None
        self.api_version: str | None = None
        self.calls: dict[str, int] = {"OK": 0}

    @property
    def circuit(self) -> CircuitState:
        """Returns the breaker's state now."""
        return self._breaker.state

    @property
    def last_success_at(self) -> datetime | None:
        """Returns when the source last answered with 200."""
        return _instant(self._last_success)

    @property
    def rate_limited_until(self) -> datetime | None:
        """Returns until when the source asked to be left alone, None when it did not or the time is over."""
        until = self._rate_limited_until
        return _instant(until) if until is not None and until > self._clock() else None

    @property
    def latency_ms(self) -> float | None:
        """Returns the median of the last fifty successful calls in milliseconds, None before the first."""
        return median(self._latencies) if self._latencies else None

    def answered(self, milliseconds: float, at: float, api_version: str | None) -> None:
        """Notes a good answer."""
        self._latencies.append(milliseconds)
        self._last_success = at
        self._rate_limited_until = None
        self.calls["OK"] += 1
        if api_version is not None:
            self.api_version = api_version[:_API_VERSION_LENGTH]

    def failed(self, error: SourceError) -> None:
        """Notes a failure that the source answered for: of a call, or of decoding its answer."""
        now = self._clock()
        self.calls[error.code.value] = self.calls.get(error.code.value, 0) + 1
        self.last_error = FailureNote(
            error.code,
            error.message,
            error.status,
            error.retry_after,
            error.request_id,
            datetime.fromtimestamp(now, UTC),
        )
        if error.code is SourceErrorCode.SOURCE_RATE_LIMITED and error.retry_after is not None:
            self._rate_limited_until = now + error.retry_after


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
