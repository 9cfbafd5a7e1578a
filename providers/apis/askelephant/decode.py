"""AskElephant's answers: the list page's envelope, and the contact's fields (trap 10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from providers.decoding.rows import (
    ListDecoder,
    Outcome,
    RowDecoder,
    RowId,
    as_utc,
    contact_found,
    raw_value,
    refuse_failure,
)
from providers.spi.page import Page
from providers.spi.provider import InvalidAnswer
from providers.spi.record import ContactRecord, RawRows, Relations, SourceRecord, global_id

T = TypeVar("T")


class _Email(msgspec.Struct, gc=False):
    email: str | None = None
    is_primary: bool | None = None


class _Phone(msgspec.Struct, gc=False):
    phone_number: str | None = None
    is_primary: bool | None = None


class _Company(msgspec.Struct, gc=False):
    id: str | None = None


class _Contact(msgspec.Struct, gc=False):
    """A contact as the API writes it; several fields appear only when present.

    `email` and `phone` are deprecated siblings of the lists, of no documented type.
    """

    id: RowId
    created_at: datetime | None = None
    updated_at: datetime | None = None
    first_name: str | None = None
    last_name: str | None = None
    description: str | None = None
    company: _Company | None = None
    emails: list[_Email] | None = None
    phone_numbers: list[_Phone] | None = None
    crm_association: msgspec.Raw = msgspec.Raw()
    time_zone: str | None = None
    email: Any = None
    phone: Any = None


class _Answer(Outcome, Generic[T], kw_only=True):
    data: list[T]
    has_more: bool | None = None
    next_cursor: str | int | None = None

    def rows(self) -> list[T]:
        refuse_failure(self, self.data)
        return self.data


class AskElephantEmail(msgspec.Struct, gc=False):
    """One of a contact's addresses."""

    email: str
    is_primary: bool


class AskElephantPhone(msgspec.Struct, gc=False):
    """One of a contact's numbers, as the source wrote it."""

    phone_number: str
    is_primary: bool


class AskElephantDetails(msgspec.Struct, gc=False):
    """What only AskElephant has (contract.graphql, AskElephantContact). `crm_association` is JSON as it was written."""

    description: str | None
    company_id: str | None
    email_addresses: list[AskElephantEmail]
    phone_numbers: list[AskElephantPhone]
    crm_association: msgspec.Raw | None
    time_zone: str | None


_ROW = RowDecoder(_Contact, "id")
_CONTACTS = ListDecoder(_Answer[_Contact], _Answer[msgspec.Raw], _ROW, "data, a list of contacts")


def contacts_page(body: bytes, source: SourceRecord) -> Page:
    """Returns one page. Raises InvalidAnswer, also when more is promised without a cursor that leads to it."""
    raws = RawRows(body, _CONTACTS.raw_rows)
    decoded = _CONTACTS.decode(body, lambda row, index: _record(row, index, source, raws))
    answer = decoded.envelope
    token = None if answer.next_cursor in (None, "") else str(answer.next_cursor)
    if answer.has_more and token is None:
        raise InvalidAnswer("expected next_cursor to be a text when has_more is true")
    # The cursor is null at the end, so an answer that leaves has_more out is read by its cursor.
    more = token is not None and answer.has_more is not False
    return Page(decoded.records, next_token=token if more else None, has_more=more, bad=decoded.bad)


def contact(body: bytes, source: SourceRecord) -> ContactRecord:
    """Returns the looked-up contact. Raises InvalidAnswer."""
    raws = RawRows(body, contact_found)
    return _ROW.one(raws.row(0), lambda row, index: _record(row, index, source, raws))


def details(record: ContactRecord) -> AskElephantDetails:
    """Returns the typed details; entries without an address or a number are left out."""
    row: _Contact = record.row
    return AskElephantDetails(
        description=row.description or None,
        company_id=(row.company.id or None) if row.company else None,
        email_addresses=[
            AskElephantEmail(entry.email, entry.is_primary is True) for entry in row.emails or () if entry.email
        ],
        phone_numbers=[
            AskElephantPhone(entry.phone_number, entry.is_primary is True)
            for entry in row.phone_numbers or ()
            if entry.phone_number
        ],
        crm_association=raw_value(row.crm_association),
        time_zone=row.time_zone or None,
    )


class _Relations(Relations):
    __slots__ = ()

    def emails(self, record: ContactRecord) -> list[str]:
        entries = record.row.emails
        return super().emails(record) if entries is None else [entry.email for entry in entries if entry.email]

    def phones(self, record: ContactRecord) -> list[str]:
        entries = record.row.phone_numbers
        if entries is None:
            return super().phones(record)
        return [entry.phone_number for entry in entries if entry.phone_number]


RELATIONS: Final = _Relations()


def _record(row: _Contact, index: int, source: SourceRecord, raws: RawRows) -> ContactRecord:
    return ContactRecord(
        global_id("Contact", source.name, row.id),
        row.id,
        source,
        row.first_name or None,
        row.last_name or None,
        _email(row),
        _phone(row),
        None,  # the company is an id alone: details
        None,
        None,
        as_utc(row.created_at),
        as_utc(row.updated_at),
        row,
        RELATIONS,
        raws,
        index,
    )


def _email(row: _Contact) -> str | None:
    """Returns the primary address, else the first."""
    if row.emails is None:
        return _sibling(row.email)
    first: str | None = None
    for entry in row.emails:
        if entry.email:
            if entry.is_primary:
                return entry.email
            first = first or entry.email
    return first


def _phone(row: _Contact) -> str | None:
    """Returns the primary number, else the first."""
    if row.phone_numbers is None:
        return _sibling(row.phone)
    first: str | None = None
    for entry in row.phone_numbers:
        if entry.phone_number:
            if entry.is_primary:
                return entry.phone_number
            first = first or entry.phone_number
    return first


def _sibling(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
