"""Answers of one operation wait for each other a moment, so that a page is made in one go.

Decoded rows are some hundred kilobytes an operation. Made when an answer arrives, they lie about until the last source
has answered, and with many operations under way push each other out of the processor's caches; as bytes they do not.
Measured: a tenth of the CPU of a page over four sources (docs/performance.md).
"""

from __future__ import annotations

import asyncio
from typing import Final

# How many seconds an answer waits at most. Only a second call of its source, behind a slower one, can lose by it.
_LONGEST: Final = 0.025


class Arrivals:
    """The calls under way for one operation."""

    __slots__ = ("_timer", "_under_way", "_waiting")

    def __init__(self) -> None:
        self._under_way = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A call goes out."""
        self._under_way += 1

    def end(self) -> None:
        """A call has its answer, or failed."""
        self._under_way -= 1
        if not self._under_way:
            self._release()

    async def together(self) -> None:
        """Returns when no call is under way, or after a moment."""
        if not self._under_way:
            return
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if self._timer is None:
            self._timer = loop.call_later(_LONGEST, self._release)
        await mine

    def _release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)
