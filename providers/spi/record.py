"""What `providers/` hands over: one shape for every source's contact (DESIGN.md 3).

Records are read by attribute and projected without a call per field, so every value a client can select cheaply is an
attribute; what costs something (`raw`, `details`, E.164) is made from the record when asked for. They make no
cycles, so the garbage collector need not look at them (`gc=False`).
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class SourceRecord(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A configured source as clients see it."""

    id: str
    name: str
    provider: str
    # The region for phone numbers written without a country, e.g. "KE".
    default_region: str | None = None


class PipelineType(StrEnum):
    """Which of Tether's two models a pipeline is for (tether-stage-buckets page, `pipelineType`)."""

    CONTACT = "Contact"
    APPLICATION = "Application"


class TagRecord(msgspec.Struct, eq=False, gc=False):
    """AutoKonnect's tag or WA.cr's group. `contact_count` is None where the source was not asked or does not say."""

    id: str
    source: SourceRecord
    native_id: str
    name: str
    color: str | None = None
    created_at: datetime | None = None
    contact_count: int | None = None


class UserRecord(msgspec.Struct, eq=False, gc=False):
    """A person who works in the source. Name and e-mail are None when only the id is known."""

    id: str
    source: SourceRecord
    native_id: str
    name: str | None = None
    email: str | None = None


class StageRef(msgspec.Struct, frozen=True, gc=False):
    """A contact's place in a pipeline, as its record says it: either of id and name may be missing (trap 6)."""

    native_id: str | None
    name: str | None
    pipeline_id: str | None


class UserRef(msgspec.Struct, frozen=True, gc=False):
    """A user as a contact's record names it: an id, with what else the source wrote beside it."""

    native_id: str
    name: str | None = None
    email: str | None = None


class RawRows:
    """The rows of one upstream body as they were written, cut out only when `raw` is asked for.

    `extract` gives the body's rows in order as undecoded JSON.
    """

    __slots__ = ("_body", "_extract", "_rows")

    def __init__(self, body: bytes, extract: Callable[[bytes], list[msgspec.Raw]]) -> None:
        self._body = body
        self._extract = extract
        self._rows: list[msgspec.Raw] | None = None

    def row(self, index: int) -> msgspec.Raw:
        """Returns the row's own JSON text, untouched: numbers of any size stay what they were."""
        if self._rows is None:
            self._rows = self._extract(self._body)
        return self._rows[index]


class Relations:
    """What a decoded row says beyond single values, made when somebody asks: most queries want none of it.

    One for all rows of an answer. A provider overrides what its rows have; what they lack is None or empty.
    """

    __slots__ = ()

    def emails(self, record: ContactRecord) -> list[str]:
        return [record.email] if record.email else []

    def phones(self, record: ContactRecord) -> list[str]:
        return [record.phone] if record.phone else []

    def tags(self, row: Any) -> list[TagRecord]:
        return []

    def stage(self, row: Any) -> StageRef | None:
        return None

    def owner(self, row: Any) -> UserRef | None:
        return None

    def assignees(self, row: Any) -> list[UserRef]:
        return []


class ContactRecord(msgspec.Struct, eq=False, gc=False):
    """A contact. Field by field where each value comes from: the table in DESIGN.md 3.

    `row` is the provider's decoded row: the provider's `details` function makes the typed details from it, and
    `relations` what it says of other objects. `raws.row(index)` is the source's own record. `id` is the global id.
    """

    id: str
    native_id: str
    source: SourceRecord
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    company: str | None
    avatar_url: str | None
    status: str | None
    created_at: datetime | None
    updated_at: datetime | None
    row: Any
    relations: Relations
    raws: RawRows
    index: int

    @property
    def display_name(self) -> str | None:
        return display_name(self.first_name, self.last_name)

    @property
    def emails(self) -> list[str]:
        return self.relations.emails(self)

    @property
    def phones(self) -> list[str]:
        return self.relations.phones(self)

    @property
    def tags(self) -> list[TagRecord]:
        return self.relations.tags(self.row)

    @property
    def stage_ref(self) -> StageRef | None:
        return self.relations.stage(self.row)

    @property
    def owner_ref(self) -> UserRef | None:
        return self.relations.owner(self.row)

    @property
    def assignee_refs(self) -> list[UserRef]:
        return self.relations.assignees(self.row)


class StageRecord(msgspec.Struct, eq=False, gc=False):
    """A pipeline stage. `position` counts from 0 in the pipeline's order. `id` is the global id."""

    id: str
    source: SourceRecord
    native_id: str | None
    name: str
    color: str | None
    pipeline_type: PipelineType
    pipeline_id: str | None
    position: int | None
    contact_count: int | None = None
    # The page of its contacts that came with the list, where just that was asked for: a connection of `resolvers`.
    page: Any = None


def global_id(type_name: str, source: str, native_id: str) -> str:
    """Returns Relay's kind of id: base64 of `type:source:native id` (DESIGN.md 9). Holds no personal data."""
    return b2a_base64(f"{type_name}:{source}:{native_id}".encode(), newline=False).decode("ascii")


def display_name(first_name: str | None, last_name: str | None) -> str | None:
    """Returns the names joined by a space, None when both are missing (DESIGN.md 3)."""
    if first_name:
        return f"{first_name} {last_name}" if last_name else first_name
    return last_name or None
