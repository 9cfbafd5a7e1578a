"""Anchors: what is kept of the records around a place, by which it is found again (DESIGN.md 6, "Drift").

A record's anchor is a hash of its id, and where that is known a hash of when it was updated, its version: a record that
was updated may have moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from zlib import crc32

from providers.spi.record import ContactRecord

ANCHORS = 8

# Records near a place, the nearest first: the hash of each and its version.
Trail: TypeAlias = tuple[tuple[int, bytes], ...]
NO_VERSION = b"\0\0"


def short_hash(native_id: str) -> int:
    return crc32(native_id.encode())


def check_of(native_id: str, key: object) -> int:
    """Returns the hash of a record that is sorted here: with another key it is no anchor any more."""
    return crc32(repr((native_id, key)).encode())


def anchors(
    ids: Sequence[str], older: tuple[str | None, tuple[int, ...]] = (None, ())
) -> tuple[str | None, tuple[int, ...]]:
    """Returns `last` and `before` for the rows `ids`, oldest first, that follow a mark's own (`older`)."""
    if not ids:
        return older
    hashes = [short_hash(native_id) for native_id in ids[-2 : -ANCHORS - 1 : -1]]
    if len(hashes) < ANCHORS - 1 and older[0] is not None:
        hashes += [short_hash(older[0]), *older[1]]
    return ids[-1], tuple(hashes[: ANCHORS - 1])


def version(updated_at: datetime | None) -> bytes:
    """Returns two bytes that differ, as a rule, when a record was updated; `NO_VERSION` where nobody knows when."""
    if updated_at is None:
        return NO_VERSION
    seconds = updated_at.toordinal() * 86_400 + updated_at.hour * 3_600 + updated_at.minute * 60 + updated_at.second
    # 65,521 is the largest prime below 2^16.
    return (1 + (seconds * 1_000_000 + updated_at.microsecond) % 65_521).to_bytes(2, "big")


def changed(then: bytes, now: bytes) -> bool | None:
    """Returns whether a record was updated between two versions of it, None where one of them is not known."""
    return None if NO_VERSION in (then, now) else then != now


def nearest_follower(ids: Sequence[str], ahead: Sequence[int]) -> tuple[int, int] | None:
    """Returns where in `ids` the nearest surviving row that followed stands and its age (1: the next row), or None."""
    places = {short_hash(native_id): position for position, native_id in reversed(list(enumerate(ids)))}
    return next(((places[anchor], age) for age, anchor in enumerate(ahead, start=1) if anchor in places), None)


def newest_anchor(ids: Sequence[str], last: str | None, before: Sequence[int]) -> tuple[int, int] | None:
    """Returns where in `ids` the newest surviving anchor stands and its age (0: the last record itself), or None."""
    if last is not None:
        for position, native_id in enumerate(ids):
            if native_id == last:
                return position, 0
    if not before:
        return None
    places: dict[int, int] = {}
    for position, native_id in enumerate(ids):
        places[short_hash(native_id)] = position
    for age, anchor in enumerate(before, start=1):
        if anchor in places:
            return places[anchor], age
    return None


def trail_of(record: ContactRecord | None) -> tuple[int, bytes]:
    """Returns a row's hash and version."""
    if record is None:
        return short_hash(""), NO_VERSION
    return short_hash(record.native_id), version(updated(record))


def filled_up(hashes: tuple[int, ...], older: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the hashes with the older ones behind them that are not among them."""
    return (*hashes, *(anchor for anchor in older if anchor not in hashes))


def updated(record: ContactRecord) -> datetime | None:
    """Returns when a row was updated. Tags are read by the same streams, and do not tell."""
    return getattr(record, "updated_at", None)


def row_id(record: ContactRecord | None) -> str:
    """Returns a row's id, "" for an unreadable one."""
    return "" if record is None else record.native_id
