"""Where a request's body ends (RFC 9112, 6): by its declared length, or by chunks. What is ambiguous is refused.

The parser frames bodies too, but not those of requests with Upgrade, and it does not stop between two requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, Protocol

__all__ = ["HEAD_BYTES", "Body", "Refusal", "body_of"]

HEAD_BYTES: Final = 65_536
"""How long a head may be, its request line included; also what a body may have around it (trailers, chunk sizes)."""

_MOST_DIGITS: Final = 18
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n")
_AMBIGUOUS: Final = "the request's length is ambiguous"


class Refusal(Exception):
    """A request that is refused before anything is done for it; the connection ends with the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def text(self) -> bytes:
        """Returns the answer's body."""
        return f"{HTTPStatus(self.status).phrase}: {self.message}\n".encode()


class Body(Protocol):
    """A body that is being read. `done` is whether its end was read."""

    done: bool

    def take(self, data: bytes | bytearray, at: int) -> tuple[bytes, int]:
        """Returns what `data` has of the body from `at` on, and where it goes on. Raises Refusal."""


class _Measured:
    """A body whose length is declared."""

    __slots__ = ("_left", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = False

    def take(self, data: bytes | bytearray, at: int) -> tuple[bytes, int]:
        piece = bytes(data[at : at + self._left])
        self._left -= len(piece)
        self.done = not self._left
        return piece, at + len(piece)


class _Chunked:
    """A body in chunks. Extensions and trailers are dropped: nobody here asks for them (RFC 9110, 6.5.1)."""

    __slots__ = ("_beside", "_left", "_line", "_reads", "done")

    def __init__(self) -> None:
        self.done = False
        self._reads = self._size
        # Bytes of the chunk that are still to come; of lines since the last one of a chunk.
        self._left = 0
        self._beside = 0
        self._line = bytearray()

    def take(self, data: bytes | bytearray, at: int) -> tuple[bytes, int]:
        pieces: list[bytes | bytearray] = []
        while at < len(data) and not self.done:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._beside = 0
                continue
            newline = data.find(b"\n", at)
            stop = newline + 1 if newline >= 0 else len(data)
            self._beside += stop - at
            if self._beside > HEAD_BYTES:
                raise Refusal(431, f"what is around the body is too large; the limit is {HEAD_BYTES:,} bytes")
            self._line += data[at:stop]
            at = stop
            if newline >= 0:
                line = bytes(self._line)
                self._line.clear()
                self._reads(line)
            elif self._reads == self._end and self._line != b"\r":
                raise Refusal(400, _AMBIGUOUS)
        return b"".join(pieces), at

    def _size(self, line: bytes) -> None:
        found = _CHUNK_SIZE.fullmatch(line)
        if found is None:
            raise Refusal(400, _AMBIGUOUS)
        self._left = int(found[1], 16)
        self._reads = self._end if self._left else self._trailer

    def _end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise Refusal(400, _AMBIGUOUS)
        self._reads = self._size

    def _trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
        elif not _TRAILER.fullmatch(line):
            raise Refusal(400, _AMBIGUOUS)


_FRAMING: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})


def body_of(headers: Iterable[tuple[bytes, bytes]], http_version: str) -> tuple[Body | None, bytes | None]:
    """Returns the body that a request with these headers (names in lower case) has, and its Host; None: it has none.

    Raises Refusal: 501 for a coding that is not known, 400 for what other programs may read differently.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _FRAMING:
            if name in found:
                raise Refusal(400, f"expected {name.decode()} once")
            found[name] = value.strip(b" \t")
    host = found.get(b"host")
    if not host and (http_version == "1.1" or host is not None):
        raise Refusal(400, "the request has no Host")
    return _body(found.get(b"content-length"), found.get(b"transfer-encoding"), http_version), host


def _body(length: bytes | None, coding: bytes | None, http_version: str) -> Body | None:
    if coding is not None:
        if length is not None or http_version != "1.1":
            raise Refusal(400, _AMBIGUOUS)
        if coding.lower() != b"chunked":
            raise Refusal(501, "Transfer-Encoding: expected chunked alone")
        return _Chunked()
    if length is None:
        return None
    if not length.isdigit() or len(length) > _MOST_DIGITS:
        raise Refusal(400, _AMBIGUOUS)
    return _Measured(int(length)) if length.strip(b"0") else None
