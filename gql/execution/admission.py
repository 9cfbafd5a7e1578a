"""How many operations are in the making at a time: as many as keep the processor busy, and no more.

An operation under way holds decoded rows, tasks and sockets. Thirty of them that take turns on a busy processor push
each other out of its caches, and each then costs 80 % more (1.8 ms for 1.0: docs/adr/, 7). So operations beyond a width
wait for their turn, in order. The width grows while the processor has time left, because those that are under way wait
for their sources, and shrinks while it has none: slow sources hold nobody up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter, thread_time
from types import TracebackType
from typing import Final

# The least width: enough to keep the processor busy over sources that answer at once.
_LEAST: Final = 4
# How often is looked at the processor, in seconds, while more than that are under way or wait.
_LOOK_EVERY: Final = 0.01
# The share of its time left above which the width grows, by that share, and below which it shrinks, by a fifth.
_MUCH_LEFT: Final = 0.2
_NONE_LEFT: Final = 0.1


class Admission:
    """The turn of an operation: `async with admission`. Of one event loop.

    `wall` and `processor` are clocks in seconds, the second of the time that this thread was given; `later` calls a
    function after so many seconds. Tests give their own.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float] = perf_counter,
        processor: Callable[[], float] = thread_time,
        later: Callable[[float, Callable[[], None]], object] | None = None,
    ) -> None:
        self._clock = wall
        self._processor = processor
        self._later = later or _on_the_loop
        self._width = _LEAST
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._looking = False
        self._wall = self._used = 0.0

    async def __aenter__(self) -> None:
        if not self._looking and self._inside >= _LEAST:
            self._looking = True
            self._wall, self._used = self._clock(), self._processor()
            self._later(_LOOK_EVERY, self._look)
        if self._inside < self._width and not self._waiting:
            self._inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
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
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._inside < self._width:
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)

    def _look(self) -> None:
        wall, used = self._clock(), self._processor()
        # Time that a neighbour took counts as left: at worst the width is too large.
        left = 1.0 - (used - self._used) / max(wall - self._wall, _LOOK_EVERY)
        self._wall, self._used = wall, used
        if left > _MUCH_LEFT and self._waiting:
            self._width += max(1, int(self._inside * left))
            self._let_in()
        elif left < _NONE_LEFT:
            self._width = max(_LEAST, self._width * 4 // 5)
        if self._waiting or self._inside > _LEAST:
            self._later(_LOOK_EVERY, self._look)
        else:
            self._looking = False
            self._width = _LEAST


def _on_the_loop(seconds: float, call: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, call)
