"""How many calls a source gets at once, and a second."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter


class RateExceeded(Exception):
    """The rate limit leaves no room before the deadline. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class NoFreeSlot(Exception):
    """All slots were taken until the deadline."""


class Gate:
    """`max_concurrency` calls at once and, when `rate` is given, that many a second (bursts up to one second's worth).

    `enter` before a call and `leave` after it; a cancelled or refused `enter` holds nothing.
    """

    def __init__(self, max_concurrency: int, rate: float | None) -> None:
        self._slots = asyncio.Semaphore(max_concurrency)
        self._rate = rate
        # AsyncLimiter never lets more than its capacity through at once, so a slow rate counts in longer periods.
        self._limiter = AsyncLimiter(max(rate, 1.0), max(1.0, 1.0 / rate)) if rate is not None else None

    async def enter(self, deadline: float) -> None:
        """Takes a slot, waiting for it until `deadline` (the loop's clock). Raises RateExceeded, NoFreeSlot."""
        if self._limiter is not None and self._rate is not None:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._limiter.acquire()
            except TimeoutError as error:
                raise RateExceeded(1.0 / self._rate) from error
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError as error:
            raise NoFreeSlot from error

    def leave(self) -> None:
        """Gives the slot back."""
        self._slots.release()
