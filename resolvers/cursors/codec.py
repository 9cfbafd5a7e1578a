"""Cursors: every source's position right after an edge, opaque, checked, and free of personal data (DESIGN.md 6)."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import Meta

from resolvers.cursors.bookmarks import Bookmark, Count
from resolvers.model.errors import BadUserInput

VERSION = b"\x01"
MAX_LENGTH = 8_192
# In the place of a source: the cursor stands behind no edge.
NO_EDGE = -1


class Place(msgspec.Struct, frozen=True, array_like=True):
    """One source's part: how many records it has emitted, whether that was all, and where it goes on (None: at
    its start; at its end when it is exhausted). `excludes_bookmark_record`: it stands in front of the bookmark's last
    record, which an earlier page has shown already, reading backward."""

    rank: Count = 0
    exhausted: bool = False
    bookmark: Bookmark | None = None
    excludes_bookmark_record: bool = False


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A place a source, in the order of the query's source list. `edge_source` is the index of the source whose
    edge the cursor belongs to, NO_EDGE when it stands behind none."""

    sources: bytes
    question: bytes
    edge_source: Annotated[int, Meta(ge=NO_EDGE, le=10_000)]
    places: tuple[Place, ...]


class Fingerprint(msgspec.Struct, frozen=True):
    """Which query a cursor is of: the resolved source list, and everything else but the page size."""

    sources: bytes
    question: bytes


def fingerprint(kind: str, sources: Sequence[str], question: object) -> Fingerprint:
    """Returns the fingerprint; equal on every replica and after a restart for equal queries."""
    return Fingerprint(
        blake2b("\n".join(sources).encode(), digest_size=4).digest(),
        blake2b(f"{kind}\n{question!r}".encode(), digest_size=6).digest(),
    )


def malformed(argument: str) -> BadUserInput:
    """Returns the error for a cursor that is whole and yet none of this field's: it must have been made elsewhere."""
    return BadUserInput(argument, "a malformed cursor; use it exactly as this field returned it")


class CursorCodec:
    """Writes and reads cursors. With a key they are signed; without one a checksum detects damage, not forgery."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = blake2b(key, digest_size=32).digest() if key else b""
        self._size = 16 if key else 4
        self._decoder = msgspec.msgpack.Decoder(Position)
        self._encoder = msgspec.msgpack.Encoder()

    def encode(self, fingerprint: Fingerprint, edge_source: int, places: Sequence[Place]) -> str:
        body = VERSION + self._encoder.encode((fingerprint.sources, fingerprint.question, edge_source, tuple(places)))
        return urlsafe_b64encode(body + self._check(body)).rstrip(b"=").decode("ascii")

    def decode(self, argument: str, text: str, fingerprint: Fingerprint, count: int) -> Position:
        """Returns the position. Raises BadUserInput naming the argument and what is wrong with the cursor."""
        if len(text) > MAX_LENGTH:
            raise BadUserInput(argument, f"a cursor is at most {MAX_LENGTH} characters long; this one has {len(text)}")
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except (Error, UnicodeEncodeError, ValueError):
            raw = b""
        body, check = raw[: -self._size], raw[-self._size :]
        if not body:
            raise BadUserInput(argument, "not a cursor; use one that this field returned")
        if body[:1] != VERSION:
            raise BadUserInput(argument, "not a cursor of this version; start again without it")
        if not hmac.compare_digest(check, self._check(body)):
            raise BadUserInput(argument, "a damaged cursor; use it exactly as this field returned it")
        try:
            position = self._decoder.decode(body[1:])
        except msgspec.DecodeError:
            raise malformed(argument) from None
        if position.sources != fingerprint.sources or len(position.places) != count:
            raise BadUserInput(argument, "a cursor of another list of sources; start again without it")
        if position.question != fingerprint.question:
            raise BadUserInput(
                argument, "a cursor of another query (search, filter or order differ); start again without it"
            )
        if position.edge_source >= count:
            raise malformed(argument)
        return position

    def _check(self, body: bytes) -> bytes:
        return blake2b(body, key=self._key, digest_size=self._size).digest()
