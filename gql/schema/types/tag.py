"""Tag: AutoKonnect's tags and WA.cr's groups."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

from gql.schema.core.arguments import After, Before, First, Last, OnSourceError, page_arguments
from gql.schema.core.context import Info
from gql.schema.core.fields import field, instances_of
from gql.schema.core.outcomes import settle
from gql.schema.core.selection import wanted
from gql.schema.types.node import Node
from providers.spi.record import TagRecord
from resolvers import tags
from resolvers.model.records import SourceErrorPolicy

if TYPE_CHECKING:
    from gql.schema.types.connection import ContactConnection
    from gql.schema.types.source import Source


async def _created_at(parent: strawberry.Parent[TagRecord], info: Info) -> datetime | None:
    return parent.created_at or (await tags.tag_detail(info.context.operation, parent)).created_at


async def _contact_count(parent: strawberry.Parent[TagRecord], info: Info) -> int | None:
    if parent.contact_count is not None:
        return parent.contact_count
    return (await tags.tag_detail(info.context.operation, parent)).contact_count


async def _contacts(
    parent: strawberry.Parent[TagRecord],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    on_source_error: OnSourceError = SourceErrorPolicy.PARTIAL,
) -> Any:
    page = page_arguments(first, after, last, before)
    outcome = await tags.tag_contacts(info.context.operation, parent, page, on_source_error, wanted(info))
    return settle(info, outcome, on_source_error)


@strawberry.federation.type(keys=["id"], description="A label on contacts: a tag of AutoKonnect, a group of WA.cr.")
class Tag(Node):
    is_type_of = instances_of(TagRecord)

    source: Annotated[Source, strawberry.lazy("gql.schema.types.source")] = strawberry.field(
        description="The source that the tag belongs to."
    )
    native_id: str = strawberry.field(description="The source's own id of the tag.")
    name: str = strawberry.field(description="The name; the id as text where the source gives no name.")
    color: str | None = strawberry.field(
        description="The colour as the source writes it, e.g. `#1156d6`; null where it names none."
    )
    created_at: datetime | None = field(
        _created_at, description="When the tag was created; null where the source does not say."
    )
    contact_count: int | None = field(
        _contact_count, description="How many contacts have the tag; null where the source does not say."
    )
    contacts: Annotated[ContactConnection, strawberry.lazy("gql.schema.types.connection")] | None = field(
        _contacts, description="The contacts that have the tag, in the source's own order; null as `Query.contacts` is."
    )
