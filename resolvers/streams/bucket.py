"""Contacts that a source only gives by stage, one stage after the other (DESIGN.md 7, "Tether's search")."""

from __future__ import annotations

import asyncio

from providers.errors import SourceErrorCode
from providers.page import Bucket, BucketPage
from providers.provider import Pipeline
from providers.record import ContactRecord
from providers.request import Response
from resolvers.board import find
from resolvers.marks import ANCHORS, BucketMark, anchors, newest_anchor
from resolvers.operation import Operation
from resolvers.plan import SourcePlan
from resolvers.reading import page_sizes
from resolvers.streams.stream import Bounds, Stream
from resolvers.windows import window


class BucketStream(Stream):
    """All stages of the active pipeline in its order, forward (backward: `resolvers.streams.reverse`)."""

    MARKS = (BucketMark,)

    def __init__(self, operation: Operation, plan: SourcePlan, bounds: Bounds) -> None:
        super().__init__(operation, plan, bounds, forward=True)
        mark = bounds.after
        limit = bounds.before
        assert mark is None or isinstance(mark, BucketMark)
        assert limit is None or isinstance(limit, BucketMark)
        self._mark = mark
        self._limit = limit
        self._rows: list[tuple[str, int, str]] = []
        self._item_rows: list[int] = []
        self._totals: dict[str, int | None] = {}
        self._stage = mark.stage if mark is not None else None
        self._next = mark.index if mark is not None else 0
        self.warn(
            SourceErrorCode.SEARCH_INCOMPLETE,
            "searches the stages of its active pipeline; contacts outside of it, or in no stage, are not found",
        )

    async def fill(self, count: int) -> None:
        while len(self.items) < count and not self.ended and not self.stopped:
            if self.scanned >= self.scan_limit and self.plan.residual is not None:
                self.stop_at_limit()
                return
            await self._read(count - len(self.items))

    async def _read(self, need: int) -> None:
        sizes = page_sizes(self.source)
        if self.plan.residual is not None:
            need = max(need, sizes.largest // 2 - 1)
        last, before = self._anchors()
        held = 1 if last is not None and self._next > 0 else 0
        wanted = window(self._next - held, self._next + need, sizes.largest)
        size = wanted.pages[0].size
        answers = await asyncio.gather(
            *(
                self._ask({self._stage: at.page} if self._stage is not None and at.page > 1 else {}, size)
                for at in wanted.pages
            )
        )
        first = (wanted.pages[0].page - 1) * size
        buckets = answers[0][0].buckets
        self._totals = {_key(bucket): bucket.total for bucket in buckets}
        self.total = sum(total or 0 for total in self._totals.values()) if None not in self._totals.values() else None
        keys = [_key(bucket) for bucket in buckets]
        if self._stage is None:
            if not keys:
                self.ended = True
                return
            self._stage = keys[0]
        current = find(buckets, self._stage)
        if current is None:
            self.warn(SourceErrorCode.PAGE_DRIFT, "the stage where the last page ended is gone")
            self.ended = True
            return
        place = next(index for index, bucket in enumerate(buckets) if bucket is current)
        records = list(current.records)
        for page, _ in answers[1:]:
            more = find(page.buckets, self._stage)
            records += more.records if more is not None else []
        if current.total is not None:
            records = records[: max(0, current.total - first)]
        start = self._place(records, first, last, before, held)
        if self._take(_key(current), start, records[start - first :]):
            return
        while not current.records or (current.total is not None and self._next >= current.total):
            place += 1
            if place == len(buckets):
                self.ended = True
                return
            current = buckets[place]
            self._stage, self._next = keys[place], 0
            rows = current.records if current.total is None else current.records[: current.total]
            if self._take(keys[place], 0, rows):
                return

    def _place(
        self, records: list[ContactRecord | None], first: int, last: str | None, before: tuple[int, ...], held: int
    ) -> int:
        """Returns the index in the stage to go on from: after the newest anchor that is left."""
        if not held:
            return self._next
        ids = ["" if record is None else record.native_id for record in records]
        expected = self._next - 1 - first
        if 0 <= expected < len(ids) and ids[expected] in (last, ""):
            return self._next
        found = newest_anchor(ids, last, before)
        if found is not None:
            return first + found[0] + 1
        self.warn(
            SourceErrorCode.PAGE_DRIFT,
            "the list moved between two pages and none of the last eight contacts is left to go on from",
        )
        return max(first, min(self._next, first + len(records)))

    def _take(self, stage: str, start: int, records: list[ContactRecord | None]) -> bool:
        """Consumes rows; returns whether the page's bound was reached."""
        limit = self._limit
        for index, record in enumerate(records, start=start):
            if limit is not None and record is not None:
                if self.bounds.before_own and record.native_id == limit.last:
                    self.ended = True
                    return True
                if self._rows and self._rows[-1][2] == limit.last:
                    self.ended = True
                    return True
            self._rows.append((stage, index, "" if record is None else record.native_id))
            if record is not None and self.holds(record):
                self.items.append(record)
                self._item_rows.append(len(self._rows) - 1)
        self.scanned += len(records)
        self._next = start + len(records)
        return False

    async def _ask(self, pages: dict[str, int], size: int) -> tuple[BucketPage, Response]:
        provider = self.source.provider
        request = provider.buckets_request(self.plan.query, pages, size, Pipeline())
        page, response = await self.operation.ask(self.source, request, provider.buckets_page)
        self.met([response], [row for bucket in page.buckets for row in bucket.bad])
        return page, response

    def _anchors(self) -> tuple[str | None, tuple[int, ...]]:
        ids = [native_id for stage, _, native_id in self._rows[-ANCHORS:] if stage == self._stage]
        older = (
            (self._mark.last, self._mark.before)
            if self._mark is not None and self._mark.stage == self._stage
            else (None, ())
        )
        return anchors(ids, older)

    def mark_after(self, item: int) -> BucketMark:
        return self._mark_at(self._item_rows[item])

    def _mark_at(self, row: int) -> BucketMark:
        stage, index, _ = self._rows[row]
        ids = [native_id for other, _, native_id in self._rows[max(0, row - ANCHORS + 1) : row + 1] if other == stage]
        older = (
            (self._mark.last, self._mark.before) if self._mark is not None and self._mark.stage == stage else (None, ())
        )
        last, before = anchors(ids, older)
        return BucketMark(stage, index + 1, last, before, self._totals.get(stage))

    def mark_before(self, item: int) -> BucketMark | None:
        row = self._item_rows[item]
        return self._mark_at(row - 1) if row else self._mark

    def base_mark(self) -> BucketMark | None:
        return self._mark

    def end_mark(self) -> BucketMark | None:
        return self._mark_at(len(self._rows) - 1) if self._rows else self._mark


def _key(bucket: Bucket) -> str:
    return bucket.native_id or bucket.name or bucket.key
