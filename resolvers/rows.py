"""Reading any window of a page-number list exactly, whatever page sizes the source really gives (DESIGN.md 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from providers.errors import SourceBadRequest, SourceInvalidResponse
from providers.page import BadRow
from providers.provider import PageNumber
from providers.request import Response
from resolvers.windows import Window, window

R = TypeVar("R", covariant=True)
S = TypeVar("S")


class NumberedPage(Protocol[R]):
    """A decoded page of contacts or tags."""

    @property
    def records(self) -> Sequence[R | None]: ...
    @property
    def total(self) -> int | None: ...
    @property
    def page(self) -> int | None: ...
    @property
    def size(self) -> int | None: ...
    @property
    def total_pages(self) -> int | None: ...
    @property
    def bad(self) -> tuple[BadRow, ...]: ...


class Rows(msgspec.Struct, Generic[S]):
    """The rows found in a window, fewer than it holds only where the list ends (`ended`).

    `total` is the list's, None when the source does not say. `missing`: the source counts more rows than it gives.
    """

    records: list[S | None]
    total: int | None
    ended: bool
    bad: list[BadRow]
    responses: list[Response]
    missing: bool = False


class PageSizes:
    """The page sizes a source really gives. Learned from its answers; kept for the life of the process."""

    __slots__ = ("largest", "smallest")

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.smallest = 1

    def learn(self, asked: int, given: int) -> bool:
        """Takes note that `asked` rows a page were answered with `given`; returns whether that was news."""
        if given < asked and given < self.largest:
            self.largest = given
            self.smallest = min(self.smallest, given)
            return True
        if given > asked and given > self.smallest:
            self.smallest = given
            self.largest = max(self.largest, given)
            return True
        return False


_ATTEMPTS = 4


class PagedList(Generic[S]):
    """One list of one source. `fetch` asks for one page of it."""

    def __init__(
        self, name: str, sizes: PageSizes, fetch: Callable[[PageNumber], Awaitable[tuple[NumberedPage[S], Response]]]
    ) -> None:
        self._name = name
        self._sizes = sizes
        self._fetch = fetch

    async def read(self, start: int, stop: int) -> Rows[S]:
        """Returns the rows `start` to before `stop`. Raises SourceError.

        A source that silently gives other page sizes than asked is noticed, and the window read again (DESIGN.md 6).
        """
        learned = self._sizes.largest, self._sizes.smallest
        for _ in range(_ATTEMPTS):
            wanted = window(start, stop, self._sizes.largest, self._sizes.smallest)
            size = wanted.pages[0].size
            pages = await self._pages(wanted.pages)
            given = next((g for g in (_given(at, page) for at, page, _ in pages) if g != size), size)
            if given == size or not self._sizes.learn(size, given):
                return _joined(wanted, pages)
        self._sizes.largest, self._sizes.smallest = learned
        raise SourceInvalidResponse(
            self._name, f"{self._name} gives pages of changing sizes; expected the size that was asked for"
        )

    async def _pages(
        self, pages: tuple[PageNumber, ...]
    ) -> list[tuple[PageNumber, NumberedPage[S] | None, Response | None]]:
        if len(pages) == 1:
            return [await self._page(pages[0])]
        tasks = [asyncio.ensure_future(self._page(at)) for at in pages]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _page(self, at: PageNumber) -> tuple[PageNumber, NumberedPage[S] | None, Response | None]:
        try:
            page, response = await self._fetch(at)
        except SourceBadRequest as error:
            # What a page past the end answers is documented nowhere (trap 12): 404 is one of the usual ways.
            if error.status == 404 and at.page > 1:
                return at, None, None
            raise
        return at, page, response


def _expected(at: PageNumber, total: int | None) -> int | None:
    return None if total is None else max(0, min(at.size, total - (at.page - 1) * at.size))


def _given(at: PageNumber, page: NumberedPage[S] | None) -> int:
    """Returns the page size a source really used for one answer."""
    if page is None:
        return at.size
    count = len(page.records)
    if count > at.size:
        return count
    expected = _expected(at, page.total)
    if expected == 0 or count == at.size:
        return at.size
    if page.size is not None and 0 < page.size < at.size and count <= page.size:
        return page.size
    if expected is not None and 0 < count < expected:
        if page.size == at.size and page.total_pages == -(-(page.total or 0) // at.size):
            # The size is right by both of the source's own words: the page lacks rows, it is not a smaller one.
            return at.size
        return count
    return at.size


def _joined(wanted: Window, pages: Sequence[tuple[PageNumber, NumberedPage[S] | None, Response | None]]) -> Rows[S]:
    size = wanted.pages[0].size
    total = next((page.total for _, page, _ in reversed(pages) if page is not None and page.total is not None), None)
    records: list[S | None] = []
    bad: list[BadRow] = []
    ended = missing = False
    for at, page, _ in pages:
        expected = _expected(at, total)
        if page is None or expected == 0 or (page.page is not None and page.page < at.page and page.page >= 1):
            # Past the end some answer with nothing, some with 404, some with the last page again.
            ended = True
            missing = expected is not None and expected > 0
            break
        offset = (at.page - 1) * size - wanted.start
        bad += [BadRow(row.index + offset, row.native_id, row.reason) for row in page.bad]
        # Only what the window wants of the page: records are made when they are looked at.
        base = (at.page - 1) * size
        records += page.records[max(0, wanted.start - base) : min(size, wanted.stop - base)]
        if len(page.records) < size:
            ended = True
            missing = expected is not None and len(page.records) < expected
            break
    found = records
    if total is not None and wanted.start + len(found) >= total:
        ended = True
    elif len(found) == wanted.stop - wanted.start and total is not None:
        ended = False
    return Rows(
        found,
        total,
        ended,
        [row for row in bad if 0 <= row.index < len(found)],
        [response for _, _, response in pages if response is not None],
        missing,
    )
