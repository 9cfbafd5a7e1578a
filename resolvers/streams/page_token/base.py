"""What reading a cursor list forward and backward share: rows, bounds and bookmarks (DESIGN.md 6)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from providers.spi.errors import SourceBadRequest
from providers.spi.record import ContactRecord
from resolvers.cursors.bookmarks import InstantBookmark, PageTokenBookmark
from resolvers.planning.plan import SourcePlan
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream
from resolvers.streams.page_token.chain import Chain

T = TypeVar("T")


class ChainPlace(NamedTuple):
    """Right after a row in a chain of pages, as in `PageTokenBookmark`."""

    token: str | None
    limit: int
    position: int
    bound: int | None
    following: str | None


class Row:
    """One row read: the record (None: unreadable) and where it stands in the chain."""

    __slots__ = ("after", "native_id", "record")

    def __init__(self, record: ContactRecord | None, after: ChainPlace | None) -> None:
        self.record = record
        self.native_id = "" if record is None else record.native_id
        self.after = after


class CursorListStream(Stream):
    """One cursor list from a bookmark on, up to the other bound's bookmark (`_limit`)."""

    BOOKMARKS = (PageTokenBookmark, InstantBookmark)

    def __init__(self, operation: Operation, plan: SourcePlan, bounds: Bounds, *, forward: bool) -> None:
        super().__init__(operation, plan, bounds, forward=forward)
        bookmark, limit = (bounds.after, bounds.before) if forward else (bounds.before, bounds.after)
        assert bookmark is None or isinstance(bookmark, PageTokenBookmark | InstantBookmark)
        assert limit is None or isinstance(limit, PageTokenBookmark | InstantBookmark)
        self._bookmark = bookmark
        self._limit = limit
        self._chain = Chain(operation, plan)
        # Rows consumed in reading order, and which of them the items are.
        self._rows: list[Row] = []
        self._item_rows: list[int] = []
        self.ended = self.ended or self._crossed()

    def _crossed(self) -> bool:
        """Whether the stretch ends at an instant in front of the one where it begins."""
        after, before = (self._bookmark, self._limit) if self.forward else (self._limit, self._bookmark)
        if after is None or before is None or not self._chain.by_time or after.at is None or before.at is None:
            return False
        return after.at < before.at if self._chain.descending else after.at > before.at

    def _passed_limit(self, passed: Sequence[str]) -> bool:
        """Whether the stretch ends among rows that lie in front of where it begins (`passed`), so that nothing is in
        it."""
        limit = self._limit
        return limit is not None and limit.last is not None and not self._rows and limit.last in passed

    async def fill(self, count: int) -> None:
        try:
            await self._fill(count)
        finally:
            self.met(*self._chain.met())

    @abstractmethod
    async def _fill(self, count: int) -> None:
        """As `fill`."""

    async def _of_one_time(self, read: Callable[[], Awaitable[T]]) -> T:
        """Returns what `read` gives by answers that fit together: past the cache where those that it keeps do not, or
        where a cursor in them is not taken any more. Raises SourceError."""
        self._chain.note()
        try:
            found = await read()
            if self._chain.consistent:
                return found
        except SourceBadRequest:
            if not self._chain.cached:
                raise
        self._chain.past_cache()
        return await read()

    @property
    def at_scan_limit(self) -> bool:
        """Whether a filter that is applied here has read as much as it may."""
        return self.plan.residual is not None and self.scanned >= self.scan_limit

    def _page_size(self, need: int) -> int:
        largest = self.source.max_page_size
        if self.plan.residual is not None:
            need = max(need, largest // 2)
        return max(1, min(need, largest))

    def base_bookmark(self) -> PageTokenBookmark | InstantBookmark | None:
        return self._bookmark
