"""uvicorn's HTTP protocol with bounds for a request's head: its bytes, its lines, and how long it takes to come.

The parser has none of them, and a head is read before anybody is authenticated.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["HEAD_BYTES", "HEAD_LINES", "HeadLimitedProtocol"]

HEAD_BYTES: Final = 65_536
"""How long a head may be, its request line included; also what a body may have around it (trailers, chunk sizes)."""

HEAD_LINES: Final = 200
"""How many header lines a head may have."""

_LINGER_SECONDS: Final = 1.0
"""How long a client that still sends has for reading why it is refused: closing at once would discard the answer."""


class _TooManyLines(Exception):
    """Raised inside the parser, which then calls back for no further line."""


class HeadLimitedProtocol(HttpToolsProtocol):
    """HttpToolsProtocol that refuses a head that is too large (431), or not whole after `head_seconds` (408).

    A connection on which no request has begun is not timed. What is no HTTP is refused (400) without a word in the
    log: it is the client's mistake. A request for another protocol (Upgrade) is answered in this one (RFC 9110, 7.8).
    """

    def __init__(self, *arguments: Any, head_seconds: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_seconds = head_seconds
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        # Bytes since the last one of a body, or since a head or a message ended.
        self._beside_bodies = 0
        self._refused = False

    def data_received(self, data: bytes) -> None:
        """Parses what came, never more at once than the rest of a head may have."""
        self._unset_keepalive_if_required()
        while data and not self._refused:
            room = HEAD_BYTES - self._beside_bodies
            piece, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._beside_bodies += len(piece)
            self._parse(piece)
            if self._beside_bodies >= HEAD_BYTES:
                self._refuse(431, f"the request's head is too large; the limit is {HEAD_BYTES:,} bytes")
        if self._in_head and self._head_timer is None and not self._refused:
            self._head_timer = self.loop.call_later(self._head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends a connection."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begins a head."""
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a line of a head. Those behind a body are dropped: nobody here asks for them (RFC 9110, 6.5.1)."""
        if not self._in_head:
            return
        if len(self.headers) >= HEAD_LINES:
            raise _TooManyLines
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Ends a head."""
        self._in_head = False
        self._beside_bodies = 0
        self._stop_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Takes a part of a body."""
        self._beside_bodies = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends a message."""
        self._beside_bodies = 0
        super().on_message_complete()

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, _TooManyLines):
                self._refuse(431, f"the request's head is too large; the limit is {HEAD_LINES:,} lines")
            elif cause is None or isinstance(cause, httptools.HttpParserError | UnicodeDecodeError):
                self._refuse(400, "the request is no HTTP")
            else:
                self.logger.error("a request's head could not be handled", exc_info=cause)
                self._refuse(500, "internal server error")

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._answering():
            # The connection may not have been read meanwhile: the time begins anew.
            self._head_timer = self.loop.call_later(self._head_seconds, self._head_is_late)
            return
        self._refuse(408, f"the request's head took too long; the limit is {self._head_seconds:g} seconds")

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is not None and not cycle.response_complete

    def _refuse(self, status: int, message: str) -> None:
        """Answers with a status and ends the connection; nothing more of it is parsed."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._stop_head_timer()
        self.flow.pause_reading()
        if self._answering():
            if not self.cycle.more_body:
                # Whole requests came before this one: their answers are the last.
                self.cycle.keep_alive = False
                return
            # The fault is in the body of the request that is being answered.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started or self.pipeline:
                self.transport.close()
                return
        body = f"{HTTPStatus(status).phrase}: {message}\n".encode()
        fields = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[status], lines, body))
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)
