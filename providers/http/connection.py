"""One HTTP/1.1 connection: a request goes out, an answer is read within its limits, and it may be used again.

The parser is httptools (llhttp, strict). No pipelining: one exchange at a time, and a byte nobody asked for ends the
connection, so that an answer is never taken for another request's.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from typing import NoReturn, cast

import httptools

from providers.http.content_coding import decoded
from providers.http.transport import (
    Answer,
    BodyTooLarge,
    ConnectionLost,
    Headers,
    Limits,
    MalformedAnswer,
    TimedOut,
    TransportError,
)

# The head of an answer, and what chunk sizes and trailers may add to a body: more is no API's answer.
MAX_HEAD_BYTES = 65_536
MAX_HEADERS = 200
_MAX_FRAMING = 8
# Answers before the answer (1xx), and the pieces of a body: more than these, and smaller ones on average, are no API's.
MAX_INTERIM = 20
MAX_SMALL_CHUNKS = 10_000
SMALL_CHUNK_BYTES = 64


class _Ended(Exception):
    """Ends parsing: what was wrong is known."""


def request_head(method: str, target: str, authority: str, headers: Headers, body: bytes | None) -> bytes:
    """Returns the bytes to write for a request, its body included."""
    lines = [f"{method} {target} HTTP/1.1\r\nHost: {authority}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is None:
        lines.append("\r\n")
        return "\r\n".join(lines).encode("latin-1")
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1") + body


class Http1Connection(asyncio.Protocol):
    """A connection to one origin. `on_lost` is called once, when it is gone.

    `reusable` says whether another exchange may follow; `idle_since` is set by the pool, on the loop's clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_lost: Callable[[Http1Connection], None]) -> None:
        self.loop = loop
        self.reusable = False
        self.idle_since = 0.0
        self._on_lost = on_lost
        self._socket: asyncio.Transport | None = None
        self._readable: select.poll | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limits = Limits(0.0, 0.0, 0)
        self._deadline = 0.0
        self._head_only = False
        self._begin()

    def _begin(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._header_count = 0
        self._interim_count = 0
        self._chunks: list[bytes] = []
        self._size = 0
        self._received = 0
        self._last_byte_at = 0.0
        self._head_complete = False
        self._complete = False

    async def exchange(self, data: bytes, *, head_only: bool, limits: Limits, deadline: float) -> Answer:
        """Returns the answer to a request written as `data`. Raises TransportError.

        However it ends early, by a limit, the deadline or cancellation, the connection is closed then: what the
        server still sends belongs to nobody.
        """
        socket = self._socket
        if socket is None or socket.is_closing():
            raise ConnectionLost(unanswered=True)
        self._begin()
        self.reusable = False
        self._head_only = head_only
        self._limits = limits
        self._deadline = deadline
        self._last_byte_at = now = self.loop.time()
        self._waiter = waiter = self.loop.create_future()
        self._timer = self.loop.call_at(min(deadline, now + limits.read_timeout), self._on_timer)
        try:
            socket.write(data)
            answer: Answer = await waiter
            coding = answer.headers.get("content-encoding")
            if coding is not None and answer.body:
                answer.body = decoded(answer.body, coding, limits.max_bytes)
        except BaseException:
            # Also a cancellation that comes together with the answer: nobody would take the connection back.
            self.reusable = False
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._waiter = None
            self._chunks = []
            if not self.reusable:
                self.abort()
        return answer

    def has_unread(self) -> bool:
        """Returns whether something came, its end included, that the loop has not read yet: nobody asked for it."""
        return self._readable is not None and bool(self._readable.poll(0))

    def abort(self) -> None:
        """Closes the connection now; does nothing when it is closed."""
        self.reusable = False
        if self._socket is not None:
            self._socket.abort()

    def _on_timer(self) -> None:
        silent_until = self._last_byte_at + self._limits.read_timeout
        when = min(self._deadline, silent_until)
        if when > self.loop.time():
            self._timer = self.loop.call_at(when, self._on_timer)
        else:
            self._fail(TimedOut("total" if self._deadline <= silent_until else "read"))

    def _fail(self, error: TransportError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.abort()

    def _stop(self, error: TransportError) -> NoReturn:
        """Fails out of a callback of the parser, which then calls none for what it has left."""
        self._fail(error)
        raise _Ended

    def _finish(self, *, keep: bool) -> None:
        self._complete = True
        if self._waiter is None or self._waiter.done():
            return
        self.reusable = keep
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._waiter.set_result(Answer(self._status, self._headers, body))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._socket = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        self._readable = select.poll()
        self._readable.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        parser = self._parser
        if self._waiter is None or self._complete or parser is None:
            self.abort()
            return
        self._received += len(data)
        self._last_byte_at = self.loop.time()
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # Also what follows an answer that said "Connection: close": then the answer stands.
            self._fail(MalformedAnswer("an answer in HTTP/1.1"))
            return
        if not self._head_complete and self._received > MAX_HEAD_BYTES:
            self._fail(MalformedAnswer(f"headers of at most {MAX_HEAD_BYTES} bytes"))
        elif self._received > MAX_HEAD_BYTES + _MAX_FRAMING * self._limits.max_bytes:
            self._fail(BodyTooLarge(self._limits.max_bytes))

    def connection_lost(self, exc: Exception | None) -> None:
        # The parser holds this object's methods: without it there is no cycle left for the collector.
        self._socket = self._parser = self._readable = None
        self.reusable = False
        if self._waiter is not None and not self._waiter.done():
            if exc is None and self._head_complete and self._ends_with_the_connection():
                self._finish(keep=False)
            else:
                self._waiter.set_exception(ConnectionLost(unanswered=self._received == 0))
        self._on_lost(self)

    def _ends_with_the_connection(self) -> bool:
        return "content-length" not in self._headers and "transfer-encoding" not in self._headers

    # httptools

    def on_message_begin(self) -> None:
        if self._complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes | None) -> None:
        if self._complete or self._head_complete:
            return  # of a trailer, or of an answer nobody asked for
        self._header_count += 1
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1") if value else ""
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        if self._complete or self._parser is None:
            return
        self._status = self._parser.get_status_code()
        if self._status < 200:
            # An interim answer (RFC 9110, 15.2); on_message_complete takes up again. Whoever gives it a length means
            # a body, which it cannot have: where the answer itself begins would be a guess.
            self._interim_count += 1
            if self._interim_count > MAX_INTERIM:
                self._stop(MalformedAnswer(f"at most {MAX_INTERIM} interim answers"))
            if "content-length" in self._headers or "transfer-encoding" in self._headers:
                self._stop(MalformedAnswer("interim answers without a body"))
            return
        self._head_complete = True
        if self._header_count > MAX_HEADERS:
            self._fail(MalformedAnswer(f"at most {MAX_HEADERS} headers"))
        elif self._head_only:
            self._finish(keep=False)
        elif self._headers.get("transfer-encoding", "chunked").lower() != "chunked":
            self._fail(MalformedAnswer("a body that is sent plain or in chunks"))
        elif int(self._headers.get("content-length") or 0) > self._limits.max_bytes:
            self._fail(BodyTooLarge(self._limits.max_bytes))

    def on_body(self, data: bytes) -> None:
        if self._complete:
            return
        self._size += len(data)
        if self._size > self._limits.max_bytes:
            self._chunks.clear()
            self._stop(BodyTooLarge(self._limits.max_bytes))
        self._chunks.append(data)
        count = len(self._chunks)
        if count > MAX_SMALL_CHUNKS and self._size < count * SMALL_CHUNK_BYTES:
            self._chunks.clear()
            self._stop(MalformedAnswer(f"a body in pieces of {SMALL_CHUNK_BYTES} bytes and more"))

    def on_message_complete(self) -> None:
        if self._complete or self._parser is None:
            return
        if self._status < 200:
            self._headers = {}
            return
        self._finish(keep=self._parser.should_keep_alive())
