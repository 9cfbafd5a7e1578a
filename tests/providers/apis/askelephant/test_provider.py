"""AskElephant: requests as its page documents them, and records from bodies written by hand after it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from providers.apis.askelephant import AskElephant, AskElephantEmail, AskElephantPhone
from providers.settings import SourceSettings
from providers.spi.page import BadRow, Page
from providers.spi.provider import FilterRefused, InvalidAnswer, PageNumber, Token
from providers.spi.query import Condition, ListQuery, Operator, Order, OrderField
from providers.spi.record import SourceRecord, global_id
from providers.spi.request import Request, Response

SOURCE = SourceRecord("c291cmNl", "calls", "askelephant")
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
provider = AskElephant(
    SourceSettings(name="calls", provider="askelephant", base_url="http://127.0.0.1:1", token_env="CALLS_TOKEN")
)

JANE: dict[str, Any] = {
    "object": "contact",
    "id": "cnt_1",
    "created_at": "2025-01-01T10:00:00.000Z",
    "updated_at": "2025-02-01T12:30:00.250+02:00",
    "first_name": "Jane",
    "last_name": "Doe",
    "description": "Met in Nairobi",
    "company": {"id": "cmp_9", "object": "company"},
    "emails": [
        {"email": "jane@old.example", "is_primary": False},
        {"email": "jane@example.com", "is_primary": True},
    ],
    "phone_numbers": [{"phone_number": "+1-555-0100", "is_primary": False}],
    "crm_association": {"id": "003", "object_type": "contact", "big": 12345678901234567890123},
    "time_zone": "Africa/Nairobi",
}


def answer(content: object) -> Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(200, {}, body, 0.0)


def page(*rows: object, has_more: object = False, next_cursor: object = None) -> Page:
    content = {"object": "list", "data": list(rows), "has_more": has_more, "next_cursor": next_cursor}
    return provider.contacts_page(answer(content), SOURCE)


def associations(*pairs: tuple[str, str]) -> Condition:
    return Condition("askElephant.crmAssociations", Operator.EQ, pairs)


# ---------------------------------------------------------------- requests


def test_the_first_page_says_limit_and_order() -> None:
    assert provider.contacts_request(ListQuery(), Token(None, 25)) == Request(
        "GET", "/v2/contacts", (("limit", "25"), ("order_by", "updated_at:desc"))
    )


def test_limit_order_search_and_filters_go_with_every_cursor() -> None:
    query = ListQuery(
        conditions=(Condition("updatedAt", Operator.GTE, NEW_YEAR),),
        search="jané & co",
        orders=(Order(OrderField.UPDATED_AT),),
    )
    assert provider.contacts_request(query, Token("abc==", 50)).params == (
        ("limit", "50"),
        ("order_by", "updated_at:asc"),
        ("cursor", "abc=="),
        ("search", "jané & co"),
        ("filter[updated_at][gte]", "2025-01-01T00:00:00Z"),
    )


def test_the_limit_never_exceeds_100() -> None:
    assert ("limit", "100") in provider.contacts_request(ListQuery(), Token(None, 250)).params


def test_a_descending_order_is_the_default_spelled_out() -> None:
    query = ListQuery(orders=(Order(OrderField.UPDATED_AT, descending=True),))
    assert provider.contacts_request(query, Token(None, 1)).params == (("limit", "1"), ("order_by", "updated_at:desc"))


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
def test_each_end_of_the_updated_range_is_pushed_exactly(operator: str) -> None:
    condition = Condition("updatedAt", Operator(operator), NEW_YEAR)
    split = provider.push_down((condition,), None)
    assert (split.taken, split.left) == ((condition,), ())
    params = provider.contacts_request(ListQuery(conditions=split.taken), Token(None, 25)).params
    assert params[2:] == ((f"filter[updated_at][{operator}]", "2025-01-01T00:00:00Z"),)


def test_instants_go_out_in_utc_with_their_microseconds() -> None:
    instant = datetime(2025, 1, 1, 2, 0, 0, 1500, tzinfo=timezone(timedelta(hours=2)))
    query = ListQuery(conditions=(Condition("updatedAt", Operator.LT, instant),))
    params = provider.contacts_request(query, Token(None, 25)).params
    assert params[2:] == (("filter[updated_at][lt]", "2025-01-01T00:00:00.001500Z"),)


def test_a_second_bound_of_the_same_kind_stays_here() -> None:
    first = Condition("updatedAt", Operator.GT, NEW_YEAR)
    second = Condition("updatedAt", Operator.GT, NEW_YEAR + timedelta(days=1))
    split = provider.push_down((first, second), None)
    assert (split.taken, split.left) == ((first,), (second,))


def test_other_fields_and_operators_stay_here() -> None:
    conditions = (
        Condition("createdAt", Operator.GT, NEW_YEAR),
        Condition("updatedAt", Operator.IS_NULL, False),
        Condition("email", Operator.EQ, "jane@example.com"),
    )
    split = provider.push_down(conditions, None)
    assert (split.taken, split.left) == ((), conditions)


def test_crm_associations_are_sent_with_indexed_brackets() -> None:
    split = provider.push_down((associations(("003", "contact"), ("0&4", "contact")),), None)
    assert split.left == ()
    params = provider.contacts_request(ListQuery(conditions=split.taken), Token(None, 25)).params
    assert params[2:] == (
        ("filter[crm_associations][eq][0][id]", "003"),
        ("filter[crm_associations][eq][0][object_type]", "contact"),
        ("filter[crm_associations][eq][1][id]", "0&4"),
        ("filter[crm_associations][eq][1][object_type]", "contact"),
    )


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ((associations(),), "expected 1 to 20 associations, got 0"),
        ((associations(*((str(n), "contact") for n in range(21))),), "expected 1 to 20 associations, got 21"),
        ((associations(("1", "deal")),), r"crmAssociations\[0\].objectType: AskElephant takes \"contact\" alone"),
        ((associations(("1", "contact"), ("", "contact")),), r"crmAssociations\[1\].id: expected"),
        ((associations(("1", "contact")), associations(("2", "contact"))), "takes one list a request"),
    ],
)
def test_crm_associations_that_cannot_be_asked_are_refused(conditions: tuple[Condition, ...], message: str) -> None:
    with pytest.raises(FilterRefused, match=message):
        provider.push_down(conditions, None)


def test_twenty_associations_are_taken_and_the_same_list_twice_is_one() -> None:
    condition = associations(*((str(n), "contact") for n in range(20)))
    assert provider.push_down((condition, condition), None).taken == (condition,)


def test_a_record_cannot_tell_its_crm_associations() -> None:
    (record,) = page(JANE).records
    assert record is not None
    with pytest.raises(FilterRefused, match=r"askElephant\.crmAssociations"):
        provider.own_values(record, "askElephant.crmAssociations")


def test_paging_by_number_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="pages by cursor"):
        provider.contacts_request(ListQuery(), PageNumber(1, 25))


# ---------------------------------------------------------------- records


def test_a_contact_is_read_by_the_table_of_fields() -> None:
    (record,) = page(JANE).records
    assert record is not None
    assert (record.id, record.native_id, record.source) == (global_id("Contact", "calls", "cnt_1"), "cnt_1", SOURCE)
    assert (record.display_name, record.first_name, record.last_name) == ("Jane Doe", "Jane", "Doe")
    assert (record.email, record.emails) == ("jane@example.com", ["jane@old.example", "jane@example.com"])
    assert (record.phone, record.phones) == ("+1-555-0100", ["+1-555-0100"])
    assert (record.created_at, record.updated_at) == (
        datetime(2025, 1, 1, 10, tzinfo=UTC),
        datetime(2025, 2, 1, 10, 30, 0, 250_000, tzinfo=UTC),
    )
    assert record.updated_at is not None
    assert record.updated_at.tzinfo is UTC
    assert (record.company, record.avatar_url, record.status, record.stage_ref) == (None, None, None, None)
    assert (record.tags, record.owner_ref, record.assignee_refs) == ([], None, [])


def test_details_hold_what_only_askelephant_has() -> None:
    (record,) = page(JANE).records
    assert record is not None
    details = provider.details(record)
    assert details.description == "Met in Nairobi"
    assert details.company_id == "cmp_9"
    assert details.email_addresses == [
        AskElephantEmail("jane@old.example", False),
        AskElephantEmail("jane@example.com", True),
    ]
    assert details.phone_numbers == [AskElephantPhone("+1-555-0100", False)]
    assert details.time_zone == "Africa/Nairobi"
    # As written: a number of any size stays what it was.
    assert b"12345678901234567890123" in msgspec.json.encode(details.crm_association)


def test_raw_is_the_row_as_it_was_written() -> None:
    records = page({"id": "cnt_0"}, JANE | {"unknown": [1, {"a": None}]}).records
    assert records[1] is not None
    assert msgspec.json.decode(records[1].raws.row(records[1].index)) == JANE | {"unknown": [1, {"a": None}]}


def test_a_contact_with_nothing_but_an_id_is_a_contact() -> None:
    (record,) = page({"id": "cnt_1"}).records
    assert record is not None
    assert (record.display_name, record.email, record.emails, record.phone, record.phones) == (None, None, [], None, [])
    assert (record.created_at, record.updated_at) == (None, None)
    details = provider.details(record)
    assert (details.description, details.company_id, details.crm_association, details.time_zone) == (None,) * 4
    assert (details.email_addresses, details.phone_numbers) == ([], [])


def test_an_empty_text_is_missing() -> None:
    row = {
        "id": "cnt_1",
        "first_name": "",
        "last_name": "Doe",
        "description": "",
        "time_zone": "",
        "updated_at": "",
        "company": {"id": ""},
        "emails": [{"email": "", "is_primary": True}, {"email": "jane@example.com"}],
        "phone_numbers": [{"phone_number": None, "is_primary": True}],
    }
    (record,) = page(row).records
    assert record is not None
    assert (record.display_name, record.first_name, record.updated_at) == ("Doe", None, None)
    assert (record.email, record.emails, record.phone, record.phones) == (
        "jane@example.com",
        ["jane@example.com"],
        None,
        [],
    )
    details = provider.details(record)
    assert (details.description, details.company_id, details.time_zone) == (None, None, None)
    assert details.email_addresses == [AskElephantEmail("jane@example.com", False)]


def test_without_a_primary_one_the_first_counts() -> None:
    emails = [{"email": "a@example.com"}, {"email": "b@example.com", "is_primary": None}]
    (record,) = page({"id": "cnt_1", "emails": emails}).records
    assert record is not None
    assert record.email == "a@example.com"


def test_deprecated_siblings_count_only_when_the_lists_are_absent() -> None:
    siblings = {"full_name": "J. D.", "email": "old@example.com", "phone": "+2"}
    alone, beside, odd = page(
        {"id": "cnt_1"} | siblings, JANE | siblings, {"id": "cnt_2", "email": {"address": "x"}, "phone": 7}
    ).records
    assert alone is not None
    assert beside is not None
    assert odd is not None
    assert (alone.email, alone.emails, alone.phone, alone.phones, alone.display_name) == (
        "old@example.com",
        ["old@example.com"],
        "+2",
        ["+2"],
        None,
    )
    assert (beside.email, beside.phone) == ("jane@example.com", "+1-555-0100")
    assert (odd.email, odd.emails, odd.phones) == (None, [], [])


def test_ids_and_phones_written_as_numbers_are_texts_and_a_naive_time_is_utc() -> None:
    row = {"id": 17, "phone_numbers": [{"phone_number": 254700000001}], "created_at": "2025-01-01T10:00:00"}
    (record,) = page(row).records
    assert record is not None
    assert (record.native_id, record.phone) == ("17", "254700000001")
    assert record.created_at == datetime(2025, 1, 1, 10, tzinfo=UTC)


def test_a_bad_row_costs_itself_alone() -> None:
    decoded = page(JANE, {"id": "cnt_2", "emails": "none"}, {"first_name": "Nobody"}, {"id": "cnt_4"})
    assert [record and record.native_id for record in decoded.records] == ["cnt_1", None, None, "cnt_4"]
    assert decoded.bad == (
        BadRow(1, "cnt_2", "emails: expected `array | null`, got `str`"),
        BadRow(2, None, "id: missing"),
    )


# ---------------------------------------------------------------- envelopes


def test_a_page_says_where_the_next_one_is() -> None:
    decoded = page(JANE, has_more=True, next_cursor="next")
    assert (decoded.next_token, decoded.has_more, decoded.total) == ("next", True, None)


@pytest.mark.parametrize(
    ("has_more", "next_cursor", "expected"),
    [
        (False, None, (None, False)),
        (False, "next", (None, False)),
        (None, "next", ("next", True)),
        (None, "", (None, False)),
        (True, 42, ("42", True)),
    ],
)
def test_the_last_page_has_no_cursor(has_more: object, next_cursor: object, expected: tuple[object, bool]) -> None:
    decoded = page(JANE, has_more=has_more, next_cursor=next_cursor)
    assert (decoded.next_token, decoded.has_more) == expected


def test_more_without_a_cursor_is_an_invalid_answer() -> None:
    with pytest.raises(InvalidAnswer, match="expected next_cursor"):
        page(JANE, has_more=True)


def test_an_empty_page_is_a_page() -> None:
    assert page().records == []


@pytest.mark.parametrize("content", [{}, [], None, {"data": None}, {"data": {}}, {"data": "x"}])
def test_another_envelope_is_an_invalid_answer(content: object) -> None:
    with pytest.raises(InvalidAnswer, match="expected data, a list of contacts"):
        provider.contacts_page(answer(content), SOURCE)


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b'{"data": [', b"\xff\xfe"])
def test_what_is_not_json_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer, match="expected JSON with data, a list of contacts"):
        provider.contacts_page(answer(body), SOURCE)


# ---------------------------------------------------------------- one contact


def test_one_contact_is_asked_by_its_encoded_id() -> None:
    assert provider.contact_request("cnt_1", frozenset()) == Request("GET", "/v2/contacts/cnt_1", may_be_missing=True)
    assert provider.contact_request("a/b?c#é", frozenset()) == Request(
        "GET", "/v2/contacts/a%2Fb%3Fc%23%C3%A9", may_be_missing=True
    )


@pytest.mark.parametrize("native_id", ["", ".", ".."])
def test_what_cannot_be_a_path_segment_is_no_contact(native_id: str) -> None:
    assert provider.contact_request(native_id, frozenset()) is None


@pytest.mark.parametrize("content", [JANE, {"data": JANE}])
def test_one_contact_comes_bare_or_under_data(content: object) -> None:
    record = provider.contact(answer(content), SOURCE)
    assert (record.native_id, record.display_name, record.email) == ("cnt_1", "Jane Doe", "jane@example.com")
    assert msgspec.json.decode(record.raws.row(record.index)) == JANE


@pytest.mark.parametrize(
    ("content", "message"),
    [([], "expected a contact"), ({"first_name": "x"}, "id: missing"), ({"data": None}, "expected `object`")],
)
def test_what_is_no_contact_is_an_invalid_answer(content: object, message: str) -> None:
    with pytest.raises(InvalidAnswer, match=message):
        provider.contact(answer(content), SOURCE)


def test_askelephant_has_no_tags_no_users_and_no_buckets() -> None:
    capabilities = provider.capabilities
    assert (capabilities.tags, capabilities.users, capabilities.buckets) == (False, False, False)
    assert provider.needs_buckets(ListQuery(search="x")) is False
    with pytest.raises(NotImplementedError, match="AskElephant has no tags"):
        provider.tags_request(PageNumber(1, 10), None)
    with pytest.raises(NotImplementedError, match="AskElephant has no users"):
        provider.users_request()
