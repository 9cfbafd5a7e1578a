"""A short list that a source gives as a whole, as a stream (a pipeline's stages)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from hashlib import blake2b
from typing import cast

import msgspec

from providers.spi.record import ContactRecord, StageRecord
from providers.spi.request import Response
from resolvers.cursors.bookmarks import Bookmark, PageNumberBookmark
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
        self._after = _page_number_bookmark("after", bounds.after)
        self._before = _page_number_bookmark("before", bounds.before)

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
            if self.bounds.excludes_bookmark_record and stop and self._anchors[stop - 1] == self._before.last:
                stop -= 1
        # Without filter and order the engine looks at a record's id and at nothing else.
        self.items = cast("list[ContactRecord]", list(listed.records[self._start : stop]))
        self.scanned = len(listed.records)
        self.ended = True

    def _place(self, bookmark: PageNumberBookmark | None) -> int:
        """Returns the index after the bookmark's record, or its old index when the record is gone."""
        if bookmark is None:
            return 0
        if bookmark.last in self._anchors:
            return self._anchors.index(bookmark.last) + 1
        return min(bookmark.index, len(self._anchors))

    def _bookmark(self, index: int) -> PageNumberBookmark:
        return PageNumberBookmark(index, self._anchors[index - 1], (), self.total)

    def bookmark_after(self, item: int) -> Bookmark:
        return self._bookmark(self._start + item + 1)

    def bookmark_before(self, item: int) -> Bookmark | None:
        index = self._start + item
        return self._bookmark(index) if index else None

    def base_bookmark(self) -> Bookmark | None:
        return self._after


def _anchor(stage: StageRecord) -> str:
    return blake2b((stage.native_id or stage.name).encode(), digest_size=8).hexdigest()


def _page_number_bookmark(argument: str, bookmark: Bookmark | None) -> PageNumberBookmark | None:
    if bookmark is None or isinstance(bookmark, PageNumberBookmark):
        return bookmark
    raise malformed(argument)
