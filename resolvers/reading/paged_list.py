"""Reading any window of a page-number list exactly, whatever page sizes the source really gives (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from providers.spi.errors import SourceBadRequest, SourceInvalidResponse
from providers.spi.page import BadRow
from providers.spi.provider import PageNumber
from providers.spi.request import Response
from resolvers.cursors.bookmarks import PageNumberBookmark
from resolvers.reading.consistency import side_by_side
from resolvers.reading.page_windows import Window, window

R = TypeVar("R", covariant=True)
S = TypeVar("S")

# Every list has a page of so many rows: a refusal of this size is not one of the size.
_SMALLEST_LIMIT = 10


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
    `exceeded`: it counts fewer, so that its total is none.
    """

    records: list[S | None]
    total: int | None
    ended: bool
    bad: list[BadRow]
    responses: list[Response]
    missing: bool = False
    exceeded: bool = False


class PageSizes:
    """The page sizes a source really gives. Learned from its answers; kept for the life of the process.

    `proven` is the largest page that came in full. `documented`: the API's page names the largest one, so a refusal
    has another reason.
    """

    __slots__ = ("documented", "largest", "proven", "smallest")

    def __init__(self, largest: int, *, documented: bool = False) -> None:
        self.largest = largest
        self.smallest = 1
        self.proven = 0
        self.documented = documented

    def copy(self) -> PageSizes:
        """Returns the sizes for one read to learn on. Reads at the same time must not see what another one only
        tries: it may turn out that rows were missing, not room on a page."""
        sizes = PageSizes(self.largest, documented=self.documented)
        sizes.smallest, sizes.proven = self.smallest, self.proven
        return sizes

    def adopt(self, learned: PageSizes, before: PageSizes) -> None:
        """Takes over what one read has learned since it copied `before`, beside what others have meanwhile."""
        if learned.smallest > before.smallest:
            self.smallest = max(self.smallest, learned.smallest)
            self.largest = max(self.largest, learned.largest)
        elif learned.largest < before.largest:
            self.largest = min(self.largest, learned.largest)
            self.smallest = min(self.smallest, self.largest)

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

    def refused(self, size: int) -> bool:
        """Takes a refused page for too large where no page says what is; returns whether a smaller one may do."""
        if self.documented or size <= max(self.proven, _SMALLEST_LIMIT):
            return False
        self.largest = max(size // 2, self.proven, _SMALLEST_LIMIT)
        return True


_Answer: TypeAlias = tuple[PageNumber, NumberedPage[S] | None, Response | None]

_ATTEMPTS = 6
# A window that needs more pages than that is not read in smaller ones before it is known that they are smaller.
_MANY_PAGES = 8


def changing_sizes(name: str) -> SourceInvalidResponse:
    """Returns the error for a source in whose pages no place can be found."""
    return SourceInvalidResponse(name, f"{name} gives pages of changing sizes; expected the size that was asked for")


class PagedList(Generic[S]):
    """One list of one source. `fetch` asks for one page; `past_cache` has it ask the source itself from now on."""

    def __init__(
        self,
        name: str,
        sizes: PageSizes,
        fetch: Callable[[PageNumber], Awaitable[tuple[NumberedPage[S], Response]]],
        past_cache: Callable[[], None],
    ) -> None:
        self._name = name
        self._sizes = sizes
        self._fetch = fetch
        self._past_cache = past_cache

    @property
    def alone(self) -> bool | None:
        """None: there is one list alone, whose bookmarks need not say which."""
        return None

    def go_on(self, bookmark: PageNumberBookmark) -> None:
        """Does nothing: reading goes on from any bookmark alike."""

    async def read(self, start: int, stop: int, *, prove_end: bool = True) -> Rows[S]:
        """Returns the rows `start` to before `stop`. Raises SourceError.

        `prove_end`: that the list ends behind them is not left to the total alone.

        A source that gives other page sizes than asked, or refuses large ones, is noticed, and the window read again
        (DESIGN.md 6).
        """
        before = self._sizes.copy()
        sizes = before.copy()
        short: Rows[S] | None = None
        for _ in range(_ATTEMPTS):
            wanted = window(start, stop, sizes.largest, sizes.smallest)
            size = wanted.pages[0].size
            try:
                pages = await self._pages(wanted.pages)
            except SourceBadRequest:
                if not sizes.refused(size):
                    raise
                continue
            given = next((g for g in [await self._given(at, page, sizes) for at, page, _ in pages] if g != size), size)
            if given == size:
                rows = _joined(wanted, pages)
                if not rows.missing:
                    self._sizes.adopt(sizes, before)
                return await self._to_its_end(rows, start, pages) if prove_end else rows
            if short is not None:
                # Smaller pages are short as well: it is rows that are missing, not room on a page.
                return short
            if given < size and -(-(stop - start) // given) > _MANY_PAGES and await self._is_short(pages, given):
                return _joined(wanted, pages)
            if all(page is None or _says_it_is_right(at, page) for at, page, _ in pages):
                short = _joined(wanted, pages)
            if not sizes.learn(size, given):
                self._sizes.adopt(sizes, before)
                return _joined(wanted, pages)
        raise changing_sizes(self._name)

    async def _to_its_end(self, rows: Rows[S], start: int, pages: Sequence[_Answer[S]]) -> Rows[S]:
        """Returns the rows of a window; where nothing but the total says that the list ends behind them, the row behind
        is asked for, because a total that is too small would lose what follows it."""
        at, last, _ = pages[-1]
        end = start + len(rows.records)
        only_the_total = rows.ended and rows.records and last is not None and len(last.records) == at.size
        if not only_the_total or rows.total != end or end != at.page * at.size or last is None:
            return rows
        behind = PageNumber(end + 1, 1)
        following, response = await self._page(behind)
        if following is None or not _is_there(following, behind) or _same(following.records[0], last.records[-1]):
            return rows
        responses = rows.responses if response is None else [*rows.responses, response]
        return msgspec.structs.replace(rows, total=None, ended=False, exceeded=True, responses=responses)

    async def _is_short(self, pages: Sequence[_Answer[S]], given: int) -> bool:
        """Whether rows are missing in the page of `given` rows, not room: the list has none behind its last one. To
        read the window in pages of that size would tell too, by very many calls where a total is far too large."""
        for at, page, _ in pages:
            if page is None or len(page.records) != given:
                continue
            behind = PageNumber((at.page - 1) * at.size + given + 1, 1)
            following, _ = await self._page(behind)
            return (
                following is None
                or not following.records
                or _before(following, behind)
                or _same(following.records[0], page.records[-1])
            )
        return False

    def _proved(self, count: int, sizes: PageSizes) -> None:
        sizes.proven = max(sizes.proven, count)
        self._sizes.proven = max(self._sizes.proven, count)

    async def _given(self, at: PageNumber, page: NumberedPage[S] | None, sizes: PageSizes) -> int:
        """Returns the page size a source really used for one answer."""
        given = _given(at, page)
        count = 0 if page is None else len(page.records)
        if page is not None and count == at.size:
            self._proved(count, sizes)
        doubtful = given == at.size and page is not None and page.total is None and 0 < count < at.size
        if not doubtful or at.size <= sizes.proven or at.size > sizes.largest:
            return given
        # It says no total, so the list may end here, or the page only: the row behind it tells which.
        behind = PageNumber((at.page - 1) * at.size + count + 1, 1)
        next_row, _ = await self._page(behind)
        if next_row is None or not next_row.records or _before(next_row, behind):
            self._proved(count, sizes)
            return given
        return given if page is not None and _same(next_row.records[0], page.records[-1]) else count

    async def _pages(self, pages: tuple[PageNumber, ...]) -> list[_Answer[S]]:
        if len(pages) == 1:
            return [(pages[0], *await self._page(pages[0]))]
        answers = await side_by_side([partial(self._page, at) for at in pages], self._past_cache)
        return [(at, page, response) for at, (page, response) in zip(pages, answers, strict=True)]

    async def _page(self, at: PageNumber) -> tuple[NumberedPage[S] | None, Response | None]:
        try:
            return await self._fetch(at)
        except SourceBadRequest as error:
            # What a page past the end answers is documented nowhere (trap 12): 404 is one of the usual ways.
            if error.status == 404 and at.page > 1:
                return None, None
            raise


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
    if expected is not None and count != expected and count > 0:
        # Fewer rows than the page holds, or (on the last one) more: it began elsewhere, so pages are smaller.
        return count
    return at.size


def _says_it_is_right(at: PageNumber, page: NumberedPage[S]) -> bool:
    """Whether a source holds its page to have the size that was asked for."""
    pages = None if page.total is None else -(-page.total // at.size)
    return page.size in (None, at.size) and page.total_pages in (None, pages)


def _before(page: NumberedPage[S], at: PageNumber) -> bool:
    """Whether the page is an earlier one than was asked for: past the end some answer with the last page again."""
    return page.page is not None and 1 <= page.page < at.page


def _is_there(page: NumberedPage[Any], at: PageNumber) -> bool:
    """Whether rows that the total does not count are the asked page's own, and not an earlier page again."""
    return len(page.records) > 0 and at.page in (1, page.page)


def _repeats(page: NumberedPage[Any], previous: NumberedPage[Any]) -> bool:
    """Whether a page is the one before it once more, under the number that was asked for."""
    return len(page.records) > 0 and _same(page.records[0], previous.records[0] if previous.records else None)


def _same(a: object, b: object) -> bool:
    return getattr(a, "native_id", None) == getattr(b, "native_id", "")


def _joined(wanted: Window, pages: Sequence[_Answer[S]]) -> Rows[S]:
    size = wanted.pages[0].size
    total = next((page.total for _, page, _ in reversed(pages) if page is not None and page.total is not None), None)
    records: list[S | None] = []
    bad: list[BadRow] = []
    ended = missing = False
    previous: NumberedPage[S] | None = None
    for at, page, _ in pages:
        expected = _expected(at, total)
        again = previous is not None and page is not None and _repeats(page, previous)
        previous = page
        if page is None or (expected == 0 and not _is_there(page, at)) or _before(page, at) or again:
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
    at, last, _ = pages[-1]
    given = 0 if last is None or ended else (at.page - 1) * size + len(last.records)
    exceeded = total is not None and max(given, wanted.start + len(found) if found else 0) > total
    if exceeded:
        # A total that is too small says nothing of the end.
        total = None
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
        exceeded,
    )
