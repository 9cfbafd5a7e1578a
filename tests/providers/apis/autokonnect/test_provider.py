"""AutoKonnect: requests as its page documents them, and records from the page's own answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.apis.autokonnect import AutoKonnect, AutokonnectDetails
from providers.settings import SourceSettings
from providers.spi.page import BadRow
from providers.spi.provider import FilterRefused, InvalidAnswer, PageNumber, Token
from providers.spi.query import Condition, ListQuery, Operator
from providers.spi.record import ContactRecord, SourceRecord, global_id
from providers.spi.request import Request, Response

SOURCE = SourceRecord("c291cmNl", "bot", "autokonnect", "KE")
provider = AutoKonnect(
    SourceSettings(name="bot", provider="autokonnect", base_url="http://127.0.0.1:1", token_env="BOT_TOKEN")
)

JANE: dict[str, Any] = {
    "id": "1234567890",
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane@example.com",
    "phone_number": "1234567890",
    "phone_number_lid": "98765@lid",
    "profile_picture": "https://cdn.example.com/avatars/jane.jpg",
    "created_at": "2025-08-01T10:00:00.000Z",
    "updated_at": "2025-09-15T08:30:00.000Z",
    "tags": [
        {"id": "42", "name": "VIP", "color": "#1156d6"},
        {"id": "57", "name": "Lead", "color": "#e63946"},
    ],
}
VIP: dict[str, Any] = {
    "id": "42",
    "name": "VIP",
    "color": "#1156d6",
    "created_at": "2025-06-10T09:00:00.000Z",
    "_count": {"contact_tag": 38},
}
COUNTS = {"currentPage": 1, "totalPages": 12, "totalRecords": 115}


def answer(content: object) -> Response:
    return Response(200, {}, content if isinstance(content, bytes) else json.dumps(content).encode(), 0.0)


def record_of(row: dict[str, Any]) -> ContactRecord:
    page = provider.contacts_page(answer({"data": [row], **COUNTS}), SOURCE)
    assert page.bad == ()
    (record,) = page.records
    assert record is not None
    return record


def test_a_page_is_asked_for_by_number_and_limit() -> None:
    request = provider.contacts_request(ListQuery(), PageNumber(3, 25))
    assert request == Request("GET", "/api/v1/contacts", (("page", "3"), ("limit", "25")))


def test_a_search_goes_with_the_page() -> None:
    request = provider.contacts_request(ListQuery(search="jane & co"), PageNumber(1, 10))
    assert request.params == (("page", "1"), ("limit", "10"), ("search", "jane & co"))


def test_a_token_is_no_page_of_this_api() -> None:
    with pytest.raises(TypeError):
        provider.contacts_request(ListQuery(), Token(None, 10))


def test_no_filter_is_pushed() -> None:
    conditions = (Condition("email", Operator.EQ, "jane@example.com"), Condition("tag", Operator.EQ, "VIP"))
    split = provider.push_down(conditions, "jane")
    assert (split.taken, split.left, split.never) == ((), conditions, False)
    assert provider.needs_buckets(ListQuery(search="jane")) is False


def test_the_pages_example_becomes_a_record() -> None:
    record = record_of(JANE)
    assert record.id == global_id("Contact", "bot", "1234567890")
    assert (record.native_id, record.source) == ("1234567890", SOURCE)
    assert (record.display_name, record.first_name, record.last_name) == ("Jane Doe", "Jane", "Doe")
    assert (record.email, record.emails) == ("jane@example.com", ["jane@example.com"])
    assert (record.phone, record.phones) == ("1234567890", ["1234567890"])
    assert record.avatar_url == "https://cdn.example.com/avatars/jane.jpg"
    assert record.created_at == datetime(2025, 8, 1, 10, tzinfo=UTC)
    assert record.updated_at == datetime(2025, 9, 15, 8, 30, tzinfo=UTC)
    assert (record.company, record.status, record.stage_ref, record.owner_ref) == (None, None, None, None)
    assert record.assignee_refs == []
    assert [(tag.id, tag.native_id, tag.name, tag.color) for tag in record.tags] == [
        (global_id("Tag", "bot", "42"), "42", "VIP", "#1156d6"),
        (global_id("Tag", "bot", "57"), "57", "Lead", "#e63946"),
    ]


def test_the_lid_is_in_the_details() -> None:
    assert provider.details(record_of(JANE)) == AutokonnectDetails("98765@lid")
    assert provider.details(record_of({"id": "1", "phone_number_lid": ""})) == AutokonnectDetails(None)


def test_the_records_own_text_is_kept() -> None:
    record = record_of({**JANE, "unheard_of": [1.50]})
    assert json.loads(bytes(record.raws.row(record.index))) == {**JANE, "unheard_of": [1.5]}


@pytest.mark.parametrize("empty", ["", None])
def test_empty_values_are_missing(empty: str | None) -> None:
    record = record_of(dict.fromkeys(JANE, empty) | {"id": "1"})
    texts = (record.display_name, record.first_name, record.last_name, record.email, record.phone, record.avatar_url)
    assert texts == (None,) * 6
    assert (record.emails, record.phones, record.tags) == ([], [], [])
    assert (record.created_at, record.updated_at) == (None, None)


def test_ids_written_as_numbers_are_the_same_ids() -> None:
    record = record_of({**JANE, "id": 1234567890, "phone_number": 254700000001, "tags": [{"id": 42, "name": "VIP"}]})
    assert (record.native_id, record.phone, record.tags[0].native_id) == ("1234567890", "254700000001", "42")


def test_contacts_share_the_record_of_a_tag() -> None:
    page = provider.contacts_page(answer({"data": [JANE, {**JANE, "id": "2"}], **COUNTS}), SOURCE)
    first, second = page.records
    assert first is not None
    assert second is not None
    assert first.tags[0] is second.tags[0]


def test_the_envelope_counts_records_and_pages() -> None:
    page = provider.contacts_page(answer({"data": [], **COUNTS}), SOURCE)
    assert (page.total, page.page, page.total_pages, page.size, page.records) == (115, 1, 12, None, [])


def test_counts_may_be_text_or_missing() -> None:
    page = provider.contacts_page(answer({"data": [], "currentPage": "2", "totalRecords": "115"}), SOURCE)
    assert (page.total, page.page, page.total_pages) == (115, 2, None)


def test_a_bad_row_is_dropped_alone_and_keeps_its_place() -> None:
    rows = [JANE, {"id": "2", "created_at": "soon"}, {"first_name": "No"}, "text", {**JANE, "id": "5"}]
    page = provider.contacts_page(answer({"data": rows, **COUNTS}), SOURCE)
    assert [record and record.native_id for record in page.records] == ["1234567890", None, None, None, "5"]
    assert page.bad == (
        BadRow(1, "2", "created_at: expected an RFC 3339 time"),
        BadRow(2, None, "id: missing"),
        BadRow(3, None, "expected `object`, got `str`"),
    )
    last = page.records[4]
    assert last is not None
    assert json.loads(bytes(last.raws.row(last.index)))["id"] == "5"


@pytest.mark.parametrize(
    "body", [{"data": 5, **COUNTS}, {"error": "no"}, [], b"<html>", b"", {"data": [], "totalRecords": "many"}]
)
def test_another_answer_is_invalid(body: object) -> None:
    with pytest.raises(InvalidAnswer, match=r"^expected"):
        provider.contacts_page(answer(body), SOURCE)


def test_tags_are_asked_for_by_page_and_search() -> None:
    request = provider.tags_request(PageNumber(2, 10), "vi")
    assert request == Request("GET", "/api/v1/contacts/tags", (("page", "2"), ("limit", "10"), ("search", "vi")))
    assert provider.tags_request(PageNumber(1, 1), None).params == (("page", "1"), ("limit", "1"))


def test_a_tag_tells_how_many_contacts_carry_it() -> None:
    page = provider.tags_page(answer({"data": [VIP, {"id": 57}], **COUNTS}), SOURCE)
    vip, unnamed = page.records
    assert vip is not None
    assert unnamed is not None
    assert (vip.id, vip.native_id, vip.name, vip.color) == (global_id("Tag", "bot", "42"), "42", "VIP", "#1156d6")
    assert (vip.contact_count, vip.created_at) == (38, datetime(2025, 6, 10, 9, tzinfo=UTC))
    assert (unnamed.name, unnamed.contact_count, unnamed.created_at) == ("57", None, None)
    assert (page.total, page.page, page.total_pages) == (115, 1, 12)


def test_a_bad_tag_is_dropped_alone() -> None:
    page = provider.tags_page(answer({"data": [{"name": "no id"}, VIP]}), SOURCE)
    assert [tag and tag.name for tag in page.records] == [None, "VIP"]
    assert page.bad == (BadRow(0, None, "id: missing"),)


def test_contacts_of_a_tag_are_searched_for_by_its_name() -> None:
    assert provider.tag_query("42", "VIP") == ((), "VIP")


def test_there_is_no_filter_of_its_own() -> None:
    with pytest.raises(FilterRefused, match="AutoKonnect has no filter of its own"):
        provider.own_values(record_of(JANE), "autokonnect.lid")


def test_the_table_offers_what_the_page_documents() -> None:
    offered = provider.capabilities
    assert (offered.total, offered.lookup, offered.tags, offered.users, offered.buckets) == (
        True,
        False,
        True,
        False,
        False,
    )
    assert (offered.filters, offered.orders, offered.max_page_size) == ((), (), None)
    assert (offered.email_search, offered.phone_search) == (True, True)
