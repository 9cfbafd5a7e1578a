"""A page-number list read forward (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Sequence

from providers.spi.record import ContactRecord
from resolvers.cursors.bookmarks import ANCHORS, IndexMark, index_mark
from resolvers.planning.plan import SourcePlan
from resolvers.reading.paged_list import PageSizes
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds
from resolvers.streams.page_number.base import IndexListStream, RowReader
from resolvers.streams.page_number.drift import ReadWindows, row_id


class IndexStream(IndexListStream):
    """One page-number list forward from a mark, or from its start."""

    def __init__(
        self, operation: Operation, plan: SourcePlan, bounds: Bounds, reader: RowReader, sizes: PageSizes
    ) -> None:
        super().__init__(operation, plan, bounds, reader, sizes, forward=True)

    async def _go_on(self, count: int) -> None:
        mark = self._here or self.end_mark()
        index = 0 if mark is None else mark.index
        # The window begins at the last row, which shows whether the list has moved meanwhile.
        start = index - 1 if mark is not None and mark.last is not None and index else index
        rows, as_was = await self._read_at(mark, start, index + count)
        if mark is not None and not as_was:
            windows = ReadWindows(start, rows)
            index = (await self._mended(mark, windows, count)).index
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
        if self.bounds.before_own and record is not None and record.native_id == limit.last:
            return True
        # Right behind the limit's own last record, wherever that stands now.
        return bool(self._rows) and limit.last is not None and row_id(self._rows[-1][1]) == limit.last

    # ------------------------------------------------------------ marks

    def mark_after(self, item: int) -> IndexMark:
        return self._mark_at(self._item_rows[item])

    def _mark_at(self, row: int) -> IndexMark:
        """Returns the mark right after a row."""
        index, record = self._rows[row]
        behind = self._trail(range(row, max(-1, row - ANCHORS), -1))
        if len(behind) < ANCHORS and self._mark is not None:
            behind += self._mark.behind
        return index_mark(index + 1, row_id(record), behind, (), self.total, self._reader.alone)

    def mark_before(self, item: int) -> IndexMark | None:
        row = self._item_rows[item]
        return self._mark_at(row - 1) if row else self._mark

    def end_mark(self) -> IndexMark | None:
        return self._mark_at(len(self._rows) - 1) if self._rows else self._mark
