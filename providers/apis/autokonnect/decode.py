"""AutoKonnect's answers: contacts with their tags, and the tags with how many contacts carry them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from providers.decoding.rows import (
    Count,
    ListDecoder,
    Outcome,
    PageTags,
    RowDecoder,
    RowId,
    as_utc,
    refuse_failure,
    whole_number,
)
from providers.spi.page import Page, TagPage
from providers.spi.record import ContactRecord, RawRows, Relations, SourceRecord, TagRecord, global_id

T = TypeVar("T")


class _ContactTag(msgspec.Struct, gc=False):
    id: RowId
    name: str | None = None
    color: str | None = None


class _Contact(msgspec.Struct, gc=False):
    id: RowId
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    phone_number_lid: str | None = None
    profile_picture: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    tags: list[_ContactTag] | None = None


class _Counts(msgspec.Struct):
    contact_tag: int | None = None


class _Tag(msgspec.Struct, gc=False):
    id: RowId
    name: str | None = None
    color: str | None = None
    created_at: datetime | None = None
    counts: _Counts | None = msgspec.field(name="_count", default=None)


class _Answer(Outcome, Generic[T], rename="camel", kw_only=True):
    """The pagination envelope, the same for both lists."""

    data: list[T]
    current_page: Count = None
    total_pages: Count = None
    total_records: Count = None

    def rows(self) -> list[T]:
        refuse_failure(self, self.data)
        return self.data

    def counts(self) -> tuple[int | None, int | None, int | None]:
        """Returns the total, the page and the number of pages. Raises InvalidAnswer for what is no number."""
        return (
            whole_number("totalRecords", self.total_records),
            whole_number("currentPage", self.current_page),
            whole_number("totalPages", self.total_pages),
        )


class AutokonnectDetails(msgspec.Struct, gc=False):
    """What only AutoKonnect has (contract.graphql, AutokonnectContact)."""

    phone_number_lid: str | None


_CONTACTS = ListDecoder(_Answer[_Contact], _Answer[msgspec.Raw], RowDecoder(_Contact, "id"), "data, a list of contacts")
_TAGS = ListDecoder(_Answer[_Tag], _Answer[msgspec.Raw], RowDecoder(_Tag, "id"), "data, a list of tags")


def contacts_page(body: bytes, source: SourceRecord) -> Page:
    """Returns one page. Raises InvalidAnswer."""
    decoded = _CONTACTS.decode(body, _contact_maker(source, RawRows(body, _CONTACTS.raw_rows)))
    total, page, total_pages = decoded.envelope.counts()
    return Page(decoded.records, total=total, page=page, total_pages=total_pages, bad=decoded.bad)


def tags_page(body: bytes, source: SourceRecord) -> TagPage:
    """Returns one page of tags. Raises InvalidAnswer."""
    decoded = _TAGS.decode(body, lambda row, index: _tag(row, source))
    total, page, total_pages = decoded.envelope.counts()
    return TagPage(decoded.records, total=total, page=page, total_pages=total_pages, bad=decoded.bad)


def details(record: ContactRecord) -> AutokonnectDetails:
    """Returns the typed details."""
    row: _Contact = record.row
    return AutokonnectDetails(row.phone_number_lid or None)


class _Relations(Relations):
    __slots__ = ("_tag",)

    def __init__(self, source: SourceRecord) -> None:
        self._tag = PageTags(source).tag

    def tags(self, row: _Contact) -> list[TagRecord]:
        return [self._tag(tag.id, tag.name, tag.color) for tag in row.tags or ()]


def _contact_maker(source: SourceRecord, raws: RawRows) -> Callable[[_Contact, int], ContactRecord]:
    relations = _Relations(source)
    name = source.name

    def make(row: _Contact, index: int) -> ContactRecord:
        return ContactRecord(
            global_id("Contact", name, row.id),
            row.id,
            source,
            row.first_name or None,
            row.last_name or None,
            row.email or None,
            row.phone_number or None,
            None,
            row.profile_picture or None,
            None,
            as_utc(row.created_at),
            as_utc(row.updated_at),
            row,
            relations,
            raws,
            index,
        )

    return make


def _tag(row: _Tag, source: SourceRecord) -> TagRecord:
    return TagRecord(
        global_id("Tag", source.name, row.id),
        source,
        row.id,
        row.name or row.id,
        row.color or None,
        as_utc(row.created_at),
        row.counts.contact_tag if row.counts else None,
    )
