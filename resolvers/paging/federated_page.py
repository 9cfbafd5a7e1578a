"""One page of a federated connection: places from the cursors, merged streams, cursors again (DESIGN.md 6 and 8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from providers.spi.errors import SourceErrorCode
from providers.spi.query import Order
from resolvers.cursors.codec import fingerprint
from resolvers.model.records import (
    ContactConnectionRecord,
    Outcome,
    PageInfoRecord,
    SourceErrorPolicy,
)
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.paging.cursor_writer import CursorWriter, stopped_beyond_page
from resolvers.paging.direction import Direction, direction
from resolvers.paging.merge import Part
from resolvers.paging.page_request import page_request
from resolvers.paging.slices import Counts, fill
from resolvers.paging.stream_factory import StreamFactory
from resolvers.request.operation import Operation

# A source that failed so stays failed: it does not keep hasNextPage true (DESIGN.md 6).
_FOR_GOOD = {
    SourceErrorCode.SOURCE_UNAUTHENTICATED,
    SourceErrorCode.SOURCE_FORBIDDEN,
    SourceErrorCode.SORT_NOT_SUPPORTED,
    SourceErrorCode.SCAN_LIMIT_EXCEEDED,
}

Items = list[tuple[Part, int]]


async def federated(
    operation: Operation,
    kind: str,
    question: object,
    factories: Sequence[StreamFactory],
    page: PageArguments,
    orders: tuple[Order, ...],
    policy: SourceErrorPolicy,
    wanted: Wanted,
) -> Outcome:
    """Returns one page over all factories. Raises BadUserInput, and BudgetExceeded when the operation's budget ended
    before anything was read that the page could give.

    `kind` and `question` (by its repr) make the fingerprint that ties cursors to their query.
    """
    query = fingerprint(kind, [factory.plan.source.name for factory in factories], question)
    reading = direction(page_request(page, orders, operation.cursors, query, factories))
    parts = [reading.open(index, factory, len(factories)) for index, factory in enumerate(factories)]
    items = await _read(reading, parts, wanted)
    _check_progress(parts, items)
    counts = Counts(parts, factories)
    if wanted.total:
        await counts.count()
    failed = [part.error for part in parts if part.error is not None]
    if failed and policy is SourceErrorPolicy.FAIL:
        return Outcome(None, failed)
    asked = [part for part in parts if part.stream or part.counted or part.error]
    told = failed if policy is SourceErrorPolicy.PARTIAL else []
    if failed and len(failed) == len(asked) and not items:
        if page.after is None and page.before is None:
            return Outcome(None, failed)
        return Outcome(_nothing_read(reading, counts), told)
    writer = CursorWriter(operation.cursors, reading, parts, items)
    return Outcome(_connection(reading, parts, items, counts, writer, wanted), told)


async def _read(reading: Direction, parts: Sequence[Part], wanted: Wanted) -> Items:
    """Returns the page's items in the list's own direction; failures are noted in the parts."""
    if not wanted.contacts and not wanted.page_info and (wanted.total or not wanted.slices):
        # Only a total is asked for: that needs no page.
        for part in parts:
            part.stream = None
        return []
    if reading.request.size == 0:
        if wanted.page_info:
            await _fill([(part, 1) for part in parts if part.live])
        return []
    return await reading.merge(parts, _fill)


async def _fill(needs: Sequence[tuple[Part, int]]) -> None:
    if len(needs) == 1:
        await fill(*needs[0])
    elif needs:
        await asyncio.gather(*(fill(part, count) for part, count in needs))


def _check_progress(parts: Sequence[Part], items: Items) -> None:
    """Raises BudgetExceeded when the budget ended and the next page would begin where this one did."""
    over = next((part.over for part in parts if part.over is not None), None)
    if over is not None and not items and not any(_moved(part) for part in parts):
        raise over


def _moved(part: Part) -> bool:
    """Returns whether the next page begins further on in the part's list, though this one has nothing of it."""
    if part.stream is None or not stopped_beyond_page(part):
        return False
    return part.stream.end_bookmark() != part.stream.base_bookmark()


def _nothing_read(reading: Direction, counts: Counts) -> ContactConnectionRecord:
    """Every source failed on a later page: the client keeps its list and can ask again from where it was."""
    arguments = reading.request.arguments
    given = arguments.after if reading.forward else arguments.before
    info = PageInfoRecord(reading.has_next(True), reading.has_previous(True), given, given)
    return ContactConnectionRecord([], [], info, None, counts.slices())


def _connection(
    reading: Direction, parts: Sequence[Part], items: Items, counts: Counts, writer: CursorWriter, wanted: Wanted
) -> ContactConnectionRecord:
    nodes = [part.stream.items[item] for part, item in items if part.stream is not None]
    more = any(_has_more(part) for part in parts)
    has_next, has_previous = reading.has_next(more), reading.has_previous(more)
    edges = writer.edges() if wanted.cursors else []
    start = end = None
    if wanted.page_info:
        start, end = writer.ends(edges, has_next=has_next, has_previous=has_previous)
    info = PageInfoRecord(has_next, has_previous, start, end)
    cursors = edges if wanted.cursors else [""] * len(items)
    total = counts.total if wanted.total else None
    return ContactConnectionRecord(cursors, nodes, info, total, counts.slices() if wanted.slices else [])


def _has_more(part: Part) -> bool:
    """Returns whether the part has records beyond the page, in the reading direction."""
    if part.error is not None:
        return part.error.code not in _FOR_GOOD
    stream = part.stream
    if stream is None:
        return False
    return part.taken < len(stream.items) or not stream.ended
