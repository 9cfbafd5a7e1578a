"""A stretch read forward and handed out backward, for sources that cannot be read from the other end (DESIGN.md 6)."""

from __future__ import annotations

from providers.spi.errors import ScanLimitExceeded
from resolvers.cursors.bookmarks import Bookmark
from resolvers.reading.progress import Progress
from resolvers.streams.base import Stream


class ReverseStream(Stream):
    """All of a forward stream, from its end back. What it reads is bounded by the scan limit."""

    def __init__(self, inner: Stream) -> None:
        super().__init__(inner.operation, inner.plan, inner.bounds, forward=False)
        self._inner = inner
        self._whole = False

    async def fill(self, count: int) -> None:
        if self._whole:
            return
        inner = self._inner
        most = self.scan_limit
        progress = Progress(self.source.name)
        while not inner.ended and len(inner.items) < most and not inner.stopped:
            progress.check(len(inner.items))
            await inner.fill(min(most, len(inner.items) + self.source.max_page_size))
        if not inner.ended:
            raise ScanLimitExceeded(
                self.source.name,
                f"{self.source.name} can only be read backward as a whole and has more than the scan_limit of {most} "
                "contacts; use first and after, filter more, or raise scan_limit",
            )
        self._whole = True
        self.items = inner.items[::-1]
        self.ended = True
        self.total, self.scanned = inner.total, inner.scanned
        self.stale, self.fetched_at = inner.stale, inner.fetched_at
        self.warnings = inner.warnings

    @property
    def count(self) -> int | None:
        return self._inner.count if self._whole else None

    def _item(self, item: int) -> int:
        return len(self.items) - 1 - item

    def bookmark_after(self, item: int) -> Bookmark:
        return self._inner.bookmark_after(self._item(item))

    def bookmark_before(self, item: int) -> Bookmark | None:
        return self._inner.bookmark_before(self._item(item))

    def base_bookmark(self) -> Bookmark | None:
        return self.bounds.before
