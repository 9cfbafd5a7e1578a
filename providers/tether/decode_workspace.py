"""Tether's pipelines with their stages (GET /api/pipelines) and its users (GET /api/user/list).

Both are documented without an envelope: a list, or a list under `data`, under their own name, or under both.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from providers.decoding import TolerantDecoder
from providers.page import Stage
from providers.provider import InvalidAnswer, Pipeline
from providers.record import SourceRecord, UserRecord, global_id
from providers.tether.decode import User

T = TypeVar("T")

EXPECTED_PIPELINES = "a list of pipelines with their stages"
EXPECTED_USERS = "a list of users"


class _Stage(msgspec.Struct):
    mongo_id: str | None = msgspec.field(name="_id", default=None)
    id: str | None = None
    name: str | None = None
    color: str | None = None
    position: int | None = None
    order: int | None = None


class _Pipeline(msgspec.Struct, rename="camel"):
    mongo_id: str | None = msgspec.field(name="_id", default=None)
    id: str | None = None
    type: str | None = None
    pipeline_stages: list[_Stage] | None = None
    stages: list[_Stage] | None = None
    is_active: bool | None = None
    active: bool | None = None
    is_default: bool | None = None
    default: bool | None = None

    @property
    def native_id(self) -> str | None:
        return self.mongo_id or self.id or None


class _Inner(msgspec.Struct, Generic[T]):
    pipelines: list[T] | None = None
    users: list[T] | None = None


class _Answer(msgspec.Struct, Generic[T]):
    data: _Inner[T] | list[T] | None = None
    pipelines: list[T] | None = None
    users: list[T] | None = None


_PIPELINES: TolerantDecoder[_Answer[_Pipeline] | list[_Pipeline]] = TolerantDecoder(
    _Answer[_Pipeline] | list[_Pipeline]
)
_USERS: TolerantDecoder[_Answer[User] | list[User]] = TolerantDecoder(_Answer[User] | list[User])


def stages(body: bytes, pipeline: Pipeline) -> list[Stage]:
    """Returns the pipeline's stages in its order; none when there is no such pipeline. Raises InvalidAnswer."""
    answer = _PIPELINES.body(body, EXPECTED_PIPELINES)
    if isinstance(answer, _Answer):
        inner = answer.data.pipelines if isinstance(answer.data, _Inner) else answer.data
        pipelines = inner if inner is not None else answer.pipelines
    else:
        pipelines = answer
    if pipelines is None:
        raise InvalidAnswer(f"expected {EXPECTED_PIPELINES}")
    chosen = _chosen(pipelines, pipeline)
    return [] if chosen is None else _in_order(chosen)


def users(body: bytes, source: SourceRecord) -> list[UserRecord]:
    """Returns all users that have an id. Raises InvalidAnswer."""
    answer = _USERS.body(body, EXPECTED_USERS)
    if isinstance(answer, _Answer):
        inner = answer.data.users if isinstance(answer.data, _Inner) else answer.data
        listed = inner if inner is not None else answer.users
    else:
        listed = answer
    if listed is None:
        raise InvalidAnswer(f"expected {EXPECTED_USERS}")
    return [
        UserRecord(global_id("User", source.name, ref.native_id), source, ref.native_id, ref.name, ref.email)
        for ref in (user.ref() for user in listed)
        if ref is not None
    ]


def _chosen(pipelines: list[_Pipeline], asked: Pipeline) -> _Pipeline | None:
    """Returns the asked pipeline; without an id the active one, else the default one, else the first."""
    if asked.native_id is not None:
        return next((pipeline for pipeline in pipelines if pipeline.native_id == asked.native_id), None)
    of_type = [pipeline for pipeline in pipelines if not pipeline.type or _same(pipeline.type, asked.type)]
    return min(
        of_type,
        key=lambda pipeline: (
            not (pipeline.is_active or pipeline.active),
            not (pipeline.is_default or pipeline.default),
        ),
        default=None,
    )


def _same(text: str, other: str) -> bool:
    return text.casefold() == other.casefold()


def _in_order(pipeline: _Pipeline) -> list[Stage]:
    listed = pipeline.pipeline_stages if pipeline.pipeline_stages is not None else pipeline.stages or []
    ordered = sorted(listed, key=_place)
    named = [(stage.mongo_id or stage.id or None, stage) for stage in ordered]
    usable = [(native_id, stage.name or native_id, stage.color or None) for native_id, stage in named]
    return [
        Stage(native_id, name, color, position, pipeline.native_id)
        for position, (native_id, name, color) in enumerate(row for row in usable if row[1])
        if name is not None
    ]


def _place(stage: _Stage) -> tuple[bool, int]:
    """Returns the sort key: stages without a position come last, in the order of the answer."""
    place = stage.position if stage.position is not None else stage.order
    return (place is None, place or 0)
