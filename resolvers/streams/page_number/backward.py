"""A page-number list read backward (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Sequence

from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import ANCHORS, Trail, row_id
from resolvers.cursors.bookmarks import PageNumberBookmark, page_number_bookmark
from resolvers.planning.plan import SourcePlan
from resolvers.reading.paged_list import PageSizes, Rows
from resolvers.reading.progress import Progress, no_progress
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds
from resolvers.streams.page_number.base import MENDS, PageNumberStreamBase, RowReader
from resolvers.streams.page_number.drift import ReadWindows

# How many windows are read to find the end of a list whose total is far too large: enough for any total.
_MOST_PROBES = 48


class BackwardPageNumberStream(PageNumberStreamBase):
    """One page-number list from a bookmark back, or from its end."""

    def __init__(
        self, operation: Operation, plan: SourcePlan, bounds: Bounds, reader: RowReader, sizes: PageSizes
    ) -> None:
        super().__init__(operation, plan, bounds, reader, sizes, forward=False)
        # Whether the row in front of the bookmark is the cursor's own edge, which a page before it must leave out.
        self._own = bounds.excludes_bookmark_record
        # The rows behind the first one read, the nearest first.
        self._following: Trail = ()
        # Whether the source itself was asked for the total because rows were missing.
        self._asked_again = False

    async def _go_on(self, count: int) -> None:
        bookmark = self._here or self.end_bookmark()
        if bookmark is None:
            await self.find_end()
            bookmark = self._bookmark
            assert bookmark is not None
        first, self._own = self._own, False
        if bookmark.index == 0:
            self.ended = True
            return
        start = max(0, bookmark.index - count - (1 if first else 0))
        # Only at the end of the list does anything hang on where that is.
        self._prove_end = not self._rows and bookmark.last is None and not bookmark.ahead
        rows, as_was = await self._read_at(
            bookmark, start, bookmark.index + (1 if bookmark.last is None and bookmark.ahead else 0)
        )
        stop = bookmark.index
        if self._other_end(bookmark, rows):
            return
        if rows.exceeded and not self._rows and bookmark.last is None and not bookmark.ahead and self._mends < MENDS:
            # The total is too small, and the end further on.
            self._mends += 1
            self._bookmark = PageNumberBookmark(await self._length(), None, (), None)
            return
        if not as_was:
            mended = await self._mended(bookmark, ReadWindows(start, rows), count)
            # Whether the cursor's own edge is still there to be left out.
            first, stop = first and mended.last == bookmark.last, mended.index
            bookmark = mended
        if not self._rows:
            self._following = (*bookmark.behind[:1], *bookmark.following) if first else bookmark.following
        if first:
            stop -= 1
        if not self._rows and start <= stop < start + len(rows.records):
            self.edge = rows.records[stop - start]
        known = rows.records[: stop - start] if start < stop <= start + len(rows.records) else []
        await self._find_edge(start, rows)
        await self.judge(reversed(known))
        self._take(stop - len(known), known)
        if not known and stop:
            # Read on from the place where it was found, or from where the list now ends.
            end = await self._length() if self.total is None else self.total
            if self.stopped:
                return
            if (as_was or self._mends > MENDS) and start < stop <= end:
                # By its total it goes on there, and yet it gives no row.
                end = await self._real_end(start, rows)
            following = self._following if stop <= end else ()
            self._here = page_number_bookmark(min(stop, end), None, (), following, self.total, None)

    async def _real_end(self, start: int, rows: Rows[ContactRecord]) -> int:
        """Returns where a list ends that gave too few rows from an index on (`rows`) for its total: by a newer total,
        else by looking for its last row. Raises SourceError."""
        if not self._asked_again:
            # The total may be an older one, of the cache.
            self._asked_again = True
            self.operation.forget(self.source)
            counted = self.total
            await self._read(0, 1)
            if self.total != counted:
                return start + len(rows.records) if self.total is None else self.total
        if rows.records or not start:
            return start + len(rows.records)
        # Of the rows before `low` some may be there, of those from `high` on none is.
        low, high, step = 0, start, self._sizes.largest
        for _ in range(_MOST_PROBES):
            at = max(low, high - step)
            found = await self._read(at, min(high, at + self._sizes.largest))
            if found.records:
                low = at + len(found.records)
                if low >= high or low < at + self._sizes.largest:
                    return low
                # Between the two: halve what is left.
                step = (high - low) // 2
            else:
                high = at
                step = 4 * step if low == 0 else (high - low) // 2
            if high <= low:
                return low
            step = max(step, 1)
        raise no_progress(self.source.name)

    async def find_end(self) -> int:
        if self._bookmark is None:
            # Its index is the total, which a list of one row tells.
            await self._read(0, 1)
            self._bookmark = PageNumberBookmark(
                await self._length() if self.total is None else self.total, None, (), self.total
            )
        return self._bookmark.index

    def _other_end(self, bookmark: PageNumberBookmark, rows: Rows[ContactRecord]) -> bool:
        """Whether the list has another end than when it was asked for that; then it is asked for again."""
        at_end = not self._rows and bookmark.last is None and not bookmark.ahead
        if not at_end or rows.total is None or rows.total == bookmark.index or self._mends >= MENDS:
            return False
        self._mends += 1
        self.operation.forget(self.source)
        self._bookmark = PageNumberBookmark(rows.total, None, (), rows.total)
        return True

    async def _length(self) -> int:
        """Returns how long a list is that says no total: read to its end within the scan limit."""
        length = 0
        seen: set[str] = set()
        progress = Progress(self.source.name)
        while length < self.scan_limit:
            progress.check(length)
            rows = await self._read(length, length + self._sizes.largest)
            ids = {row_id(record) for record in rows.records}
            if ids and ids <= seen:
                # The last page again, under the number that was asked for.
                return length
            seen |= ids
            length += len(rows.records)
            if rows.ended:
                return length
        self.scanned = length
        self.stop_at_limit()
        return 0

    def _take(self, start: int, records: Sequence[ContactRecord | None]) -> None:
        limit = self._limit
        for index in range(start + len(records) - 1, start - 1, -1):
            record = records[index - start]
            if limit is not None and (
                (record is not None and record.native_id == limit.last)
                or (self._edge is not None and index < self._edge)
            ):
                self.ended = True
                return
            self._consume(index, record)
        self.scanned += len(records)
        if start == 0:
            self.ended = True

    # ------------------------------------------------------------ bookmarks

    def bookmark_after(self, item: int) -> PageNumberBookmark:
        return self._bookmark_at(self._item_rows[item])

    def _bookmark_at(self, row: int) -> PageNumberBookmark:
        """Returns the bookmark right after a row, in the list's own direction."""
        index, record = self._rows[row]
        behind = self._trail(range(row, min(row + ANCHORS, len(self._rows))))
        following = self._ahead(row)[: ANCHORS - len(behind)]
        return page_number_bookmark(index + 1, row_id(record), behind, following, self.total, self._reader.alone)

    def bookmark_before(self, item: int) -> PageNumberBookmark:
        return self._before(self._item_rows[item])

    def _before(self, row: int) -> PageNumberBookmark:
        """Returns the bookmark right before a row, in the list's own direction."""
        if row + 1 < len(self._rows):
            return self._bookmark_at(row + 1)
        following = (*self._trail((row,)), *self._ahead(row))
        return page_number_bookmark(self._rows[row][0], None, (), following, self.total, self._reader.alone)

    def _ahead(self, row: int) -> Trail:
        """Returns the rows that follow one in the list, the nearest first: backward, those met before it."""
        return (*self._trail(range(row - 1, max(-1, row - 1 - ANCHORS), -1)), *self._following)[:ANCHORS]

    def end_bookmark(self) -> PageNumberBookmark | None:
        return self._before(len(self._rows) - 1) if self._rows else self._bookmark
