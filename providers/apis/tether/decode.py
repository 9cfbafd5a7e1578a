"""Tether's contacts: the list's envelopes (trap 5), a contact's fields, and what it may carry more (trap 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from providers.apis.tether import filters
from providers.decoding.rows import (
    Count,
    EitherDecoder,
    ListDecoder,
    Outcome,
    RowDecoder,
    RowId,
    TolerantDecoder,
    as_utc,
    raw_value,
    refuse_failure,
    whole_number,
)
from providers.spi.page import Page
from providers.spi.provider import FilterRefused, InvalidAnswer
from providers.spi.record import (
    ContactRecord,
    RawRows,
    Relations,
    SourceRecord,
    StageRef,
    UserRef,
    display_name,
    global_id,
)

T = TypeVar("T")

EXPECTED = "contacts, under data.contacts, as data itself, or beside it"
_NO_ROWS = (b"", b"null", b"[]")


class User(msgspec.Struct, rename="camel", gc=False):
    """A user as Tether writes one, in its list of users and inside contacts."""

    mongo_id: str | None = msgspec.field(name="_id", default=None)
    id: str | None = None
    full_name: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None

    def ref(self) -> UserRef | None:
        """Returns the user, None when there is no id."""
        native_id = self.mongo_id or self.id
        if not native_id:
            return None
        name = self.full_name or self.name or display_name(self.first_name, self.last_name)
        return UserRef(native_id, name, self.email or None)


# "createdBy is an id or an object {_id, fullName}; assignees are ids or objects" (trap 5).
_UserOrId: TypeAlias = str | User | None


class Contact(msgspec.Struct, rename="camel", gc=False):
    """A contact's documented fields. Those that have no documented type are read when they are asked for."""

    native_id: RowId = msgspec.field(name="_id")
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None
    email: str | None = None
    status: str | None = None
    pipeline_id: str | None = None
    pipeline_stage: str | None = None
    organization_id: str | None = None
    user_id: _UserOrId = None
    created_by: _UserOrId = None
    assignees: list[_UserOrId] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class _Extras(msgspec.Struct, rename="camel"):
    """What a contact may carry more (trap 7): no type is documented, so none may cost the contact."""

    is_bulk_sms: msgspec.Raw = msgspec.Raw()
    is_autopilot: msgspec.Raw = msgspec.Raw()
    process: msgspec.Raw = msgspec.Raw()
    source: msgspec.Raw = msgspec.Raw()
    lead_source: msgspec.Raw = msgspec.Raw()
    channel_types: msgspec.Raw = msgspec.Raw()
    files: msgspec.Raw = msgspec.Raw()
    last_message_time: msgspec.Raw = msgspec.Raw()
    latest_message: msgspec.Raw = msgspec.Raw()


class _Numbers(Outcome):
    """What stands beside the rows, in whichever place."""

    total: Count = None
    page: Count = None
    size: Count = None


class _Data(_Numbers, Generic[T]):
    contacts: list[T] | None = None


class _UnderData(_Numbers, Generic[T]):
    """`data` holds the contacts, or is their list; `contacts` beside it says the same once more."""

    data: _Data[T] | list[T] | None = None
    contacts: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()

    def rows(self) -> list[T]:
        rows = self.data.contacts if isinstance(self.data, _Data) else self.data
        if rows is None or (not rows and bytes(self.contacts) not in _NO_ROWS):
            raise InvalidAnswer(f"expected {EXPECTED}")
        refuse_failure(self, rows)
        return rows

    def numbers(self) -> list[_Numbers | None]:
        return [self.data if isinstance(self.data, _Numbers) else None, self, _NUMBERS.value(self.meta)]


class _BesideData(_Numbers, Generic[T], kw_only=True):
    """The contacts are at the top; `data` may still hold the numbers."""

    contacts: list[T]
    data: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()

    def rows(self) -> list[T]:
        refuse_failure(self, self.contacts)
        return self.contacts

    def numbers(self) -> list[_Numbers | None]:
        return [self, _NUMBERS.value(self.data), _NUMBERS.value(self.meta)]


class TetherDetails(msgspec.Struct, gc=False):
    """What only Tether has (contract.graphql, TetherContact). `origin` is its `source`; JSON is as it was written.

    `source` is where the contact comes from: the user list that knows more of `created_by` is there.
    """

    source: SourceRecord
    pipeline_id: str | None
    pipeline_stage_id: str | None
    organization_id: str | None
    user_id: str | None
    created_by: UserRef | None
    lead_source: str | None
    origin: str | None
    process: str | None
    is_bulk_sms: bool | None
    is_autopilot: bool | None
    channel_types: list[str]
    files: msgspec.Raw | None
    last_message_at: datetime | None
    latest_message: msgspec.Raw | None


ROW = RowDecoder(Contact, "_id")
_CONTACTS = EitherDecoder(
    ListDecoder(_UnderData[Contact], _UnderData[msgspec.Raw], ROW, EXPECTED),
    ListDecoder(_BesideData[Contact], _BesideData[msgspec.Raw], ROW, EXPECTED),
)
_NUMBERS = TolerantDecoder(_Numbers)
_EXTRAS = msgspec.json.Decoder(_Extras)
_TEXT = TolerantDecoder(str)
_TEXTS = TolerantDecoder(list[str])
_FLAG = TolerantDecoder(bool)
_TIME = TolerantDecoder(datetime)


def contacts_page(body: bytes, source: SourceRecord) -> Page:
    """Returns one page of the list. Raises InvalidAnswer."""
    decoded = _CONTACTS.decode(body, contact_maker(source, RawRows(body, _CONTACTS.raw_rows)))
    numbers = [each for each in decoded.envelope.numbers() if each is not None]
    return Page(
        decoded.records,
        total=_first("total", [each.total for each in numbers]),
        page=_first("page", [each.page for each in numbers]),
        size=_first("size", [each.size for each in numbers]),
        bad=decoded.bad,
    )


class _Relations(Relations):
    __slots__ = ()

    def stage(self, row: Contact) -> StageRef | None:
        stage_id, status = row.pipeline_stage or None, row.status or None
        return StageRef(stage_id, status, row.pipeline_id or None) if stage_id or status else None

    def owner(self, row: Contact) -> UserRef | None:
        return _user_ref(row.user_id) if row.user_id else None

    def assignees(self, row: Contact) -> list[UserRef]:
        return [ref for user in row.assignees or () if (ref := _user_ref(user))]


RELATIONS: Final = _Relations()


def contact_maker(source: SourceRecord, raws: RawRows) -> Callable[[Contact, int], ContactRecord]:
    """Returns the function that makes a row of this answer, and its index, into a record."""
    name = source.name

    def make(row: Contact, index: int) -> ContactRecord:
        return ContactRecord(
            global_id("Contact", name, row.native_id),
            row.native_id,
            source,
            row.first_name or None,
            row.last_name or None,
            row.email or None,
            row.phone_number or None,
            None,
            None,
            row.status or None,
            as_utc(row.created_at),
            as_utc(row.updated_at),
            row,
            RELATIONS,
            raws,
            index,
        )

    return make


def details(record: ContactRecord) -> TetherDetails:
    """Returns the typed details. A value of an unexpected type is None here; it still stands in `raw`."""
    row: Contact = record.row
    extras = _extras(record)
    return TetherDetails(
        source=record.source,
        pipeline_id=row.pipeline_id or None,
        pipeline_stage_id=row.pipeline_stage or None,
        organization_id=row.organization_id or None,
        user_id=record.owner_ref.native_id if record.owner_ref else None,
        created_by=_user_ref(row.created_by),
        lead_source=_TEXT.value(extras.lead_source) or None,
        origin=_TEXT.value(extras.source) or None,
        process=_TEXT.value(extras.process) or None,
        is_bulk_sms=_FLAG.value(extras.is_bulk_sms),
        is_autopilot=_FLAG.value(extras.is_autopilot),
        channel_types=_TEXTS.value(extras.channel_types) or [],
        files=raw_value(extras.files),
        last_message_at=_instant(extras.last_message_time),
        latest_message=raw_value(extras.latest_message),
    )


def own_values(record: ContactRecord, field: str) -> Sequence[object]:
    """Returns the record's values for a field of TetherFilter, none when they are missing.

    Raises FilterRefused for what a contact does not tell. `leadSource` may be a field that this Tether does not give
    (trap 7): then nothing is known of it, unlike of one that is null.
    """
    row: Contact = record.row
    match field:
        case filters.SOURCE:
            return _present(_TEXT.value(_extras(record).source))
        case filters.LEAD_SOURCE:
            lead_source = _extras(record).lead_source
            if not bytes(lead_source):
                raise FilterRefused(
                    f"{field}: Tether takes it with GET alone, and this contact does not show it; it may not stand "
                    "beside search, tether.customFilters, tether.stages, tether.bulkOnly, or several of tether.owner "
                    "or tether.assignee, which need POST"
                )
            return _present(_TEXT.value(lead_source))
        case filters.STATUS:
            return _present(row.status)
        case filters.PIPELINE_STAGE:
            return _present(row.pipeline_stage)
        case filters.PIPELINE_ID:
            return _present(row.pipeline_id)
        case filters.OWNER:
            # "any listed user is creator, owner, or assignee" (buckets page)
            users = (record.owner_ref, _user_ref(row.created_by), *record.assignee_refs)
            return [user.native_id for user in users if user is not None]
    raise FilterRefused(f"{field}: only Tether itself can tell; it cannot be judged on a contact")


def _first(name: str, values: list[Count]) -> int | None:
    return next((number for value in values if (number := whole_number(name, value)) is not None), None)


def _extras(record: ContactRecord) -> _Extras:
    return _EXTRAS.decode(record.raws.row(record.index))


def _user_ref(user: _UserOrId) -> UserRef | None:
    if isinstance(user, User):
        return user.ref()
    return UserRef(user) if user else None


def _instant(value: msgspec.Raw) -> datetime | None:
    return as_utc(_TIME.value(value))


def _present(value: str | None) -> Sequence[object]:
    return (value,) if value else ()
