"""How a source's contacts are read: windows of a page-number list, and a list as a whole (DESIGN.md 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import msgspec

from providers.source import Source
from providers.spi.capabilities import Paging
from providers.spi.errors import SourceBadRequest, SourceErrorCode
from providers.spi.page import BadRow, Page
from providers.spi.provider import PageNumber, Token
from providers.spi.record import ContactRecord
from providers.spi.request import Response
from resolvers.model.records import ErrorRecord
from resolvers.planning.plan import SourcePlan
from resolvers.reading.consistency import consistent
from resolvers.reading.paged_list import PagedList, PageSizes, Rows
from resolvers.reading.progress import Progress, Tokens
from resolvers.request.operation import Operation

_SIZES: WeakKeyDictionary[Source, PageSizes] = WeakKeyDictionary()
_ATTEMPTS = 3


def page_sizes(source: Source) -> PageSizes:
    """Returns the page sizes a source takes, as far as it has shown them."""
    sizes = _SIZES.get(source)
    if sizes is None:
        sizes = _SIZES[source] = PageSizes(
            source.max_page_size, documented=source.provider.capabilities.max_page_size is not None
        )
    return sizes


def contact_list(operation: Operation, plan: SourcePlan) -> PagedList[ContactRecord]:
    """Returns the plan's contacts as a page-number list."""
    source = plan.source
    provider = source.provider

    async def fetch(at: PageNumber) -> tuple[Page, Response]:
        return await operation.ask(source, provider.contacts_request(plan.query, at), provider.contacts_page)

    return PagedList(source.name, page_sizes(source), fetch, lambda: operation.forget(source))


class Whole(msgspec.Struct):
    """A list read to its end, in the source's order. `drifted`: it kept changing while it was read.

    `warnings`, `stale` and `fetched_at` are those of a list that was read by a stream, which has no `responses`.
    """

    records: list[ContactRecord]
    responses: list[Response]
    bad: list[BadRow]
    drifted: bool = False
    warnings: Sequence[ErrorRecord] = ()
    stale: bool = False
    fetched_at: float | None = None


class TooLong(Exception):
    """A list is longer than the scan limit. `total` is its length, None when only that is known."""

    def __init__(self, total: int | None) -> None:
        super().__init__()
        self.total = total


async def read_whole(operation: Operation, plan: SourcePlan) -> Whole:
    """Returns all of a list. Raises TooLong, SourceError.

    Page-number pages are read side by side once the total is known. They are checked: distinct ids = total
    before = total after, else read again.
    """
    if plan.source.provider.capabilities.paging is Paging.CURSOR:
        try:
            chain = await _read_chain(operation, plan)
            if consistent(chain.responses):
                return chain
        except _ExpiredInCache:
            pass
        operation.forget(plan.source)
        return await _read_chain(operation, plan)
    whole = Whole([], [], [])
    for _ in range(_ATTEMPTS):
        whole, steady = await _read_pages(operation, plan)
        if steady and consistent(whole.responses):
            return whole
        operation.forget(plan.source)
    whole.drifted = True
    return whole


async def _read_pages(operation: Operation, plan: SourcePlan) -> tuple[Whole, bool]:
    limit = plan.source.settings.scan_limit
    contacts = contact_list(operation, plan)
    sizes = page_sizes(plan.source)
    first = await contacts.read(0, min(sizes.largest, limit + 1))
    # A list that ends on its first page is short, whatever it says of its length.
    if first.total is not None and first.total > limit and not first.ended:
        raise TooLong(first.total)
    parts = [first]
    size = len(first.records)
    if first.total is not None and not first.ended and size:
        parts += await asyncio.gather(*(contacts.read(start, start + size) for start in range(size, first.total, size)))
    if first.total is None or any(part.exceeded for part in parts):
        await _read_on(contacts, parts, plan.source.name, sizes.largest, limit)
    rows = [record for part in parts for record in part.records]
    records = {record.native_id: record for record in rows if record is not None}
    unreadable = sum(1 for record in rows if record is None)
    whole = Whole(
        list(records.values()),
        [response for part in parts for response in part.responses],
        [row for part in parts for row in part.bad],
    )
    if any(part.exceeded for part in parts):
        # Nothing counts the list, and so nothing shows that it was read as it is.
        whole.warnings = [ErrorRecord(SourceErrorCode.SOURCE_INVALID_RESPONSE, f"{plan.source.name}: {_TOO_SMALL}")]
        return whole, len(records) + unreadable == len(rows)
    totals = {part.total for part in parts}
    return whole, totals == {None} or totals == {len(records) + unreadable}


_TOO_SMALL = "counts fewer contacts than it gives"


async def _read_on(
    contacts: PagedList[ContactRecord], parts: list[Rows[ContactRecord]], name: str, size: int, limit: int
) -> None:
    """Adds what follows the parts until the list ends. Raises TooLong, SourceError."""
    progress = Progress(name)
    seen = {record.native_id for part in parts for record in part.records if record is not None}
    while not parts[-1].ended:
        read = sum(len(part.records) for part in parts)
        if read > limit:
            raise TooLong(None)
        progress.check(read)
        part = await contacts.read(read, read + size)
        new = {record.native_id for record in part.records if record is not None} - seen
        if part.records and not new and None not in part.records:
            # The last page again, under the number that was asked for.
            return
        seen |= new
        parts.append(part)


class _ExpiredInCache(SourceBadRequest):
    """The cursor of a page that the cache gave is not taken any more."""


async def _read_chain(operation: Operation, plan: SourcePlan) -> Whole:
    """Returns the chain's records. Raises TooLong, SourceError, of these _ExpiredInCache where asking anew helps."""
    source, provider = plan.source, plan.source.provider
    limit = source.settings.scan_limit
    whole = Whole([], [], [])
    records: dict[str, ContactRecord] = {}
    token: str | None = None
    read = 0
    tokens = Tokens(source.name)
    while True:
        tokens.check(read, token)
        request = provider.contacts_request(plan.query, Token(token, source.max_page_size))
        try:
            page, response = await operation.ask(source, request, provider.contacts_page)
        except SourceBadRequest as error:
            if any(answer.cache_hit for answer in whole.responses):
                raise _ExpiredInCache(source.name, error.message, status=error.status) from error
            raise
        whole.responses.append(response)
        whole.bad += page.bad
        read += len(page.records)
        # A row updated while the chain is read may come twice: the first is as good.
        for record in page.records:
            if record is not None:
                records.setdefault(record.native_id, record)
        if not page.has_more or page.next_token is None:
            whole.records = list(records.values())
            return whole
        if read >= limit:
            raise TooLong(None)
        token = page.next_token


DRIFTED = (SourceErrorCode.PAGE_DRIFT, "the list kept changing while it was read; ask again")
