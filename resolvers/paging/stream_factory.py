"""How each source's part of a connection is read: the stream for its plan, its paging and the direction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from providers.spi.capabilities import Paging
from providers.spi.query import ListQuery
from resolvers.cursors.bookmarks import SortedHereBookmark
from resolvers.pipelines.board_stream import BoardStream
from resolvers.planning.plan import Ordering, SourcePlan
from resolvers.reading.paged_list import PageSizes
from resolvers.reading.whole_list import Whole, contact_list, page_sizes, read_whole
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Open, Stream
from resolvers.streams.page_number.backward import BackwardPageNumberStream
from resolvers.streams.page_number.base import PageNumberStreamBase, RowReader
from resolvers.streams.page_number.forward import PageNumberStream
from resolvers.streams.page_token.backward import BackwardPageTokenStream
from resolvers.streams.page_token.forward import PageTokenStream
from resolvers.streams.reversed import ReverseStream
from resolvers.streams.sorted_here.fallback import FallbackStream
from resolvers.streams.sorted_here.runs import RunStream
from resolvers.streams.sorted_here.sorted_list import SortedHereStream


class StreamFactory(msgspec.Struct, frozen=True):
    """One source's part: its plan, what opens its stream between bounds, forward or backward, and what opens a
    stream of which one record tells the total."""

    plan: SourcePlan
    open: Open
    count: Callable[[], Stream]


def stream_factory(operation: Operation, plan: SourcePlan) -> StreamFactory:
    """Returns the usual way of reading a plan's contacts."""

    def opened(bounds: Bounds, *, forward: bool) -> Stream:
        if plan.ordering is Ordering.LOCAL:
            return _sorted_here(operation, plan, bounds, forward)
        if plan.ordering is Ordering.RUNS:
            inner = msgspec.structs.replace(plan, orders=plan.query.orders, ordering=Ordering.PUSHED, residual=None)
            return RunStream(operation, plan, bounds, partial(_plain, operation, inner), forward=forward)
        return _plain(operation, plan, bounds, forward=forward)

    unsorted = msgspec.structs.replace(
        plan,
        query=ListQuery(plan.query.conditions, plan.query.search, (), plan.query.parts),
        ordering=Ordering.RANK,
        orders=(),
    )
    return StreamFactory(plan, opened, lambda: _plain(operation, unsorted, Bounds(), forward=True))


def _plain(operation: Operation, plan: SourcePlan, bounds: Bounds, *, forward: bool) -> Stream:
    if plan.buckets:
        stages = BoardStream(operation, plan, bounds)
        return stages if forward else ReverseStream(stages)
    if plan.source.provider.capabilities.paging is Paging.CURSOR:
        if forward:
            return PageTokenStream(operation, plan, bounds)
        back = BackwardPageTokenStream(operation, plan, bounds)
        return back if back.reversible else ReverseStream(PageTokenStream(operation, plan, bounds))
    contacts = contact_list(operation, plan)
    return by_page_number(operation, plan, bounds, contacts, page_sizes(plan.source), forward=forward)


def by_page_number(
    operation: Operation, plan: SourcePlan, bounds: Bounds, reader: RowReader, sizes: PageSizes, *, forward: bool
) -> PageNumberStreamBase:
    """Returns the stream of a page-number list."""
    return (PageNumberStream if forward else BackwardPageNumberStream)(operation, plan, bounds, reader, sizes)


def _sorted_here(operation: Operation, plan: SourcePlan, bounds: Bounds, forward: bool) -> Stream:
    async def read() -> Whole:
        if not plan.buckets:
            return await read_whole(operation, plan)
        stages = ReverseStream(BoardStream(operation, msgspec.structs.replace(plan, residual=None), Bounds()))
        await stages.fill(1)
        said = tuple(stages.warnings.values())
        return Whole(stages.items[::-1], [], [], warnings=said, stale=stages.stale, fetched_at=stages.fetched_at)

    credential = operation.credentials.get(plan.source.name)
    identity = (
        plan.source,
        credential,
        # A list that was read before the credential was refused is not given after it.
        plan.source.refusals(credential),
        plan.query.conditions,
        plan.query.search,
        plan.query.parts,
        plan.left,
        plan.orders,
    )
    bookmarks = [bookmark for bookmark in (bounds.after, bounds.before) if bookmark is not None]
    # A walk stays with the order it began in.
    in_fallback = bool(plan.fallback_orders) and not all(
        isinstance(bookmark, SortedHereBookmark) for bookmark in bookmarks
    )
    local = SortedHereStream(operation, plan, Bounds() if in_fallback else bounds, read, identity, forward=forward)
    if not plan.fallback_orders:
        return local
    query = plan.query
    own = msgspec.structs.replace(
        plan,
        query=ListQuery(query.conditions, query.search, plan.fallback_orders, query.parts),
        ordering=Ordering.PUSHED,
    )
    return FallbackStream(local, lambda: _plain(operation, own, bounds, forward=forward), in_fallback=in_fallback)


def from_the_end(stream: Stream, reopened: Callable[[], Stream]) -> Stream:
    """Returns the stream by which the end of a list is read when its ranks must be known: as a whole when the source
    cannot count what holds (DESIGN.md 6)."""
    if stream.plan.residual is None and isinstance(stream, BackwardPageNumberStream):
        return stream
    return stream if isinstance(stream, ReverseStream) else ReverseStream(reopened())
