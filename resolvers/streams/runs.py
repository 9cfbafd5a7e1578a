"""A list the source sorts by its leading keys only: runs of equal ones are read whole, sorted here (DESIGN.md 5)."""

from __future__ import annotations

from collections.abc import Callable

from providers.record import ContactRecord
from resolvers.marks import Mark, RunMark
from resolvers.operation import Operation
from resolvers.order import in_order, key
from resolvers.plan import SourcePlan
from resolvers.streams.stream import Bounds, Stream


class RunStream(Stream):
    """`opened` gives the source's own stream between two of its marks, in a direction."""

    MARKS = (RunMark,)

    def __init__(
        self,
        operation: Operation,
        plan: SourcePlan,
        bounds: Bounds,
        opened: Callable[[Bounds, bool], Stream],
        *,
        forward: bool,
    ) -> None:
        super().__init__(operation, plan, bounds, forward=forward)
        mark = bounds.after if forward else bounds.before
        assert mark is None or isinstance(mark, RunMark)
        self._mark = mark
        self._opened = opened
        self._leading = plan.query.orders
        start = mark.start if mark is not None else None
        # Forward: from the run's start on. Backward: from there back, after the rest of that run.
        edge = Bounds(after=start) if forward else Bounds(before=start, bounded_before=mark is not None)
        self._inner = opened(edge, forward)
        self._taken = 0
        self._first = True
        self._marks: list[RunMark] = []

    async def fill(self, count: int) -> None:
        while len(self.items) < count and not self.ended and not self.stopped:
            if self._first and not self.forward and self._mark is not None:
                self._first = False
                await self._rest_of_run(self._mark)
                continue
            await self._next_run(count - len(self.items))

    async def _rest_of_run(self, mark: RunMark) -> None:
        """Backward: what of the mark's own run stands before it."""
        inner = self._opened(Bounds(after=mark.start), True)
        run, _ = await self._run(inner, 0)
        ordered, place = self._until(run, mark)
        kept = ordered[: place - 1 if self.bounds.before_own and place else place]
        for offset, record in reversed(list(enumerate(kept))):
            self._emit(record, RunMark(mark.start, record.native_id, offset + 1))
        if mark.start is None:
            self.ended = True

    async def _next_run(self, need: int) -> None:
        inner = self._inner
        await inner.fill(self._taken + need + 1)
        self._note(inner)
        if self._taken >= len(inner.items):
            self.ended, self.stopped = inner.ended, inner.stopped
            return
        first = self._taken
        run, complete = await self._run(inner, first)
        self._note(inner)
        if not complete:
            self.stop_at_limit()
            return
        self._taken += len(run)
        start_item = first if self.forward else first + len(run) - 1
        start = inner.mark_before(start_item)
        assert start is None or not isinstance(start, RunMark)
        if self.forward:
            ordered, skip = in_order(run, self.plan.orders), 0
            if self._first and self._mark is not None:
                start = self._mark.start
                ordered, skip = self._until(run, self._mark)
            self._first = False
            for offset, record in list(enumerate(ordered))[skip:]:
                self._emit(record, RunMark(start, record.native_id, offset + 1))  # type: ignore[arg-type]
        else:
            ordered = in_order(run[::-1], self.plan.orders)
            for offset, record in reversed(list(enumerate(ordered))):
                self._emit(record, RunMark(start, record.native_id, offset + 1))  # type: ignore[arg-type]
        if inner.ended and self._taken >= len(inner.items):
            self.ended = True

    async def _run(self, inner: Stream, first: int) -> tuple[list[ContactRecord], bool]:
        """Returns the inner stream's run from an item on, and whether it was read to its end."""
        end = first
        while True:
            if end >= len(inner.items):
                # How long a run is nobody knows: what one call holds, instead of a call a record.
                await inner.fill(end + max(1, self.source.max_page_size // 2 - 1))
            if end >= len(inner.items):
                return inner.items[first:end], inner.ended
            if key(inner.items[end], self._leading) != key(inner.items[first], self._leading):
                return inner.items[first:end], True
            end += 1
            if end - first > self.scan_limit:
                return inner.items[first:end], False

    def _until(self, run: list[ContactRecord], mark: RunMark) -> tuple[list[ContactRecord], int]:
        """Returns the run sorted, and how many of it stand up to the mark's record."""
        ordered = in_order(run, self.plan.orders)
        if mark.last is None:
            return ordered, min(mark.offset, len(ordered))
        for index, record in enumerate(ordered):
            if record.native_id == mark.last:
                return ordered, index + 1
        # The record is gone: those after it moved up by one.
        return ordered, max(0, min(mark.offset - 1, len(ordered)))

    def _emit(self, record: ContactRecord, mark: RunMark) -> None:
        limit = self.bounds.before if self.forward else self.bounds.after
        if self.ended:
            return
        if isinstance(limit, RunMark):
            own = self.forward and self.bounds.before_own
            if record.native_id == limit.last and (own or not self.forward):
                self.ended = True
                return
            if self.forward and self._marks and self._marks[-1].last == limit.last:
                self.ended = True
                return
        self.items.append(record)
        self._marks.append(mark)

    def _note(self, inner: Stream) -> None:
        self.total, self.scanned = inner.total, inner.scanned
        self.stale, self.fetched_at = inner.stale, inner.fetched_at
        self.warnings |= inner.warnings
        if inner.stopped:
            self.stopped = True

    def mark_after(self, item: int) -> RunMark:
        return self._marks[item]

    def mark_before(self, item: int) -> Mark | None:
        mark = self._marks[item]
        if self.forward:
            return self._marks[item - 1] if item else self._mark
        if item + 1 < len(self._marks):
            return self._marks[item + 1]
        return RunMark(mark.start, None, mark.offset - 1)

    def base_mark(self) -> RunMark | None:
        return self._mark

    def end_mark(self) -> Mark | None:
        return self._marks[-1] if self._marks else self._mark
