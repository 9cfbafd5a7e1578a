"""A page-number list read forward (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Sequence

from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import ANCHORS, row_id
from resolvers.cursors.bookmarks import PageNumberBookmark, page_number_bookmark
from resolvers.planning.plan import SourcePlan
from resolvers.reading.paged_list import PageSizes
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds
from resolvers.streams.page_number.base import PageNumberStreamBase, RowReader
from resolvers.streams.page_number.drift import ReadWindows


class PageNumberStream(PageNumberStreamBase):
    """One page-number list forward from a bookmark, or from its start."""

    def __init__(
        self, operation: Operation, plan: SourcePlan, bounds: Bounds, reader: RowReader, sizes: PageSizes
    ) -> None:
        super().__init__(operation, plan, bounds, reader, sizes, forward=True)

    async def _go_on(self, count: int) -> None:
        bookmark = self._here or self.end_bookmark()
        index = 0 if bookmark is None else bookmark.index
        # The window begins at the last row, which shows whether the list has moved meanwhile.
        start = index - 1 if bookmark is not None and bookmark.last is not None and index else index
        rows, as_was = await self._read_at(bookmark, start, index + count)
        if bookmark is not None and not as_was:
            windows = ReadWindows(start, rows)
            index = (await self._mended(bookmark, windows, count)).index
            # The place may stand in what was read to find it.
            start, rows = windows.reaching(index)
        offset = index - start
        if not self._rows and 0 < offset <= len(rows.records):
            self.edge = rows.records[offset - 1]
        known = rows.records[offset : offset + count] if offset >= 0 else []
        await self._find_edge(start, rows)
        await self.judge(known)
        self._take(index, known, rows.ended and index + len(known) >= start + len(rows.records))

    def _take(self, first: int, records: Sequence[ContactRecord | None], ended: bool) -> None:
        if self.plan.residual is None and not self.bounds.bounded_before:
            self._consume_all(first, records)
        else:
            for index, record in enumerate(records, start=first):
                if self._past_limit(index, record):
                    self.ended = True
                    return
                self._consume(index, record)
        self.scanned += len(records)
        if ended:
            self.ended = True

    def _consume_all(self, first: int, records: Sequence[ContactRecord | None]) -> None:
        """Consumes rows all of which hold, as far as they can be read."""
        if records:
            self._here = None
        row = len(self._rows)
        self._rows += enumerate(records, start=first)
        found = [record for record in records if record is not None]
        self.items += found
        if len(found) == len(records):
            self._item_rows += range(row, row + len(found))
        else:
            self._item_rows += [at for at, record in enumerate(records, start=row) if record is not None]

    def _past_limit(self, index: int, record: ContactRecord | None) -> bool:
        limit = self._limit
        if limit is None:
            return False
        if self._edge is not None:
            return index >= self._edge
        if self.bounds.excludes_bookmark_record and record is not None and record.native_id == limit.last:
            return True
        # Right behind the limit's own last record, wherever that stands now.
        return bool(self._rows) and limit.last is not None and row_id(self._rows[-1][1]) == limit.last

    # ------------------------------------------------------------ bookmarks

    def bookmark_after(self, item: int) -> PageNumberBookmark:
        return self._bookmark_at(self._item_rows[item])

    def _bookmark_at(self, row: int) -> PageNumberBookmark:
        """Returns the bookmark right after a row."""
        index, record = self._rows[row]
        behind = self._trail(range(row, max(-1, row - ANCHORS), -1))
        if len(behind) < ANCHORS and self._bookmark is not None:
            behind += self._bookmark.behind
        return page_number_bookmark(index + 1, row_id(record), behind, (), self.total, self._reader.alone)

    def bookmark_before(self, item: int) -> PageNumberBookmark | None:
        row = self._item_rows[item]
        return self._bookmark_at(row - 1) if row else self._bookmark

    def end_bookmark(self) -> PageNumberBookmark | None:
        return self._bookmark_at(len(self._rows) - 1) if self._rows else self._bookmark
