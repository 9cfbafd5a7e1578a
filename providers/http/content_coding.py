"""Undoing Content-Encoding without letting a small body become an endless one (RFC 9110, 8.4)."""

from __future__ import annotations

import zlib

from providers.http.transport import BodyTooLarge, MalformedAnswer

_GZIP = 16 + zlib.MAX_WBITS
# Of a gzip body: each may stand for nothing and costs its own unpacking.
MAX_MEMBERS = 1_000
_PIECE = 65_536


def decoded(body: bytes, coding: str, max_bytes: int) -> bytes:
    """Returns the body without its coding: gzip, deflate (with or without zlib's frame) or identity.

    Raises BodyTooLarge when more than `max_bytes` come out, having made no more than that; MalformedAnswer when the
    coding is another one or the data are damaged or cut off.
    """
    name = coding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in ("gzip", "x-gzip", "deflate"):
        raise MalformedAnswer("a body that is plain or compressed with gzip")
    try:
        return _inflated(body, _GZIP if name != "deflate" else _deflate_frame(body), max_bytes)
    except zlib.error as error:
        raise MalformedAnswer("a body that can be decompressed") from error


def _deflate_frame(body: bytes) -> int:
    # RFC 9110 8.4.1.2 means zlib's frame; some servers send the bare stream. A zlib header is a multiple of 31.
    framed = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return zlib.MAX_WBITS if framed else -zlib.MAX_WBITS


def _inflated(body: bytes, frame: int, max_bytes: int) -> bytes:
    """Returns all members of the body, unpacked. Takes it in pieces: what is left behind a member is copied, and with
    many small members of a long body that would be the body once for each."""
    parts: list[bytes] = []
    room = max_bytes + 1
    at = members = 0
    while at < len(body):
        members += 1
        if members > MAX_MEMBERS:
            raise MalformedAnswer(f"a body of at most {MAX_MEMBERS} compressed parts")
        inflater = zlib.decompressobj(frame)
        # Most bodies are one member, which is unpacked in one go.
        size = len(body) if members == 1 else _PIECE
        while not inflater.eof:
            piece = body if size >= len(body) and not at else body[at : at + size]
            if not piece:
                raise MalformedAnswer("a body whose compression is complete")
            part = inflater.decompress(piece, room)
            room -= len(part)
            if room <= 0:
                raise BodyTooLarge(max_bytes)
            if part:
                parts.append(part)
            at += len(piece) - len(inflater.unused_data)
        if frame != _GZIP:
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)
