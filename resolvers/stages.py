"""Pipeline stages: the list, a stage's contacts, and the stage that a contact is in (DESIGN.md 7).

A stage is known by its id; by its name where the source gives no id (trap 6). Its global id holds the pipeline as
well, so whichever way a stage is met, the pipeline is found out: from the record, the endpoint, or a stage's contacts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import msgspec

from providers.errors import Final, SourceError, SourceUnauthenticated
from providers.page import Bucket, Stage
from providers.provider import FilterRefused, InvalidAnswer, Pipeline
from providers.query import Filter, ListQuery
from providers.record import ContactRecord, PipelineType, SourceRecord, StageRecord
from providers.request import Response
from providers.source import Source
from resolvers.board import Board, board
from resolvers.connection import (
    ContactConnectionRecord,
    ErrorRecord,
    Outcome,
    PipelineStageConnectionRecord,
    PipelineStageEdgeRecord,
    SourceErrorPolicy,
)
from resolvers.contacts import chosen, explain_plan, federated
from resolvers.errors import BadUserInput
from resolvers.ids import StageKey, stage_id
from resolvers.legs import Leg
from resolvers.once import once
from resolvers.operation import Operation
from resolvers.plan import Ordering, SourcePlan, plan
from resolvers.reading import page_sizes
from resolvers.selection import PageArguments, Wanted
from resolvers.streams.index import IndexStream
from resolvers.streams.listed import Listed, ListedStream
from resolvers.streams.reverse import ReverseStream
from resolvers.streams.stream import Bounds, Stream

# What only the pipeline endpoint says.
_LISTED_ONLY = frozenset({"color", "position"})
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
    legs = [_leg(operation, source, pipeline, wanted) for source in chosen(operation, sources)]
    outcome = await federated(operation, "stages", pipeline, legs, page, (), policy, wanted)
    if outcome.connection is None:
        return outcome
    listed: ContactConnectionRecord = outcome.connection
    nodes = cast("list[StageRecord]", listed.nodes)
    edges = [PipelineStageEdgeRecord(edge.cursor, stage) for edge, stage in zip(listed.edges, nodes, strict=True)]
    connection = PipelineStageConnectionRecord(edges, nodes, listed.page_info, listed.total_count, listed.sources)
    return Outcome(connection, outcome.failures)


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
    search = search or None
    made = plan(source, filter=filter, search=search, orders=(), parts=wanted.parts, in_buckets=True)
    explain_plan(operation, "PipelineStage.contacts", made)
    pipeline = _pipeline(operation, stage)
    key = _key(stage)
    try:
        source.provider.buckets_request(made.query, {}, 1, pipeline, key)
    except FilterRefused as error:
        raise BadUserInput("filter", str(error)) from error
    reader = board(operation, made, pipeline).stage(key, stage.name)

    def opened(bounds: Bounds, forward: bool) -> Stream:
        return IndexStream(operation, made, bounds, reader, page_sizes(source), forward=forward)

    leg = Leg(made, opened, lambda: opened(Bounds(), True))
    outcome = await federated(operation, "stage", (stage.id, search, filter), [leg], page, (), policy, wanted)
    if stage.pipeline_type is not PipelineType.CONTACT and outcome.connection is not None:
        _note_applications(operation, outcome.connection.nodes)
    return outcome


async def stage_count(operation: Operation, stage: StageRecord) -> int | None:
    """Returns how many contacts are in the stage, None when the source does not say. Raises SourceError.

    Free beside contacts of the stage that are asked for at the same time without search and filter.
    """
    if stage.contact_count is not None:
        return stage.contact_count
    whole = _whole_board(operation, operation.sources[stage.source.name], _pipeline(operation, stage))
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
    if parts & _LISTED_ONLY or (unidentified and parts & _IDENTITY) or (ref.name is None and "name" in parts):
        stages = await _known(operation, source, Pipeline(kind, ref.pipeline_id), identify=unidentified)
    found = _found(stages, ref.native_id, ref.name)
    if found is not None:
        return found
    key = StageKey(kind, ref.pipeline_id, ref.native_id, ref.name)
    return _record(source.record, key, ref.name or ref.native_id or "")


async def stage_by_key(
    operation: Operation, source: Source, key: StageKey, id: str, parts: frozenset[str]
) -> StageRecord | None:
    """Returns the stage of a global id, None when it is gone. Raises SourceError.

    A stage that is asked for its contacts, and for nothing that only a list of stages says, is not looked up
    first: the answer with the contacts shows whether it is there.
    """
    listed_only = _LISTED_ONLY if key.name is not None else _LISTED_ONLY | {"name"}
    if parts & {"contacts", "contact_count"} and not parts & listed_only:
        return _record(source.record, key, key.name or key.native_id or "", id=id)
    listed = await _list(operation, source, Pipeline(key.pipeline_type, key.pipeline_id), frozenset(), None)
    found = _found(listed.records, key.native_id, key.name)
    return None if found is None else msgspec.structs.replace(found, id=id)


# ---------------------------------------------------------------- a pipeline's list


def _leg(operation: Operation, source: Source, pipeline: Pipeline, wanted: Wanted) -> Leg:
    made = SourcePlan(source, ListQuery(), None, Ordering.RANK, never=not source.provider.capabilities.buckets)

    async def read() -> Listed:
        listed = await _list(operation, source, pipeline, wanted.parts, wanted.nested)
        if pipeline.native_id is None and listed.records:
            # Stages that are met by this id later share the board of the active pipeline.
            operation.memo["active pipeline", source.name, pipeline.type] = listed.records[0].pipeline_id
        return listed

    def opened(bounds: Bounds, forward: bool) -> Stream:
        stages = ListedStream(operation, made, bounds, read)
        return stages if forward else ReverseStream(stages)

    return Leg(made, opened, lambda: opened(Bounds(), True))


async def _list(
    operation: Operation, source: Source, pipeline: Pipeline, parts: frozenset[str], nested: int | None
) -> Listed:
    """Returns the pipeline's stages in its order. Raises SourceError.

    From the pipeline endpoint; from the stage buckets where the installation has none, or where their contacts or
    counts are wanted and they say which stages they are. `nested`: how many contacts of every stage are wanted.
    """
    size = nested if nested is not None else 1 if "contact_count" in parts else None
    if size is None:
        listed = await _endpoint(operation, source, pipeline)
        return listed if listed is not None else await _buckets(operation, source, pipeline, 1)
    if not parts & _LISTED_ONLY:
        counted = await _buckets(operation, source, pipeline, size)
        if all(stage.native_id and stage.pipeline_id for stage in counted.records):
            return counted
        try:
            listed = await _endpoint(operation, source, pipeline)
        except SourceError as error:
            return Listed(counted.records, counted.responses, [ErrorRecord.of(error)])
        return counted if listed is None else _with_counts(listed, counted)
    answers = await asyncio.gather(
        _endpoint(operation, source, pipeline), _buckets(operation, source, pipeline, size), return_exceptions=True
    )
    return _together(*answers)


def _together(listed: Listed | BaseException | None, counted: Listed | BaseException) -> Listed:
    """Returns the endpoint's stages with the buckets' counts, or what one of the two gives alone."""
    if isinstance(listed, Listed):
        # Contacts and counts that failed say so where they stand.
        return _with_counts(listed, counted) if isinstance(counted, Listed) else listed
    if isinstance(counted, BaseException):
        raise counted
    if isinstance(listed, SourceError):
        return Listed(counted.records, counted.responses, [ErrorRecord.of(listed)])
    if listed is not None:
        raise listed
    return counted


def _with_counts(listed: Listed, counted: Listed) -> Listed:
    """Returns the stages with the counts of those that the buckets have."""
    stages = [
        msgspec.structs.replace(stage, contact_count=found.contact_count)
        if (found := _found(counted.records, stage.native_id, stage.name)) is not None
        else stage
        for stage in listed.records
    ]
    return Listed(stages, [*listed.responses, *counted.responses])


async def _known(operation: Operation, source: Source, pipeline: Pipeline, *, identify: bool) -> list[StageRecord]:
    """Returns the pipeline's stages as far as they can be known; none when the source does not tell them.

    `identify`: the stage buckets will do where there is no endpoint, for the ids.
    """
    try:
        listed = await _endpoint(operation, source, pipeline)
        if listed is None and identify:
            listed = await _buckets(operation, source, pipeline, 1)
    except SourceError:
        return []
    return list(listed.records) if listed is not None else []


async def _endpoint(operation: Operation, source: Source, pipeline: Pipeline) -> Listed | None:
    """Returns the stages by the pipeline endpoint, None where there is no such endpoint. Raises SourceError."""
    return await once(operation, ("stages", source.name, pipeline), lambda: _ask_endpoint(operation, source, pipeline))


async def _ask_endpoint(operation: Operation, source: Source, pipeline: Pipeline) -> Listed | None:
    provider = source.provider
    try:
        # Decoded here: one answer holds all pipelines of a type.
        response, _ = await operation.ask(source, provider.stages_request(pipeline), _undecoded)
        stages = provider.stages(response, pipeline)
    except SourceUnauthenticated:
        raise
    except (Final, InvalidAnswer):
        # It is not on the reference pages: an installation may lack it, or keep it to itself.
        return None
    if not stages and pipeline.native_id is None:
        return None
    return Listed([_of_list(source.record, pipeline, stage) for stage in stages], [response])


def _undecoded(response: Response, source: SourceRecord) -> Response:
    return response


async def _buckets(operation: Operation, source: Source, pipeline: Pipeline, size: int) -> Listed:
    """Returns the stages by their buckets, with counts. Raises SourceError."""
    whole = _whole_board(operation, source, pipeline)
    buckets = await whole.first_page(max(1, size))
    pipeline_id = pipeline.native_id or _pipeline_id(buckets)
    stages = [
        _record(
            source.record,
            StageKey(pipeline.type, pipeline_id, bucket.native_id, bucket.name),
            bucket.name or bucket.native_id or bucket.key,
            position=position,
            contact_count=bucket.total,
        )
        for position, bucket in enumerate(buckets)
    ]
    return Listed(stages, [whole.response] if whole.response is not None else [])


def _pipeline_id(buckets: list[Bucket]) -> str | None:
    """Returns which pipeline the stages are of, by the contacts in them; None when these do not tell.

    A contact tells only when it names the stage's id: names are alike in many pipelines.
    """
    ids = {
        record.stage_ref.pipeline_id
        for bucket in buckets
        for record in bucket.records
        if record is not None
        and record.stage_ref is not None
        and record.stage_ref.pipeline_id is not None
        and bucket.native_id is not None
        and record.stage_ref.native_id == bucket.native_id
    }
    return ids.pop() if len(ids) == 1 else None


# ---------------------------------------------------------------- one stage


def _whole_board(operation: Operation, source: Source, pipeline: Pipeline) -> Board:
    return board(operation, SourcePlan(source, ListQuery(), None, Ordering.RANK), pipeline)


def _pipeline(operation: Operation, stage: StageRecord) -> Pipeline:
    """Returns the pipeline as the operation's board asks for it."""
    active = operation.memo.get(("active pipeline", stage.source.name, stage.pipeline_type))
    known = stage.pipeline_id if stage.pipeline_id != active else None
    return Pipeline(stage.pipeline_type, known)


def _key(stage: StageRecord) -> str:
    return stage.native_id or stage.name


def _found(stages: Sequence[StageRecord], native_id: str | None, name: str | None) -> StageRecord | None:
    """Returns the stage of this id; by its name only where there is no id (trap 6)."""
    if native_id is not None:
        found = next((stage for stage in stages if stage.native_id == native_id), None)
        if found is not None:
            return found
        stages = [stage for stage in stages if stage.native_id is None]
    return next((stage for stage in stages if stage.name == name), None)


def _of_list(source: SourceRecord, pipeline: Pipeline, stage: Stage) -> StageRecord:
    key = StageKey(pipeline.type, pipeline.native_id or stage.pipeline_id, stage.native_id, stage.name)
    return _record(source, key, stage.name, color=stage.color, position=stage.position)


def _record(
    source: SourceRecord,
    key: StageKey,
    name: str,
    *,
    id: str | None = None,
    color: str | None = None,
    position: int | None = None,
    contact_count: int | None = None,
) -> StageRecord:
    return StageRecord(
        id or stage_id(source.name, key),
        source,
        key.native_id,
        name,
        color,
        key.pipeline_type,
        key.pipeline_id,
        position,
        contact_count,
    )


# ---------------------------------------------------------------- contacts of applications


def _note_applications(operation: Operation, contacts: list[ContactRecord]) -> None:
    """Remembers rows of the other pipeline type: their records look like any contact's."""
    noted: set[str] = operation.memo.setdefault("applications", set())
    noted.update(contact.id for contact in contacts)


def _is_application(operation: Operation, contact: ContactRecord) -> bool:
    return contact.id in operation.memo.get("applications", ())
