"""A page-number list as a stream: windows by index, mended when rows were inserted or deleted (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from providers.errors import SourceErrorCode
from providers.record import ContactRecord
from resolvers.marks import ANCHORS, IndexMark, anchors, newest_anchor
from resolvers.operation import Operation
from resolvers.plan import SourcePlan
from resolvers.rows import PageSizes, Rows
from resolvers.streams.stream import Bounds, Stream


class RowReader(Protocol):
    """What reads windows of one list: `PagedList`, or one stage of a board."""

    def read(self, start: int, stop: int) -> Awaitable[Rows[ContactRecord]]: ...


class IndexStream(Stream):
    """One page-number list, forward or backward from a mark."""

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
        mark = bounds.after if forward else bounds.before
        assert mark is None or isinstance(mark, IndexMark)
        self._mark = mark
        # Rows consumed, in reading order: their index in the list and their id ("" when unreadable).
        self._rows: list[tuple[int, str]] = []
        self._item_rows: list[int] = []
        # The index of the next row forward; the index after the next row backward (None: from the end).
        self._next: int | None = mark.index if mark is not None else (0 if forward else None)
        self._verified = mark is None or mark.last is None
        limit = bounds.before if forward else bounds.after
        assert limit is None or isinstance(limit, IndexMark)
        self._limit = limit
        # The anchors to go on from after the list was found moved, until rows are taken again.
        self._mended: tuple[str | None, tuple[int, ...]] | None = None
        self._shift = 0
        self._anchor_is_own = True

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
        assert self._next is not None
        last, before = self._mended or self._anchors()
        if last is None or self._next == 0:
            rows = await self._read(self._next, self._next + count)
            self._take(self._next, rows.records, rows.ended)
            return
        # The window begins at the last row, which shows whether the list has moved meanwhile.
        start = self._next - 1
        rows = await self._read(start, start + 1 + count)
        if rows.records and _id(rows.records[0]) in (last, ""):
            self._verified = True
            self._take(start + 1, rows.records[1:], rows.ended)
            return
        await self._mend(last, before, {start: rows}, count)
        assert self._next is not None
        known = self._known(start, rows)
        self._take(self._next, known, rows.ended and self._next + len(known) >= start + len(rows.records))

    def _known(self, start: int, rows: Rows[ContactRecord]) -> list[ContactRecord | None]:
        assert self._next is not None
        offset = self._next - start
        return rows.records[offset:] if 0 <= offset <= len(rows.records) else []

    # ------------------------------------------------------------ backward

    async def _backward(self, count: int) -> None:
        if self._next is None:
            # From the end: its index is the total, which a list of one row tells.
            rows = await self._read(0, 1)
            if self.total is None:
                self._next = await self._length()
            else:
                self._next = self.total
        if self._next == 0:
            self.ended = True
            return
        stop = self._next
        start = max(0, stop - count - (0 if self._verified else 1))
        rows = await self._read(start, stop)
        records = list(rows.records)
        if not self._verified and self._mark is not None:
            self._verified = True
            last, before = self._mark.last, self._mark.before
            if not (len(records) == stop - start and _id(records[-1]) in (last, "")):
                assert last is not None
                self._next = stop
                await self._mend(last, before, {start: rows}, count)
                # `_mend` leaves the index after the anchor; whether that row is wanted is settled next.
                stop = self._next
                known = records[: max(0, stop - start)] if start < stop <= start + len(records) else []
                records, start = known, stop - len(known)
            if self.bounds.before_own and self._anchor_is_own:
                stop -= 1
                records = records[:-1] if records else []
                self._next = stop
                start = min(start, stop)
        elif len(records) < stop - start:
            # Rows went missing between two reads of one page: read on from what is there.
            stop = start + len(records)
            self._next = stop
        self._take_back(start, records)

    # ------------------------------------------------------------ rows

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

    def _take(self, first: int, records: Sequence[ContactRecord | None], ended: bool) -> None:
        plain = self.plan.residual is None and self._limit is None and not self.bounds.bounded_before
        for index, record in enumerate(records, start=first):
            if not plain and self._past_limit(index, record):
                self.ended = True
                return
            self._rows.append((index, "" if record is None else record.native_id))
            if record is not None and (plain or self.holds(record)):
                self.items.append(record)
                self._item_rows.append(len(self._rows) - 1)
        self.scanned += len(records)
        self._next = first + len(records)
        if records:
            self._mended = None
        if ended:
            self.ended = True

    def _past_limit(self, index: int, record: ContactRecord | None) -> bool:
        limit = self._limit
        if limit is None or not self.bounds.bounded_before:
            return False
        if self.bounds.before_own and record is not None and record.native_id == limit.last:
            return True
        # Right behind the limit's own last record, wherever that stands now; by index when it is gone.
        if self._rows and self._rows[-1][1] == limit.last:
            return True
        return index >= limit.index - (1 if self.bounds.before_own else 0) + self._shift

    def _take_back(self, start: int, records: Sequence[ContactRecord | None]) -> None:
        for index in range(start + len(records) - 1, start - 1, -1):
            record = records[index - start]
            if self._limit is not None and (
                (record is not None and record.native_id == self._limit.last) or index < self._limit.index
            ):
                self.ended = True
                return
            self._rows.append((index, "" if record is None else record.native_id))
            if record is not None and self.holds(record):
                self.items.append(record)
                self._item_rows.append(len(self._rows) - 1)
        self.scanned += len(records)
        self._next = start
        if start == 0:
            self.ended = True

    # ------------------------------------------------------------ drift

    async def _mend(
        self, last: str, before: Sequence[int], windows: dict[int, Rows[ContactRecord]], count: int
    ) -> None:
        """Finds the newest surviving anchor and sets the position right after it: two more calls at most."""
        old = self._next
        assert old is not None
        found = _find(windows, last, before)
        known = self._mark.total if self._mark is not None else None
        change = self.total - known if self.total is not None and known is not None else 0
        if found is None or found[1] > 0:
            guess = max(0, old - 1 + change)
            start = max(0, guess - ANCHORS + 1)
            if start not in windows or change:
                windows[start] = await self._read(start, max(start + 1, guess + 1 + count))
                found = _find(windows, last, before)
        if found is None or found[1] > 0:
            middle = found[0] + found[1] if found is not None else max(0, old - 1 + change)
            half = self._sizes.largest // 2
            start = max(0, middle - half)
            windows[start] = await self._read(start, start + max(2, 2 * half - 1))
            found = _find(windows, last, before)
        self._verified = True
        if found is None:
            self.warn(
                SourceErrorCode.PAGE_DRIFT,
                "the list moved between two pages and none of the last eight contacts is left to go on from",
            )
            self._move(old, None, ())
            return
        position, age = found
        self._anchor_is_own = age == 0
        self._move(position + 1, _at(windows, position), tuple(before)[age:])
        self._shift = position + 1 + age - old

    def _move(self, index: int, last: str | None, before: tuple[int, ...]) -> None:
        self._next = index
        self._mended = last, before
        if not self._rows:
            self._mark = IndexMark(index, last, before, self.total)

    # ------------------------------------------------------------ marks

    def _anchors(self) -> tuple[str | None, tuple[int, ...]]:
        ids = [native_id for _, native_id in self._rows[-ANCHORS:]]
        return anchors(ids, self._older())

    def _older(self) -> tuple[str | None, tuple[int, ...]]:
        if not self.forward or self._mark is None:
            return None, ()
        return self._mark.last, self._mark.before

    def mark_after(self, item: int) -> IndexMark:
        return self._mark_at(self._item_rows[item])

    def _mark_at(self, row: int) -> IndexMark:
        index = self._rows[row][0]
        if self.forward:
            ids = [native_id for _, native_id in self._rows[max(0, row - ANCHORS + 1) : row + 1]]
        else:
            ids = [native_id for _, native_id in reversed(self._rows[row : row + ANCHORS])]
        last, before = anchors(ids, self._older())
        return IndexMark(index + 1, last, before, self.total)

    def mark_before(self, item: int) -> IndexMark | None:
        row = self._item_rows[item]
        index = self._rows[row][0]
        if index == 0:
            return None
        if not self.forward:
            ids = [native_id for _, native_id in reversed(self._rows[row + 1 : row + 1 + ANCHORS])]
        else:
            ids = [native_id for _, native_id in self._rows[max(0, row - ANCHORS) : row]]
        last, before = anchors(ids, self._older())
        return IndexMark(index, last, before, self.total)

    def base_mark(self) -> IndexMark | None:
        return self._mark

    def end_mark(self) -> IndexMark | None:
        return self._mark_at(len(self._rows) - 1) if self._rows else self._mark


def _id(record: ContactRecord | None) -> str:
    return "" if record is None else record.native_id


def _at(windows: dict[int, Rows[ContactRecord]], index: int) -> str:
    """Returns the id of a row that one of the windows holds, by the latest of them."""
    for start, rows in reversed(windows.items()):
        if 0 <= index - start < len(rows.records):
            return _id(rows.records[index - start])
    raise IndexError(index)


def _find(windows: dict[int, Rows[ContactRecord]], last: str, before: Sequence[int]) -> tuple[int, int] | None:
    """Returns the index and age of the newest anchor in any of the windows."""
    best: tuple[int, int] | None = None
    for start, rows in windows.items():
        found = newest_anchor([_id(record) for record in rows.records], last, before)
        if found is not None and (best is None or found[1] <= best[1]):
            best = start + found[0], found[1]
    return best
