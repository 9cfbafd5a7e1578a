"""WA.cr: requests as its page documents them, and records from bodies written by hand after it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from providers.apis.wacr import Wacr
from providers.settings import SourceSettings
from providers.spi.page import BadRow, Page
from providers.spi.provider import FilterRefused, InvalidAnswer, PageNumber, Token
from providers.spi.pushdown import PushDown
from providers.spi.query import Condition, ListQuery, Operator, Order, OrderField, Value
from providers.spi.record import ContactRecord, SourceRecord, UserRef, global_id
from providers.spi.request import Request, Response

SOURCE = SourceRecord("c291cmNl", "chat", "wacr")
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
provider = Wacr(SourceSettings(name="chat", provider="wacr", base_url="http://127.0.0.1:1", token_env="CHAT_TOKEN"))

JOHN: dict[str, Any] = {
    "id": 7,
    "tenant_id": 3,
    "firstname": "John",
    "lastname": "Smith",
    "company": "Acme",
    "type": "lead",
    "email": "john@example.com",
    "phone": "+254700000001",
    "status_id": 2,
    "source_id": 4,
    "description": "Likes tea",
    "city": "Nairobi",
    "state": "NBO",
    "zip": "00100",
    "address": "Moi Avenue",
    "country_id": 110,
    "assigned_id": 5,
    "group_id": [1, 12],
    "is_opted_out": False,
    "created_at": "2025-01-01T10:00:00.000000Z",
    "updated_at": "2025-02-01T10:00:00.000000Z",
}
RELATIONS: dict[str, Any] = {
    "groups": [{"id": 1, "name": "VIP", "color": "#ff0000"}, {"id": 12, "name": "News"}],
    "source": {"id": 4, "name": "Website"},
    "status": {"id": 2, "name": "New", "color": "#00ff00"},
}
PAGINATION = {"total": 41, "count": 1, "per_page": 20, "current_page": 2, "total_pages": 3, "has_more": True}


def answer(content: object) -> Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(200, {}, body, 0.0)


def page(*rows: object) -> Page:
    return provider.contacts_page(answer({"data": list(rows), "meta": {"pagination": PAGINATION}}), SOURCE)


def record_of(row: dict[str, Any]) -> ContactRecord:
    (record,) = page(row).records
    assert record is not None
    return record


def own(field: str, operator: str, value: Value) -> Condition:
    return Condition(f"wacr.{field}", Operator(operator), value)


def split(*conditions: Condition) -> PushDown:
    return provider.push_down(conditions, None)


def sent(*conditions: Condition) -> list[tuple[str, str]]:
    """Returns the filter parameters that go out for the conditions."""
    query = ListQuery(conditions=split(*conditions).taken)
    params = provider.contacts_request(query, PageNumber(1, 15)).params
    return [(name, value) for name, value in params if name.startswith("filter")]


# ---------------------------------------------------------------- requests


def test_a_page_is_asked_with_its_number_size_and_a_total_order() -> None:
    assert provider.contacts_request(ListQuery(), PageNumber(3, 50)) == Request(
        "GET", "/v2/contacts", (("page", "3"), ("per_page", "50"), ("sort", "id"))
    )


@pytest.mark.parametrize(
    ("orders", "sort"),
    [
        ((Order(OrderField.CREATED_AT, descending=True),), "-created_at,id"),
        ((Order(OrderField.LAST_NAME), Order(OrderField.FIRST_NAME, descending=True)), "lastname,-firstname,id"),
        ((Order(OrderField.UPDATED_AT),), "updated_at,id"),
    ],
)
def test_every_sort_ends_with_the_id(orders: tuple[Order, ...], sort: str) -> None:
    assert ("sort", sort) in provider.contacts_request(ListQuery(orders=orders), PageNumber(1, 15)).params


def test_a_search_goes_out_once() -> None:
    params = provider.contacts_request(ListQuery(search="jöhn & co"), PageNumber(1, 15)).params
    assert params[3:] == (("search", "jöhn & co"),)


@pytest.mark.parametrize(
    ("parts", "include"),
    [
        (set(), None),
        ({"email", "details"}, None),
        ({"status"}, "status"),
        ({"details.status_data"}, "status"),
        ({"tags"}, "groups"),
        ({"details.groups_data"}, "groups"),
        ({"details.source_data"}, "source"),
        ({"tags", "status", "details.source_data"}, "groups,source,status"),
    ],
)
def test_only_what_somebody_selected_is_included(parts: set[str], include: str | None) -> None:
    for request in (
        provider.contacts_request(ListQuery(parts=frozenset(parts)), PageNumber(1, 15)),
        provider.contact_request("7", frozenset(parts)),
    ):
        assert request is not None
        params = dict(request.params)
        assert params.get("include") == include
        assert "fields" not in params


def test_the_same_filters_in_another_order_are_the_same_request() -> None:
    first, second = own("statusId", "eq", "2"), own("sourceId", "eq", "4")
    assert sent(first, second) == sent(second, first) == [("filter[source_id]", "4"), ("filter[status_id]", "2")]


def test_paging_by_cursor_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError, match="pages by number"):
        provider.contacts_request(ListQuery(), Token(None, 25))


# ---------------------------------------------------------------- common filters


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
def test_each_end_of_the_created_range_is_pushed_exactly_as_a_full_datetime(operator: str) -> None:
    condition = Condition("createdAt", Operator(operator), NEW_YEAR)
    assert split(condition) == PushDown(taken=(condition,))
    assert sent(condition) == [(f"filter[created_at][{operator}]", "2025-01-01T00:00:00Z")]


def test_an_updated_range_stays_here() -> None:
    condition = Condition("updatedAt", Operator.GT, NEW_YEAR)
    assert split(condition) == PushDown(left=(condition,))


def test_assignees_are_pushed_by_integer_ids() -> None:
    assert sent(Condition("assigneeId", Operator.EQ, "5")) == [("filter[assigned_id]", "5")]
    assert sent(Condition("assigneeId", Operator.IN, ("5", "x", "07", "6", "5"))) == [
        ("filter[assigned_id][in]", "5,6")
    ]
    assert sent(Condition("assigneeId", Operator.IS_NULL, True)) == [("filter[assigned_id][null]", "true")]
    assert sent(Condition("assigneeId", Operator.IS_NULL, False)) == [("filter[assigned_id][null]", "false")]


@pytest.mark.parametrize("value", ["x", "07", "+7", "7.0", " 7", "", "-0", "٧", "9" * 19, "9" * 5000])
def test_no_contact_has_an_assignee_whose_id_is_no_integer(value: str) -> None:
    assert split(Condition("assigneeId", Operator.EQ, value)).never
    assert split(Condition("assigneeId", Operator.IN, (value,))).never


@pytest.mark.parametrize("field", ["assigneeId", "wacr.assignedId"])
def test_excluding_an_assignee_stays_here_because_it_may_be_null(field: str) -> None:
    for condition in (Condition(field, Operator.NE, "5"), Condition(field, Operator.NOT_IN, ("5", "6"))):
        result = split(condition)
        assert result.taken == ()
        assert [left.operator for left in result.left] == [condition.operator]


# ---------------------------------------------------------------- its own filter


@pytest.mark.parametrize(
    ("condition", "parameter"),
    [
        (own("type", "eq", "LEAD"), ("filter[type]", "lead")),
        (own("type", "ne", "Guest"), ("filter[type][ne]", "guest")),
        (own("type", "in", ("lead", "Customer", "LEAD")), ("filter[type][in]", "lead,customer")),
        (own("type", "notIn", ("guest", "lead")), ("filter[type][not_in]", "guest,lead")),
        (own("type", "isNull", True), ("filter[type][null]", "true")),
        (own("statusId", "eq", "2"), ("filter[status_id]", "2")),
        (own("statusId", "ne", "2"), ("filter[status_id][ne]", "2")),
        (own("statusId", "in", ("1", "2", "3")), ("filter[status_id][in]", "1,2,3")),
        (own("statusId", "notIn", ("4", "5")), ("filter[status_id][not_in]", "4,5")),
        (own("statusId", "notIn", ("4", "x")), ("filter[status_id][not_in]", "4")),
        (own("statusId", "gt", "2"), ("filter[status_id][gt]", "2")),
        (own("sourceId", "gte", "-2"), ("filter[source_id][gte]", "-2")),
        (own("sourceId", "lt", "9007199254740993"), ("filter[source_id][lt]", "9007199254740993")),
        (own("assignedId", "lte", "2"), ("filter[assigned_id][lte]", "2")),
        (own("assignedId", "isNull", False), ("filter[assigned_id][null]", "false")),
        (own("createdAt", "eq", NEW_YEAR), ("filter[created_at]", "2025-01-01T00:00:00Z")),
        (own("createdAt", "ne", NEW_YEAR), ("filter[created_at][ne]", "2025-01-01T00:00:00Z")),
        (own("createdAt", "lte", NEW_YEAR), ("filter[created_at][lte]", "2025-01-01T00:00:00Z")),
        (own("createdAt", "isNull", True), ("filter[created_at][null]", "true")),
    ],
)
def test_what_cannot_lose_a_row_is_pushed_exactly(condition: Condition, parameter: tuple[str, str]) -> None:
    result = split(condition)
    assert (result.left, result.never) == ((), False)
    assert sent(condition) == [parameter]


@pytest.mark.parametrize(
    ("condition", "parameter"),
    [
        (own("type", "like", "LEA"), ("filter[type][like]", "lea")),
        (own("type", "like", "50%_"), ("filter[type][like]", "50%_")),
        (own("groupId", "eq", "1"), ("filter[group_id]", "1")),
        (own("statusId", "between", ("2", "5")), ("filter[status_id][between]", "1,6")),
        (
            own("createdAt", "between", (NEW_YEAR, NEW_YEAR + timedelta(days=1))),
            ("filter[created_at][between]", "2024-12-31T23:59:59Z,2025-01-02T00:00:01Z"),
        ),
    ],
)
def test_what_may_find_too_much_is_pushed_and_applied_again(condition: Condition, parameter: tuple[str, str]) -> None:
    result = split(condition)
    assert [(left.field, left.operator) for left in result.left] == [(condition.field, condition.operator)]
    assert sent(condition) == [parameter]


def test_what_is_applied_again_has_the_ends_that_were_asked_for() -> None:
    assert split(own("statusId", "between", ("2", "5"))).left == (own("statusId", "between", (2, 5)),)
    days = (NEW_YEAR, NEW_YEAR + timedelta(days=1))
    assert split(own("createdAt", "between", days)).left == (own("createdAt", "between", days),)


@pytest.mark.parametrize(
    "condition",
    [
        own("type", "eq", "partner"),
        own("type", "in", ("lead", "a,b")),
        own("type", "notIn", ("lead", "partner")),
        own("type", "like", "le\\ad"),
        own("type", "like", ""),
        own("statusId", "ne", "x"),
        own("statusId", "notIn", ("x",)),
        own("statusId", "in", tuple(map(str, range(201)))),
        own("groupId", "ne", "1"),
        own("groupId", "in", ("1", "2")),
        own("groupId", "notIn", ("1",)),
        own("groupId", "gt", "1"),
        own("groupId", "between", ("1", "2")),
        own("groupId", "isNull", True),
        own("createdAt", "between", (datetime.min.replace(tzinfo=UTC), NEW_YEAR)),
    ],
)
def test_what_might_lose_a_row_stays_here(condition: Condition) -> None:
    result = split(condition)
    assert (result.taken, result.never) == ((), False)
    assert [(left.field, left.operator) for left in result.left] == [(condition.field, condition.operator)]


@pytest.mark.parametrize(
    "condition",
    [
        own("type", "in", ()),
        own("statusId", "eq", "new"),
        own("statusId", "in", ("x", "07")),
        own("groupId", "eq", "VIP"),
        own("statusId", "between", ("5", "2")),
        own("createdAt", "between", (NEW_YEAR, NEW_YEAR - timedelta(days=1))),
    ],
)
def test_what_no_contact_can_meet_is_not_asked(condition: Condition) -> None:
    assert split(condition).never


def test_an_interval_with_one_end_is_a_comparison() -> None:
    assert sent(own("createdAt", "between", (NEW_YEAR, None))) == [("filter[created_at][gte]", "2025-01-01T00:00:00Z")]
    assert sent(own("createdAt", "between", (None, NEW_YEAR))) == [("filter[created_at][lte]", "2025-01-01T00:00:00Z")]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (own("statusId", "gt", "x"), r"wacr\.statusId\.gt: expected a whole number"),
        (own("groupId", "lte", "1.5"), r"wacr\.groupId\.lte: expected a whole number"),
        (own("sourceId", "between", ("1", "x")), r"wacr\.sourceId\.between: expected a whole number"),
        (own("sourceId", "between", ("1",)), r"wacr\.sourceId\.between: expected two values"),
        (own("sourceId", "between", ("1", "2", "3")), r"wacr\.sourceId\.between: expected two values"),
        (own("createdAt", "between", (None, None)), r"wacr\.createdAt\.between: expected a start, an end, or both"),
    ],
)
def test_an_operand_that_means_nothing_is_refused_by_name(condition: Condition, message: str) -> None:
    with pytest.raises(FilterRefused, match=message):
        split(condition)


def test_both_created_filters_share_one_parameter() -> None:
    common = Condition("createdAt", Operator.GTE, NEW_YEAR)
    assert split(common, own("createdAt", "lt", NEW_YEAR + timedelta(days=1))).left == ()
    again = own("createdAt", "gte", NEW_YEAR + timedelta(days=1))
    assert split(common, again) == PushDown(taken=(common,), left=(again,))
    # filter[created_at]=… beside filter[created_at][gte]=… is one key with two shapes.
    equal = own("createdAt", "eq", NEW_YEAR)
    assert split(common, equal) == PushDown(taken=(common,), left=(equal,))


def test_a_record_tells_its_values_for_the_own_filter() -> None:
    full = record_of(JOHN | {"source_id": "4"})
    assert [list(provider.own_values(full, f"wacr.{field}")) for field in ("type", "statusId", "sourceId")] == [
        ["lead"],
        [2],
        [4],
    ]
    assert provider.own_values(full, "wacr.assignedId") == [5]
    assert provider.own_values(full, "wacr.groupId") == [1, 12]
    assert provider.own_values(full, "wacr.createdAt") == [datetime(2025, 1, 1, 10, tzinfo=UTC)]
    bare = record_of({"id": 8, "type": "", "group_id": []})
    for field in ("type", "statusId", "sourceId", "assignedId", "groupId", "createdAt"):
        assert provider.own_values(bare, f"wacr.{field}") == []


# ---------------------------------------------------------------- records


def test_a_contact_is_read_by_the_table_of_fields() -> None:
    record = record_of(JOHN | RELATIONS)
    assert (record.id, record.native_id, record.source) == (global_id("Contact", "chat", "7"), "7", SOURCE)
    assert (record.display_name, record.first_name, record.last_name) == ("John Smith", "John", "Smith")
    assert (record.email, record.emails) == ("john@example.com", ["john@example.com"])
    assert (record.phone, record.phones) == ("+254700000001", ["+254700000001"])
    assert (record.company, record.status, record.avatar_url, record.stage_ref) == ("Acme", "New", None, None)
    assert (record.owner_ref, record.assignee_refs) == (None, [UserRef("5")])
    assert record.created_at == datetime(2025, 1, 1, 10, tzinfo=UTC)
    assert record.updated_at == datetime(2025, 2, 1, 10, tzinfo=UTC)
    assert record.created_at.tzinfo is UTC


def test_included_groups_are_the_tags() -> None:
    record = record_of(JOHN | RELATIONS)
    assert [(tag.id, tag.native_id, tag.name, tag.color) for tag in record.tags] == [
        (global_id("Tag", "chat", "1"), "1", "VIP", "#ff0000"),
        (global_id("Tag", "chat", "12"), "12", "News", None),
    ]


def test_without_included_groups_the_tags_are_their_ids() -> None:
    assert [(tag.native_id, tag.name) for tag in record_of(JOHN).tags] == [("1", "1"), ("12", "12")]


def test_contacts_of_one_page_keep_their_own_group_ids() -> None:
    records = page(JOHN, {"id": 8, "group_id": [12]}, {"id": 9}).records
    tags = [[tag.native_id for tag in record.tags] for record in records if record is not None]
    assert tags == [["1", "12"], ["12"], []]


def test_contacts_of_one_page_keep_their_own_tags_and_statuses() -> None:
    second = {"id": 8, "group_id": [12], "groups": [{"id": 12, "name": "News"}], "status": {"id": 3, "name": "Won"}}
    records = page(JOHN | RELATIONS, second, JOHN | RELATIONS | {"id": 9}, {"id": 10}).records
    assert [record and ([tag.name for tag in record.tags], record.status) for record in records] == [
        (["VIP", "News"], "New"),
        (["News"], "Won"),
        (["VIP", "News"], "New"),
        ([], None),
    ]


@pytest.mark.parametrize(
    "relations",
    [
        {"groups": None, "status": None, "source": None},
        {"groups": [], "status": [], "source": []},
        {"groups": {"data": []}, "status": 2, "source": "Website"},
        {"groups": ["VIP"], "status": {"id": 2}, "source": {}},
    ],
)
def test_relations_of_another_shape_cost_no_contact(relations: dict[str, object]) -> None:
    record = record_of(JOHN | relations)
    assert ([tag.name for tag in record.tags], record.status) == (["1", "12"], None)


def test_details_hold_what_only_wacr_has() -> None:
    details = provider.details(record_of(JOHN | RELATIONS))
    assert msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(details))) == {
        "tenant_id": "3",
        "type": "lead",
        "status_id": "2",
        "status_data": RELATIONS["status"],
        "source_id": "4",
        "source_data": RELATIONS["source"],
        "assigned_id": "5",
        "group_ids": ["1", "12"],
        "groups_data": RELATIONS["groups"],
        "description": "Likes tea",
        "city": "Nairobi",
        "state": "NBO",
        "zip": "00100",
        "address": "Moi Avenue",
        "country_id": "110",
        "is_opted_out": False,
    }


def test_details_of_a_bare_contact_are_empty() -> None:
    details = msgspec.to_builtins(provider.details(record_of({"id": 7, "city": "", "tenant_id": ""})))
    assert details.pop("group_ids") == []
    assert set(details.values()) == {None}


def test_raw_is_the_row_as_it_was_written() -> None:
    records = page({"id": 1}, JOHN | {"custom": {"x": 1}}).records
    assert records[1] is not None
    assert msgspec.json.decode(records[1].raws.row(records[1].index)) == JOHN | {"custom": {"x": 1}}


def test_an_empty_text_is_missing() -> None:
    record = record_of({"id": 7, "firstname": "", "lastname": "Smith", "email": "", "phone": "", "company": ""})
    assert (record.display_name, record.first_name, record.company) == ("Smith", None, None)
    assert (record.email, record.emails, record.phone, record.phones) == (None, [], None, [])


def test_ids_and_phones_are_texts_however_they_are_written() -> None:
    record = record_of(
        JOHN
        | {
            "id": "7",
            "phone": 254700000001,
            "assigned_id": "5",
            "group_id": ["1", 2],
            "created_at": "2025-01-01 10:00:00",
        }
    )
    assert (record.id, record.native_id) == (global_id("Contact", "chat", "7"), "7")
    assert (record.phone, record.assignee_refs) == ("254700000001", [UserRef("5")])
    assert [tag.native_id for tag in record.tags] == ["1", "2"]
    assert record.created_at == datetime(2025, 1, 1, 10, tzinfo=UTC)


def test_a_bad_row_costs_itself_alone() -> None:
    decoded = page(JOHN, JOHN | {"id": 8, "created_at": "yesterday"}, {"id": ""}, {"firstname": "x"}, {"id": 9})
    assert [record and record.native_id for record in decoded.records] == ["7", None, None, None, "9"]
    assert decoded.bad == (
        BadRow(1, "8", "created_at: expected an RFC 3339 time"),
        BadRow(2, None, "id: expected `str` of length >= 1"),
        BadRow(3, None, "id: missing"),
    )


# ---------------------------------------------------------------- envelopes


@pytest.mark.parametrize("around", [{"meta": {"pagination": PAGINATION}}, {"pagination": PAGINATION, "meta": []}])
def test_the_pagination_is_read_from_meta_or_beside_the_data(around: dict[str, object]) -> None:
    decoded = provider.contacts_page(answer({"data": [JOHN]} | around), SOURCE)
    assert (decoded.total, decoded.page, decoded.size, decoded.total_pages) == (41, 2, 20, 3)


@pytest.mark.parametrize("around", [{}, {"meta": None}, {"meta": {}}, {"meta": {"pagination": {"total": ""}}}])
def test_a_page_without_pagination_says_nothing(around: dict[str, object]) -> None:
    decoded = provider.contacts_page(answer({"data": []} | around), SOURCE)
    assert (decoded.records, decoded.total, decoded.page, decoded.size, decoded.total_pages) == (
        [],
        None,
        None,
        None,
        None,
    )


def test_numbers_in_the_pagination_may_be_texts_but_not_words() -> None:
    content = {"data": [], "meta": {"pagination": {"total": "41"}}}
    assert provider.contacts_page(answer(content), SOURCE).total == 41
    content = {"data": [], "meta": {"pagination": {"total": "many"}}}
    with pytest.raises(InvalidAnswer, match="expected total to be a whole number"):
        provider.contacts_page(answer(content), SOURCE)


@pytest.mark.parametrize("content", [{}, [], None, {"data": None}, {"data": {}}, {"message": "Server Error"}])
def test_another_envelope_is_an_invalid_answer(content: object) -> None:
    with pytest.raises(InvalidAnswer, match="expected data, a list of contacts"):
        provider.contacts_page(answer(content), SOURCE)
    with pytest.raises(InvalidAnswer, match="expected data, a list of groups"):
        provider.tags_page(answer(content), SOURCE)


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b'{"data": [', b"\xff\xfe"])
def test_what_is_not_json_is_an_invalid_answer(body: bytes) -> None:
    with pytest.raises(InvalidAnswer, match="expected JSON with data, a list of contacts"):
        provider.contacts_page(answer(body), SOURCE)


# ---------------------------------------------------------------- one contact, and groups


def test_one_contact_is_asked_by_its_integer_id_alone() -> None:
    assert provider.contact_request("7", frozenset()) == Request("GET", "/v2/contacts/7", may_be_missing=True)
    for native_id in ("x", "07", "7/8", "", "../groups", "9" * 30):
        assert provider.contact_request(native_id, frozenset()) is None


@pytest.mark.parametrize("content", [JOHN | RELATIONS, {"data": JOHN | RELATIONS}])
def test_one_contact_comes_bare_or_under_data(content: object) -> None:
    record = provider.contact(answer(content), SOURCE)
    assert (record.native_id, record.status, [tag.name for tag in record.tags]) == ("7", "New", ["VIP", "News"])
    assert msgspec.json.decode(record.raws.row(record.index)) == JOHN | RELATIONS


@pytest.mark.parametrize(
    ("content", "message"),
    [([], "expected a contact"), ({"message": "x"}, "id: missing"), ({"data": None}, "expected `object`")],
)
def test_what_is_no_contact_is_an_invalid_answer(content: object, message: str) -> None:
    with pytest.raises(InvalidAnswer, match=message):
        provider.contact(answer(content), SOURCE)


def test_groups_are_asked_page_by_page_in_a_total_order() -> None:
    assert provider.tags_request(PageNumber(2, 15), None) == Request(
        "GET", "/v2/groups", (("page", "2"), ("per_page", "15"), ("sort", "created_at"))
    )
    assert provider.tags_request(PageNumber(1, 15), "vip").params[3:] == (("search", "vip"),)


def test_groups_are_tags() -> None:
    rows = [
        {"id": 1, "name": "VIP", "color": "#f00", "created_at": "2025-01-01T00:00:00Z", "contacts_count": 12},
        {"id": 2, "name": ""},
        {"name": "lost"},
    ]
    decoded = provider.tags_page(answer({"data": rows, "meta": {"pagination": PAGINATION}}), SOURCE)
    first, second, third = decoded.records
    assert first is not None
    assert second is not None
    assert third is None
    assert (first.id, first.native_id, first.name, first.color) == (global_id("Tag", "chat", "1"), "1", "VIP", "#f00")
    assert (first.created_at, first.contact_count) == (NEW_YEAR, 12)
    assert (second.name, second.color, second.created_at, second.contact_count) == ("2", None, None, None)
    assert decoded.bad == (BadRow(2, None, "id: missing"),)
    assert (decoded.total, decoded.page, decoded.size, decoded.total_pages) == (41, 2, 20, 3)


def test_the_contacts_of_a_group_are_asked_by_its_id() -> None:
    conditions, search = provider.tag_query("12", "News")
    assert search is None
    assert sent(*conditions) == [("filter[group_id]", "12")]


def test_wacr_has_no_users_and_no_buckets() -> None:
    assert (provider.capabilities.users, provider.capabilities.buckets) == (False, False)
    with pytest.raises(NotImplementedError, match="Wacr has no users"):
        provider.users_request()
