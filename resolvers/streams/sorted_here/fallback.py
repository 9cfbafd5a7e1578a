"""Sorted here while that fits the scan limit, else in the source's own order (DESIGN.md 5, "Text")."""

from __future__ import annotations

from collections.abc import Callable

from providers.spi.budget import BudgetExceeded
from providers.spi.errors import SortNotSupported, SourceErrorCode
from resolvers.cursors.bookmarks import Mark
from resolvers.streams.base import Stream


class OwnOrderStream(Stream):
    """`local` sorts here; `own` opens the source's own order, which may differ from ours in accents and case.

    `in_own`: the walk began in the source's order and goes on in it.
    """

    def __init__(self, local: Stream, own: Callable[[], Stream], *, in_own: bool) -> None:
        super().__init__(local.operation, local.plan, local.bounds, forward=local.forward)
        self._own = own
        self._inner = self._give_up() if in_own else local
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

    def mark_after(self, item: int) -> Mark:
        return self._inner.mark_after(item)

    def mark_before(self, item: int) -> Mark | None:
        return self._inner.mark_before(item)

    def base_mark(self) -> Mark | None:
        return self._inner.base_mark()

    def end_mark(self) -> Mark | None:
        return self._inner.end_mark()
