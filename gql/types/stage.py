"""PipelineStage: the columns of Tether's board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import After, Before, First, Last, OnSourceError, given, page_arguments
from gql.context import Info
from gql.failures import settle
from gql.fields import field, instances_of
from gql.filters import contact_filter
from gql.inputs import ContactFilter
from gql.selection import wanted
from gql.types.node import Node
from providers.record import PipelineType, StageRecord
from resolvers import stages
from resolvers.connection import SourceErrorPolicy

if TYPE_CHECKING:
    from gql.types.connection import ContactConnection
    from gql.types.source import Source


async def _contact_count(parent: strawberry.Parent[StageRecord], info: Info) -> int | None:
    return await stages.stage_count(info.context.operation, parent)


async def _contacts(
    parent: strawberry.Parent[StageRecord],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
    search: Annotated[
        str | None,
        strawberry.argument(description="Tether's search within the stage: names and phone numbers."),
    ] = UNSET,
    filter: Annotated[
        ContactFilter | None, strawberry.argument(description="Only contacts that meet these conditions.")
    ] = UNSET,
    on_source_error: OnSourceError = SourceErrorPolicy.PARTIAL,
) -> Any:
    if parent.page is not None:
        return parent.page
    outcome = await stages.stage_contacts(
        info.context.operation,
        parent,
        page_arguments(first, after, last, before),
        given(search),
        contact_filter(filter),
        on_source_error,
        wanted(info),
    )
    return settle(info, outcome, on_source_error)


@strawberry.federation.type(keys=["id"], description="A stage of a sales or application pipeline, as in Tether.")
class PipelineStage(Node):
    is_type_of = instances_of(StageRecord)

    source: Annotated[Source, strawberry.lazy("gql.types.source")] = strawberry.field(
        description="The source that the stage belongs to."
    )
    native_id: str | None = strawberry.field(
        description="The source's own id of the stage; null where it gives the name alone."
    )
    name: str = strawberry.field(description="The name. It may be changed in the source.")
    color: str | None = strawberry.field(
        description="The colour as the source writes it; null where it names none, or does not list its pipelines."
    )
    pipeline_type: PipelineType = strawberry.field(description="What the pipeline is for.")
    pipeline_id: str | None = strawberry.field(
        description="The source's own id of the pipeline; null for its active one where the source does not say."
    )
    position: int | None = strawberry.field(
        description=(
            "The place in the pipeline's order, from 0; null for a stage that is known from a contact alone, because "
            "the pipeline's list does not have it or could not be read."
        )
    )
    contact_count: int | None = field(
        _contact_count,
        description=(
            "How many contacts are in the stage; null when the source does not say, or failed: `errors` then has why."
        ),
    )
    contacts: Annotated[ContactConnection, strawberry.lazy("gql.types.connection")] | None = field(
        _contacts,
        description=(
            "The contacts in the stage, in the source's own order; null as `Query.contacts` is. For all stages of a "
            "board they come in one request."
        ),
    )
