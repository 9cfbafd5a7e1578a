"""Source: a configured account, what its API can do, and how it fares."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

from gql.schema.core.arguments import After, Before, First, Last, OnSourceError, given, page_arguments
from gql.schema.core.context import Info
from gql.schema.core.fields import field, instances_of
from gql.schema.core.outcomes import settle
from gql.schema.core.selection import wanted
from gql.schema.inputs.conditions import contact_filter, contact_orders
from gql.schema.inputs.contact_filter import ContactFilter, ContactOrder
from gql.schema.types.node import Node
from providers.resilience.health import CircuitState
from providers.spi.capabilities import Paging
from providers.spi.errors import SourceErrorCode
from providers.spi.query import OrderField
from providers.spi.record import SourceRecord
from resolvers import contacts, sources
from resolvers.model.records import SourceErrorPolicy

if TYPE_CHECKING:
    from gql.schema.types.connection import ContactConnection


@strawberry.type(description="Why a source failed, or what of its answer is missing or inexact.")
class SourceError:
    code: SourceErrorCode = strawberry.field(description="The kind of failure.")
    message: str = strawberry.field(description="What happened and what helps, in words for people.")
    retry_after: float | None = strawberry.field(
        description="Seconds after which asking again makes sense; null when nothing tells."
    )


@strawberry.type(description="A contact field that the source filters by itself. Other filters are applied here.")
class FilterCapability:
    field: str = strawberry.field(description="The field's name in ContactFilter, e.g. `createdAt` or `wacr.statusId`.")
    operators: list[str] = strawberry.field(description="The operators that are passed on, by their names there.")
    exact: bool = strawberry.field(
        description="Whether the source returns just the contacts that meet the condition. If not, it is checked here."
    )


@strawberry.type(description="A field that the source sorts by itself.")
class OrderCapability:
    field: OrderField = strawberry.field(description="What it sorts by.")
    exact: bool = strawberry.field(
        description=(
            "Whether its order is ours. Text orders of sources differ, so without knowing more they are made here."
        )
    )


@strawberry.type(description="What the source's API can do by itself: the provider's own table.")
class SourceCapabilities:
    filters: list[FilterCapability] = strawberry.field(description="Which filters are passed on to the source.")
    orders: list[OrderCapability] = strawberry.field(description="Which orders the source makes.")
    search: str | None = strawberry.field(
        description="Which fields its search covers and how it matches; null when it has none."
    )
    paging: Paging = strawberry.field(description="How its lists page.")
    max_page_size: int | None = strawberry.field(
        description=(
            "The most contacts that are asked for in one request: what the server's configuration says, at most what "
            "the API documents; 100 where neither says anything. Never null."
        )
    )
    total: bool = strawberry.field(description="Whether its lists say how many contacts there are.")
    lookup: bool = strawberry.field(description="Whether one contact is found by id in one call.")
    backward: bool = strawberry.field(
        description=(
            "Whether it can be paged backwards without reading it whole. From the end of a list of several sources "
            "without `orderBy`, places are counted from the start: there a source that cannot count what holds (no "
            "`total`, or a filter that is applied here) is read whole, within its scan limit."
        )
    )


@strawberry.type(description="How recent calls to the source went, as this server process saw them.")
class SourceHealth:
    circuit: CircuitState = strawberry.field(description="Whether calls are let through.")
    last_success_at: datetime | None = strawberry.field(
        description="When the source last answered; null when it has not since this process began."
    )
    last_error: SourceError | None = strawberry.field(description="The latest failure; null when there was none.")
    rate_limited_until: datetime | None = strawberry.field(
        description="Until when the source asked us to wait; null when it does not."
    )
    latency_ms: float | None = strawberry.field(
        description="The median time of the last 50 calls that were answered, in milliseconds; null before the first."
    )
    api_version: str | None = strawberry.field(
        description="The API version that the source reports; null where it reports none."
    )


def _capabilities(parent: strawberry.Parent[SourceRecord], info: Info) -> Any:
    return sources.capabilities(info.context.operation.sources[parent.name])


def _health(parent: strawberry.Parent[SourceRecord], info: Info) -> Any:
    return sources.health(info.context.operation, parent)


async def _contacts(
    parent: strawberry.Parent[SourceRecord],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    search: Annotated[
        str | None,
        strawberry.argument(description="The source's own search; `capabilities.search` says what it covers."),
    ] = UNSET,
    filter: Annotated[
        ContactFilter | None, strawberry.argument(description="Only contacts that meet these conditions.")
    ] = UNSET,
    order_by: Annotated[
        list[ContactOrder] | None,
        strawberry.argument(description="The sort keys, the most important first; the source's own order if omitted."),
    ] = UNSET,
    on_source_error: OnSourceError = SourceErrorPolicy.PARTIAL,
) -> Any:
    question = contacts.ContactsQuestion(
        page=page_arguments(first, after, last, before),
        sources=(parent.name,),
        search=given(search),
        filter=contact_filter(filter),
        orders=contact_orders(given(order_by)),
        policy=on_source_error,
    )
    return settle(info, await contacts.contacts(info.context.operation, question, wanted(info)), on_source_error)


@strawberry.federation.type(
    keys=["id"], description="A configured account at one of the providers, from which contacts come."
)
class Source(Node):
    is_type_of = instances_of(SourceRecord)

    name: str = strawberry.field(description="The name in this server's configuration; unique.")
    provider: str = strawberry.field(
        description="The software behind it: `tether`, `askelephant`, `wacr`, `autokonnect`."
    )
    capabilities: SourceCapabilities = field(_capabilities, description="What the source's API can do by itself.")
    health: SourceHealth = field(_health, description="How recent calls to the source went.")
    contacts: Annotated[ContactConnection, strawberry.lazy("gql.schema.types.connection")] | None = field(
        _contacts, description="The contacts of this source alone; null as `Query.contacts` is."
    )
