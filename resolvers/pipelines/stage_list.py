"""A pipeline's stages: from the pipeline endpoint where there is one, else from the stage buckets (DESIGN.md 7)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import msgspec

from providers.source import Source
from providers.spi.errors import SourceError
from providers.spi.page import Bucket, Stage
from providers.spi.provider import Pipeline
from providers.spi.query import ListQuery
from providers.spi.record import SourceRecord, StageRecord
from resolvers.model.global_ids import StageKey, stage_id
from resolvers.model.records import ErrorRecord
from resolvers.pipelines.board import Board, board
from resolvers.pipelines.stage_endpoint import stages_by_endpoint
from resolvers.pipelines.stage_stream import Listed
from resolvers.planning.plan import Ordering, SourcePlan
from resolvers.request.operation import Operation

# What only the pipeline endpoint says.
LISTED_ONLY = frozenset({"color", "position"})


async def stage_list(
    operation: Operation,
    source: Source,
    pipeline: Pipeline,
    parts: frozenset[str],
    nested: int | None,
    whole: int = 0,
) -> Listed:
    """Returns the pipeline's stages in its order. Raises SourceError.

    From the pipeline endpoint; from the stage buckets where the installation has none, or where their contacts or
    counts are wanted, they say which stages they are, and they are at most `whole`: nobody pages through those, so
    the order of the answer will do. `nested`: how many contacts of every stage are wanted.
    """
    size = nested if nested is not None else 1 if "contact_count" in parts else None
    if size is None:
        listed = await _endpoint(operation, source, pipeline)
        return listed if listed is not None else await _buckets(operation, source, pipeline, 1)
    if not parts & LISTED_ONLY:
        counted = await _buckets(operation, source, pipeline, size)
        identified = all(stage.native_id and stage.pipeline_id for stage in counted.records)
        if identified and len(counted.records) <= whole:
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
    """Returns the stages with the counts of those that the buckets have. A name that two stages have tells none."""
    names = Counter(stage.name for stage in listed.records)
    found = [find_stage(counted.records, stage.native_id, stage.name) for stage in listed.records]
    if counted.records and not any(found):
        # Without an id it is a guess which of several pipelines is the active one: the contacts' is.
        return counted
    stages = [
        stage
        if bucket is None or names[stage.name] > 1
        else msgspec.structs.replace(stage, contact_count=bucket.contact_count)
        for stage, bucket in zip(listed.records, found, strict=True)
    ]
    return Listed(stages, [*listed.responses, *counted.responses])


async def known_stages(
    operation: Operation, source: Source, pipeline: Pipeline, *, identify: bool
) -> list[StageRecord]:
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
    told = await stages_by_endpoint(operation, source, pipeline)
    if told is None or (pipeline.native_id is not None and not told.stages):
        # An answer of the one active pipeline tells nothing of another: the stage buckets may.
        return None
    return Listed([_of_list(source.record, pipeline, stage) for stage in told.stages], [told.response])


async def _buckets(operation: Operation, source: Source, pipeline: Pipeline, size: int) -> Listed:
    """Returns the stages by their buckets, with counts. Raises SourceError."""
    whole = whole_board(operation, source, pipeline)
    buckets = await whole.first_page(max(1, size))
    pipeline_id = pipeline.native_id or _pipeline_id(buckets)
    stages = [
        stage_record(
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
        ref.pipeline_id
        for bucket in buckets
        if bucket.native_id is not None
        for record in bucket.records
        if record is not None
        and (ref := record.stage_ref) is not None
        and ref.native_id == bucket.native_id
        and ref.pipeline_id is not None
    }
    return ids.pop() if len(ids) == 1 else None


def whole_board(operation: Operation, source: Source, pipeline: Pipeline) -> Board:
    """Returns the pipeline's board without search and filter, the one that its stages are counted by."""
    return board(operation, SourcePlan(source, ListQuery(), None, Ordering.RANK), pipeline)


def find_stage(stages: Sequence[StageRecord], native_id: str | None, name: str | None) -> StageRecord | None:
    """Returns the stage of this id; by its name only where there is no id (trap 6)."""
    if native_id is not None:
        found = next((stage for stage in stages if stage.native_id == native_id), None)
        if found is not None:
            return found
        stages = [stage for stage in stages if stage.native_id is None]
    return next((stage for stage in stages if stage.name == name), None)


def _of_list(source: SourceRecord, pipeline: Pipeline, stage: Stage) -> StageRecord:
    key = StageKey(pipeline.type, pipeline.native_id or stage.pipeline_id, stage.native_id, stage.name)
    return stage_record(source, key, stage.name, color=stage.color, position=stage.position)


def stage_record(
    source: SourceRecord,
    key: StageKey,
    name: str,
    *,
    id: str | None = None,
    color: str | None = None,
    position: int | None = None,
    contact_count: int | None = None,
) -> StageRecord:
    """Returns the stage of a key; its global id is made from the key, or `id` when it was met by that."""
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
