"""From bodies to records: the fast path, the tolerances, and rows that cannot be used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
import pytest

from providers.decoding.rows import (
    Count,
    EitherDecoder,
    ListDecoder,
    PageTags,
    RowDecoder,
    RowId,
    TolerantDecoder,
    as_utc,
    raw_value,
    whole_number,
)
from providers.spi.page import BadRow
from providers.spi.provider import InvalidAnswer
from providers.spi.record import RawRows, SourceRecord

T = TypeVar("T")


class Owner(msgspec.Struct):
    id: str | None = None


class Row(msgspec.Struct):
    id: RowId
    name: str | None = None
    born: datetime | None = None
    age: int | None = None
    active: bool | None = None
    owner: str | Owner | None = None
    phones: list[str] | None = None


class Answer(msgspec.Struct, Generic[T]):
    data: list[T]
    total: Count = None

    def rows(self) -> list[T]:
        return self.data


class OtherAnswer(msgspec.Struct, Generic[T]):
    rows_: list[T] = msgspec.field(name="rows")

    def rows(self) -> list[T]:
        return self.rows_


ROW = RowDecoder(Row, "id")
ROWS = ListDecoder(Answer[Row], Answer[msgspec.Raw], ROW, "data, a list of rows")
SOURCE = SourceRecord("id", "sales", "tether")
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def itself(row: Row, index: int) -> Row:
    row.born = as_utc(row.born)
    return row


def decoded(*rows: str) -> tuple[list[Row | None], tuple[BadRow, ...]]:
    body = '{"data": [' + ", ".join(rows) + "]}"
    answer = ROWS.decode(body.encode(), itself)
    return answer.records, answer.bad


def only(row: str) -> Row:
    (record,), bad = decoded(row)
    assert bad == ()
    assert record is not None
    return record


def refusal(row: str) -> str:
    """The reason why this row is bad; the rows beside it stay."""
    records, bad = decoded('{"id": "before"}', row, '{"id": "after"}')
    assert [record and record.id for record in records] == ["before", None, "after"]
    (only_bad,) = bad
    assert only_bad.index == 1
    return only_bad.reason


def test_unknown_keys_are_ignored_and_missing_ones_are_none() -> None:
    assert only('{"id": "1", "unheard_of": {"deep": [1]}}') == Row("1")


def test_null_is_missing() -> None:
    assert only('{"id": "1", "name": null, "born": null, "phones": null, "owner": null}') == Row("1")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("7", "7"),
        ("254700000001", "254700000001"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
    ],
)
def test_a_number_is_taken_for_a_text(written: str, meant: str) -> None:
    row = only(f'{{"id": {written}, "name": {written}, "phones": [{written}], "owner": {written}}}')
    assert (row.id, row.name, row.phones, row.owner) == (meant, meant, [meant], meant)


@pytest.mark.parametrize("written", ['"7"', "7", "7.0"])
def test_digits_are_taken_for_a_number(written: str) -> None:
    assert only(f'{{"id": "1", "age": {written}}}').age == 7


@pytest.mark.parametrize(("written", "meant"), [("1", True), ("0", False), ('"true"', True), ('"0"', False)])
def test_zero_and_one_are_taken_for_a_truth_value(written: str, meant: bool) -> None:
    assert only(f'{{"id": "1", "active": {written}}}').active is meant


def test_an_empty_text_is_missing_where_something_else_is_expected() -> None:
    row = only('{"id": "1", "born": "", "age": "", "active": "", "phones": ""}')
    assert row == Row("1")


@pytest.mark.parametrize(
    "written",
    [
        "2025-06-01T12:00:00Z",
        "2025-06-01T12:00:00.000Z",
        "2025-06-01T15:00:00+03:00",
        "2025-06-01T08:30:00-03:30",
        "2025-06-01T15:00:00+0300",
        "2025-06-01T12:00:00",
        "2025-06-01 12:00:00",
        "2025-06-01T12:00Z",
    ],
)
def test_a_time_becomes_the_same_instant_in_utc(written: str) -> None:
    born = only(f'{{"id": "1", "born": "{written}"}}').born
    assert born == NOON
    assert born is not None
    assert born.tzinfo is UTC


def test_a_date_alone_is_its_midnight() -> None:
    assert only('{"id": "1", "born": "2025-06-01"}').born == datetime(2025, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "garbage", ['"yesterday"', '"31/12/2025"', '"2025-13-01T00:00:00Z"', '"20250601"', "1748779200"]
)
def test_a_garbage_date_makes_a_bad_row(garbage: str) -> None:
    assert refusal(f'{{"id": "1", "born": {garbage}}}').startswith("born: expected")


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_date_at_the_calendars_edge_costs_no_row(edge: str) -> None:
    assert only(f'{{"id": "1", "born": "{edge}"}}').born == datetime.fromisoformat(edge).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"name": "Jane"}', "id: missing"),
        ('{"id": ""}', "id: expected `str` of length >= 1"),
        ('{"id": null}', "id: expected `str`, got `null`"),
        ('{"id": ["1"]}', "id: expected `str`, got `array`"),
        ('{"id": true}', "id: expected `str`, got `bool`"),
        ('"Jane"', "expected `object`, got `str`"),
        ("null", "expected `object`, got `null`"),
        ('{"id": "1", "name": {"first": "Jane"}}', "name: expected `str | null`, got `object`"),
        ('{"id": "1", "phones": "0700"}', "phones: expected `array | null`, got `str`"),
        ('{"id": "1", "owner": {"id": [1]}}', "owner.id: expected `str | null`, got `array`"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_alone_and_says_which_field(row: str, reason: str) -> None:
    assert refusal(row) == reason


def test_half_an_emoji_costs_only_itself() -> None:
    records, bad = decoded(
        r'{"id": "1", "name": "cut \ud83d"}', r'{"id": "2", "name": "\ude00 \ud83d\ude00 \\ud83d"}', '{"id": "3"}'
    )
    assert bad == ()
    assert [record and record.name for record in records] == ["cut \ufffd", "\ufffd \U0001f600 \\ud83d", None]


def test_text_that_is_no_utf8_makes_a_bad_row() -> None:
    answer = ROWS.decode(b'{"data": [{"id": "1"}, {"id": "2", "name": "\xff"}]}', itself)
    assert answer.records == [Row("1"), None]
    assert [(bad.index, bad.reason) for bad in answer.bad] == [(1, "not readable as JSON text")]


@pytest.mark.parametrize(
    ("row", "native_id"), [('{"id": 7, "born": "x"}', "7"), ('{"id": [], "born": "x"}', None), ("5", None)]
)
def test_a_bad_row_carries_its_id_when_that_is_readable(row: str, native_id: str | None) -> None:
    _, (bad,) = decoded(row)
    assert bad.native_id == native_id


def test_a_reason_quotes_no_value() -> None:
    reasons = refusal('{"id": "1", "born": "secret"}') + refusal('{"id": "1", "age": "secret"}')
    assert "secret" not in reasons


def test_records_are_made_when_they_are_looked_at_and_only_once() -> None:
    made: list[int] = []

    def making(row: Row, index: int) -> Row:
        made.append(index)
        return row

    records = ROWS.decode(b'{"data": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}', making).records
    assert len(records) == 3
    assert made == []
    assert records[1:] == [Row("2"), Row("3")]
    assert records[-1] is records[2]
    assert made == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Bad gateway</html>",
        b"",
        b'{"data": [{"id": "1"}',
        b'{"data": []} trailing',
        b'{"data": ' + b"[" * 100_000,
    ],
)
def test_a_body_that_is_not_json_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer, match=r"^expected JSON with data, a list of rows"):
        ROWS.decode(body, itself)


@pytest.mark.parametrize("body", [b'{"error": "no"}', b'{"data": 5}', b'{"data": {"id": "1"}}', b"[]", b"null"])
def test_an_answer_without_its_list_says_what_was_expected(body: bytes) -> None:
    with pytest.raises(InvalidAnswer, match=r"^expected data, a list of rows$"):
        ROWS.decode(body, itself)


def test_rows_stay_as_they_were_written() -> None:
    body = b'{"data": [{"id": 1.50, "big": 12345678901234567890123}, {"id": [],  "x": "\\u00e9"}]}'
    rows = RawRows(body, ROWS.raw_rows)
    assert bytes(rows.row(1)) == b'{"id": [],  "x": "\\u00e9"}'
    assert bytes(rows.row(0)) == b'{"id": 1.50, "big": 12345678901234567890123}'


def test_raw_rows_are_utf8_even_where_the_source_is_not() -> None:
    body = b'{"data": [{"id": "1", "unheard_of": "\xff\xc3\xa9"}]}'
    assert ROWS.decode(body, itself).records == [Row("1")]
    assert bytes(RawRows(body, ROWS.raw_rows).row(0)).decode() == '{"id": "1", "unheard_of": "\ufffd\u00e9"}'


def test_the_second_envelope_is_read_when_the_first_is_not_there() -> None:
    either = EitherDecoder(
        ROWS, ListDecoder(OtherAnswer[Row], OtherAnswer[msgspec.Raw], ROW, "data or rows, a list of rows")
    )
    assert either.decode(b'{"rows": [{"id": 2}]}', itself).records == [Row("2")]
    assert either.decode(b'{"data": [{"id": 1}], "rows": [{"id": 2}]}', itself).records == [Row("1")]
    assert [bytes(row) for row in either.raw_rows(b'{"rows": [{"id": 2}]}')] == [b'{"id": 2}']
    with pytest.raises(InvalidAnswer, match="data or rows"):
        either.decode(b"{}", itself)


def test_a_single_row_that_cannot_be_used_is_an_invalid_answer() -> None:
    assert ROW.one(msgspec.Raw(b'{"id": 3}'), itself) == Row("3")
    with pytest.raises(InvalidAnswer, match="born: expected an RFC 3339 time"):
        ROW.one(msgspec.Raw(b'{"id": 3, "born": "x"}'), itself)


@pytest.mark.parametrize(("value", "number"), [(12, 12), ("12", 12), (12.0, 12), (0, 0), (None, None), ("", None)])
def test_a_count_may_be_written_as_text(value: Count, number: int | None) -> None:
    assert whole_number("total", value) == number


@pytest.mark.parametrize("value", ["many", -1, 1.5, "-1", "9" * 5000])
def test_what_is_no_count_is_an_invalid_answer(value: Count) -> None:
    with pytest.raises(InvalidAnswer, match="expected total to be a whole number"):
        whole_number("total", value)


@pytest.mark.parametrize(
    ("written", "value"), [(b"true", True), (b"1", True), (b"[1]", None), (b"null", None), (b"", None)]
)
def test_a_field_of_no_documented_type_is_none_when_it_is_another(written: bytes, value: Any) -> None:
    assert TolerantDecoder(bool).value(msgspec.Raw(written)) is value


def test_a_raw_value_is_none_when_missing_null_or_an_empty_text() -> None:
    assert raw_value(msgspec.Raw(b'""')) is None
    assert raw_value(msgspec.Raw(b"null")) is None
    assert raw_value(msgspec.Raw()) is None
    assert bytes(raw_value(msgspec.Raw(b"[1.0]")) or b"") == b"[1.0]"


def test_contacts_of_one_page_share_their_tags_records() -> None:
    tags = PageTags(SOURCE)
    vip = tags.tag("42", "VIP", "#1156d6")
    assert tags.tag("42", "VIP", "#1156d6") is vip
    assert tags.tag("42", "Vip", "#1156d6") is not vip
    assert (vip.native_id, vip.name, vip.color) == ("42", "VIP", "#1156d6")


def test_a_tag_without_a_name_is_called_by_its_id() -> None:
    assert PageTags(SOURCE).tag("42", "", "").name == "42"
    assert PageTags(SOURCE).tag("42", None).color is None
