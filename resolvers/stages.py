"""Pipeline stages: the list, a stage's contacts, and the stage that a contact is in (DESIGN.md 7).

A stage is known by its id; by its name where the source gives no id (trap 6). Its global id holds the pipeline as
well, so whichever way a stage is met, the pipeline is found out: from the record, the endpoint, or a stage's contacts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import msgspec

from providers.source import Source
from providers.spi.provider import FilterRefused, Pipeline
from providers.spi.query import Filter, ListQuery
from providers.spi.record import ContactRecord, PipelineType, StageRecord
from resolvers.model.errors import BadUserInput
from resolvers.model.global_ids import StageKey
from resolvers.model.records import (
    ContactConnectionRecord,
    ErrorRecord,
    Outcome,
    PageInfoRecord,
    PipelineStageConnectionRecord,
    PipelineStageEdgeRecord,
    SliceRecord,
    SourceErrorPolicy,
    SourceStatus,
)
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import PageArguments
from resolvers.paging.federated_page import federated
from resolvers.paging.stream_factory import StreamFactory, by_page_number
from resolvers.pipelines.board import board
from resolvers.pipelines.stage_list import LISTED_ONLY, find_stage, known_stages, stage_list, stage_record, whole_board
from resolvers.pipelines.stage_stream import Listed, ListedStream
from resolvers.planning.explain_plan import explain_plan
from resolvers.planning.plan import Ordering, SourcePlan, plan
from resolvers.planning.search_text import searched
from resolvers.reading.whole_list import page_sizes
from resolvers.request.keys import Key
from resolvers.request.operation import Operation
from resolvers.streams.base import Bounds, Stream
from resolvers.streams.reversed import ReverseStream

# What is needed to say which stage this is; a stage's contacts are asked for by it.
_IDENTITY = frozenset({"id", "native_id", "pipeline_id", "contacts", "contact_count"})


async def pipeline_stages(
    operation: Operation,
    page: PageArguments,
    sources: tuple[str, ...] | None,
    pipeline: Pipeline,
    policy: SourceErrorPolicy,
    wanted: Wanted,
) -> Outcome:
    """Returns one page of a pipeline's stages, in rank order over the sources; those without are SKIPPED.

    Where contacts of every stage are wanted (`wanted.nested`), or their counts, the stages come from the one POST
    that brings these. Raises BadUserInput.
    """
    pipeline = Pipeline(pipeline.type, pipeline.native_id or None)
    asked = operation.chosen(sources)
    # As many stages as surely are all on the page, where nobody asks for a place among them.
    size = 0 if wanted.cursors or page.after is not None or page.before is not None else page.checked().size
    whole = size // max(1, sum(1 for source in asked if source.provider.capabilities.buckets))
    factories = [_leg(operation, source, pipeline, wanted, whole) for source in asked]
    outcome = await federated(operation, "stages", pipeline, factories, page, (), policy, wanted)
    if outcome.connection is None:
        return outcome
    listed: ContactConnectionRecord = outcome.connection
    nodes = [_with_page(operation, stage, wanted) for stage in cast("list[StageRecord]", listed.nodes)]
    edges = [PipelineStageEdgeRecord(edge.cursor, stage) for edge, stage in zip(listed.edges, nodes, strict=True)]
    connection = PipelineStageConnectionRecord(edges, nodes, listed.page_info, listed.total_count, listed.sources)
    return Outcome(connection, outcome.failures)


def _with_page(operation: Operation, stage: StageRecord, wanted: Wanted) -> StageRecord:
    """Returns the stage with the page of its contacts that came with the list, when just that page is asked for."""
    if wanted.nested is None or wanted.inside is None:
        return stage
    rows = whole_board(operation, operation.sources[stage.source.name], _pipeline(operation, stage)).known(
        _key(stage), 0, wanted.nested
    )
    if rows is None or rows.bad or rows.missing or rows.total is None:
        return stage
    contacts = [record for record in rows.records if record is not None]
    if stage.pipeline_type is not PipelineType.CONTACT:
        _note_applications(operation, contacts)
    info = PageInfoRecord(not rows.ended, False, None, None)
    response = rows.responses[0]
    fetched = datetime.fromtimestamp(response.fetched_at, UTC)
    failure = response.failure
    slices = [
        SliceRecord(
            stage.source,
            SourceStatus.OK if failure is None else SourceStatus.PARTIAL,
            rows.total,
            None,
            [] if failure is None else [ErrorRecord.of(failure)],
            response.stale,
            fetched,
        )
    ]
    page = ContactConnectionRecord([""] * len(contacts), contacts, info, rows.total, slices)
    return msgspec.structs.replace(stage, page=page)


async def stage_contacts(
    operation: Operation,
    stage: StageRecord,
    page: PageArguments,
    search: str | None,
    filter: Filter | None,
    policy: SourceErrorPolicy,
    wanted: Wanted,
) -> Outcome:
    """Returns one page of a stage's contacts, in the source's own order. Raises BadUserInput.

    Stages of one pipeline that are asked for at the same time under one search and filter share their POST.
    """
    source = operation.sources[stage.source.name]
    search = searched(search)
    made = plan(source, filter=filter, search=search, orders=(), parts=wanted.parts, in_buckets=True)
    explain_plan(operation, "PipelineStage.contacts", made)
    pipeline = _pipeline(operation, stage)
    key = _key(stage)
    try:
        source.provider.buckets_request(made.query, {}, 1, pipeline, key)
    except FilterRefused as error:
        raise BadUserInput("filter", str(error)) from error
    reader = board(operation, made, pipeline).stage(key, stage.name)

    def opened(bounds: Bounds, *, forward: bool) -> Stream:
        return by_page_number(operation, made, bounds, reader, page_sizes(source), forward=forward)

    factory = StreamFactory(made, opened, lambda: opened(Bounds(), forward=True))
    outcome = await federated(operation, "stage", (stage.id, search, filter), [factory], page, (), policy, wanted)
    if stage.pipeline_type is not PipelineType.CONTACT and outcome.connection is not None:
        _note_applications(operation, outcome.connection.nodes)
    return outcome


async def stage_count(operation: Operation, stage: StageRecord) -> int | None:
    """Returns how many contacts are in the stage, None when the source does not say. Raises SourceError.

    Free beside contacts of the stage that are asked for at the same time without search and filter.
    """
    if stage.contact_count is not None:
        return stage.contact_count
    whole = whole_board(operation, operation.sources[stage.source.name], _pipeline(operation, stage))
    return await whole.count(_key(stage), stage.name)


async def contact_stage(operation: Operation, contact: ContactRecord, parts: frozenset[str]) -> StageRecord | None:
    """Returns the stage that the contact's record names, None when it names none.

    Nothing is asked unless the record leaves out something that is wanted; then it is the pipelines, once an
    operation. Never raises SourceError: what cannot be found out is None.
    """
    ref = contact.stage_ref
    if ref is None:
        return None
    source = operation.sources[contact.source.name]
    kind = PipelineType.APPLICATION if _is_application(operation, contact) else PipelineType.CONTACT
    unidentified = ref.native_id is None or ref.pipeline_id is None
    stages: list[StageRecord] = []
    if parts & LISTED_ONLY or (unidentified and parts & _IDENTITY) or (ref.name is None and "name" in parts):
        stages = await known_stages(operation, source, Pipeline(kind, ref.pipeline_id), identify=unidentified)
    found = find_stage(stages, ref.native_id, ref.name)
    if found is not None:
        return found
    key = StageKey(kind, ref.pipeline_id, ref.native_id, ref.name)
    return stage_record(source.record, key, ref.name or ref.native_id or "")


async def stage_by_key(
    operation: Operation, source: Source, key: StageKey, id: str, parts: frozenset[str]
) -> StageRecord | None:
    """Returns the stage of a global id, None when it is gone. Raises SourceError.

    A stage that is asked for its contacts, and for nothing that only a list of stages says, is not looked up
    first: the answer with the contacts shows whether it is there.
    """
    listed_only = LISTED_ONLY if key.name is not None else LISTED_ONLY | {"name"}
    if parts & {"contacts", "contact_count"} and not parts & listed_only:
        return stage_record(source.record, key, key.name or key.native_id or "", id=id)
    listed = await stage_list(operation, source, Pipeline(key.pipeline_type, key.pipeline_id), frozenset(), None)
    found = find_stage(listed.records, key.native_id, key.name)
    return None if found is None else msgspec.structs.replace(found, id=id)


# ---------------------------------------------------------------- a pipeline's list


def _leg(operation: Operation, source: Source, pipeline: Pipeline, wanted: Wanted, whole: int) -> StreamFactory:
    made = SourcePlan(source, ListQuery(), None, Ordering.RANK, never=not source.provider.capabilities.buckets)

    async def read() -> Listed:
        listed = await stage_list(operation, source, pipeline, wanted.parts, wanted.nested, whole)
        if pipeline.native_id is None and listed.records:
            # Stages that are met by this id later share the board of the active pipeline.
            operation.kept(_ACTIVE_PIPELINES, dict)[source.name, pipeline.type] = listed.records[0].pipeline_id
        return listed

    def opened(bounds: Bounds, *, forward: bool) -> Stream:
        stages = ListedStream(operation, made, bounds, read)
        return stages if forward else ReverseStream(stages)

    return StreamFactory(made, opened, lambda: opened(Bounds(), forward=True))


# The active pipelines' ids, by source name and type.
_ACTIVE_PIPELINES: Key[dict[tuple[str, PipelineType], str | None]] = Key("active pipelines")


def _pipeline(operation: Operation, stage: StageRecord) -> Pipeline:
    """Returns the pipeline as the operation's board asks for it."""
    active = operation.kept(_ACTIVE_PIPELINES, dict).get((stage.source.name, stage.pipeline_type))
    known = stage.pipeline_id if stage.pipeline_id != active else None
    return Pipeline(stage.pipeline_type, known)


def _key(stage: StageRecord) -> str:
    return stage.native_id or stage.name


# ---------------------------------------------------------------- contacts of applications


# Ids of contacts that stand in a pipeline of applications.
_APPLICATIONS: Key[set[str]] = Key("applications")


def _note_applications(operation: Operation, contacts: list[ContactRecord]) -> None:
    """Remembers rows of the other pipeline type: their records look like any contact's."""
    operation.kept(_APPLICATIONS, set).update(contact.id for contact in contacts)


def _is_application(operation: Operation, contact: ContactRecord) -> bool:
    return contact.id in operation.kept(_APPLICATIONS, set)
