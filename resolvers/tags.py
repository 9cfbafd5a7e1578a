"""Tags and WA.cr's groups: the list over all sources, a tag's contacts, and what a contact's record leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

import msgspec

from providers.source import Source
from providers.spi.errors import SourceError
from providers.spi.page import TagPage
from providers.spi.provider import PageNumber
from providers.spi.query import Condition, ListQuery, Operator
from providers.spi.record import TagRecord
from providers.spi.request import Response
from resolvers.model.records import (
    ContactConnectionRecord,
    Outcome,
    SourceErrorPolicy,
    TagConnectionRecord,
    TagEdgeRecord,
)
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.paging.federated_page import federated
from resolvers.paging.stream_factory import StreamFactory, by_page_number, stream_factory
from resolvers.planning.explain_plan import explain_plan
from resolvers.planning.plan import Ordering, SourcePlan, plan
from resolvers.planning.search_text import searched
from resolvers.reading.ordered_list import WholeList
from resolvers.reading.paged_list import PagedList, PageSizes
from resolvers.request.keys import Key
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream
from resolvers.streams.page_number.base import RowReader

T = TypeVar("T")

# A list of tags may have another largest page than the list of contacts.
_SIZES: WeakKeyDictionary[Source, PageSizes] = WeakKeyDictionary()

# Tags that a page of the list has shown, by their ids.
_LISTED_TAGS: Key[dict[str, TagRecord]] = Key("listed tags")


class TagList(msgspec.Struct):
    """A source's tags by id. `complete`: read to the end, within the scan limit."""

    tags: Mapping[str, TagRecord]
    complete: bool


async def tags(
    operation: Operation,
    page: PageArguments,
    sources: tuple[str, ...] | None,
    search: str | None,
    policy: SourceErrorPolicy,
    wanted: Wanted,
) -> Outcome:
    """Returns one page of tags in rank order (DESIGN.md 5); sources without tags are SKIPPED. Raises BadUserInput.

    `search` is each source's own search in the names.
    """
    search = searched(search)
    factories = [_leg(operation, source, search) for source in operation.chosen(sources)]
    outcome = await federated(operation, "tags", search, factories, page, (), policy, wanted)
    if outcome.connection is None:
        return outcome
    listed: ContactConnectionRecord = outcome.connection
    nodes = cast("list[TagRecord]", listed.nodes)
    operation.kept(_LISTED_TAGS, dict).update({tag.id: tag for tag in nodes})
    edges = [TagEdgeRecord(edge.cursor, tag) for edge, tag in zip(listed.edges, nodes, strict=True)]
    connection = TagConnectionRecord(edges, nodes, listed.page_info, listed.total_count, listed.sources)
    return Outcome(connection, outcome.failures)


async def tag_contacts(
    operation: Operation, tag: TagRecord, page: PageArguments, policy: SourceErrorPolicy, wanted: Wanted
) -> Outcome:
    """Returns one page of a tag's contacts, in its source's own order. Raises BadUserInput.

    WA.cr filters by the group. AutoKonnect is searched for the tag's name, and what it finds is held against the
    tag's id: other tags may have the same name, other contacts the name in an e-mail address.
    """
    source = operation.sources[tag.source.name]
    conditions, search = source.provider.tag_query(tag.native_id, tag.name)
    if search is not None and tag.name == tag.native_id:
        # A record that gives the id alone: the search needs the name.
        try:
            listed = (await all_tags(operation, source)).tags.get(tag.native_id)
        except SourceError as error:
            return Outcome(None, [error])
        # Without a name there is nothing to search for: all contacts are held against the id.
        search = None if listed is None or listed.name == tag.native_id else listed.name
    if search is not None and not search.strip():
        search = None
    made = plan(
        source,
        filter=None if conditions else Condition("tagId", Operator.EQ, tag.native_id),
        search=search,
        orders=(),
        parts=wanted.parts,
        extra=conditions,
    )
    explain_plan(operation, "Tag.contacts", made)
    return await federated(operation, "tag", tag.native_id, [stream_factory(operation, made)], page, (), policy, wanted)


async def tag_detail(operation: Operation, tag: TagRecord) -> TagRecord:
    """Returns the tag with what only the source's list of tags says; the list is read once an operation, and not
    for a tag that a page of it has shown. Raises SourceError.
    """
    listed = operation.kept(_LISTED_TAGS, dict).get(tag.id)
    if listed is None:
        listed = (await all_tags(operation, operation.sources[tag.source.name])).tags.get(tag.native_id)
    if listed is None:
        return tag
    return msgspec.structs.replace(
        tag,
        color=_first(tag.color, listed.color),
        created_at=_first(tag.created_at, listed.created_at),
        contact_count=_first(tag.contact_count, listed.contact_count),
    )


async def all_tags(operation: Operation, source: Source) -> TagList:
    """Returns all tags of a source that has tags, read once an operation and at most up to its scan limit.

    Raises SourceError.
    """
    key: Key[TagList] = Key("tags", (source.name,))
    return await operation.once(key, lambda: _read(operation, source))


async def _read(operation: Operation, source: Source) -> TagList:
    listed = _reader(operation, source, None)
    limit = source.settings.scan_limit
    found: dict[str, TagRecord] = {}
    start = 0
    while start < limit:
        rows = await listed.read(start, min(start + _sizes(source).largest, limit))
        found |= {tag.native_id: tag for tag in rows.records if tag is not None}
        start += len(rows.records)
        if rows.ended or not rows.records:
            return TagList(found, True)
    return TagList(found, False)


def _leg(operation: Operation, source: Source, search: str | None) -> StreamFactory:
    made = SourcePlan(
        source, ListQuery(search=search), None, Ordering.RANK, never=not source.provider.capabilities.tags
    )
    # Without filter and order the engine looks at a record's id and at nothing else.
    reader = cast(RowReader, _reader(operation, source, search))

    def opened(bounds: Bounds, *, forward: bool) -> Stream:
        return by_page_number(operation, made, bounds, reader, _sizes(source), forward=forward)

    return StreamFactory(made, opened, lambda: opened(Bounds(), forward=True))


def _reader(operation: Operation, source: Source, search: str | None) -> PagedList[TagRecord] | WholeList:
    """Returns the rows of the list of tags: of the whole one by id where the source's order has ties."""
    listed = _list(operation, source, search)
    if source.provider.capabilities.ordered_tags:
        return listed
    sizes, limit = _sizes(source), source.settings.scan_limit
    whole = WholeList(source.name, listed, lambda: sizes.largest, limit, lambda: operation.forget(source))
    operation.on_forget(source, whole.forget)
    return whole


def _list(operation: Operation, source: Source, search: str | None) -> PagedList[TagRecord]:
    provider = source.provider

    async def fetch(at: PageNumber) -> tuple[TagPage, Response]:
        return await operation.ask(source, provider.tags_request(at, search), provider.tags_page)

    return PagedList(source.name, _sizes(source), fetch, lambda: operation.forget(source))


def _sizes(source: Source) -> PageSizes:
    sizes = _SIZES.get(source)
    if sizes is None:
        sizes = _SIZES[source] = PageSizes(source.max_page_size)
    return sizes


def _first(value: T | None, other: T | None) -> T | None:
    return other if value is None else value
