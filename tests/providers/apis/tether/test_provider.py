"""Tether: GET and POST as its pages document them, and records from bodies in every envelope of trap 5."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from providers.apis.tether import Tether, TetherDetails
from providers.settings import SourceSettings
from providers.spi.page import BadRow, Page, Stage
from providers.spi.provider import FilterRefused, InvalidAnswer, PageNumber, Pipeline, Token
from providers.spi.pushdown import PushDown
from providers.spi.query import Condition, ListQuery, Operator, Value
from providers.spi.record import ContactRecord, PipelineType, SourceRecord, StageRef, UserRef, global_id
from providers.spi.request import Request, Response

SOURCE = SourceRecord("c291cmNl", "sales", "tether")
SETTINGS = SourceSettings(name="sales", provider="tether", base_url="http://127.0.0.1:1", token_env="SALES_TOKEN")
provider = Tether(SETTINGS)
by_get = Tether(SETTINGS.model_copy(update={"search_via": "get"}))

NEW_LEAD = "64f0a1b2c3d4e5f6a7b8c9d2"
QUALIFIED = "64f0a1b2c3d4e5f6a7b8c9d3"
PIPELINE = "64f0a1b2c3d4e5f6a7b8c9d1"
ANN, BEN = "64f0a1b2c3d4e5f6a7b8c901", "64f0a1b2c3d4e5f6a7b8c902"

JANE: dict[str, Any] = {
    "_id": "64f0a1b2c3d4e5f6a7b8c9aa",
    "firstName": "Jane",
    "lastName": "Doe",
    "phoneNumber": "+1234567890",
    "email": "jane@example.com",
    "status": "New Lead",
    "pipelineId": PIPELINE,
    "pipelineStage": NEW_LEAD,
    "organizationId": "org",
    "userId": ANN,
    "createdBy": BEN,
    "assignees": [ANN, BEN],
    "createdAt": "2023-11-07T05:31:56Z",
    "updatedAt": "2023-11-08T05:31:56.500Z",
}
# Trap 7: what a contact may carry more.
MORE: dict[str, Any] = {
    "isBulkSms": False,
    "isAutopilot": True,
    "process": "inbound",
    "source": "website",
    "leadSource": "Referral",
    "channelTypes": ["sms", "whatsapp"],
    "files": [{"name": "offer.pdf", "size": 1.50}],
    "lastMessageTime": "2024-01-01T03:00:00+03:00",
    "latestMessage": {"text": "Hello"},
}


def answer(content: object) -> Response:
    return Response(200, {}, content if isinstance(content, bytes) else json.dumps(content).encode(), 0.0)


def page_of(content: object) -> Page:
    return provider.contacts_page(answer(content), SOURCE)


def record_of(row: dict[str, Any]) -> ContactRecord:
    page = page_of({"data": {"contacts": [row]}})
    assert page.bad == ()
    (record,) = page.records
    assert record is not None
    return record


def own(field: str, value: Value, operator: Operator = Operator.EQ) -> Condition:
    return Condition(f"tether.{field}", operator, value)


def any_of(field: str, *values: str) -> Condition:
    return own(field, values, Operator.IN)


def pushed(*conditions: Condition, search: str | None = None) -> PushDown:
    return provider.push_down(conditions, search)


def params(*conditions: Condition) -> dict[str, str]:
    """The GET's parameters for these conditions, without page and size."""
    query = ListQuery(conditions=pushed(*conditions).taken)
    sent = provider.contacts_request(query, PageNumber(1, 50)).params
    assert sent[:2] == (("page", "1"), ("size", "50"))
    assert len(dict(sent)) == len(sent)
    return dict(sent[2:])


def body(*conditions: Condition, search: str | None = None, pipeline: Pipeline | None = None) -> dict[str, Any]:
    """The POST's body for these conditions, without page and size."""
    query = ListQuery(conditions=pushed(*conditions, search=search).taken, search=search)
    return sent_body(provider.buckets_request(query, {}, 25, pipeline or Pipeline()))


def sent_body(request: Request) -> dict[str, Any]:
    assert (request.method, request.path, request.params) == ("POST", "/api/contacts", ())
    assert request.body is not None
    sent: dict[str, Any] = json.loads(request.body)
    del sent["page"], sent["size"]
    return sent


# ---------------------------------------------------------------- the flat list: GET


def test_everybodys_contacts_are_asked_for_because_the_default_is_ones_own() -> None:
    request = provider.contacts_request(ListQuery(), PageNumber(2, 50))
    assert request == Request("GET", "/api/contacts", (("page", "2"), ("size", "50"), ("ownerFilter", "all")))


def test_a_token_is_no_page_of_this_api() -> None:
    with pytest.raises(TypeError):
        provider.contacts_request(ListQuery(), Token(None, 10))


@pytest.mark.parametrize("scope", ["MY", "ALL", "TEAM", "UNASSIGNED"])
def test_an_owner_scope_is_sent_in_lower_case(scope: str) -> None:
    assert params(own("ownerFilter", scope)) == {"ownerFilter": scope.lower()}


def test_a_users_id_may_stand_for_the_scope() -> None:
    assert params(own("ownerFilterUserId", ANN)) == {"ownerFilter": ANN}


@pytest.mark.parametrize("word", ["my", "all", "team", "unassigned", ""])
def test_a_scopes_word_is_nobodys_id(word: str) -> None:
    assert pushed(own("ownerFilterUserId", word)).never


def test_scope_and_user_are_one_parameter() -> None:
    with pytest.raises(FilterRefused, match=r"tether\.ownerFilter and tether\.ownerFilterUserId"):
        pushed(own("ownerFilter", "MY"), own("ownerFilterUserId", ANN))


def test_a_single_owner_overrides_the_scope() -> None:
    assert params(any_of("owner", ANN), own("ownerFilter", "MY")) == {"ownerFilter": "all", "owner": ANN}


@pytest.mark.parametrize(
    ("condition", "name", "value"),
    [
        (own("source", "website"), "source", "website"),
        (own("leadSource", "Referral"), "leadSource", "Referral"),
        (own("status", "New Lead"), "status", "New Lead"),
        (own("pipelineStage", NEW_LEAD), "pipelineStage", NEW_LEAD),
        (own("pipelineId", PIPELINE), "pipelineId", PIPELINE),
        (own("messageStatus", "UNANSWERED"), "messageStatus", "unanswered"),
        (any_of("assignee", ANN), "assignee", ANN),
        (any_of("assignee", ANN, ANN), "assignee", ANN),
        (Condition("stage", Operator.EQ, NEW_LEAD), "pipelineStage", NEW_LEAD),
    ],
)
def test_each_filter_of_the_list_is_sent_exactly(condition: Condition, name: str, value: str) -> None:
    split = pushed(condition)
    assert (split.left, split.never) == ((), False)
    assert params(condition) == {"ownerFilter": "all", name: value}


def test_message_ranges_are_json_texts() -> None:
    sent = params(
        own("lastMessageTimeRange", (36, "HOURS")),
        own("lastMessageDateRange", (datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, 0, 0, 0, 1, tzinfo=UTC))),
    )
    assert json.loads(sent["lastMessageTimeRange"]) == {"value": 36, "unit": "hours"}
    assert json.loads(sent["lastMessageDateRange"]) == {
        "start": "2025-01-01T00:00:00.000Z",
        "end": "2025-02-01T00:00:00.001Z",
    }


def test_an_open_message_range_is_closed_far_off() -> None:
    sent = params(own("lastMessageDateRange", (None, datetime(2025, 2, 1, tzinfo=UTC))))
    assert json.loads(sent["lastMessageDateRange"]) == {
        "start": "1000-01-01T00:00:00.000Z",
        "end": "2025-02-01T00:00:00.000Z",
    }


@pytest.mark.parametrize("value", [0, -1])
def test_no_time_at_all_is_refused(value: int) -> None:
    with pytest.raises(FilterRefused, match=r"tether\.lastMessageTimeRange\.value: expected 1 or more"):
        pushed(own("lastMessageTimeRange", (value, "DAYS")))


@pytest.mark.parametrize(
    ("operator", "start", "end"),
    [
        (Operator.GT, "2025-05-31T23:59:59.000Z", "9000-01-01T00:00:00.000Z"),
        (Operator.GTE, "2025-05-31T23:59:59.000Z", "9000-01-01T00:00:00.000Z"),
        (Operator.LT, "1000-01-01T00:00:00.000Z", "2025-06-01T00:00:01.000Z"),
        (Operator.LTE, "1000-01-01T00:00:00.000Z", "2025-06-01T00:00:01.000Z"),
    ],
)
def test_a_created_bound_is_widened_by_a_second_and_applied_again(operator: Operator, start: str, end: str) -> None:
    condition = Condition("createdAt", operator, datetime(2025, 6, 1, tzinfo=UTC))
    split = pushed(condition)
    assert split.left == (condition,)
    assert json.loads(params(condition)["dateRange"]) == {"start": start, "end": end}


def test_created_bounds_make_one_range() -> None:
    bounds = (
        Condition("createdAt", Operator.GTE, datetime(2025, 6, 1, tzinfo=UTC)),
        Condition("createdAt", Operator.GT, datetime(2025, 6, 2, tzinfo=UTC)),
        Condition("createdAt", Operator.LT, datetime(2025, 6, 5, 0, 0, 0, 7, tzinfo=UTC)),
    )
    assert json.loads(params(*bounds)["dateRange"]) == {
        "start": "2025-06-01T23:59:59.000Z",
        "end": "2025-06-05T00:00:01.001Z",
    }


@pytest.mark.parametrize(
    ("operator", "edge", "end", "text"),
    [
        (Operator.GTE, datetime.min.replace(tzinfo=UTC), "start", "0001-01-01T00:00:00.000Z"),
        (Operator.LTE, datetime.max.replace(tzinfo=UTC), "end", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_the_calendars_ends_are_bounds_too(operator: Operator, edge: datetime, end: str, text: str) -> None:
    sent = params(Condition("createdAt", operator, edge))
    assert json.loads(sent["dateRange"])[end] == text


def test_an_owner_is_asked_for_as_owner_and_applied_again() -> None:
    condition = Condition("ownerId", Operator.EQ, ANN)
    split = pushed(condition)
    assert (split.taken, split.left) == ((condition,), (condition,))
    assert params(condition) == {"ownerFilter": "all", "owner": ANN}


def test_an_owner_stays_here_beside_a_scope_it_would_override() -> None:
    condition = Condition("ownerId", Operator.EQ, ANN)
    split = pushed(condition, own("ownerFilter", "MY"))
    assert (split.taken, split.left) == ((own("ownerFilter", "MY"),), (condition,))


@pytest.mark.parametrize(
    "condition",
    [
        Condition("stage", Operator.EQ, "New Lead"),
        Condition("stage", Operator.EQ, NEW_LEAD.upper()),
        Condition("status", Operator.EQ, "New Lead"),
        Condition("ownerId", Operator.EQ, ""),
        Condition("email", Operator.EQ, "jane@example.com"),
        Condition("createdAt", Operator.IS_NULL, True),
    ],
)
def test_what_tether_cannot_do_exactly_stays_here(condition: Condition) -> None:
    split = pushed(condition)
    assert (split.taken, split.left, split.never) == ((), (condition,), False)


@pytest.mark.parametrize("condition", [any_of("owner"), any_of("assignee", ""), any_of("stages"), own("source", "")])
def test_a_filter_for_nothing_finds_nothing(condition: Condition) -> None:
    assert pushed(condition).never


def test_a_second_value_is_judged_here_when_a_contact_tells_it() -> None:
    split = pushed(own("source", "website"), own("source", "import"))
    assert (split.taken, split.left) == ((own("source", "website"),), (own("source", "import"),))


def test_a_second_value_that_no_contact_tells_is_refused() -> None:
    with pytest.raises(FilterRefused, match=r"tether\.messageStatus: Tether takes one value"):
        pushed(own("messageStatus", "ALL"), own("messageStatus", "ANSWERED"))


def test_a_repeated_filter_is_sent_once() -> None:
    assert pushed(own("messageStatus", "ALL"), own("messageStatus", "ALL")).taken == (own("messageStatus", "ALL"),)


def test_a_filters_own_stage_goes_before_the_common_one() -> None:
    common = Condition("stage", Operator.EQ, NEW_LEAD)
    split = pushed(common, own("pipelineStage", QUALIFIED))
    assert (split.taken, split.left) == ((own("pipelineStage", QUALIFIED),), (common,))


# ---------------------------------------------------------------- the stage buckets: POST


@pytest.mark.parametrize(
    "condition",
    [
        own("customFilters", (("city", '"Nairobi"'),)),
        any_of("stages", "New Lead"),
        own("bulkOnly", True),
        any_of("owner", ANN, BEN),
        any_of("assignee", ANN, BEN),
    ],
)
def test_a_parameter_of_post_alone_needs_buckets(condition: Condition) -> None:
    query = ListQuery(conditions=pushed(condition).taken)
    assert provider.needs_buckets(query)
    with pytest.raises(TypeError):
        provider.contacts_request(query, PageNumber(1, 10))


@pytest.mark.parametrize(
    "condition",
    [
        own("customFilters", ()),
        own("bulkOnly", False),
        any_of("owner", ANN),
        any_of("assignee", ANN, ANN),
        own("ownerFilter", "MY"),
        own("leadSource", "Referral"),
    ],
)
def test_what_a_get_can_say_is_a_get(condition: Condition) -> None:
    assert not provider.needs_buckets(ListQuery(conditions=pushed(condition).taken))


def test_a_filter_that_restricts_nothing_is_neither_sent_nor_judged() -> None:
    split = pushed(own("bulkOnly", False), own("customFilters", ()))
    assert (split.taken, split.left) == ((), ())


def test_a_search_needs_buckets_unless_it_goes_through_get() -> None:
    query = ListQuery(search="jane")
    assert provider.needs_buckets(query)
    assert not by_get.needs_buckets(query)
    assert by_get.contacts_request(query, PageNumber(1, 10)).params == (
        ("page", "1"),
        ("size", "10"),
        ("ownerFilter", "all"),
        ("search", "jane"),
    )
    assert provider.capabilities.phone_search
    assert not provider.capabilities.email_search


def test_the_buckets_are_asked_for_as_the_page_shows() -> None:
    request = provider.buckets_request(ListQuery(search="jane"), {NEW_LEAD: 3}, 25, Pipeline(native_id=PIPELINE))
    assert request.body is not None
    assert json.loads(request.body) == {
        "page": {NEW_LEAD: 3},
        "size": 25,
        "search": "jane",
        "ownerFilter": "all",
        "pipelineType": "Contact",
        "pipelineId": PIPELINE,
    }


def test_every_filter_of_the_buckets_is_sent() -> None:
    sent = body(
        own("source", "website"),
        any_of("owner", ANN, BEN),
        any_of("assignee", ANN),
        own("pipelineId", PIPELINE),
        any_of("stages", "New Lead", "Qualified"),
        own("customFilters", (("city", '"nai"'), ("budget", "500"), ("tags", '[1, {"a": null}]'))),
        own("bulkOnly", True),
        own("messageStatus", "ANSWERED"),
        own("lastMessageTimeRange", (2, "DAYS")),
        own("lastMessageDateRange", (datetime(2025, 1, 1, tzinfo=UTC), None)),
        Condition("createdAt", Operator.GTE, datetime(2025, 6, 1, tzinfo=UTC)),
        Condition("stage", Operator.EQ, NEW_LEAD),
    )
    assert sent == {
        "pipelineType": "Contact",
        "ownerFilter": "all",
        "source": "website",
        "owner": [ANN, BEN],
        "assignee": [ANN],
        "pipelineId": PIPELINE,
        "stages": ["New Lead", "Qualified"],
        "customFilters": {"city": "nai", "budget": 500, "tags": [1, {"a": None}]},
        "bulkOnly": True,
        "messageStatus": "answered",
        "lastMessageTimeRange": {"value": 2, "unit": "days"},
        "lastMessageDateRange": {"start": "2025-01-01T00:00:00.000Z", "end": "9000-01-01T00:00:00.000Z"},
        "createdDateRange": {"start": "2025-05-31T23:59:59.000Z", "end": "9000-01-01T00:00:00.000Z"},
        "status": NEW_LEAD,
    }


@pytest.mark.parametrize(
    ("condition", "status"), [(own("status", "Qualified"), "Qualified"), (own("pipelineStage", QUALIFIED), QUALIFIED)]
)
def test_with_post_a_stage_is_the_status(condition: Condition, status: str) -> None:
    assert body(condition, search="jane")["status"] == status


def test_status_and_stage_are_one_parameter_of_post() -> None:
    both = (own("status", "Qualified"), own("pipelineStage", QUALIFIED))
    assert params(*both) == {"ownerFilter": "all", "status": "Qualified", "pipelineStage": QUALIFIED}
    with pytest.raises(FilterRefused, match=r"tether\.status and tether\.pipelineStage"):
        pushed(*both, search="jane")


def test_with_post_a_common_stage_stays_here_beside_a_status() -> None:
    stage = Condition("stage", Operator.EQ, QUALIFIED)
    assert pushed(own("status", "Qualified"), stage, search="jane").left == (stage,)


def test_a_single_stage_is_asked_for_alone() -> None:
    request = provider.buckets_request(ListQuery(), {}, 10, Pipeline(), only=NEW_LEAD)
    assert sent_body(request)["status"] == NEW_LEAD


def test_the_querys_own_stage_goes_before_the_asked_one() -> None:
    query = ListQuery(conditions=(own("status", "Qualified"),))
    assert sent_body(provider.buckets_request(query, {}, 10, Pipeline(), only=NEW_LEAD))["status"] == "Qualified"


def test_two_pipelines_at_once_are_refused() -> None:
    assert body(own("pipelineId", PIPELINE), pipeline=Pipeline(native_id=PIPELINE))["pipelineId"] == PIPELINE
    with pytest.raises(FilterRefused, match=r"tether\.pipelineId"):
        body(own("pipelineId", PIPELINE), pipeline=Pipeline(native_id=QUALIFIED))


def test_applications_have_no_source() -> None:
    applications = Pipeline(PipelineType.APPLICATION)
    assert body(pipeline=applications)["pipelineType"] == "Application"
    with pytest.raises(FilterRefused, match=r"tether\.source"):
        body(own("source", "website"), pipeline=applications)


def test_a_custom_field_has_one_value() -> None:
    with pytest.raises(FilterRefused, match='the key "city" stands there twice'):
        pushed(own("customFilters", (("city", '"a"'), ("city", '"b"'))))


# ---------------------------------------------------------------- leadSource, which POST does not have


def test_a_lead_source_beside_a_search_is_judged_on_the_contact() -> None:
    condition = own("leadSource", "Referral")
    split = pushed(condition, search="jane")
    assert (split.taken, split.left) == ((), (condition,))
    assert provider.own_values(record_of(JANE | MORE), "tether.leadSource") == ("Referral",)
    assert provider.own_values(record_of({**JANE, "leadSource": None}), "tether.leadSource") == ()
    assert provider.own_values(record_of({**JANE, "leadSource": ""}), "tether.leadSource") == ()


def test_a_lead_source_that_contacts_do_not_show_is_refused_beside_a_search() -> None:
    with pytest.raises(FilterRefused, match=r"tether\.leadSource: .* search, tether\.customFilters"):
        provider.own_values(record_of(JANE), "tether.leadSource")


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("source", ["website"]),
        ("status", ["New Lead"]),
        ("pipelineStage", [NEW_LEAD]),
        ("pipelineId", [PIPELINE]),
        ("owner", [ANN, BEN, ANN, BEN]),
    ],
)
def test_a_contact_tells_its_own_values(field: str, values: list[str]) -> None:
    assert list(provider.own_values(record_of(JANE | MORE), f"tether.{field}")) == values


@pytest.mark.parametrize("field", ["source", "status", "pipelineStage", "pipelineId", "owner"])
def test_missing_values_are_none(field: str) -> None:
    assert list(provider.own_values(record_of({"_id": "1"}), f"tether.{field}")) == []


@pytest.mark.parametrize(
    "field",
    ["ownerFilter", "assignee", "stages", "customFilters", "messageStatus", "lastMessageTimeRange", "bulkOnly"],
)
def test_what_only_tether_knows_cannot_be_judged(field: str) -> None:
    with pytest.raises(FilterRefused, match=rf"tether\.{field}: only Tether"):
        provider.own_values(record_of(JANE), f"tether.{field}")


# ---------------------------------------------------------------- contacts

ROWS = [JANE, {**JANE, "_id": "2"}]
NUMBERS: dict[str, Any] = {"total": 123, "page": 4, "size": 50}


@pytest.mark.parametrize(
    "envelope",
    [
        {"success": True, "data": {"contacts": ROWS, **NUMBERS}, "meta": {}, "contacts": ROWS, "total": 123},
        {"success": True, "data": {"contacts": ROWS, **NUMBERS}},
        {"data": {"contacts": ROWS, "page": "4", "size": 50}, "total": "123"},
        {"data": {"contacts": ROWS}, "meta": NUMBERS},
        {"data": ROWS, **NUMBERS},
        {"data": ROWS, "contacts": ROWS, "meta": NUMBERS},
        {"contacts": ROWS, **NUMBERS},
        {"success": True, "data": NUMBERS, "contacts": ROWS, "total": 123},
        {"data": [], "contacts": ROWS, **NUMBERS},
        {"data": None, "contacts": ROWS, "meta": NUMBERS},
        {"data": NUMBERS | {"contacts": []}, "contacts": ROWS},
    ],
)
def test_every_envelope_gives_each_contact_once(envelope: dict[str, Any]) -> None:
    page = page_of(envelope)
    assert [record and record.native_id for record in page.records] == [JANE["_id"], "2"]
    assert (page.total, page.page, page.size, page.bad) == (123, 4, 50, ())
    for record, row in zip(page.records, ROWS, strict=True):
        assert record is not None
        assert json.loads(bytes(record.raws.row(record.index))) == row


@pytest.mark.parametrize("envelope", [{"data": {"contacts": []}}, {"data": []}, {"contacts": []}])
def test_an_empty_page_is_empty_in_every_envelope(envelope: dict[str, Any]) -> None:
    page = page_of(envelope)
    assert (page.records, page.total) == ([], None)


@pytest.mark.parametrize(
    "content",
    [
        {"error": "no"},
        {"success": False, "data": {}},
        {"data": {"contacts": 5}},
        {"data": 5},
        {"data": {"contacts": [], "total": "many"}},
        [],
        b"<html>",
        b'{"data": {"contacts": [',
    ],
)
def test_another_answer_is_invalid(content: object) -> None:
    with pytest.raises(InvalidAnswer, match=r"^expected"):
        page_of(content)


def test_the_pages_example_becomes_a_record() -> None:
    record = record_of(JANE)
    assert record.id == global_id("Contact", "sales", JANE["_id"])
    assert (record.native_id, record.source) == (JANE["_id"], SOURCE)
    assert (record.display_name, record.first_name, record.last_name) == ("Jane Doe", "Jane", "Doe")
    assert (record.email, record.emails) == ("jane@example.com", ["jane@example.com"])
    assert (record.phone, record.phones) == ("+1234567890", ["+1234567890"])
    assert record.status == "New Lead"
    assert record.stage_ref == StageRef(NEW_LEAD, "New Lead", PIPELINE)
    assert record.owner_ref == UserRef(ANN)
    assert record.assignee_refs == [UserRef(ANN), UserRef(BEN)]
    assert record.created_at == datetime(2023, 11, 7, 5, 31, 56, tzinfo=UTC)
    assert record.updated_at == datetime(2023, 11, 8, 5, 31, 56, 500_000, tzinfo=UTC)
    assert (record.company, record.avatar_url, record.tags) == (None, None, [])


def test_users_may_be_objects() -> None:
    people: list[object] = [
        {"_id": ANN, "fullName": "Ann Otieno", "email": "ann@example.com"},
        {"id": 7, "firstName": "Ben", "lastName": "Kim"},
        {"_id": BEN, "name": "Ben"},
        None,
        {"fullName": "No id"},
    ]
    record = record_of({**JANE, "userId": people[0], "createdBy": people[1], "assignees": [*people, "plain"]})
    ann, ben = UserRef(ANN, "Ann Otieno", "ann@example.com"), UserRef("7", "Ben Kim")
    assert record.owner_ref == ann
    assert record.assignee_refs == [ann, ben, UserRef(BEN, "Ben"), UserRef("plain")]
    details = provider.details(record)
    assert (details.user_id, details.created_by) == (ANN, ben)


@pytest.mark.parametrize("empty", ["", None])
def test_empty_values_are_missing(empty: str | None) -> None:
    record = record_of(dict.fromkeys({**JANE, **MORE}, empty) | {"_id": "1"})
    texts = (record.display_name, record.first_name, record.last_name, record.email, record.phone, record.status)
    assert texts == (None,) * 6
    assert (record.emails, record.phones, record.assignee_refs) == ([], [], [])
    assert (record.stage_ref, record.owner_ref, record.created_at, record.updated_at) == (None,) * 4
    details = provider.details(record)
    assert {name: value for name, value in msgspec.structs.asdict(details).items() if value is not None} == {
        "source": SOURCE,
        "channel_types": [],
    }


def test_a_stage_may_lack_its_id_or_its_name() -> None:
    assert record_of({"_id": "1", "status": "Old"}).stage_ref == StageRef(None, "Old", None)
    assert record_of({"_id": "1", "pipelineStage": NEW_LEAD}).stage_ref == StageRef(NEW_LEAD, None, None)


def test_everything_else_is_in_the_details() -> None:
    details = provider.details(record_of(JANE | MORE))
    files, latest = details.files, details.latest_message
    assert files is not None
    assert latest is not None
    assert json.loads(bytes(files)) == MORE["files"]
    assert json.loads(bytes(latest)) == MORE["latestMessage"]
    assert msgspec.structs.replace(details, files=None, latest_message=None) == TetherDetails(
        source=SOURCE,
        pipeline_id=PIPELINE,
        pipeline_stage_id=NEW_LEAD,
        organization_id="org",
        user_id=ANN,
        created_by=UserRef(BEN),
        lead_source="Referral",
        origin="website",
        process="inbound",
        is_bulk_sms=False,
        is_autopilot=True,
        channel_types=["sms", "whatsapp"],
        files=None,
        last_message_at=datetime(2024, 1, 1, tzinfo=UTC),
        latest_message=None,
    )


def test_a_strange_value_where_no_type_is_documented_costs_only_itself() -> None:
    strange: dict[str, Any] = {name: {"strange": [1]} for name in MORE}
    strange |= {"lastMessageTime": "yesterday"}
    details = provider.details(record_of(JANE | strange))
    assert (details.is_bulk_sms, details.is_autopilot, details.process, details.origin) == (None,) * 4
    assert (details.lead_source, details.channel_types, details.last_message_at) == (None, [], None)


def test_numbers_are_taken_for_texts() -> None:
    record = record_of({**JANE, "_id": 7, "phoneNumber": 254700000001, "userId": 5, "assignees": [5, "6"]})
    assert (record.native_id, record.phone) == ("7", "254700000001")
    assert (record.owner_ref, record.assignee_refs) == (UserRef("5"), [UserRef("5"), UserRef("6")])


def test_a_bad_row_is_dropped_alone_and_keeps_its_place() -> None:
    rows = [JANE, {**JANE, "_id": "2", "createdAt": "soon"}, {"firstName": "No"}, "text", {**JANE, "_id": "5"}]
    page = page_of({"data": {"contacts": rows, "total": 5}, "contacts": rows})
    assert [record and record.native_id for record in page.records] == [JANE["_id"], None, None, None, "5"]
    assert page.bad == (
        BadRow(1, "2", "createdAt: expected an RFC 3339 time"),
        BadRow(2, None, "_id: missing"),
        BadRow(3, None, "expected `object`, got `str`"),
    )


# ---------------------------------------------------------------- buckets

IN_STAGES: dict[str, Any] = {
    "New Lead": {"contacts": [JANE, {**JANE, "_id": "2"}], "total": 12},
    "Qualified": {"contacts": [{**JANE, "_id": "3", "status": "Qualified", "pipelineStage": QUALIFIED}], "total": "4"},
    "Won": {"contacts": [], "total": 0},
}


def resolved(content: dict[str, Any]) -> list[tuple[str, str | None, str | None, list[str | None], int | None]]:
    page = provider.buckets_page(answer(content), SOURCE)
    return [
        (
            bucket.key,
            bucket.native_id,
            bucket.name,
            [None if record is None else record.native_id for record in bucket.records],
            bucket.total,
        )
        for bucket in page.buckets
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"data": IN_STAGES, "stageIdByName": {"New Lead": NEW_LEAD}},
        {"dataByStatus": IN_STAGES, "stageNameById": {NEW_LEAD: "New Lead"}},
        {"data": IN_STAGES, "dataByStatus": IN_STAGES, "stageIdByName": {"New Lead": NEW_LEAD}},
        {"data": {}, "dataByStatus": IN_STAGES, "stageIdByName": {"New Lead": NEW_LEAD}},
        {"data": None, "dataByStatus": IN_STAGES},
    ],
)
def test_buckets_come_under_either_name_each_once(content: dict[str, Any]) -> None:
    assert resolved(content) == [
        ("New Lead", NEW_LEAD, "New Lead", [JANE["_id"], "2"], 12),
        # stageIdByName may list only some (trap 6): the stage's own contacts tell its id.
        ("Qualified", QUALIFIED, "Qualified", ["3"], 4),
        ("Won", None, "Won", [], 0),
    ]


def test_buckets_may_be_keyed_by_id() -> None:
    content = {
        "data": {NEW_LEAD: {"contacts": [JANE], "total": 1}, QUALIFIED: [JANE], "1": None},
        "stageIdByName": {"New Lead": NEW_LEAD},
        "stageNameById": {"1": "First"},
    }
    assert resolved(content) == [
        (NEW_LEAD, NEW_LEAD, "New Lead", [JANE["_id"]], 1),
        (QUALIFIED, QUALIFIED, None, [JANE["_id"]], None),
        ("1", "1", "First", [], None),
    ]


def test_a_renamed_stages_contacts_do_not_name_it() -> None:
    contacts = [{**JANE, "status": "Old Name"}]
    assert resolved({"data": {"New Lead": {"contacts": contacts}}}) == [
        ("New Lead", None, "New Lead", [JANE["_id"]], None)
    ]


def test_no_stages_are_no_buckets() -> None:
    assert resolved({"data": {}}) == []
    assert resolved({"dataByStatus": {}}) == []


def test_a_bad_row_belongs_to_its_bucket_and_raw_rows_to_their_contacts() -> None:
    bad = {"_id": "bad", "createdAt": "soon"}
    content = {
        "data": {"A": {"contacts": [JANE, bad]}, "B": {"contacts": [{**JANE, "_id": "4"}, bad, {**JANE, "_id": "5"}]}}
    }
    first, second = provider.buckets_page(answer(content), SOURCE).buckets
    assert first.bad == (BadRow(1, "bad", "createdAt: expected an RFC 3339 time"),)
    assert second.bad == (BadRow(1, "bad", "createdAt: expected an RFC 3339 time"),)
    last = second.records[2]
    assert second.records[1] is None
    assert last is not None
    assert json.loads(bytes(last.raws.row(last.index)))["_id"] == "5"


@pytest.mark.parametrize("content", [{"error": "no"}, {"data": 5}, {"data": {"New Lead": 5}}, {"data": []}, b"<html>"])
def test_an_answer_without_stages_is_invalid(content: object) -> None:
    with pytest.raises(InvalidAnswer, match="data or dataByStatus"):
        provider.buckets_page(answer(content), SOURCE)


# ---------------------------------------------------------------- pipelines and users

STAGES = [
    {"_id": QUALIFIED, "name": "Qualified", "color": "#3a86ff", "position": 1},
    {"_id": NEW_LEAD, "name": "New Lead", "color": "#1156d6", "position": 0},
]
SALES = {"_id": PIPELINE, "type": "Contact", "isActive": True, "pipelineStages": STAGES}
OTHER = {"_id": "other", "type": "Contact", "isActive": False, "pipelineStages": [{"_id": "x", "name": "X"}]}
IN_ORDER = [
    Stage(NEW_LEAD, "New Lead", "#1156d6", 0, PIPELINE),
    Stage(QUALIFIED, "Qualified", "#3a86ff", 1, PIPELINE),
]


def stages_of(content: object, pipeline: Pipeline | None = None) -> list[Stage]:
    return provider.stages(answer(content), pipeline or Pipeline())


@pytest.mark.parametrize(
    "content",
    [
        [OTHER, SALES],
        {"data": [OTHER, SALES]},
        {"data": {"pipelines": [OTHER, SALES]}},
        {"pipelines": [OTHER, SALES]},
        {"data": [{"id": PIPELINE, "stages": [{**stage, "position": str(stage["position"])} for stage in STAGES]}]},
        [{**OTHER, "isActive": None}, {**SALES, "isActive": None, "isDefault": True}],
        [{**SALES, "isActive": None}, {**OTHER, "isActive": None}],
        [{**OTHER, "type": "Application", "isActive": True}, {**SALES, "isActive": None}],
    ],
)
def test_the_active_pipelines_stages_come_in_its_order(content: object) -> None:
    assert stages_of(content) == IN_ORDER


def test_a_pipeline_is_found_by_its_id() -> None:
    assert stages_of([SALES, OTHER], Pipeline(native_id="other")) == [Stage("x", "X", None, 0, "other")]
    assert stages_of([SALES, OTHER], Pipeline(native_id="unknown")) == []


def test_stages_without_a_position_follow_in_the_answers_order() -> None:
    stages = [{"name": "c"}, {"name": "b", "order": 2}, {"_id": "nameless", "position": 1.5}, {"color": "#fff"}]
    assert [stage.name for stage in stages_of([{"_id": "p", "stages": stages}])] == ["nameless", "b", "c"]


def test_a_workspace_without_pipelines_has_no_stages() -> None:
    assert stages_of([]) == []


@pytest.mark.parametrize("kind", list(PipelineType))
def test_pipelines_are_asked_for_by_type(kind: PipelineType) -> None:
    assert provider.stages_request(Pipeline(kind)) == Request(
        "GET", "/api/pipelines", (("type", kind.value),), may_be_missing=True
    )


@pytest.mark.parametrize(
    "envelope",
    [
        lambda rows: rows,
        lambda rows: {"data": rows},
        lambda rows: {"users": rows},
        lambda rows: {"data": {"users": rows}},
    ],
)
def test_users_come_in_every_envelope(envelope: Any) -> None:
    rows = [
        {"_id": ANN, "fullName": "Ann Otieno", "email": "ann@example.com"},
        {"id": 2, "firstName": "Ben", "lastName": ""},
        {"name": "No id"},
    ]
    ann, ben = provider.users(answer(envelope(rows)), SOURCE)
    assert (ann.id, ann.native_id) == (global_id("User", "sales", ANN), ANN)
    assert (ann.name, ann.email) == ("Ann Otieno", "ann@example.com")
    assert (ben.native_id, ben.name, ben.email) == ("2", "Ben", None)
    assert provider.users_request() == Request("GET", "/api/user/list", may_be_missing=True)


@pytest.mark.parametrize("content", [{"error": "no"}, {"data": 5}, b"<html>", [5]])
def test_lists_that_are_none_are_invalid(content: object) -> None:
    with pytest.raises(InvalidAnswer, match="a list of users"):
        provider.users(answer(content), SOURCE)
    with pytest.raises(InvalidAnswer, match="a list of pipelines"):
        stages_of(content)
