"""What was written and is not sent, over all connections of a process: bounded, and not kept for who does not read."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

__all__ = ["STALL_SECONDS", "Unsent", "UnsentBytes"]

STALL_SECONDS: Final = 30.0
"""How long a connection may take nothing of what waits for it."""

_LOOKS: Final = 10
_ROOM: Final = 8


class Unsent(Protocol):
    """A connection with something unsent."""

    def get_write_buffer_size(self) -> int:
        """Returns how many bytes wait to be sent."""

    def abort(self) -> None:
        """Ends the connection at once."""


class _Waiting:
    """`held`: the bytes of whole answers; `left`: those unsent when last looked; `since`: when that became fewer."""

    __slots__ = ("held", "left", "since")

    def __init__(self, since: float) -> None:
        self.held = 0
        self.left = 0
        self.since = since


class UnsentBytes:
    """Bounds what connections hold unsent, together. An answer counts whole until its last byte is sent: so long it is
    in memory.

    Over `limit` bytes, connections are aborted, that one first which has taken nothing for the longest time; never the
    one that was written to just now. A connection that takes nothing for `stall_seconds` is aborted in any case.
    """

    def __init__(self, limit: int, stall_seconds: float = STALL_SECONDS) -> None:
        self._limit = limit
        self._stall_seconds = stall_seconds
        self._waiting: dict[Unsent, _Waiting] = {}
        self._total = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def total(self) -> int:
        """How many bytes are held."""
        return self._total

    def hold(self, connection: Unsent, written: int, loop: asyncio.AbstractEventLoop) -> None:
        """Counts bytes that were written to a connection which has not sent all of them."""
        waiting = self._waiting.get(connection)
        if waiting is None:
            waiting = self._waiting[connection] = _Waiting(loop.time())
        waiting.held += written
        waiting.left = connection.get_write_buffer_size()
        self._total += written
        if self._total > self._limit:
            self._make_room(connection, loop.time())
        if self._timer is None:
            self._timer = loop.call_later(self._stall_seconds / _LOOKS, self._look, loop)

    def forget(self, connection: Unsent) -> None:
        """Counts no byte of a connection any more: all are sent, or it has ended."""
        waiting = self._waiting.pop(connection, None)
        if waiting is not None:
            self._total -= waiting.held

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        self._measure(now)
        for connection, waiting in list(self._waiting.items()):
            if now - waiting.since >= self._stall_seconds:
                self._abort(connection)
        if self._waiting:
            self._timer = loop.call_later(self._stall_seconds / _LOOKS, self._look, loop)

    def _measure(self, now: float) -> None:
        for connection, waiting in list(self._waiting.items()):
            left = connection.get_write_buffer_size()
            if not left:
                self.forget(connection)
            elif left < waiting.left:
                waiting.left, waiting.since = left, now

    def _make_room(self, written: Unsent, now: float) -> None:
        self._measure(now)
        if self._total <= self._limit:
            return
        # Somewhat more than is needed, so that the next answer does not look at all connections again.
        enough = self._limit - self._limit // _ROOM
        for connection in sorted(self._waiting, key=lambda each: self._waiting[each].since):
            if self._total <= enough:
                break
            if connection is not written:
                self._abort(connection)

    def _abort(self, connection: Unsent) -> None:
        self.forget(connection)
        connection.abort()
