"""uvicorn's HTTP protocol with a response's head and body in one system call instead of two.

The two are there within one turn of the event loop, so nothing is won by sending the first without the second.
"""

from __future__ import annotations

import asyncio
from typing import Any

from gql.http.protocol import HeadLimitedProtocol

__all__ = ["OneWriteProtocol"]


class OneWriteProtocol(HeadLimitedProtocol):
    """HeadLimitedProtocol over a transport that joins what is written in one turn of the event loop."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins a connection."""
        super().connection_made(_Joining(transport, self.loop))  # type: ignore[arg-type]


class _Joining:
    """A transport that holds writes back until the turn ends; everything else is the real one's."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        if self._held:
            self._held.append(data)
            # A head and its body: there is nothing more to wait for.
            self._flush()
            return
        self._held.append(data)
        self._loop.call_soon(self._flush)

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            if not self._transport.is_closing():
                self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
