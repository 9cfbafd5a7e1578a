"""A transport with a response's head and body in one system call instead of two.

The two are there within one turn of the event loop, so nothing is won by sending the first without the second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from gql.http.unsent import UnsentBytes

__all__ = ["JoinedWrites"]


class JoinedWrites:
    """A transport that holds writes back until the turn ends, and counts what is not sent; the rest is the real one's.

    `may_close` is asked before it is closed; who says no calls `end` later.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        unsent: UnsentBytes,
        may_close: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._unsent = unsent
        self._may_close = may_close
        # Asked with every request.
        self.is_closing = transport.is_closing
        self.get_write_buffer_size = transport.get_write_buffer_size

    def write(self, data: bytes) -> None:
        """Sends it, at the latest when the turn of the event loop ends."""
        if self._held:
            self._held.append(data)
            # A head and its body: there is nothing more to wait for.
            self._flush()
            return
        self._held.append(data)
        self._loop.call_soon(self._flush)

    def write_eof(self) -> None:
        """Sends what is held, and then the end of the stream."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Closes the transport when what was written is sent, or leaves that to who reads from it."""
        self._flush()
        if self._may_close():
            self._transport.close()

    def end(self) -> None:
        """Closes the transport when what was written is sent."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Closes the transport at once."""
        self._held.clear()
        self._transport.abort()

    def _flush(self) -> None:
        if not self._held:
            return
        data = b"".join(self._held)
        self._held.clear()
        if self._transport.is_closing():
            return
        before = self.get_write_buffer_size()
        self._transport.write(data)
        if self.get_write_buffer_size():
            if not before:
                self._unsent.forget(self)
            self._unsent.hold(self, len(data), self._loop)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
