"""Query: the way in."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import ID, UNSET

from gql.schema.core.arguments import After, Before, First, Last, OnSourceError, Sources, given, names, page_arguments
from gql.schema.core.context import Info
from gql.schema.core.fields import field
from gql.schema.core.outcomes import settle
from gql.schema.core.selection import parts, wanted
from gql.schema.inputs.conditions import contact_filter, contact_orders
from gql.schema.inputs.contact_filter import ContactFilter, ContactOrder
from gql.schema.types.connection import ContactConnection, PipelineStageConnection, TagConnection
from gql.schema.types.contact import Contact
from gql.schema.types.node import Node
from gql.schema.types.person import Person
from gql.schema.types.source import Source
from providers.spi.provider import Pipeline
from providers.spi.record import ContactRecord, PipelineType, SourceRecord
from resolvers import contacts, persons, sources, stages, tags
from resolvers import nodes as lookup
from resolvers.model.records import PersonRecord, SourceErrorPolicy


async def _node(
    info: Info, id: Annotated[ID, strawberry.argument(description="A global id, as an object's `id` field has it.")]
) -> Any:
    return await lookup.node(info.context.operation, id, lambda type_name: parts(info, type_name=type_name))


async def _nodes(
    info: Info, ids: Annotated[list[ID], strawberry.argument(description="Global ids, at most 100.")]
) -> Any:
    return await lookup.nodes(info.context.operation, ids, lambda type_name: parts(info, type_name=type_name))


async def _contact(
    info: Info, id: Annotated[ID, strawberry.argument(description="A contact's global id.")]
) -> ContactRecord | None:
    return await lookup.contact(info.context.operation, id, parts(info))


async def _contacts(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    sources: Sources = UNSET,
    search: Annotated[
        str | None,
        strawberry.argument(
            description=(
                "Each source's own search. They look at different fields in different ways: "
                "`Source.capabilities.search` says how."
            )
        ),
    ] = UNSET,
    filter: Annotated[
        ContactFilter | None,
        strawberry.argument(description="Only contacts that meet these conditions, the same for every source."),
    ] = UNSET,
    order_by: Annotated[
        list[ContactOrder] | None,
        strawberry.argument(
            description=(
                "The sort keys, the most important first. Omitted, the list takes the first contact of every source, "
                "then the second of every source, and so on, each in its own order."
            )
        ),
    ] = UNSET,
    on_source_error: OnSourceError = SourceErrorPolicy.PARTIAL,
) -> Any:
    question = contacts.ContactsQuestion(
        page=page_arguments(first, after, last, before),
        sources=names(sources),
        search=given(search),
        filter=contact_filter(given(filter)),
        orders=contact_orders(given(order_by)),
        policy=on_source_error,
    )
    return settle(info, await contacts.contacts(info.context.operation, question, wanted(info)), on_source_error)


async def _person(
    info: Info,
    email: Annotated[
        str | None, strawberry.argument(description="An e-mail address; compared without regard to case.")
    ] = UNSET,
    phone: Annotated[str | None, strawberry.argument(description="A phone number; compared in E.164 form.")] = UNSET,
) -> PersonRecord | None:
    return await persons.person(info.context.operation, given(email), given(phone), parts(info, "contacts"))


async def _tags(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    sources: Sources = UNSET,
    search: Annotated[str | None, strawberry.argument(description="Each source's own search in the names.")] = UNSET,
    on_source_error: OnSourceError = SourceErrorPolicy.PARTIAL,
) -> Any:
    outcome = await tags.tags(
        info.context.operation,
        page_arguments(first, after, last, before),
        names(sources),
        given(search),
        on_source_error,
        wanted(info),
    )
    return settle(info, outcome, on_source_error)


async def _pipeline_stages(
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    sources: Sources = UNSET,
    pipeline_type: Annotated[
        PipelineType, strawberry.argument(description="Which kind of pipeline.")
    ] = PipelineType.CONTACT,
    pipeline_id: Annotated[
        str | None,
        strawberry.argument(description="The source's own id of a pipeline; its active one when omitted."),
    ] = UNSET,
    on_source_error: OnSourceError = SourceErrorPolicy.PARTIAL,
) -> Any:
    outcome = await stages.pipeline_stages(
        info.context.operation,
        page_arguments(first, after, last, before),
        names(sources),
        Pipeline(pipeline_type, given(pipeline_id)),
        on_source_error,
        wanted(info),
    )
    return settle(info, outcome, on_source_error)


def _source(
    info: Info, name: Annotated[str, strawberry.argument(description="The source's name.")]
) -> SourceRecord | None:
    return sources.source(info.context.operation, name)


def _sources(info: Info) -> list[SourceRecord]:
    return sources.sources(info.context.operation)


@strawberry.type(description="Contacts of all sources, in one graph. Read-only.")
class Query:
    node: Node | None = field(
        _node,
        description="The object with this global id; null when it is unknown, gone or not for the caller to see.",
        shareable=True,
    )
    nodes: list[Node | None] = field(
        _nodes,
        description="The objects with these global ids, in their order, null as in `node`. One bad id spoils no other.",
        shareable=True,
    )
    contact: Contact | None = field(
        _contact, description="The contact with this global id; null when it is unknown or gone."
    )
    contacts: ContactConnection | None = field(
        _contacts,
        description=(
            "The contacts of all sources as one ordered list. A source that fails alone leaves the others' contacts. "
            "Null when every source that was asked failed: on a first page, for with `after` or `before` the answer is "
            "then an empty page, to go on from later. With `onSourceError: FAIL` null as soon as one source failed."
        ),
    )
    person: Person | None = field(
        _person,
        description=(
            "The contacts that have this e-mail address or this phone number, in any source; at least one of the two "
            "has to be given. Null when nobody is found and no source failed; when one failed, a person without "
            "contacts, whose `sources` say which."
        ),
    )
    tags: TagConnection | None = field(
        _tags, description="The tags of all sources that have tags; null as `contacts` is."
    )
    pipeline_stages: PipelineStageConnection | None = field(
        _pipeline_stages,
        description="The stages of a pipeline, with their contacts a board; null as `contacts` is.",
    )
    source: Source | None = field(_source, description="The source with this name; null when there is none.")
    sources: list[Source] = field(_sources, description="All sources, in the configuration's order.")
