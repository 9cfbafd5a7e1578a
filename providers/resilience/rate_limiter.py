"""How many calls a source gets at once, and a second: by this process, or by all that share their limits."""

from __future__ import annotations

import asyncio
from typing import Protocol

from aiolimiter import AsyncLimiter


class RateExceeded(Exception):
    """The rate limit leaves no room before the deadline. `retry_after` is in seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class NoFreeSlot(Exception):
    """All slots were taken until the deadline."""


class SharedLimitsAway(Exception):
    """The shared limits cannot be asked now: the process's own ones hold."""


class SharedLimits(Protocol):
    """One source's limits over several processes."""

    async def turn(self, patience: float) -> float:
        """Takes the next turn and returns the seconds until it comes, at most `patience`.

        A turn is spent once it is taken. Raises RateExceeded, with nothing taken, and SharedLimitsAway.
        """

    async def lease(self, deadline: float) -> bytes:
        """Returns a slot, waiting for it until `deadline` (the loop's clock), by which it ends by itself.

        Raises NoFreeSlot and SharedLimitsAway.
        """

    def give_back(self, lease: bytes) -> None:
        """Frees the slot soon; does not wait for it."""


class Gate:
    """`max_concurrency` calls at once and, when `rate` is given, that many a second (bursts up to one second's worth).

    With `shared` both hold for all processes that share it; while it is away, for this one. `enter` before a call
    and `leave` after it; a cancelled or refused `enter` holds no slot.
    """

    def __init__(self, max_concurrency: int, rate: float | None, shared: SharedLimits | None = None) -> None:
        self._slots = asyncio.Semaphore(max_concurrency)
        self._rate = rate
        self._shared = shared
        # AsyncLimiter never lets more than its capacity through at once, so a slow rate counts in longer periods.
        self._limiter = AsyncLimiter(max(rate, 1.0), max(1.0, 1.0 / rate)) if rate is not None else None

    async def enter(self, deadline: float) -> bytes | None:
        """Takes a slot, waiting for it until `deadline` (the loop's clock), and returns what `leave` gives back.

        Raises RateExceeded, NoFreeSlot.
        """
        if self._limiter is not None and self._rate is not None:
            await self._take_turn(self._limiter, self._rate, deadline)
        if not self._slots.locked():
            await self._slots.acquire()
        else:
            try:
                async with asyncio.timeout_at(deadline):
                    await self._slots.acquire()
            except TimeoutError as error:
                raise NoFreeSlot from error
        if self._shared is None:
            return None
        # The own slot first: so no process asks for more shared ones at a time than it could use.
        try:
            return await self._shared.lease(deadline)
        except SharedLimitsAway:
            return None
        except BaseException:
            self._slots.release()
            raise

    def leave(self, lease: bytes | None = None) -> None:
        """Gives the slot back. `lease` is what `enter` returned."""
        self._slots.release()
        if lease is not None and self._shared is not None:
            self._shared.give_back(lease)

    async def _take_turn(self, limiter: AsyncLimiter, rate: float, deadline: float) -> None:
        if self._shared is not None:
            try:
                wait = await self._shared.turn(deadline - asyncio.get_running_loop().time())
            except SharedLimitsAway:
                pass
            else:
                if wait > 0:
                    await asyncio.sleep(wait)
                return
        try:
            async with asyncio.timeout_at(deadline):
                await limiter.acquire()
        except TimeoutError as error:
            raise RateExceeded(1.0 / rate) from error
