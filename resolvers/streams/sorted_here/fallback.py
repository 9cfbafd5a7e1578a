"""Sorted here while that fits the scan limit, else in the source's own order (DESIGN.md 5, "Text")."""

from __future__ import annotations

from collections.abc import Callable

from providers.spi.budget import BudgetExceeded
from providers.spi.errors import SortNotSupported, SourceErrorCode
from resolvers.cursors.bookmarks import Bookmark
from resolvers.streams.base import Stream


class FallbackStream(Stream):
    """`local` sorts here; `own` opens the source's own order, which may differ from ours in accents and case.

    `in_fallback`: the walk began in the source's order and goes on in it.
    """

    def __init__(self, local: Stream, own: Callable[[], Stream], *, in_fallback: bool) -> None:
        super().__init__(local.operation, local.plan, local.bounds, forward=local.forward)
        self._own = own
        self._inner = self._give_up() if in_fallback else local
        self._follow()

    async def fill(self, count: int) -> None:
        try:
            await self._inner.fill(count)
        except SortNotSupported:
            self._inner = self._give_up()
            await self._inner.fill(count)
        self._follow()

    def stop_at_budget(self, error: BudgetExceeded) -> None:
        """Ends the reading where the list that is read stands."""
        self._inner.stop_at_budget(error)
        self._follow()

    def _give_up(self) -> Stream:
        own = self._own()
        own.warn(
            SourceErrorCode.SORT_INEXACT,
            f"too long to be sorted here (scan_limit {self.scan_limit}): this is the source's own order of texts",
        )
        return own

    def _follow(self) -> None:
        inner = self._inner
        self.items, self.ended, self.stopped = inner.items, inner.ended, inner.stopped
        self.scanned, self.total = inner.scanned, inner.total
        self.stale, self.fetched_at, self.warnings = inner.stale, inner.fetched_at, inner.warnings

    @property
    def count(self) -> int | None:
        return self._inner.count

    def bookmark_after(self, item: int) -> Bookmark:
        return self._inner.bookmark_after(item)

    def bookmark_before(self, item: int) -> Bookmark | None:
        return self._inner.bookmark_before(item)

    def base_bookmark(self) -> Bookmark | None:
        return self._inner.base_bookmark()

    def end_bookmark(self) -> Bookmark | None:
        return self._inner.end_bookmark()
