"""uvicorn's HTTP protocol with bounds for a request's head, for what is read ahead, and for what a refusal reads on.

The parser has none of them, and a head is read before anybody is authenticated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gql.http.framing import HEAD_BYTES, Body, Refusal, body_of
from gql.http.one_write import JoinedWrites
from gql.http.unsent import UnsentBytes

__all__ = ["DISCARD_BYTES", "DISCARD_SECONDS", "HEAD_BYTES", "HEAD_LINES", "HeadLimitedProtocol"]

HEAD_LINES: Final = 200
"""How many header lines a head may have."""

DISCARD_BYTES: Final = 16_000_000
"""How much is read and discarded of a request that is refused, so that its client comes to read the answer."""

DISCARD_SECONDS: Final = 2.0
"""How long that is done."""

_LAST_REQUEST_SECONDS: Final = 1.0
"""How long a connection without a request is read on when the server ends: one may be under way."""


class _Flow(FlowControl):
    """uvicorn's, which does not read on while something read waits to be parsed."""

    held = False

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class HeadLimitedProtocol(HttpToolsProtocol):
    """HttpToolsProtocol that reads one request at a time and refuses what it cannot be sure of.

    A head that is too large is 431, one that is not whole after `head_seconds` 408; a connection on which no request
    has begun is not timed. What is no HTTP, or could be framed differently by somebody else, is refused (400) without
    a word in the log: it is the client's mistake. `answers_to` says which Host is answered (403 for the others).

    What follows a request waits unparsed until that one is answered, and nothing is read meanwhile. A body belongs to
    its request also when that asks for another protocol (Upgrade), which it is not given (RFC 9110, 7.8). A body that
    is not wanted is read to its end before the connection is closed, within DISCARD_BYTES and DISCARD_SECONDS.
    """

    def __init__(
        self,
        *arguments: Any,
        head_seconds: float,
        unsent: UnsentBytes,
        answers_to: Callable[[bytes], bool] | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        self._head_seconds = head_seconds
        self._unsent = unsent
        self._answers_to = answers_to
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        # What was read and is not parsed, and from where on; of the head there, how much the parser has seen.
        self._unparsed: bytes | bytearray = b""
        self._at = 0
        self._seen = 0
        self._lines = 0
        self._empty_lines = 0
        self._whole_head = False
        # The parser is somewhere inside of a request that is over.
        self._parser_is_used = False
        self._body: Body | None = None
        self._refused = False
        self._last = False
        # The connection ends as soon as what still comes is discarded.
        self._ending = False
        self._discard_timer: asyncio.TimerHandle | None = None
        self._discarded = 0

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins a connection."""
        super().connection_made(JoinedWrites(transport, self.loop, self._unsent, self._may_close))  # type: ignore[arg-type]
        self.flow = _Flow(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends a connection."""
        self._stop_head_timer()
        if self._discard_timer is not None:
            self._discard_timer.cancel()
            self._discard_timer = None
        self._ending = True
        self._unparsed = b""
        self._unsent.forget(self.transport)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parses what came, or keeps it until the request before it is answered."""
        self._unset_keepalive_if_required()
        if self._discard_timer is not None:
            self._discarded += len(data)
            if self._discarded > DISCARD_BYTES:
                self._end()
                return
        if self._refused or (self._ending and self._body is None):
            return
        if self._unparsed:
            if self._at or isinstance(self._unparsed, bytes):
                self._unparsed = bytearray(self._unparsed[self._at :])
                self._at = 0
            self._unparsed += data
        else:
            self._unparsed = data
        self._parse()

    def resume_writing(self) -> None:
        """Goes on with what waited for the client to read."""
        super().resume_writing()
        if self._unparsed:
            self._parse()

    def on_response_complete(self) -> None:
        """Goes on with the next request, or with the rest of this one's body, which nobody wants."""
        super().on_response_complete()
        if self.transport.is_closing() or self._ending:
            return
        if self._body is not None:
            self._discard()
        elif self._unparsed:
            self._parse()

    def shutdown(self) -> None:
        """Answers what is under way or comes within a moment, and then ends the connection."""
        if self._answering():
            self.cycle.keep_alive = False
            return
        self._last = True
        self.loop.call_later(_LAST_REQUEST_SECONDS, self._end_unless_asked)

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begins a head."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Ends a head, and starts the request unless it is refused."""
        version = self.parser.get_http_version()
        if not self._whole_head or version not in ("1.1", "1.0") or self.parser.get_method() == b"CONNECT":
            raise Refusal(400, "the request is no HTTP")
        if not self.url.isascii() or not self.url.decode("ascii").isprintable():
            raise Refusal(400, "the request is no HTTP")
        body, host = body_of(self.headers, version)
        if host is not None and self._answers_to is not None and not self._answers_to(host):
            raise Refusal(403, "this Host is not answered here (server.hosts)")
        super().on_headers_complete()
        self._in_head = False
        self._body = body
        if self._last:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Bodies are not left to the parser."""

    def on_message_complete(self) -> None:
        """Nor is where they end."""

    def _should_upgrade(self) -> bool:
        return False

    # Parsing

    def _parse(self) -> None:
        """Parses what waits, as far as it may be now."""
        try:
            while self._at < len(self._unparsed):
                if self._body is not None:
                    self._take_body(self._body)
                elif self._answering() or self.flow.write_paused or self._ending:
                    break
                elif not self._take_head():
                    if self._in_head and self._head_timer is None:
                        self._head_timer = self.loop.call_later(self._head_seconds, self._head_is_late)
                    # Only more of it helps.
                    self._read_on()
                    return
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if self._at < len(self._unparsed) and not self._ending:
            self.flow.pause_reading()
            self.flow.held = True  # type: ignore[attr-defined]
            return
        self._unparsed = b""
        self._at = 0
        self._read_on()

    def _read_on(self) -> None:
        if self.flow.held:  # type: ignore[attr-defined]
            self.flow.held = False  # type: ignore[attr-defined]
            self.flow.resume_reading()

    def _take_head(self) -> bool:
        """Takes a head, or what there is of one, and says whether it was whole. Raises Refusal."""
        data, at = self._unparsed, self._at
        if not self._seen:
            while data.startswith(b"\r\n", at):
                at += 2
            self._empty_lines += at - self._at
            self._at = at
        start = at + self._seen
        end = data.find(b"\r\n\r\n", max(at, start - 3))
        stop = end + 4 if end >= 0 else len(data)
        room = HEAD_BYTES - self._empty_lines
        if stop - at > room:
            # What there may be of it is judged first: it may have too many lines, or be no HTTP.
            end, stop = -1, at + room
        if end < 0 and (stop == start or (not self._seen and data[at:stop] == b"\r")):
            if stop - at == room:
                raise Refusal(431, f"the request's head is too large; the limit is {HEAD_BYTES:,} bytes")
            return False
        # Where a line ends is not left to what a parser tolerates.
        lines = data.count(b"\r\n", max(at, start - 1), stop)
        if data.count(b"\n", start, stop) != lines:
            raise Refusal(400, "the request is no HTTP")
        self._lines += lines
        # Beside the header lines there is the request line, and at the end the empty one.
        if self._lines - (2 if end >= 0 else 1) > HEAD_LINES:
            raise Refusal(431, f"the request's head is too large; the limit is {HEAD_LINES:,} lines")
        self._whole_head = end >= 0
        self._feed(bytes(data[start:stop]))
        if end < 0:
            if stop - at == room:
                raise Refusal(431, f"the request's head is too large; the limit is {HEAD_BYTES:,} bytes")
            self._seen = stop - at
            return False
        if self._in_head:
            raise Refusal(400, "the request is no HTTP")
        self._stop_head_timer()
        self._at = stop
        self._seen = self._lines = self._empty_lines = 0
        if self._body is None:
            self._end_message()
        else:
            self._parser_is_used = True
        return True

    def _feed(self, head: bytes) -> None:
        if self._parser_is_used:
            self.parser = httptools.HttpRequestParser(self)
            self._parser_is_used = False
        try:
            self.parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            self._parser_is_used = True
        except httptools.HttpParserError as error:
            cause = error.__context__
            if isinstance(cause, Refusal):
                raise cause from None
            if cause is None or isinstance(cause, httptools.HttpParserError | UnicodeDecodeError):
                raise Refusal(400, "the request is no HTTP") from None
            self.logger.error("a request's head could not be handled", exc_info=cause)
            raise Refusal(500, "internal server error") from None

    def _take_body(self, body: Body) -> None:
        piece, self._at = body.take(self._unparsed, self._at)
        cycle: RequestResponseCycle = self.cycle
        if piece and not cycle.response_complete:
            cycle.body += piece
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()
        if body.done:
            self._body = None
            self._end_message()

    def _end_message(self) -> None:
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()
        elif self._ending:
            self._end()
        else:
            # The answer came before the end of the body: the connection is idle from now on.
            self._stop_discarding()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request
        return cycle is not None and not cycle.response_complete

    # Ending

    def _head_is_late(self) -> None:
        self._head_timer = None
        self._refuse(Refusal(408, f"the request's head took too long; the limit is {self._head_seconds:g} seconds"))

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end_unless_asked(self) -> None:
        if not self._in_head and not self._answering():
            self.transport.close()

    def _may_close(self) -> bool:
        """Whether the transport is closed at once: not while something comes that its client sends before it reads."""
        if self._ending:
            return self._discard_timer is None
        self._ending = True
        if self._body is None and not self._unparsed:
            return True
        if self._body is None:
            self.transport.write_eof()
        self._unparsed = b""
        self._at = 0
        self._discard()
        return False

    def _discard(self) -> None:
        """Reads on, within limits, what is not wanted."""
        self._read_on()
        self.flow.resume_reading()
        if self._discard_timer is None:
            self._discarded = 0
            self._discard_timer = self.loop.call_later(DISCARD_SECONDS, self._end)

    def _stop_discarding(self) -> None:
        if self._discard_timer is not None:
            self._discard_timer.cancel()
            self._discard_timer = None

    def _end(self) -> None:
        self._stop_discarding()
        self._ending = True
        self.transport.end()  # type: ignore[attr-defined]

    def _refuse(self, refusal: Refusal) -> None:
        """Answers with a status and ends the connection; nothing more of it is parsed."""
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        self._in_head = False
        self._stop_head_timer()
        self._unparsed = b""
        self._at = 0
        if self._ending:
            self._end()
            return
        self._ending = True
        if self._answering():
            # The fault is in the body of the request that is being answered.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self._end()
                return
        elif self._body is not None:
            # Nor is the body's end known, of which nothing was wanted.
            self._end()
            return
        body = refusal.text()
        fields = [
            *self.server_state.default_headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % field for field in fields)
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[refusal.status], lines, body))
        self.transport.write_eof()
        self._discard()
