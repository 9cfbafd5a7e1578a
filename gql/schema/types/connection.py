"""Relay connections, and the slices that say how each source fared."""

from __future__ import annotations

from datetime import datetime

import strawberry

from gql.schema.types.contact import Contact
from gql.schema.types.source import Source, SourceError
from gql.schema.types.stage import PipelineStage
from gql.schema.types.tag import Tag
from resolvers.model.records import SourceStatus

_EDGES = "The page's records, each with its cursor."
_NODES = "The page's records."
_PAGE_INFO = "Where the page stands."
_TOTAL = "How many there are on all pages; null when a source cannot know it without reading everything."
_SLICES = "How each source fared in this connection."
_CURSOR = "The record's place, for `after` and `before` of the same query."


@strawberry.federation.type(shareable=True, description="Where a page stands in its connection (Relay).")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description=(
            "Whether there may be more after this page. With filters that are applied here it may be true before an "
            "empty last page; it is never false while records remain that can be had: those of a source that refuses "
            "the credential or cannot give the order are not counted."
        )
    )
    has_previous_page: bool = strawberry.field(description="Whether there is more before this page.")
    start_cursor: str | None = strawberry.field(
        description=(
            "The first record's cursor, or where reading stopped on the way back, when that lies before it; null when "
            "there is neither."
        )
    )
    end_cursor: str | None = strawberry.field(
        description="Where to go on: never null while `hasNextPage` is true, also on an empty page."
    )


@strawberry.type(description="One source's part of a connection.")
class SourceSlice:
    source: Source = strawberry.field(description="The source.")
    status: SourceStatus = strawberry.field(description="How it fared.")
    total_count: int | None = strawberry.field(description="How many records it has on all pages, exactly, or null.")
    error: SourceError | None = strawberry.field(description="Why it FAILED; null with every other status.")
    warnings: list[SourceError] = strawberry.field(description="Why it is PARTIAL, and what its search does not cover.")
    stale: bool = strawberry.field(
        description=(
            "Whether an answer past its time was given: because the source failed, or while it is asked again. Only "
            "where the server's configuration allows it."
        )
    )
    fetched_at: datetime | None = strawberry.field(
        description="When the oldest of its answers used here was fetched; null when it was not asked."
    )


@strawberry.type(description="A contact with its place in a connection.")
class ContactEdge:
    cursor: str = strawberry.field(description=_CURSOR)
    node: Contact = strawberry.field(description="The contact.")


@strawberry.type(description="A page of contacts of one or several sources, in one order.")
class ContactConnection:
    edges: list[ContactEdge] = strawberry.field(description=_EDGES)
    nodes: list[Contact] = strawberry.field(description=_NODES)
    page_info: PageInfo = strawberry.field(description=_PAGE_INFO)
    total_count: int | None = strawberry.field(description=_TOTAL)
    sources: list[SourceSlice] = strawberry.field(description=_SLICES)


@strawberry.type(description="A tag with its place in a connection.")
class TagEdge:
    cursor: str = strawberry.field(description=_CURSOR)
    node: Tag = strawberry.field(description="The tag.")


@strawberry.type(description="A page of tags of one or several sources.")
class TagConnection:
    edges: list[TagEdge] = strawberry.field(description=_EDGES)
    nodes: list[Tag] = strawberry.field(description=_NODES)
    page_info: PageInfo = strawberry.field(description=_PAGE_INFO)
    total_count: int | None = strawberry.field(description=_TOTAL)
    sources: list[SourceSlice] = strawberry.field(description=_SLICES)


@strawberry.type(description="A pipeline stage with its place in a connection.")
class PipelineStageEdge:
    cursor: str = strawberry.field(description=_CURSOR)
    node: PipelineStage = strawberry.field(description="The stage.")


@strawberry.type(description="A page of pipeline stages, each source's in the pipeline's order.")
class PipelineStageConnection:
    edges: list[PipelineStageEdge] = strawberry.field(description=_EDGES)
    nodes: list[PipelineStage] = strawberry.field(description=_NODES)
    page_info: PageInfo = strawberry.field(description=_PAGE_INFO)
    total_count: int | None = strawberry.field(description=_TOTAL)
    sources: list[SourceSlice] = strawberry.field(description=_SLICES)
