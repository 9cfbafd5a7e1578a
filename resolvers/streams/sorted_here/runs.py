"""A list the source sorts by its leading keys only: runs of equal ones are read whole, sorted here (DESIGN.md 5)."""

from __future__ import annotations

from providers.spi.budget import Counter
from providers.spi.errors import SortNotSupported, SourceErrorCode
from providers.spi.record import ContactRecord
from resolvers.cursors.anchors import short_hash
from resolvers.cursors.bookmarks import Bookmark, InstantBookmark, PageNumberBookmark, PageTokenBookmark, RunBookmark
from resolvers.cursors.codec import malformed
from resolvers.planning.plan import SourcePlan
from resolvers.planning.sort_keys import compare, key
from resolvers.reading.progress import Progress
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Open, Stream
from resolvers.streams.sorted_here.run import RunKeys, SortedRun, Start


class RunStream(Stream):
    """`opened` gives the source's own stream of all its records between two of its bookmarks, in a direction.

    A run ends at the next record of other keys, whether that holds or not: a filter is applied to whole runs.
    """

    BOOKMARKS = (RunBookmark,)

    def __init__(
        self,
        operation: Operation,
        plan: SourcePlan,
        bounds: Bounds,
        opened: Open,
        *,
        forward: bool,
    ) -> None:
        super().__init__(operation, plan, bounds, forward=forward)
        self._leading = plan.query.orders
        after, before = self._own("after", bounds.after), self._own("before", bounds.before)
        self._bookmark, self._limit = (after, before) if forward else (before, after)
        self._opened = opened
        if self._bookmark is not None:
            # A start in another kind of list, which only a forged cursor has, is refused by its argument's name.
            start = self._bookmark.start
            opened(Bounds(after=start) if forward else Bounds(before=start), forward=forward)
        # How long a run is nobody knows: what one call holds, instead of a call a record.
        self._stride = max(1, self.source.max_page_size // 2 - 1)
        # All streams read from; the runs come from the last one, of which so many items are taken.
        self._inners: list[Stream] = []
        self._inner: Stream | None = None
        self._taken = 0
        # Of every item its run, and how many of that stand in front of the bookmark after the item.
        self._places: list[tuple[SortedRun, int]] = []
        # The place between the last run read whole and the next one, in the reading direction, and how many records
        # of runs behind the bookmark's own lie before it.
        self._edge: RunBookmark | None = None
        self._passed = 0

    def _own(self, argument: str, bookmark: Bookmark | None) -> RunBookmark | None:
        assert bookmark is None or isinstance(bookmark, RunBookmark)
        if bookmark is not None and len(bookmark.keys) != len(self._leading):
            raise malformed(argument)
        return bookmark

    async def fill(self, count: int) -> None:
        progress = Progress(self.source.name)
        try:
            while len(self.items) < count and not self.ended and not self.stopped:
                progress.check(len(self.items) + self._passed, (self._inner is None, self._taken, len(self._inners)))
                need = count - len(self.items)
                if self._inner is None:
                    await self._begin(need)
                elif self.plan.residual is not None and self._passed >= self.scan_limit:
                    self.stop_at_limit()
                else:
                    await self._next_run(self._inner, need)
        finally:
            self._note()

    # ------------------------------------------------------------ beginning

    async def _begin(self, need: int) -> None:
        """Opens the source's list where the bookmark stands, and reads what of the bookmark's run is wanted."""
        bookmark = self._bookmark
        if bookmark is None:
            self._inner = self._open(Bounds(), forward=self.forward)
            return
        found = await self._located(bookmark, need)
        if found is None:
            return
        inner, first, there = found
        start = _start(inner, first)
        if there:
            records = await self._run(inner, first)
            if records is None:
                return
            await self._weighed(records)
            run = self._sorted(start, records)
            place, exact = self._place(run, bookmark)
            if self.forward:
                self.edge = run.records[place - 1] if place else _in_front(inner, first)
                first += len(records)
                self._bookmark = run.bookmark(place)
                self._emit(run, place, len(run.records))
                self._edge = self._front(inner, first)
            else:
                # Without its own edge, which is on the page behind.
                end = place - 1 if exact and self.bounds.excludes_bookmark_record else place
                self.edge = run.records[end] if end < len(run.records) else None
                self._emit(run, 0, end)
                self._edge = run.bookmark(0)
        elif self.forward:
            self.edge = _in_front(inner, first)
        if self.forward:
            self._inner, self._taken = inner, first
        else:
            self._inner = self._open(Bounds(before=start, bounded_before=True), forward=False)

    async def _located(self, bookmark: RunBookmark, need: int) -> tuple[Stream, int, bool] | None:
        """Returns the list, read forward, the item the bookmark's run begins at, or would, and whether it is there;
        None when reading stopped first."""
        inner = self._open(Bounds(after=bookmark.start), forward=True)
        if self.forward:
            await inner.fill(need + 1)
        found = await self._sought(inner, bookmark)
        drifted = _drifted(inner)
        if not drifted and (found is None or not self._begins_further_in_front(inner, bookmark, found)):
            return None if found is None else (inner, *found)
        # The start is not known any more. Any place will do from which runs in front of the bookmark's are met.
        start = bookmark.start if drifted else _start(inner, 0)
        index = start.index if isinstance(start, PageNumberBookmark) else 0
        index, step = index if inner.total is None else min(index, inner.total), self._stride
        while found is not None and found[0] == 0 and index and step <= self.scan_limit:
            index, step = max(0, index - step), 2 * step
            inner = self._open(Bounds(after=PageNumberBookmark(index, None, (), None) if index else None), forward=True)
            found = await self._sought(inner, bookmark)
        if found is None:
            return None
        if drifted and (found[0] or (isinstance(start, PageNumberBookmark) and index == 0)):
            for stream in self._inners:
                stream.warnings.pop(SourceErrorCode.PAGE_DRIFT, None)
        return inner, *found

    def _begins_further_in_front(self, inner: Stream, bookmark: RunBookmark, found: tuple[int, bool]) -> bool:
        """Returns whether the bookmark's run may have rows in front of the place where it began: of records with equal
        keys, those that came in since may stand before it."""
        item, there = found
        if item or not there:
            return False
        start = _start(inner, 0)
        if not isinstance(start, PageNumberBookmark) or not start.index:
            return False
        return inner.edge is None or self._side(self._keys(inner.edge), bookmark) == 0

    async def _sought(self, inner: Stream, bookmark: RunBookmark) -> tuple[int, bool] | None:
        """Returns the item that the bookmark's run begins at, or would, and whether it is there: runs that come before
        it were emitted already, or came in before the position. None when reading stopped first."""
        unknown: int | None = None
        item = 0
        while True:
            if item >= len(inner.items):
                await inner.fill(item + self._stride)
            if item >= len(inner.items):
                if inner.stopped:
                    self.stopped = True
                    return None
                return item if unknown is None else unknown, False
            side = self._side(self._keys(inner.items[item]), bookmark)
            if side == 0:
                return item, True
            if side is None and unknown is None:
                unknown = item
            if side == 1 or (unknown is not None and item - unknown > self._stride):
                return item if unknown is None else unknown, False
            item += 1
            if item > self.scan_limit:
                self.stop_at_limit()
                return None

    # ------------------------------------------------------------ runs

    async def _next_run(self, inner: Stream, need: int) -> None:
        first = self._taken
        # Of a run that is filtered here nobody knows how much holds.
        await inner.fill(first + (need if self.plan.residual is None else max(need, self._stride)) + 1)
        if first >= len(inner.items):
            self.ended, self.stopped = inner.ended, inner.stopped
            return
        records = await self._run(inner, first)
        if records is None:
            return
        await self._weighed(records)
        self._taken += len(records)
        self._passed += len(records)
        if self.forward:
            run = self._sorted(_start(inner, first), records)
        else:
            run = self._sorted(_start(inner, self._taken - 1), records[::-1])
        self._emit(run, 0, len(run.records))
        self._edge = self._front(inner, self._taken) if self.forward else run.bookmark(0)
        if inner.ended and self._taken >= len(inner.items):
            self.ended = True

    def _front(self, inner: Stream, item: int) -> RunBookmark | None:
        """Returns the bookmark in front of the run that an item begins, None behind the last one."""
        if item >= len(inner.items):
            return None
        return RunBookmark(_start(inner, item), None, 0, 0, (), self._keys(inner.items[item]))

    async def _run(self, inner: Stream, first: int) -> list[ContactRecord] | None:
        """Returns the inner stream's run from an item on, None when reading stopped before its end."""
        end = first
        while True:
            if end >= len(inner.items):
                await inner.fill(end + self._stride)
            if end >= len(inner.items):
                if inner.ended:
                    return inner.items[first:end]
                self.stopped = True
                return None
            if key(inner.items[end], self._leading) != key(inner.items[first], self._leading):
                return inner.items[first:end]
            end += 1
            if end - first > self.scan_limit:
                equal = ", ".join(order.field.value for order in self._leading)
                raise SortNotSupported(
                    self.source.name,
                    f"{self.source.name} has more than the scan_limit of {self.scan_limit} contacts of one {equal}, "
                    "too many to sort them by the next field; order by fewer fields, filter more, or raise scan_limit",
                )

    async def _weighed(self, records: list[ContactRecord]) -> None:
        """Judges a whole run, and counts what sorting it takes. Raises BudgetExceeded."""
        budget, sorting = self.operation.budget, len(records) * len(self.plan.orders)
        budget.spend(Counter.EVALUATIONS, sorting)
        await budget.worked(sorting)
        await self.judge(records)

    def _sorted(self, start: Start, records: list[ContactRecord]) -> SortedRun:
        """Returns those of a whole run that hold, in order."""
        holding = [record for record in records if self.holds(record)]
        return SortedRun(start, self._keys(records[0]), holding, self.plan.orders)

    def _place(self, run: SortedRun, bookmark: RunBookmark) -> tuple[int, bool]:
        """Returns how many of the run's records stand in front of the bookmark, and whether its last one is still
        there."""
        found = run.place(bookmark)
        if found is not None:
            return found
        self.drifted()
        return min(bookmark.offset, len(run.records)), False

    def _emit(self, run: SortedRun, begin: int, end: int) -> None:
        """Makes items of a run's records between two places, as far as the other bound allows."""
        limit = self._limit
        side = None if limit is None else self._side(run.keys, limit)
        if side == (1 if self.forward else -1):
            self.ended = True
            return
        if limit is not None and side == 0:
            self.ended = True
            place, exact = self._place(run, limit)
            if self.forward:
                end = min(end, place - 1 if exact and self.bounds.excludes_bookmark_record else place)
            else:
                begin = max(begin, place)
        offsets = range(begin, end) if self.forward else range(end - 1, begin - 1, -1)
        self.items += [run.records[offset] for offset in offsets]
        self._places += [(run, offset + 1) for offset in offsets]

    def _keys(self, record: ContactRecord) -> RunKeys:
        return tuple(short_hash(value) if isinstance(value, str) else value for value in key(record, self._leading))

    def _side(self, keys: RunKeys, bookmark: RunBookmark) -> int | None:
        """Returns -1, 0 or 1 as a run of these keys comes before, is or comes after the bookmark's; None for another
        text, whose hash does not tell."""
        for mine, other, order in zip(keys, bookmark.keys, self._leading, strict=True):
            if mine != other:
                if mine is not None and other is not None and not order.field.is_date:
                    return None
                return compare((mine,), (other,), (order,))
        return 0

    # ------------------------------------------------------------ inner streams

    def _open(self, bounds: Bounds, *, forward: bool) -> Stream:
        inner = self._opened(bounds, forward=forward)
        self._inners.append(inner)
        return inner

    def _note(self) -> None:
        """Takes over what the inner streams say."""
        self.scanned = sum(inner.scanned for inner in self._inners)
        for inner in self._inners:
            self.total = self.total if inner.total is None else inner.total
            self.stale = self.stale or inner.stale
            if inner.fetched_at is not None:
                self.fetched_at = min(self.fetched_at or inner.fetched_at, inner.fetched_at)
            self.warnings |= inner.warnings

    def stop_at_limit(self) -> None:
        self._note()
        super().stop_at_limit()

    # ------------------------------------------------------------ bookmarks

    def bookmark_after(self, item: int) -> RunBookmark:
        run, offset = self._places[item]
        return run.bookmark(offset)

    def bookmark_before(self, item: int) -> RunBookmark | None:
        if self.forward and item == 0:
            return self._bookmark
        if self.forward:
            return self.bookmark_after(item - 1)
        # The run in front is not read yet behind the last item: then the place at the start of its own.
        if item + 1 < len(self._places):
            return self.bookmark_after(item + 1)
        run, offset = self._places[item]
        return run.bookmark(offset - 1)

    def base_bookmark(self) -> RunBookmark | None:
        return self._bookmark

    def end_bookmark(self) -> Bookmark | None:
        return self._edge if self.stopped and self._edge is not None else super().end_bookmark()


def _start(inner: Stream, item: int) -> Start:
    """Returns the bookmark before an item of a source's own stream, or, behind the last one, where it ended."""
    bookmark = inner.bookmark_before(item) if item < len(inner.items) else inner.end_bookmark()
    assert bookmark is None or isinstance(bookmark, PageNumberBookmark | PageTokenBookmark | InstantBookmark)
    return bookmark


def _in_front(inner: Stream, item: int) -> ContactRecord | None:
    """Returns the record in front of an item of a source's own stream."""
    return inner.items[item - 1] if item else inner.edge


def _drifted(inner: Stream) -> bool:
    return SourceErrorCode.PAGE_DRIFT in inner.warnings
