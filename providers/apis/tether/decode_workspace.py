"""Tether's pipelines with their stages (GET /api/pipelines) and its users (GET /api/user/list).

Both are documented without an envelope: a list, or a list under `data`, under their own name, or under both.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from providers.apis.tether.decode import User
from providers.decoding.rows import Outcome, TolerantDecoder, refuse_failure
from providers.spi.page import Stage
from providers.spi.provider import InvalidAnswer, Pipeline
from providers.spi.record import SourceRecord, UserRecord, global_id

T = TypeVar("T")

EXPECTED_PIPELINES = "a list of pipelines with their stages"
EXPECTED_USERS = "a list of users"


class _Stage(msgspec.Struct):
    mongo_id: str | None = msgspec.field(name="_id", default=None)
    id: str | None = None
    name: str | None = None
    color: str | None = None
    position: float | None = None
    order: float | None = None

    @property
    def native_id(self) -> str | None:
        return self.mongo_id or self.id or None


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

    @property
    def is_one(self) -> bool:
        """Whether this has a pipeline's form: its stages, or an id."""
        return self.pipeline_stages is not None or self.stages is not None or self.native_id is not None


class _One(_Pipeline, rename="camel"):
    """A single pipeline, bare or under `data`."""

    data: _Pipeline | None = None
    success: Any = None

    def pipeline(self) -> _Pipeline | None:
        return next((one for one in (self.data, self) if one is not None and one.is_one), None)


class _Named(Outcome, Generic[T]):
    pipelines: list[T] | None = None
    users: list[T] | None = None

    def named(self) -> list[T] | None:
        return self.pipelines if self.pipelines is not None else self.users


class _Answer(_Named[T], Generic[T]):
    data: _Named[T] | list[T] | None = None

    def rows(self) -> list[T] | None:
        rows = self.data.named() if isinstance(self.data, _Named) else self.data
        rows = rows if rows is not None else self.named()
        refuse_failure(self, rows)
        return rows


_PIPELINES: TolerantDecoder[_Answer[_Pipeline] | list[_Pipeline]] = TolerantDecoder(
    _Answer[_Pipeline] | list[_Pipeline]
)
_ONE = TolerantDecoder(_One)
_USERS: TolerantDecoder[_Answer[User] | list[User]] = TolerantDecoder(_Answer[User] | list[User])


def stages(body: bytes, pipeline: Pipeline) -> list[Stage]:
    """Returns the pipeline's stages in its order; none when there is no such pipeline. Raises InvalidAnswer."""
    chosen = _chosen(_pipelines(body), pipeline)
    return [] if chosen is None else _in_order(chosen)


def users(body: bytes, source: SourceRecord) -> list[UserRecord]:
    """Returns all users that have an id. Raises InvalidAnswer."""
    refs = [user.ref() for user in _rows(_USERS.body(body, EXPECTED_USERS), EXPECTED_USERS)]
    return [
        UserRecord(global_id("User", source.name, ref.native_id), source, ref.native_id, ref.name, ref.email)
        for ref in refs
        if ref is not None
    ]


def _pipelines(body: bytes) -> list[_Pipeline]:
    """Returns the pipelines of an answer: a list in any of its envelopes, or a single one. Raises InvalidAnswer."""
    try:
        return _rows(_PIPELINES.body(body, EXPECTED_PIPELINES), EXPECTED_PIPELINES)
    except InvalidAnswer:
        try:
            one = _ONE.body(body, EXPECTED_PIPELINES)
        except InvalidAnswer:
            one = None
        found = one.pipeline() if one is not None and one.success is not False else None
        if found is None:
            raise
        return [found]


def _rows(answer: _Answer[T] | list[T], expected: str) -> list[T]:
    rows = answer.rows() if isinstance(answer, _Answer) else answer
    if rows is None:
        raise InvalidAnswer(f"expected {expected}")
    return rows


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
    named = [stage for stage in sorted(listed, key=_place) if stage.name or stage.native_id]
    return [
        Stage(stage.native_id, stage.name or stage.native_id or "", stage.color or None, position, pipeline.native_id)
        for position, stage in enumerate(named)
    ]


def _place(stage: _Stage) -> tuple[bool, float]:
    """Returns the sort key: stages without a position come last, in the order of the answer."""
    place = stage.position if stage.position is not None else stage.order
    return (place is None, place or 0)
