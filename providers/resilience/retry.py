"""Which failed calls are made again, when, and how many at most (the loop itself is stamina's)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from providers.http.transport import ConnectFailed, ConnectionLost, TimedOut
from providers.resilience.circuit_breaker import CircuitBreaker
from providers.spi.errors import SourceError

T = TypeVar("T")

REPEATABLE_STATUSES = frozenset({429, 502, 503})
WAIT_INITIAL = 0.1
WAIT_JITTER = 0.1
WAIT_MAX = 2.0


class RetryBudget:
    """At most `share` retries a call over time, after a few to begin with: an outage is not multiplied by retrying."""

    def __init__(self, share: float = 0.2, reserve: float = 10.0) -> None:
        self._share = share
        self._reserve = reserve
        self._balance = reserve

    def deposit(self) -> None:
        """Counts a call."""
        balance = self._balance + self._share
        self._balance = balance if balance < self._reserve else self._reserve

    def withdraw(self) -> bool:
        """Returns whether a retry may be made, and counts it."""
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True


def is_repeatable(error: BaseException) -> bool:
    """Returns whether the same request may end otherwise soon: no connection, a lost one, 429, 502 or 503.

    The cause is the transport's error: a circuit that is open, a read time-out and every other status are not.
    """
    if not isinstance(error, SourceError):
        return False
    match error.__cause__:
        case ConnectFailed(lasting=lasting):
            return not lasting
        case ConnectionLost():
            return True
        case TimedOut(phase=phase):
            return phase == "connect"
        case _:
            return error.status in REPEATABLE_STATUSES


async def again(
    call: Callable[[], Awaitable[T]],
    failure: SourceError,
    *,
    retries: int,
    deadline: float,
    budget: RetryBudget,
    breaker: CircuitBreaker,
) -> T:
    """Returns what `call` gives after its first attempt ended with `failure`; raises its last failure.

    Waits grow exponentially with jitter; `retry_after` is obeyed. A wait that does not end before `deadline` (the
    loop's clock) is not begun: then the failure, with its `retry_after`, is the answer. Nothing is repeated while the
    circuit is not closed, so that a probe is one attempt. The first attempt is made by the caller, because most are
    the only one and this machinery costs more than they do.
    """
    loop = asyncio.get_running_loop()
    retried = 0

    def wait(error: Exception) -> bool | float:
        nonlocal retried
        if retried >= retries or not breaker.is_closed or not is_repeatable(error):
            return False
        asked = error.retry_after if isinstance(error, SourceError) else None
        longest = asked or min(WAIT_MAX, WAIT_INITIAL * 2**retried + WAIT_JITTER)
        if loop.time() + longest >= deadline or not budget.withdraw():
            return False
        retried += 1
        return asked or True

    replayed = False
    async for attempt in stamina.retry_context(
        on=wait, attempts=None, timeout=None, wait_initial=WAIT_INITIAL, wait_jitter=WAIT_JITTER, wait_max=WAIT_MAX
    ):
        with attempt:
            if not replayed:
                replayed = True
                raise failure
            return await call()
    raise failure
