"""Where reading goes on in one source: the positions a cursor holds (DESIGN.md 6, "Cursor").

Every bookmark stands right after the last record it counts. `last` is that record's native id, `before` hashes of
the up to seven rows before it, newest first: the anchors by which a position is found again when rows were inserted
or deleted meanwhile. Sizes are bounded because a cursor may be forged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from resolvers.cursors.anchors import ANCHORS, NO_VERSION, Trail, short_hash

Count = Annotated[int, Meta(ge=0, le=2**53)]
Id = Annotated[str, Meta(max_length=512)]
# 32 bits: of 16, a list of some thousand rows that is sorted here has equal ones all the time (ADR 6).
Hash = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Before = Annotated[tuple[Hash, ...], Meta(max_length=7)]
Tied = Annotated[int, Meta(ge=0, le=7)]
Ahead = Annotated[tuple[Hash, ...], Meta(max_length=8)]
# Two bytes an anchor: when the record was updated, hashed (`version`).
Versions = Annotated[bytes, Meta(max_length=32)]
LONGEST_TOKEN = 4_000
Text = Annotated[str, Meta(max_length=LONGEST_TOKEN)]
# From the year 1 to 9999, with a second left at both ends.
EARLIEST = -62_135_596_799_000_000
LATEST = 253_402_300_798_000_000
Micros = Annotated[int, Meta(ge=EARLIEST, le=LATEST)]


class PageNumberBookmark(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A page-number list: the index of the next row, and the list's total then. `ahead` hashes the rows that follow,
    the nearest first, as far as a list that was read backward has not shown enough of those before. `alone`: which of
    a stage's two lists it is (`resolvers.pipelines.board.StageList`), None where there is one. `versions` are those of
    `last`, `before` and `ahead`, one behind the other."""

    index: Count
    last: Id | None
    before: Before
    total: Count | None
    ahead: Ahead = ()
    alone: bool | None = None
    versions: Versions = b""

    @property
    def behind(self) -> Trail:
        """The records in front of the place, the last one first: the hash of each and its version."""
        if self.last is None:
            return ()
        return _trail((short_hash(self.last), *self.before), self.versions)

    @property
    def following(self) -> Trail:
        """The records that follow, the next one first."""
        return _trail(self.ahead, self.versions[2 * (0 if self.last is None else 1 + len(self.before)) :])


class PageTokenBookmark(msgspec.Struct, frozen=True, array_like=True, tag=2):
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


class InstantBookmark(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A cursor list met from the other side: after the record that was updated `at`, by the time itself.

    `ahead` hashes the rows of the same instant that follow, the nearest first; None: what follows is not known.
    `tied` is as in `PageTokenBookmark`.
    """

    at: Micros
    last: Id | None
    before: Before
    ahead: Ahead | None = None
    tied: Tied | None = None


class SortedHereBookmark(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """A list that is sorted here: the index of the next record, the last one, and its sort keys where they are dates.

    `check` and `before` hash ids together with sort keys: a record whose key changed is no anchor any more. `total` is
    the list's length then; `versions` are those of `last` and `before`.
    """

    index: Count
    last: Id | None
    check: Hash
    before: Before
    keys: Annotated[tuple[Micros | None, ...], Meta(max_length=8)]
    total: Count | None = None
    versions: Versions = b""

    @property
    def behind(self) -> Trail:
        """The records in front of the place, the last one first: the check of each and its version."""
        return _trail((self.check, *self.before), self.versions)


class StageBookmark(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Stage buckets one after the other: the stage, and the index of the next row in it."""

    stage: Id
    index: Count
    last: Id | None
    before: Before
    total: Count | None
    versions: Versions = b""


class RunBookmark(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """A run of equal leading keys that is sorted here: where the run starts, how many of it stand in front, the last
    of those, and the run's keys: a date in microseconds since the epoch, a text's short hash.

    `check` and `before` hash ids together with sort keys, and only records of the run, as in `SortedHereBookmark`.
    """

    start: PageNumberBookmark | PageTokenBookmark | InstantBookmark | None
    last: Id | None
    offset: Count
    check: Hash
    before: Before
    keys: Annotated[tuple[Micros | None, ...], Meta(max_length=8)]


Bookmark: TypeAlias = (
    PageNumberBookmark | PageTokenBookmark | InstantBookmark | SortedHereBookmark | StageBookmark | RunBookmark
)


def _trail(hashes: Sequence[int], versions: bytes) -> Trail:
    return tuple((anchor, versions[2 * at : 2 * at + 2] or NO_VERSION) for at, anchor in enumerate(hashes))


def page_number_bookmark(
    index: int, last: str | None, behind: Trail, following: Trail, total: int | None, alone: bool | None
) -> PageNumberBookmark:
    """Returns the bookmark behind the record `last`, which begins `behind` (None: behind nothing that is known)."""
    behind = () if last is None else behind[:ANCHORS]
    following = following[:ANCHORS]
    return PageNumberBookmark(
        index,
        last,
        tuple(anchor for anchor, _ in behind[1:]),
        total,
        tuple(anchor for anchor, _ in following),
        alone,
        b"".join(seen for _, seen in behind) + b"".join(seen for _, seen in following),
    )
