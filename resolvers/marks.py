"""Where reading goes on in one source: the positions a cursor holds (DESIGN.md 6, "Cursor").

Every mark stands right after the last record it counts. `last` is that record's native id, `before` hashes of
the up to seven rows before it, newest first: the anchors by which a position is found again when rows were inserted
or deleted meanwhile. Sizes are bounded because a cursor may be forged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias
from zlib import crc32

import msgspec
from msgspec import Meta

Count = Annotated[int, Meta(ge=0, le=2**53)]
Id = Annotated[str, Meta(max_length=512)]
# 32 bits: of 16, a list of some thousand rows that is sorted here has equal ones all the time (ADR 6).
Hash = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Before = Annotated[tuple[Hash, ...], Meta(max_length=7)]
Tied = Annotated[int, Meta(ge=0, le=7)]
Ahead = Annotated[tuple[Hash, ...], Meta(max_length=8)]
LONGEST_TOKEN = 4_000
Text = Annotated[str, Meta(max_length=LONGEST_TOKEN)]
# From the year 1 to 9999, with a second left at both ends.
EARLIEST = -62_135_596_799_000_000
LATEST = 253_402_300_798_000_000
Micros = Annotated[int, Meta(ge=EARLIEST, le=LATEST)]

ANCHORS = 8


class IndexMark(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A page-number list: the index of the next row, and the list's total then. `ahead` hashes the rows that follow,
    the nearest first, as far as a list that was read backward has not shown enough of those before. `alone`: which of
    a stage's two lists it is (`resolvers.board.StageList`), None where there is one."""

    index: Count
    last: Id | None
    before: Before
    total: Count | None
    ahead: Ahead = ()
    alone: bool | None = None


class TokenMark(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A cursor list: `index` of the next row in the page of `limit` rows behind `token`, which holds the last record,
    and when that was updated, in microseconds since the epoch. `bound`: the chain was begun by time, at this instant;
    filters are resent with every token. `following` is the next page's token where the last record ends its page.
    `tied`: at most so many of `before` are of the same instant, and no row in front of them is; None: not known."""

    token: Text | None
    limit: Annotated[int, Meta(ge=1, le=10_000)]
    index: Count
    last: Id | None
    before: Before
    at: Micros | None
    bound: Micros | None
    following: Text | None = None
    tied: Tied | None = None


class KeyMark(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A cursor list met from the other side: after the record that was updated `at`, by the time itself.

    `ahead` hashes the rows of the same instant that follow, the nearest first; None: what follows is not known.
    `tied` is as in `TokenMark`.
    """

    at: Micros
    last: Id | None
    before: Before
    ahead: Ahead | None = None
    tied: Tied | None = None


class LocalMark(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """A list that is sorted here: the index of the next record, the last one, and its sort keys where they are dates.

    `check` and `before` hash ids together with sort keys: a record whose key changed is no anchor any more.
    """

    index: Count
    last: Id | None
    check: Hash
    before: Before
    keys: Annotated[tuple[Micros | None, ...], Meta(max_length=8)]


class BucketMark(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Stage buckets one after the other: the stage, and the index of the next row in it."""

    stage: Id
    index: Count
    last: Id | None
    before: Before
    total: Count | None


class RunMark(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """A run of equal leading keys that is sorted here: where the run starts, how many of it stand in front, the last
    of those, and the run's keys: a date in microseconds since the epoch, a text's short hash.

    `check` and `before` hash ids together with sort keys, and only records of the run, as in `LocalMark`.
    """

    start: IndexMark | TokenMark | KeyMark | None
    last: Id | None
    offset: Count
    check: Hash
    before: Before
    keys: Annotated[tuple[Micros | None, ...], Meta(max_length=8)]


Mark: TypeAlias = IndexMark | TokenMark | KeyMark | LocalMark | BucketMark | RunMark


def short_hash(native_id: str) -> int:
    return crc32(native_id.encode())


def check_of(native_id: str, key: object) -> int:
    """Returns the hash of a record that is sorted here: with another key it is no anchor any more."""
    return crc32(repr((native_id, key)).encode())


def anchors(ids: Sequence[str], older: tuple[str | None, tuple[int, ...]] = (None, ())) -> tuple[str | None, Before]:
    """Returns `last` and `before` for the rows `ids`, oldest first, that follow a mark's own (`older`)."""
    if not ids:
        return older
    hashes = [short_hash(native_id) for native_id in ids[-2 : -ANCHORS - 1 : -1]]
    if len(hashes) < ANCHORS - 1 and older[0] is not None:
        hashes += [short_hash(older[0]), *older[1]]
    return ids[-1], tuple(hashes[: ANCHORS - 1])


def nearest(ids: Sequence[str], mark: IndexMark) -> tuple[int, int] | None:
    """Returns the place in `ids` that the mark stands at by its nearest surviving anchor, and how far from the mark
    that anchor stood (0: the last record itself), or None."""
    found = newest_anchor(ids, mark.last, mark.before)
    best = None if found is None else (found[0] + 1, found[1])
    if mark.ahead and (best is None or best[1] > 0):
        follower = nearest_follower(ids, mark.ahead)
        if follower is not None and (best is None or follower[1] < best[1]):
            return follower
    return best


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
