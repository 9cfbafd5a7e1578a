"""What the resolvers answer with: Relay connections and slices as plain records (DESIGN.md 1, contract.graphql)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from providers.spi.errors import SourceError, SourceErrorCode
from providers.spi.record import ContactRecord, SourceRecord, StageRecord, TagRecord


class SourceStatus(StrEnum):
    """How a source fared in one connection."""

    OK = "OK"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class SourceErrorPolicy(StrEnum):
    """What a failing source does to the answer (DESIGN.md 8)."""

    PARTIAL = "PARTIAL"
    FAIL = "FAIL"
    SLICES_ONLY = "SLICES_ONLY"


class ErrorRecord(msgspec.Struct, frozen=True, gc=False):
    """A failure or a warning as clients see it. `retry_after` is in seconds."""

    code: SourceErrorCode
    message: str
    retry_after: float | None = None

    @classmethod
    def of(cls, error: SourceError) -> ErrorRecord:
        return cls(error.code, error.message, error.retry_after)


class SliceRecord(msgspec.Struct, eq=False, gc=False):
    """A source's part of a connection. `total_count` is exact or None."""

    source: SourceRecord
    status: SourceStatus
    total_count: int | None = None
    error: ErrorRecord | None = None
    warnings: list[ErrorRecord] = []
    stale: bool = False
    fetched_at: datetime | None = None


class PageInfoRecord(msgspec.Struct, eq=False, gc=False):
    """Relay's PageInfo. A cursor is None where there is no place for it to name, or nobody selected it."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class ContactEdgeRecord(msgspec.Struct, eq=False, gc=False):
    cursor: str
    node: ContactRecord


class TagEdgeRecord(msgspec.Struct, eq=False, gc=False):
    cursor: str
    node: TagRecord


class PipelineStageEdgeRecord(msgspec.Struct, eq=False, gc=False):
    cursor: str
    node: StageRecord


class ContactConnectionRecord(msgspec.Struct, eq=False):
    """`cursors` are the nodes', "" where nobody selected them. Edges are made when they are."""

    cursors: list[str]
    nodes: list[ContactRecord]
    page_info: PageInfoRecord
    total_count: int | None
    sources: list[SliceRecord]

    @property
    def edges(self) -> list[ContactEdgeRecord]:
        return [ContactEdgeRecord(cursor, node) for cursor, node in zip(self.cursors, self.nodes, strict=True)]


class TagConnectionRecord(msgspec.Struct, eq=False):
    edges: list[TagEdgeRecord]
    nodes: list[TagRecord]
    page_info: PageInfoRecord
    total_count: int | None
    sources: list[SliceRecord]


class PipelineStageConnectionRecord(msgspec.Struct, eq=False):
    edges: list[PipelineStageEdgeRecord]
    nodes: list[StageRecord]
    page_info: PageInfoRecord
    total_count: int | None
    sources: list[SliceRecord]


class PersonRecord(msgspec.Struct, eq=False):
    """The same person in several sources: its contacts beside each other, nothing merged (DESIGN.md 9)."""

    contacts: list[ContactRecord]
    display_name: str | None
    emails: list[str]
    phones: list[str]
    sources: list[SliceRecord]


class Outcome(msgspec.Struct):
    """A connection, or None when every source failed, and the failures to be told beside it.

    `failures`: one a failed source; the caller of the resolver puts them into the answer's `errors` under the
    field's path. With the policy FAIL, `connection` is None and the failures are the field's error.
    """

    connection: Any
    failures: list[SourceError]
