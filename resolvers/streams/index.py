"""A page-number list as a stream: windows by index, mended when rows were inserted or deleted (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from providers.errors import SourceErrorCode
from providers.record import ContactRecord
from resolvers.marks import ANCHORS, IndexMark, anchors, short_hash
from resolvers.operation import Operation
from resolvers.plan import SourcePlan
from resolvers.rows import PageSizes, Rows
from resolvers.streams.drift import ReadWindows, filled_up, find_place, row_id, stands
from resolvers.streams.stream import Bounds, Stream

_MENDS = 4


class RowReader(Protocol):
    """What reads windows of one list: `PagedList`, or one stage of a board."""

    def read(self, start: int, stop: int) -> Awaitable[Rows[ContactRecord]]: ...


class IndexStream(Stream):
    """One page-number list, forward or backward from a mark."""

    MARKS = (IndexMark,)

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
        # The mark that reading began at, mended when the list had moved.
        mark, limit = (bounds.after, bounds.before) if forward else (bounds.before, bounds.after)
        assert mark is None or isinstance(mark, IndexMark)
        assert limit is None or isinstance(limit, IndexMark)
        self._mark = mark
        self._limit = limit
        # Whether the row in front of the mark is the cursor's own edge, which a page before it must leave out.
        self._own = not forward and bounds.before_own
        # Backward: hashes of the rows behind the first one read, the nearest first.
        self._behind: tuple[int, ...] = ()
        # Rows consumed, in reading order: their index in the list and their id ("" when unreadable).
        self._rows: list[tuple[int, str]] = []
        self._item_rows: list[int] = []
        # Where reading goes on after the list was found moved, until rows are taken again.
        self._here: IndexMark | None = None
        self._mends = 0
        # How far the rows behind the mark have moved since it was made.
        self._shift = 0
        # The index at which the stretch ends on its far side, where that had to be looked for.
        self._edge: int | None = None

    async def fill(self, count: int) -> None:
        while len(self.items) < count and not self.ended and not self.stopped:
            if self.scanned >= self.scan_limit and self.plan.residual is not None:
                self.stop_at_limit()
                return
            await (self._forward if self.forward else self._backward)(self._chunk(count - len(self.items)))

    def _chunk(self, need: int) -> int:
        if self.plan.residual is None:
            return need
        # A filter is applied here: read what one call holds, and no more than the limit allows.
        return max(1, min(max(need, self._sizes.largest // 2 - 1), self.scan_limit - self.scanned))

    # ------------------------------------------------------------ forward

    async def _forward(self, count: int) -> None:
        mark = self._here or (self._mark_at(len(self._rows) - 1) if self._rows else self._mark)
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
        known = rows.records[offset : offset + count] if offset >= 0 else []
        await self._find_edge(start, rows)
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

    def _past_limit(self, index: int, record: ContactRecord | None) -> bool:
        limit = self._limit
        if limit is None:
            return False
        if self._edge is not None:
            return index >= self._edge
        if self.bounds.before_own and record is not None and record.native_id == limit.last:
            return True
        # Right behind the limit's own last record, wherever that stands now.
        return bool(self._rows) and limit.last is not None and self._rows[-1][1] == limit.last

    # ------------------------------------------------------------ backward

    async def _backward(self, count: int) -> None:
        mark = self._here or (self._before(len(self._rows) - 1) if self._rows else self._mark)
        if mark is None:
            await self.find_end()
            mark = self._mark
            assert mark is not None
        first, self._own = self._own, False
        if mark.index == 0:
            self.ended = True
            return
        start = max(0, mark.index - count - (1 if first else 0))
        rows, as_was = await self._read_at(mark, start, mark.index + (1 if mark.last is None and mark.ahead else 0))
        stop = mark.index
        if self._other_end(mark, rows):
            return
        if not as_was:
            mended = await self._mended(mark, ReadWindows(start, rows), count)
            # Whether the cursor's own edge is still there to be left out.
            first, stop = first and mended.last == mark.last, mended.index
            mark = mended
        if not self._rows:
            self._behind = (short_hash(mark.last), *mark.ahead) if first and mark.last is not None else mark.ahead
        if first:
            stop -= 1
        known = rows.records[: stop - start] if start < stop <= start + len(rows.records) else []
        await self._find_edge(start, rows)
        self._take_back(stop - len(known), known)
        if not known and stop:
            # Read on from the place where it was found, or from where the list now ends.
            end = await self._length() if self.total is None else self.total
            self._here = IndexMark(min(stop, end), None, (), self.total, self._behind if stop <= end else ())

    async def find_end(self) -> int:
        if self._mark is None:
            # Its index is the total, which a list of one row tells.
            await self._read(0, 1)
            self._mark = IndexMark(await self._length() if self.total is None else self.total, None, (), self.total)
        return self._mark.index

    def _other_end(self, mark: IndexMark, rows: Rows[ContactRecord]) -> bool:
        """Whether the list has another end than when it was asked for that; then it is asked for again."""
        at_end = not self._rows and mark.last is None and not mark.ahead
        if not at_end or rows.total is None or rows.total == mark.index or self._mends >= _MENDS:
            return False
        self._mends += 1
        self.operation.forget(self.source)
        self._mark = IndexMark(rows.total, None, (), rows.total)
        return True

    async def _length(self) -> int:
        """Returns how long a list is that says no total: read to its end within the scan limit."""
        length = 0
        while length < self.scan_limit:
            rows = await self._read(length, length + self._sizes.largest)
            length += len(rows.records)
            if rows.ended:
                return length
        self.scanned = length
        self.stop_at_limit()
        return 0

    def _take_back(self, start: int, records: Sequence[ContactRecord | None]) -> None:
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

    # ------------------------------------------------------------ rows

    async def _read_at(self, mark: IndexMark | None, start: int, stop: int) -> tuple[Rows[ContactRecord], bool]:
        """Returns a window and whether it shows the mark's place as it was, by the source itself where the cache
        does not: what is read to find the place has to be of one time with it."""
        rows = await self._read(start, stop)
        as_was = mark is None or stands(mark, start, rows)
        if not as_was:
            self.operation.forget(self.source)
            if mark is not None and any(response.cache_hit for response in rows.responses):
                rows = await self._read(start, stop)
                as_was = stands(mark, start, rows)
        return rows, as_was

    async def _read(self, start: int, stop: int) -> Rows[ContactRecord]:
        rows = await self._reader.read(start, stop)
        self.met(rows.responses, rows.bad)
        if rows.total is not None:
            self.total = rows.total
        if rows.missing:
            self.warn(
                SourceErrorCode.SOURCE_INVALID_RESPONSE,
                f"counts {rows.total} contacts but gives none from the {start + len(rows.records) + 1}th on",
            )
        return rows

    def _consume_all(self, first: int, records: Sequence[ContactRecord | None]) -> None:
        """Consumes rows all of which hold, as far as they can be read."""
        if records:
            self._here = None
        row = len(self._rows)
        self._rows += [(index, row_id(record)) for index, record in enumerate(records, start=first)]
        found = [record for record in records if record is not None]
        self.items += found
        if len(found) == len(records):
            self._item_rows += range(row, row + len(found))
        else:
            self._item_rows += [at for at, record in enumerate(records, start=row) if record is not None]

    def _consume(self, index: int, record: ContactRecord | None) -> None:
        self._here = None
        self._rows.append((index, row_id(record)))
        if record is not None and self.holds(record):
            self.items.append(record)
            self._item_rows.append(len(self._rows) - 1)

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
        own = 1 if self.forward and self.bounds.before_own else 0
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
        if found is None:
            self._drifted()
            self._edge = place
        else:
            self._edge = found - (own if windows.at(found - 1) == limit.last else 0)

    def _drifted(self) -> None:
        self.warn(
            SourceErrorCode.PAGE_DRIFT,
            "the list moved between two pages and none of the last eight contacts is left to go on from",
        )

    async def _mended(self, mark: IndexMark, windows: ReadWindows, count: int) -> IndexMark:
        """Returns the mark where it stands now, by its nearest surviving anchor: two more calls at most.

        Adds what it reads to the windows.
        """
        self._mends += 1
        # A list that moves all the time has no place to find again.
        found = await self._found(mark, windows, count) if self._mends <= _MENDS else None
        if found is None:
            self._drifted()
            mended = IndexMark(mark.index, None, (), self.total)
        else:
            # The rows around the place are its anchors now, as far as they were read; then the older ones.
            last = windows.at(found - 1) or None
            before = windows.hashes(range(found - 2, max(-1, found - 1 - ANCHORS), -1))
            ahead = windows.hashes(range(found, found + ANCHORS))
            mended = IndexMark(
                found,
                last,
                filled_up(before, mark.before)[: ANCHORS - 1],
                self.total,
                filled_up(ahead, mark.ahead)[:ANCHORS],
            )
            self._shift = found - mark.index
        self._here = mended
        if not self._rows:
            self._mark = mended
        return mended

    async def _found(self, mark: IndexMark, windows: ReadWindows, count: int) -> int | None:
        """Returns the index that the mark stands at now, None when no anchor is left."""
        return await find_place(mark, windows, self._read, self.total, self._sizes.largest, count, forward=self.forward)

    # ------------------------------------------------------------ marks

    def mark_after(self, item: int) -> IndexMark:
        return self._mark_at(self._item_rows[item])

    def _mark_at(self, row: int) -> IndexMark:
        """Returns the mark right after a row, in the list's own direction."""
        index = self._rows[row][0] + 1
        if self.forward:
            ids = [native_id for _, native_id in self._rows[max(0, row - ANCHORS + 1) : row + 1]]
            last, before = anchors(ids, (None, ()) if self._mark is None else (self._mark.last, self._mark.before))
            return IndexMark(index, last, before, self.total)
        last, before = anchors([native_id for _, native_id in reversed(self._rows[row : row + ANCHORS])])
        return IndexMark(index, last, before, self.total, self._ahead(row)[: ANCHORS - 1 - len(before)])

    def mark_before(self, item: int) -> IndexMark | None:
        return self._before(self._item_rows[item])

    def _before(self, row: int) -> IndexMark | None:
        """Returns the mark right before a row, in the list's own direction."""
        if self.forward:
            return self._mark_at(row - 1) if row else self._mark
        if row + 1 < len(self._rows):
            return self._mark_at(row + 1)
        index, native_id = self._rows[row]
        return IndexMark(index, None, (), self.total, (short_hash(native_id), *self._ahead(row))[:ANCHORS])

    def _ahead(self, row: int) -> tuple[int, ...]:
        """Returns hashes of the rows that follow one in the list, the nearest first: backward, those met before it."""
        hashes = [short_hash(native_id) for _, native_id in self._rows[max(0, row - ANCHORS) : row][::-1]]
        return (*hashes, *self._behind)[:ANCHORS]

    def base_mark(self) -> IndexMark | None:
        return self._mark

    def end_mark(self) -> IndexMark | None:
        if not self._rows:
            return self._mark
        return self._mark_at(len(self._rows) - 1) if self.forward else self._before(len(self._rows) - 1)
