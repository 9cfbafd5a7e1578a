"""WA.cr's answers: contacts, groups, and the pagination beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from providers.apis.wacr.filters import id_value
from providers.decoding.rows import (
    Count,
    ListDecoder,
    Outcome,
    PageTags,
    RowDecoder,
    RowId,
    TolerantDecoder,
    as_utc,
    contact_found,
    raw_value,
    refuse_failure,
    whole_number,
)
from providers.spi.page import Page, TagPage
from providers.spi.record import (
    ContactRecord,
    RawRows,
    Relations,
    SourceRecord,
    TagRecord,
    UserRef,
    global_id,
)

T = TypeVar("T")

# "integer" throughout the page; one that comes as a text is the same id.
Id: TypeAlias = int | str
# The row's own: there, and not empty.
OwnId: TypeAlias = int | RowId
_MISSING = (None, "")
_NOT_INCLUDED = msgspec.Raw()


class _Related(msgspec.Struct):
    """A group or a status as `include` adds it: of no documented shape, so what has another is not read."""

    id: Id | None = None
    name: str | None = None
    color: str | None = None


class _Contact(msgspec.Struct, gc=False):
    """A contact as the API writes it; the last three only when included."""

    id: OwnId
    tenant_id: Id | None = None
    firstname: str | None = None
    lastname: str | None = None
    company: str | None = None
    type: str | None = None
    email: str | None = None
    phone: str | None = None
    status_id: Id | None = None
    source_id: Id | None = None
    description: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    address: str | None = None
    country_id: Id | None = None
    assigned_id: Id | None = None
    group_id: list[Id] | None = None
    is_opted_out: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    groups: msgspec.Raw = _NOT_INCLUDED
    source: msgspec.Raw = _NOT_INCLUDED
    status: msgspec.Raw = _NOT_INCLUDED


class _Group(msgspec.Struct, gc=False):
    id: OwnId
    name: str | None = None
    color: str | None = None
    created_at: datetime | None = None
    contacts_count: int | None = None


class _Pagination(msgspec.Struct):
    total: Count = None
    per_page: Count = None
    current_page: Count = None
    total_pages: Count = None


class _Meta(msgspec.Struct):
    pagination: _Pagination | None = None


class _Answer(Outcome, Generic[T], kw_only=True):
    """`meta.pagination` by the page; beside `data` it is understood as well. PHP writes an empty object as `[]`."""

    data: list[T]
    meta: _Meta | list[Any] | None = None
    pagination: _Pagination | None = None

    def rows(self) -> list[T]:
        refuse_failure(self, self.data)
        return self.data


class WacrDetails(msgspec.Struct, gc=False):
    """What only WA.cr has (contract.graphql, WacrContact); relations are JSON as written, None when not included."""

    tenant_id: str | None
    type: str | None
    status_id: str | None
    status_data: msgspec.Raw | None
    source_id: str | None
    source_data: msgspec.Raw | None
    assigned_id: str | None
    group_ids: list[str]
    groups_data: msgspec.Raw | None
    description: str | None
    city: str | None
    state: str | None
    zip: str | None
    address: str | None
    country_id: str | None
    is_opted_out: bool | None


_STATUS = TolerantDecoder(_Related)
_CONTACT_GROUPS = TolerantDecoder(list[_Related])
_CONTACT = RowDecoder(_Contact, "id")
_CONTACTS = ListDecoder(_Answer[_Contact], _Answer[msgspec.Raw], _CONTACT, "data, a list of contacts")
_GROUPS = ListDecoder(_Answer[_Group], _Answer[msgspec.Raw], RowDecoder(_Group, "id"), "data, a list of groups")


class _Relations(Relations):
    """The groups and statuses of one answer: what several contacts have alike is read once."""

    __slots__ = ("_statuses", "_tag", "_tags")

    def __init__(self, source: SourceRecord) -> None:
        self._tag = PageTags(source).tag
        self._tags: dict[tuple[bytes, tuple[Id, ...]], list[TagRecord]] = {}
        self._statuses: dict[bytes, str | None] = {}

    def status(self, row: _Contact) -> str | None:
        """Returns the included status's name, None when it was not included."""
        if row.status is _NOT_INCLUDED:
            return None
        written = bytes(row.status)
        if written not in self._statuses:
            status = _STATUS.value(row.status)
            self._statuses[written] = (status.name or None) if status else None
        return self._statuses[written]

    def tags(self, row: _Contact) -> list[TagRecord]:
        """Returns the contact's groups: named when they were included, else by `group_id` alone, which always comes."""
        written = b"" if row.groups is _NOT_INCLUDED else bytes(row.groups)
        key = (written, tuple(row.group_id or ()))
        tags = self._tags.get(key)
        if tags is None:
            tags = self._tags[key] = self._read(row)
        return tags.copy()

    def assignees(self, row: _Contact) -> list[UserRef]:
        """Returns the assigned user, by the id alone."""
        return [] if row.assigned_id in _MISSING else [UserRef(str(row.assigned_id))]

    def _read(self, row: _Contact) -> list[TagRecord]:
        groups = {str(group.id): group for group in _CONTACT_GROUPS.value(row.groups) or () if group.id not in _MISSING}
        ids = [str(group_id) for group_id in row.group_id or () if group_id not in _MISSING]
        return [
            self._tag(group_id, group.name, group.color)
            if (group := groups.get(group_id)) is not None
            else self._tag(group_id, None)
            for group_id in dict.fromkeys([*ids, *groups])
        ]


def contacts_page(body: bytes, source: SourceRecord) -> Page:
    """Returns one page. Raises InvalidAnswer."""
    raws = RawRows(body, _CONTACTS.raw_rows)
    decoded = _CONTACTS.decode(body, _contact_maker(source, raws))
    return Page(decoded.records, *_counts(decoded.envelope), bad=decoded.bad)


def contact(body: bytes, source: SourceRecord) -> ContactRecord:
    """Returns the looked-up contact. Raises InvalidAnswer."""
    raws = RawRows(body, contact_found)
    return _CONTACT.one(raws.row(0), _contact_maker(source, raws))


def groups_page(body: bytes, source: SourceRecord) -> TagPage:
    """Returns one page of groups as tags. Raises InvalidAnswer."""
    decoded = _GROUPS.decode(body, lambda row, index: _tag(row, source))
    return TagPage(decoded.records, *_counts(decoded.envelope), bad=decoded.bad)


def details(record: ContactRecord) -> WacrDetails:
    """Returns the typed details."""
    row: _Contact = record.row
    return WacrDetails(
        tenant_id=_id(row.tenant_id),
        type=row.type or None,
        status_id=_id(row.status_id),
        status_data=raw_value(row.status),
        source_id=_id(row.source_id),
        source_data=raw_value(row.source),
        assigned_id=_id(row.assigned_id),
        group_ids=[str(group) for group in row.group_id or () if group not in _MISSING],
        groups_data=raw_value(row.groups),
        description=row.description or None,
        city=row.city or None,
        state=row.state or None,
        zip=row.zip or None,
        address=row.address or None,
        country_id=_id(row.country_id),
        is_opted_out=row.is_opted_out,
    )


def own_values(record: ContactRecord, field: str) -> Sequence[object]:
    """Returns the record's values of a WacrFilter field, empty when missing. Raises KeyError for any other field."""
    return [value for value in _OWN_VALUES[field](record) if value not in _MISSING]


_OWN_VALUES: dict[str, Callable[[ContactRecord], Sequence[object]]] = {
    "wacr.type": lambda record: [record.row.type],
    "wacr.statusId": lambda record: [_id_value(record.row.status_id)],
    "wacr.sourceId": lambda record: [_id_value(record.row.source_id)],
    "wacr.assignedId": lambda record: [_id_value(record.row.assigned_id)],
    "wacr.groupId": lambda record: [_id_value(group) for group in record.row.group_id or ()],
    "wacr.createdAt": lambda record: [record.created_at],
}


def _counts(answer: _Answer[Any]) -> tuple[int | None, int | None, int | None, int | None]:
    """Returns what the answer says of total, page, size and number of pages. Raises InvalidAnswer."""
    pagination = answer.meta.pagination if isinstance(answer.meta, _Meta) else None
    pagination = pagination or answer.pagination or _Pagination()
    return (
        whole_number("total", pagination.total),
        whole_number("current_page", pagination.current_page),
        whole_number("per_page", pagination.per_page),
        whole_number("total_pages", pagination.total_pages),
    )


def _contact_maker(source: SourceRecord, raws: RawRows) -> Callable[[_Contact, int], ContactRecord]:
    relations = _Relations(source)
    source_name = source.name

    def make(row: _Contact, index: int) -> ContactRecord:
        native_id = str(row.id)
        return ContactRecord(
            global_id("Contact", source_name, native_id),
            native_id,
            source,
            row.firstname or None,
            row.lastname or None,
            row.email or None,
            row.phone or None,
            row.company or None,
            None,
            relations.status(row),
            as_utc(row.created_at),
            as_utc(row.updated_at),
            row,
            relations,
            raws,
            index,
        )

    return make


def _tag(row: _Group, source: SourceRecord) -> TagRecord:
    native_id = str(row.id)
    return TagRecord(
        global_id("Tag", source.name, native_id),
        source,
        native_id,
        row.name or native_id,
        row.color or None,
        as_utc(row.created_at),
        row.contacts_count,
    )


def _id(value: Id | None) -> str | None:
    return None if value in _MISSING else str(value)


def _id_value(value: Id | None) -> int | str | None:
    return id_value(value) if isinstance(value, str) else value
