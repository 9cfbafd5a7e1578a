"""PipelineStage: the columns of Tether's board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry import UNSET

from gql.schema.core.arguments import After, Before, First, Last, OnSourceError, given, page_arguments
from gql.schema.core.context import Info
from gql.schema.core.fields import field, instances_of
from gql.schema.core.outcomes import settle
from gql.schema.core.selection import wanted
from gql.schema.inputs.conditions import contact_filter
from gql.schema.inputs.contact_filter import ContactFilter
from gql.schema.types.node import Node
from providers.spi.record import PipelineType, StageRecord
from resolvers import stages
from resolvers.model.records import SourceErrorPolicy

if TYPE_CHECKING:
    from gql.schema.types.connection import ContactConnection
    from gql.schema.types.source import Source


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

    source: Annotated[Source, strawberry.lazy("gql.schema.types.source")] = strawberry.field(
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
    contacts: Annotated[ContactConnection, strawberry.lazy("gql.schema.types.connection")] | None = field(
        _contacts,
        description=(
            "The contacts in the stage, in the source's own order; null as `Query.contacts` is. For all stages of a "
            "board they come in one request."
        ),
    )
