"""A short list that a source gives as a whole, as a stream (a pipeline's stages)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import cast

import msgspec

from providers.spi.record import ContactRecord, StageRecord
from providers.spi.request import Response
from resolvers.cursors.bookmarks import IndexMark, Mark
from resolvers.cursors.codec import malformed
from resolvers.model.records import ErrorRecord
from resolvers.planning.plan import SourcePlan
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream


class Listed(msgspec.Struct):
    """A list read whole, how it came, and what is missing of it."""

    records: Sequence[StageRecord]
    responses: Sequence[Response] = ()
    warnings: Sequence[ErrorRecord] = ()


class ListedStream(Stream):
    """The whole list forward (backward: `resolvers.streams.reversed`). Records are found again by their id or name."""

    def __init__(
        self, operation: Operation, plan: SourcePlan, bounds: Bounds, read: Callable[[], Awaitable[Listed]]
    ) -> None:
        super().__init__(operation, plan, bounds, forward=True)
        self._read = read
        self._start = 0
        self._anchors: list[str] = []
        self._after = _index_mark("after", bounds.after)
        self._before = _index_mark("before", bounds.before)

    async def fill(self, count: int) -> None:
        if self.ended:
            return
        listed = await self._read()
        self.met(listed.responses, ())
        self.warnings |= {warning.code: warning for warning in listed.warnings}
        self._anchors = [_anchor(stage) for stage in listed.records]
        stop = self.total = len(self._anchors)
        self._start = self._place(self._after)
        if self._before is not None:
            stop = self._place(self._before)
            if self.bounds.before_own and stop and self._anchors[stop - 1] == self._before.last:
                stop -= 1
        # Without filter and order the engine looks at a record's id and at nothing else.
        self.items = cast("list[ContactRecord]", list(listed.records[self._start : stop]))
        self.scanned = len(listed.records)
        self.ended = True

    def _place(self, mark: IndexMark | None) -> int:
        """Returns the index after the mark's record, or its old index when the record is gone."""
        if mark is None:
            return 0
        if mark.last in self._anchors:
            return self._anchors.index(mark.last) + 1
        return min(mark.index, len(self._anchors))

    def _mark(self, index: int) -> IndexMark:
        return IndexMark(index, self._anchors[index - 1], (), self.total)

    def mark_after(self, item: int) -> Mark:
        return self._mark(self._start + item + 1)

    def mark_before(self, item: int) -> Mark | None:
        index = self._start + item
        return self._mark(index) if index else None

    def base_mark(self) -> Mark | None:
        return self._after


def _anchor(stage: StageRecord) -> str:
    return blake2b((stage.native_id or stage.name).encode(), digest_size=8).hexdigest()


def _index_mark(argument: str, mark: Mark | None) -> IndexMark | None:
    if mark is None or isinstance(mark, IndexMark):
        return mark
    raise malformed(argument)
