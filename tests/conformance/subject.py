"""One provider under judgement: its fake with contacts, a source over it, and plain reading without the engine."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from providers.apis.fakes import FakeApp, Switches
from providers.spi.capabilities import Capabilities, Paging
from providers.spi.page import Page
from providers.spi.provider import PageAt, PageNumber, Token
from providers.spi.query import ListQuery
from providers.spi.record import ContactRecord
from tests.support.world import World, ids

ROWS = 130
# More than any page, so that a part of a list is never the whole of it; few enough for hundreds of questions.
EVERYTHING = frozenset({"tags", "status", "stage"})


PLAIN = ListQuery(parts=EVERYTHING)


class NotAsDeclared(AssertionError):
    """A provider is not what its capability table says."""


class Listing(NamedTuple):
    """A list read to its end, and its pages as they came."""

    records: list[ContactRecord]
    pages: list[Page]


class Subject:
    """`provider` by its registry name, over a fake with `rows` contacts of its own."""

    def __init__(self, provider: str, rows: Any = ROWS, switches: Switches | None = None, **settings: Any) -> None:
        self.name = provider
        self.world = World(
            {provider: rows}, switches={provider: switches} if switches is not None else None, **settings
        )
        self.source = self.world.sources[provider]
        self.provider = self.source.provider
        self.fake = self.world.fakes[provider]
        if isinstance(rows, int):
            _tie(self.fake)

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities

    def insist(self, truth: bool, message: str) -> None:
        """Raises NotAsDeclared unless it is true."""
        if not truth:
            raise NotAsDeclared(f"{self.name}: {message}")

    def first(self, size: int) -> PageAt:
        """Returns the place of the first page."""
        return Token(None, size) if self.capabilities.paging is Paging.CURSOR else PageNumber(1, size)

    async def page(self, query: ListQuery, at: PageAt) -> Page:
        """Returns one page. Raises what the provider or the source raise."""
        request = self.provider.contacts_request(query, at)
        answer: tuple[Page, object] = await self.world.operation().ask(
            self.source, request, self.provider.contacts_page
        )
        return answer[0]

    async def listing(self, query: ListQuery = PLAIN, size: int | None = None) -> Listing:
        """Returns a list read page by page in one size. Raises NotAsDeclared when it cannot be read so."""
        size = size or self.source.max_page_size
        at = self.first(size)
        pages: list[Page] = []
        while len(pages) <= 2 * ROWS:
            try:
                page = await self.page(query, at)
            except Exception as error:
                raise NotAsDeclared(f"{self.name}: {query} at {at}: {type(error).__name__}: {error}") from error
            pages.append(page)
            if isinstance(at, Token):
                if not page.has_more:
                    return _whole(pages)
                at = Token(page.next_token, size)
            else:
                if len(page.records) < size:
                    return _whole(pages)
                at = PageNumber(at.page + 1, size)
        raise NotAsDeclared(f"{self.name}: a list of {ROWS} never ends in pages of {size}")


def _tie(fake: FakeApp) -> None:
    """Gives every five contacts of a fake the instants of the first of them: lists without ties prove little."""
    rows = fake.store.rows
    for number, row in enumerate(rows):
        first = rows[number - number % 5]
        instants = {name: first[name] for name in row if _is_instant(row[name]) and _is_instant(first.get(name))}
        fake.store.update(row[fake.store.id_field], instants)


def _is_instant(value: object) -> bool:
    if not isinstance(value, str) or "T" not in value:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _whole(pages: list[Page]) -> Listing:
    return Listing([record for page in pages for record in page.records if record is not None], pages)


def distinct(records: list[ContactRecord]) -> bool:
    """Returns whether every contact is there once."""
    return len(set(ids(records))) == len(records)
