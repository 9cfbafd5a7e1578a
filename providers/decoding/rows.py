"""From an answer's JSON to records, shared by all providers: all at once when it is well formed, else row by row.

A provider declares two things as msgspec structs: its row, strict (`str | None`, `datetime | None`), and its
envelope, generic in the row, with a method `rows()`. Unknown keys are ignored and missing ones take their default.

    class _Row(msgspec.Struct):
        native_id: RowId = msgspec.field(name="id")
        email: str | None = None
        created_at: datetime | None = None

    class _Answer(msgspec.Struct, Generic[T]):
        data: list[T] | None
        total: Count = None

        def rows(self) -> list[T]:
            return self.data or []

    _CONTACTS = ListDecoder(_Answer[_Row], _Answer[msgspec.Raw], RowDecoder(_Row, "id"), "data, a list of contacts")

    decoded = _CONTACTS.decode(body, lambda row, index: ContactRecord(...))
    Page(decoded.records, total=whole_number("total", decoded.envelope.total), bad=decoded.bad)
    RawRows(body, _CONTACTS.raw_rows)

The first, fast attempt decodes the whole body in one call. Only when something in it does not fit is it read again row
by row, so that one bad row costs itself alone, and with the tolerances of `providers.decoding.tolerant`. What still
does not fit is a bad row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Annotated, Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import msgspec

from providers.decoding.tolerant import (
    NOTHING,
    UNREADABLE,
    TolerantDecoder,
    as_text,
    as_whole,
    decode_body,
    reason,
)
from providers.spi.lazy_records import LazyRecords
from providers.spi.page import BadRow
from providers.spi.provider import InvalidAnswer
from providers.spi.record import SourceRecord, TagRecord, global_id

__all__ = [
    "Count",
    "Decoded",
    "EitherDecoder",
    "Envelope",
    "ListDecoder",
    "Outcome",
    "PageTags",
    "RowDecoder",
    "RowId",
    "TolerantDecoder",
    "as_utc",
    "contact_found",
    "decode_body",
    "raw_value",
    "refuse_failure",
    "whole_number",
]

# The longest native id, in characters.
LONGEST_ID = 512
# The largest number of anything: GraphQL's Int ends there, and no list of contacts is longer.
LARGEST_COUNT = 2**31 - 1

T = TypeVar("T")
R = TypeVar("R")
E = TypeVar("E", bound="Envelope")
F = TypeVar("F", bound="Envelope")

# A native id: there, and not empty. One that comes as a number is taken as text.
# Longer ones are none that a cursor could hold.
RowId: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
# A number beside the rows (total, page …), to be read with `whole_number`.
Count: TypeAlias = int | float | str | None


class Envelope(Protocol):
    """What stands around the rows. Generic in practice: decoded with the row type, or with msgspec.Raw for rows."""

    def rows(self) -> list[Any]:
        """Returns the rows in order. Raises InvalidAnswer when the answer has no list of rows."""


class Outcome(msgspec.Struct, kw_only=True):
    """What an envelope says of its own success, in a member that some APIs document and any may send."""

    success: Any = None
    error: Any = None


def refuse_failure(outcome: Outcome, rows: Sequence[object] | None) -> None:
    """Raises InvalidAnswer for an error in an answer with status 200. Nothing of the error's text is repeated.

    An error beside rows is none as long as the envelope does not say that it failed.
    """
    if outcome.success in _FAILED or (outcome.error and rows is not None and not rows):
        raise InvalidAnswer("expected an answer, got an error with status 200")


_FAILED = (False, "false", "0")


class Decoded(NamedTuple, Generic[E, T]):
    """One answer: its envelope, and records aligned with its rows (None stands for a bad one)."""

    envelope: E
    records: Sequence[T | None]
    bad: tuple[BadRow, ...]


class RowDecoder(Generic[R]):
    """Decodes single rows of one kind, tolerantly. `id_name` is the JSON name of the row's id."""

    def __init__(self, row_type: type[R], id_name: str) -> None:
        self._id_name = id_name
        self._rows = TolerantDecoder(row_type)
        self.id_of: Callable[[R], str] = attrgetter(
            next(field.name for field in msgspec.structs.fields(cast("Any", row_type)) if field.encode_name == id_name)
        )

    def decode(self, raws: list[msgspec.Raw], make: Callable[[R, int], T]) -> tuple[list[T | None], tuple[BadRow, ...]]:
        """Returns what `make` makes of each row, None for a bad one, and the bad rows."""
        records: list[T | None] = []
        bad: list[BadRow] = []
        for index, raw in enumerate(raws):
            try:
                records.append(make(self._rows.decode(raw), index))
            except UNREADABLE as error:
                records.append(None)
                bad.append(BadRow(index, self._native_id(raw), reason(error)))
        return records, tuple(bad)

    def one(self, raw: msgspec.Raw, make: Callable[[R, int], T]) -> T:
        """Returns what `make` makes of an answer's only row. Raises InvalidAnswer naming the field."""
        try:
            return make(self._rows.decode(raw), 0)
        except UNREADABLE as error:
            raise InvalidAnswer(reason(error)) from None

    def _native_id(self, raw: msgspec.Raw) -> str | None:
        try:
            row = msgspec.json.decode(raw)
        except UNREADABLE:
            return None
        native_id = as_text(row.get(self._id_name)) if isinstance(row, dict) else None
        return native_id if isinstance(native_id, str) and 0 < len(native_id) <= LONGEST_ID else None


class ListDecoder(Generic[E, R]):
    """Decodes list answers of one kind.

    `strict` is the envelope of decoded rows, `loose` the same envelope of msgspec.Raw. `expected` says in words what
    an answer holds ("data, a list of contacts"): it is shown when one does not.
    """

    def __init__(self, strict: type[E], loose: type[Any], row: RowDecoder[R], expected: str) -> None:
        self._strict = msgspec.json.Decoder(strict)
        self._loose: msgspec.json.Decoder[E] = msgspec.json.Decoder(loose)
        self._row = row
        self._expected = expected

    def decode(self, body: bytes, make: Callable[[R, int], T]) -> Decoded[E, T]:
        """Returns the envelope and what `make` makes of each row and its index. Raises InvalidAnswer."""
        try:
            envelope = self._strict.decode(body)
            return Decoded(envelope, LazyRecords(envelope.rows(), make, self._row.id_of), ())
        except UNREADABLE:
            envelope = self._open(body)
            return Decoded(envelope, *self._row.decode(envelope.rows(), make))

    def raw_rows(self, body: bytes) -> list[msgspec.Raw]:
        """Returns the rows as they were written, in the order of `decode`: for `RawRows`. Raises InvalidAnswer.

        Bytes that are no UTF-8 become U+FFFD: they may stand in a field that no decoder reads, and a client's JSON
        must not hold them.
        """
        return self._open(body if body.isascii() else body.decode("utf-8", "replace").encode()).rows()

    def _open(self, body: bytes) -> E:
        return decode_body(self._loose, body, self._expected)


class EitherDecoder(Generic[E, F, R]):
    """Decodes list answers that come in one of two envelopes: in the second one what is not in the first."""

    def __init__(self, first: ListDecoder[E, R], second: ListDecoder[F, R]) -> None:
        self._first = first
        self._second = second

    def decode(self, body: bytes, make: Callable[[R, int], T]) -> Decoded[E | F, T]:
        """Returns what `ListDecoder.decode` returns. Raises InvalidAnswer when neither envelope is there."""
        try:
            return Decoded(*self._first.decode(body, make))
        except InvalidAnswer:
            return Decoded(*self._second.decode(body, make))

    def raw_rows(self, body: bytes) -> list[msgspec.Raw]:
        """Returns the rows as they were written, from the envelope that `decode` takes. Raises InvalidAnswer."""
        try:
            return self._first.raw_rows(body)
        except InvalidAnswer:
            return self._second.raw_rows(body)


def whole_number(name: str, value: Count) -> int | None:
    """Returns a number that the envelope may also write as text, None when it is missing.

    Raises InvalidAnswer, also for one above 2,147,483,647: an answer with such a number is not paged by, and neither a
    GraphQL Int nor a cursor holds it.
    """
    if value is None or value == "":
        return None
    number = as_whole(value)
    if not isinstance(number, int) or number < 0:
        raise InvalidAnswer(f"expected {name} to be a whole number")
    if number > LARGEST_COUNT:
        raise InvalidAnswer(f"expected {name} to be at most {LARGEST_COUNT}")
    return number


def as_utc(value: datetime | None) -> datetime | None:
    """Returns the same instant in UTC; a time without an offset is one in UTC already.

    At the calendar's edges, where the instant in UTC has no date, the hours of its offset are left out.
    """
    if value is None or value.tzinfo is UTC:
        return value
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return value.replace(tzinfo=UTC)


def raw_value(value: msgspec.Raw) -> msgspec.Raw | None:
    """Returns a field declared `msgspec.Raw = msgspec.Raw()` as it was written.

    None when it is missing, null or an empty text.
    """
    return None if bytes(value) in NOTHING else value


class _Found(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw()


_FOUND = msgspec.json.Decoder(_Found)


def contact_found(body: bytes) -> list[msgspec.Raw]:
    """Returns the row of a looked-up contact alone: it stands under `data`, or is the answer. Raises InvalidAnswer."""
    found = decode_body(_FOUND, body, "a contact")
    return [found.data if bytes(found.data) else msgspec.Raw(body)]


class PageTags:
    """The tags of one page: contacts that carry the same tag share its record."""

    __slots__ = ("_records", "_source")

    def __init__(self, source: SourceRecord) -> None:
        self._source = source
        self._records: dict[tuple[str, str | None, str | None], TagRecord] = {}

    def tag(self, native_id: str, name: str | None, color: str | None = None) -> TagRecord:
        """Returns the tag's record. Without a name the id stands for it (contract.graphql, Tag.name)."""
        key = (native_id, name, color)
        record = self._records.get(key)
        if record is None:
            tag_id = global_id("Tag", self._source.name, native_id)
            record = TagRecord(tag_id, self._source, native_id, name or native_id, color or None)
            self._records[key] = record
        return record
