"""How many operations are in the making at a time: as many as keep the processor busy, and no more.

An operation under way holds decoded rows, tasks and sockets. Thirty of them that take turns on a busy processor push
each other out of its caches, and each then costs half as much again (docs/performance.md). So while there is work to
do, operations beyond a few wait for their turn, in order. Whenever the event loop has nothing to do, because all that
are under way wait for their sources, another one is let in: slow sources hold nobody up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter
from types import TracebackType
from typing import Final

# Let in without a look at the event loop: enough to keep it busy over sources that answer at once.
_ALWAYS: Final = 4
# A turn of the event loop in which nothing but the look itself was done takes less than that, in seconds.
_IDLE_TURN: Final = 0.000_05


class Admission:
    """The turn of an operation: `async with admission`. Of one event loop."""

    def __init__(self) -> None:
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._looking = False
        self._looked_at = 0.0

    async def __aenter__(self) -> None:
        if self._inside < _ALWAYS and not self._waiting:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._begin_to_look()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # Its turn came together with its end: somebody else's, then.
                self._leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self._inside -= 1
        if self._inside < _ALWAYS:
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)
                return

    def _begin_to_look(self) -> None:
        if not self._looking:
            self._looking = True
            self._looked_at = perf_counter()
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Once a turn of the event loop, as long as somebody waits."""
        now = perf_counter()
        idle = now - self._looked_at < _IDLE_TURN
        self._looked_at = now
        if idle:
            self._let_in()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._look)
        else:
            self._looking = False
