"""What reading a page-number list forward and backward share: windows by index, mended when rows were inserted or
deleted, bounds and bookmarks (DESIGN.md 6)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Sequence
from typing import Protocol

from providers.spi.errors import SourceErrorCode
from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import ANCHORS, Trail, row_id, short_hash, trail_of
from resolvers.cursors.bookmarks import PageNumberBookmark, page_number_bookmark
from resolvers.planning.plan import SourcePlan
from resolvers.reading.paged_list import PageSizes, Rows
from resolvers.reading.progress import Progress
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream
from resolvers.streams.page_number.drift import Found, ReadWindows, find_place, stands

# A list that moves all the time has no place to find again.
MENDS = 4


class RowReader(Protocol):
    """What reads windows of one list: `PagedList`, or one stage of a board.

    `alone` is for its bookmarks. `go_on` is told the bookmarks that reading goes on from.
    """

    @property
    def alone(self) -> bool | None: ...

    def go_on(self, bookmark: PageNumberBookmark) -> None: ...

    def read(self, start: int, stop: int, *, prove_end: bool = True) -> Awaitable[Rows[ContactRecord]]: ...


class PageNumberStreamBase(Stream):
    """One page-number list from a bookmark on, up to the other bound's bookmark (`_limit`)."""

    BOOKMARKS = (PageNumberBookmark,)

    def __init__(
        self,
        operation: Operation,
        plan: SourcePlan,
        bounds: Bounds,
        reader: RowReader,
        sizes: PageSizes,
        *,
        forward: bool,
    ) -> None:
        super().__init__(operation, plan, bounds, forward=forward)
        self._reader = reader
        self._sizes = sizes
        # The bookmark that reading began at, mended when the list had moved.
        bookmark, limit = (bounds.after, bounds.before) if forward else (bounds.before, bounds.after)
        assert bookmark is None or isinstance(bookmark, PageNumberBookmark)
        assert limit is None or isinstance(limit, PageNumberBookmark)
        self._bookmark = bookmark
        self._limit = limit
        for bound in (limit, bookmark):
            if bound is not None:
                reader.go_on(bound)
        # Rows consumed, in reading order: their index in the list and the record (None: unreadable).
        self._rows: list[tuple[int, ContactRecord | None]] = []
        # Of rows that bookmarks were made of, the hash and version of each.
        self._trails: dict[int, tuple[int, bytes]] = {}
        self._item_rows: list[int] = []
        # Where reading goes on after the list was found moved, until rows are taken again.
        self._here: PageNumberBookmark | None = None
        self._mends = 0
        # Whether the end of the list is not to be left to its total alone.
        self._prove_end = True
        # How far the rows behind the bookmark have moved since it was made.
        self._shift = 0
        # The index at which the stretch ends on its far side, where that had to be looked for.
        self._edge: int | None = None

    async def fill(self, count: int) -> None:
        progress = Progress(self.source.name)
        while len(self.items) < count and not self.ended and not self.stopped:
            progress.check(len(self._rows), (self._here, self._bookmark, self._mends))
            if self.scanned >= self.scan_limit and self.plan.residual is not None:
                self.stop_at_limit()
                return
            await self._go_on(self._chunk(count - len(self.items)))

    def _chunk(self, need: int) -> int:
        if self.plan.residual is None:
            return need
        # A filter is applied here: read what one call holds, and no more than the limit allows.
        return max(1, min(max(need, self._sizes.largest // 2 - 1), self.scan_limit - self.scanned))

    @abstractmethod
    async def _go_on(self, count: int) -> None:
        """Consumes some of the next `count` rows, or finds that there are none. Raises SourceError."""

    # ------------------------------------------------------------ rows

    async def _read_at(
        self, bookmark: PageNumberBookmark | None, start: int, stop: int
    ) -> tuple[Rows[ContactRecord], bool]:
        """Returns a window and whether it shows the bookmark's place as it was, by the source itself where the cache
        does not: what is read to find the place has to be of one time with it."""
        rows = await self._read(start, stop)
        as_was = bookmark is None or stands(bookmark, start, rows)
        if not as_was:
            self.operation.forget(self.source)
            if bookmark is not None and any(response.cache_hit for response in rows.responses):
                rows = await self._read(start, stop)
                as_was = stands(bookmark, start, rows)
        return rows, as_was

    async def _read(self, start: int, stop: int) -> Rows[ContactRecord]:
        rows = await self._reader.read(start, stop, prove_end=self._prove_end)
        self.met(rows.responses, rows.bad)
        if rows.total is not None or rows.exceeded:
            self.total = rows.total
        if rows.exceeded:
            self.warn(SourceErrorCode.SOURCE_INVALID_RESPONSE, "counts fewer contacts than it gives")
        if rows.missing:
            self.warn(
                SourceErrorCode.SOURCE_INVALID_RESPONSE,
                f"counts {rows.total} contacts but gives none from the {start + len(rows.records) + 1}th on",
            )
        return rows

    def _consume(self, index: int, record: ContactRecord | None) -> None:
        # Judged before the row counts as read: where the budget ends here, reading goes on with this row.
        holds = record is not None and self.holds(record)
        self._here = None
        self._rows.append((index, record))
        if record is not None and holds:
            self.items.append(record)
            self._item_rows.append(len(self._rows) - 1)

    def _trail(self, rows: Sequence[int]) -> Trail:
        """Returns the hashes and versions of rows consumed."""
        trails = self._trails
        for row in rows:
            if row not in trails:
                trails[row] = trail_of(self._rows[row][1])
        return tuple(trails[row] for row in rows)

    # ------------------------------------------------------------ drift

    async def _find_edge(self, start: int, rows: Rows[ContactRecord]) -> None:
        """Finds where the stretch ends on its far side (`_edge`) when the limit's record does not show it."""
        limit = self._limit
        if limit is None or self._edge is not None:
            return
        ids = [row_id(record) for record in rows.records]
        if limit.last is not None and limit.last in ids:
            return
        more = 0 if None in (self.total, limit.total) else (self.total or 0) - (limit.total or 0)
        place = limit.index + (max(0, self._shift, more) if self.forward else min(0, self._shift))
        own = 1 if self.forward and self.bounds.excludes_bookmark_record else 0
        reached = start + len(ids) > place - own if self.forward else start < place
        if limit.last is None or limit.index == 0:
            self._edge = place
            return
        expected = {anchor: limit.index - 2 - age + self._shift for age, anchor in enumerate(limit.before)}
        displaced = any(
            expected.get(short_hash(native_id), at) != at for at, native_id in enumerate(ids, start=start) if native_id
        )
        if not reached and not displaced:
            return
        self.operation.forget(self.source)
        windows = ReadWindows(start, rows)
        found = await self._found(limit, windows, len(ids))
        self._edge = found.place - (own if windows.at(found.place - 1) == limit.last else 0)

    async def _mended(self, bookmark: PageNumberBookmark, windows: ReadWindows, count: int) -> PageNumberBookmark:
        """Returns the bookmark where it stands now (`find_place`). Adds what it reads to the windows."""
        self._mends += 1
        if self._mends > MENDS:
            self.drifted()
            mended = PageNumberBookmark(bookmark.index, None, (), self.total, alone=self._reader.alone)
        else:
            place = (await self._found(bookmark, windows, count)).place
            # The rows around the place are its anchors now, as far as they were read; then the older ones, without
            # those that are known to stand elsewhere.
            near = range(place - ANCHORS, place + ANCHORS)
            moved = windows.elsewhere(bookmark, near)
            behind = windows.trail(range(place - 1, max(-1, place - 1 - ANCHORS), -1))
            following = windows.trail(range(place, place + ANCHORS))
            mended = page_number_bookmark(
                place,
                windows.at(place - 1) if place else None,
                _filled_up(behind, bookmark.behind, moved),
                _filled_up(following, bookmark.following, moved),
                self.total,
                self._reader.alone,
            )
            self._shift = place - bookmark.index
        self._here = mended
        if not self._rows:
            self._bookmark = mended
        return mended

    async def _found(self, bookmark: PageNumberBookmark, windows: ReadWindows, count: int) -> Found:
        """Returns the index that the bookmark stands at now; where that is not certain it is said."""
        largest = self._sizes.largest
        found = await find_place(
            bookmark, windows, self._read, lambda: self.total, largest, count, forward=self.forward
        )
        if not found.certain:
            self.drifted()
        return found

    def base_bookmark(self) -> PageNumberBookmark | None:
        return self._bookmark


def _filled_up(trail: Trail, older: Trail, moved: set[int]) -> Trail:
    """Returns a trail with the older records behind it that are not in it and have not moved."""
    known = {anchor for anchor, _ in trail} | moved
    return (*trail, *(each for each in older if each[0] not in known))
