"""A circuit breaker: a source that keeps failing is left alone for a while, then tried with one call."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum, StrEnum, auto


class CircuitState(StrEnum):
    """The public enum of the same name (contract.graphql)."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Permit(Enum):
    """A call may go out (CALL), goes out alone to find out (PROBE), or must not (REFUSED)."""

    CALL = auto()
    PROBE = auto()
    REFUSED = auto()


WINDOW = 20


class CircuitBreaker:
    """Opens when `failures` of the last 20 calls failed, which consecutive ones are too; 0 never opens.

    `cooldown` is in seconds on `clock`, after which one call is let through: its success closes the circuit, its
    failure opens it again. What a failure is, the caller decides: here that the source did not answer, never that
    it refused (4xx).
    """

    def __init__(self, failures: int, cooldown: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._cooldown = cooldown
        self._clock = clock
        self._mask = (1 << max(WINDOW, failures)) - 1
        # One bit a call, the last one lowest, set for a failure.
        self._window = 0
        self._opened_at = 0.0
        self._probing = False
        self.is_closed = True

    @property
    def state(self) -> CircuitState:
        """Returns the state now: an open circuit is half open once its cool-down is over."""
        if self.is_closed:
            return CircuitState.CLOSED
        return CircuitState.OPEN if self._cooling() > 0 else CircuitState.HALF_OPEN

    @property
    def retry_after(self) -> float:
        """Returns the seconds until a call may be let through; at least a tenth, for one may be under way."""
        return max(self._cooling(), 0.1)

    def admit(self) -> Permit:
        """Returns whether a call may go out. A PROBE must be followed by succeeded, failed or abandoned."""
        if self.is_closed:
            return Permit.CALL
        if self._probing or self._cooling() > 0:
            return Permit.REFUSED
        self._probing = True
        return Permit.PROBE

    def succeeded(self, permit: Permit) -> None:
        """Notes that the source answered."""
        if permit is Permit.PROBE:
            self._probing = False
            self._window = 0
            self.is_closed = True
        elif self.is_closed:
            self._window = (self._window << 1) & self._mask

    def failed(self, permit: Permit) -> bool:
        """Notes that it did not, and returns whether the circuit opened with this call."""
        if permit is Permit.PROBE:
            self._probing = False
            self._opened_at = self._clock()
        elif self.is_closed:
            self._window = ((self._window << 1) | 1) & self._mask
            if self._failures and self._window.bit_count() >= self._failures:
                self._opened_at = self._clock()
                self.is_closed = False
                return True
        return False

    def abandoned(self, permit: Permit) -> None:
        """Notes that the call ended without telling anything, e.g. cancelled: the next one may be the probe."""
        if permit is Permit.PROBE:
            self._probing = False

    def _cooling(self) -> float:
        return self._opened_at + self._cooldown - self._clock()
