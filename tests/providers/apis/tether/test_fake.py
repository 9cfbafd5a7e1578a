"""The fake Tether: each parameter of tether-list-contacts.txt and tether-stage-buckets.txt has its effect."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from providers.apis.fakes import Row, Switches, TetherFake, tether_app
from providers.apis.tether.fake.rows import PIPELINES, USERS
from tests.support.fakes_client import get, post

SALES, PARTNERS, APPLICATIONS = PIPELINES
STAGES = {stage["name"]: stage["_id"] for stage in SALES["pipelineStages"]}
ME, TEAMMATE, _, STRANGER, *_ = (user["_id"] for user in USERS)


def contact(number: int, **fields: Any) -> Row:
    """A contact in the active pipeline's first stage that nobody owns, created on the given day of January 2026."""
    day = f"2026-01-{number:02d}T12:00:00.000Z"
    return {
        "_id": f"{number:024x}",
        "firstName": f"First{number}",
        "lastName": f"Last{number}",
        "phoneNumber": f"+2547000000{number:02d}",
        "status": "New Lead",
        "pipelineId": SALES["_id"],
        "pipelineStage": STAGES["New Lead"],
        "assignees": [],
        "createdAt": day,
        "updatedAt": day,
        **fields,
    }


def app_with(*rows: Row, **switches: Any) -> TetherFake:
    return tether_app(rows, switches=Switches(**switches))


def numbers(contacts: list[Row]) -> list[int]:
    return sorted(int(row["_id"], 16) for row in contacts)


async def listed(app: TetherFake, **parameters: Any) -> list[int]:
    response = await get(app, "/api/contacts", {"ownerFilter": "all", **parameters})
    assert response.status_code == 200, response.text
    return numbers(response.json()["contacts"])


async def bucketed(app: TetherFake, **body: Any) -> dict[str, list[int]]:
    """The contacts of each bucket that has any."""
    response = await post(app, "/api/contacts", {"ownerFilter": "all", **body})
    assert response.status_code == 200, response.text
    buckets = response.json()["data"]
    return {stage: numbers(bucket["contacts"]) for stage, bucket in buckets.items() if bucket["contacts"]}


async def refused(app: TetherFake, **body: Any) -> str:
    response = await post(app, "/api/contacts", {"ownerFilter": "all", **body})
    assert response.status_code == 400
    error: str = response.json()["error"]
    return error


# ---------------------------------------------------------------- GET


async def test_the_owner_filter_defaults_to_the_callers_own() -> None:
    app = app_with(contact(1, userId=ME), contact(2, userId=STRANGER), contact(3, assignees=[ME]))
    response = await get(app, "/api/contacts")
    assert numbers(response.json()["contacts"]) == [1, 3]
    assert response.json()["total"] == 2


async def test_every_owner_scope_and_a_user_id_choose_their_contacts() -> None:
    app = app_with(
        contact(1, userId=ME),
        contact(2, userId=TEAMMATE, assignees=[STRANGER]),
        contact(3, userId=STRANGER, assignees=[STRANGER]),
        contact(4, createdBy=STRANGER),
    )
    found = {scope: await listed(app, ownerFilter=scope) for scope in ("my", "all", "team", "unassigned", STRANGER)}
    assert found == {"my": [1], "all": [1, 2, 3, 4], "team": [1, 2], "unassigned": [1, 4], STRANGER: [2, 3]}


async def test_an_owner_scope_that_is_none_is_refused() -> None:
    app = app_with()
    assert (await get(app, "/api/contacts", {"ownerFilter": "ALL"})).status_code == 400
    app.switches.strict = False
    assert (await get(app, "/api/contacts", {"ownerFilter": "ALL"})).status_code == 200


async def test_owners_match_creators_owners_and_assignees_and_override_the_scope() -> None:
    rows = [contact(1, createdBy=ME), contact(2, userId=ME), contact(3, assignees=[ME]), contact(4, userId=STRANGER)]
    app = app_with(*rows)
    assert await listed(app, ownerFilter="unassigned", owner=ME) == [1, 2, 3]
    assert await listed(app, owner=f"{ME},{STRANGER}") == [1, 2, 3, 4]
    repeated = await get(app, "/api/contacts", [("owner[]", ME), ("owner[]", STRANGER)])
    assert repeated.json()["total"] == 4
    assert await bucketed(app, ownerFilter="my", owner=[ME]) == {"New Lead": [1, 2, 3]}


async def test_assignees_are_the_contacts_or_its_conversations() -> None:
    rows = [contact(1, assignees=[ME]), contact(2, latestMessage={"assignee": ME}), contact(3)]
    app = app_with(*rows)
    assert await listed(app, assignee=ME) == [1]
    assert await bucketed(app, assignee=[ME, STRANGER]) == {"New Lead": [1]}
    app.switches.assignee_matches = "conversation"
    assert await listed(app, assignee=ME) == [2]


@pytest.mark.parametrize("parameter", ["source", "leadSource", "status", "pipelineStage", "pipelineId"])
async def test_plain_filters_compare_exactly(parameter: str) -> None:
    app = app_with(contact(1, **{parameter: "Web"}), contact(2, **{parameter: "web"}), contact(3))
    assert await listed(app, **{parameter: "Web"}) == [1]


async def test_the_older_guides_search_works_over_get() -> None:
    app = app_with(contact(1, firstName="Jane", lastName="Doe"), contact(2), contact(3, email="jane@example.com"))
    assert await listed(app, search="jane d") == [1]
    assert await listed(app, search="00000002") == [2]


@pytest.mark.parametrize(("ends", "found"), [("inclusive", [2, 3]), ("exclusive", [])])
async def test_a_date_range_is_json_and_its_ends_are_a_switch(ends: str, found: list[int]) -> None:
    app = app_with(*(contact(number) for number in range(1, 6)), range_ends=ends)
    span = {"start": "2026-01-02T12:00:00Z", "end": "2026-01-03T12:00:00Z"}
    assert await listed(app, dateRange=json.dumps(span)) == found
    for key in ("dateRange", "createdDateRange"):
        assert await bucketed(app, **{key: span}) == ({"New Lead": found} if found else {})


async def test_a_date_range_may_be_open() -> None:
    app = app_with(*(contact(number) for number in range(1, 4)))
    assert await listed(app, dateRange='{"start": "2026-01-02T00:00:00Z"}') == [2, 3]
    assert await listed(app, dateRange='{"end": "2026-01-02T13:00:00+01:00"}') == [1, 2]


@pytest.mark.parametrize("value", ["2026", "[]", "{}", '{"start": "soon"}', '{"from": "2026-01-01"}'])
async def test_a_date_range_that_is_none_is_refused(value: str) -> None:
    response = await get(app_with(), "/api/contacts", {"dateRange": value})
    assert response.status_code == 400
    assert "dateRange" in response.json()["error"]


async def test_message_filters_look_at_the_last_message() -> None:
    rows = [
        contact(1, lastMessageTime="2026-11-20T23:00:00Z"),
        contact(2, lastMessageTime="2026-11-01T00:00:00Z"),
        contact(3, lastMessageTime=None),
    ]
    app = app_with(*rows)
    assert await listed(app, messageStatus="answered") == [1, 2]
    assert await listed(app, messageStatus="unanswered") == [3]
    assert await listed(app, messageStatus="all") == [1, 2, 3]
    assert await listed(app, lastMessageTimeRange='{"value": 2, "unit": "hours"}') == [2, 3]
    assert await listed(app, lastMessageTimeRange='{"value": 30, "unit": "days"}') == [3]
    november = {"start": "2026-10-31T00:00:00Z", "end": "2026-11-02T00:00:00Z"}
    assert await listed(app, lastMessageDateRange=json.dumps(november)) == [2]
    assert await bucketed(app, messageStatus="answered") == {"New Lead": [1, 2]}
    assert await bucketed(app, lastMessageTimeRange={"value": 2, "unit": "hours"}) == {"New Lead": [2, 3]}
    assert await bucketed(app, lastMessageDateRange=november) == {"New Lead": [2]}


@pytest.mark.parametrize(
    "parameters",
    [
        {"messageStatus": "read"},
        {"lastMessageTimeRange": '{"value": 2, "unit": "weeks"}'},
        {"lastMessageTimeRange": '{"value": 0, "unit": "days"}'},
        {"lastMessageDateRange": "x"},
    ],
)
async def test_message_filters_that_are_none_are_refused(parameters: dict[str, str]) -> None:
    assert (await get(app_with(), "/api/contacts", parameters)).status_code == 400


# ---------------------------------------------------------------- envelopes (trap 5)


@pytest.mark.parametrize(
    ("envelope", "inner", "top"),
    [("both", True, True), ("data.contacts", True, False), ("data", False, False), ("contacts", False, True)],
)
async def test_the_contacts_lie_where_the_switch_says(envelope: str, inner: bool, top: bool) -> None:
    app = app_with(contact(1), tether_envelope=envelope)
    answer = (await get(app, "/api/contacts", {"ownerFilter": "all"})).json()
    assert answer["success"] is True
    assert ("contacts" in answer) is top
    if envelope == "data":
        assert numbers(answer["data"]) == [1]
    else:
        assert ("contacts" in answer["data"]) is inner
        assert (answer["data"]["page"], answer["data"]["size"]) == (1, 50)


@pytest.mark.parametrize(
    ("place", "inner", "top"), [("both", 1, 1), ("data", 1, None), ("top", None, 1), ("absent", None, None)]
)
async def test_the_total_lies_where_the_switch_says(place: str, inner: int | None, top: int | None) -> None:
    answer = (await get(app_with(contact(1), tether_total=place), "/api/contacts", {"ownerFilter": "all"})).json()
    assert (answer["data"].get("total"), answer.get("total")) == (inner, top)


async def test_people_are_ids_or_objects() -> None:
    app = app_with(contact(1, createdBy=ME, assignees=[STRANGER]), contact(2, createdBy=None))
    plain = (await get(app, "/api/contacts", {"ownerFilter": "all"})).json()["contacts"][1]
    assert (plain["createdBy"], plain["assignees"]) == (ME, [STRANGER])
    app.switches.created_by = "object"
    app.switches.assignees = "objects"
    nobody, full = (await get(app, "/api/contacts", {"ownerFilter": "all"})).json()["contacts"]
    assert full["createdBy"] == {"_id": ME, "fullName": "Amina Hassan"}
    assert full["assignees"] == [{"_id": STRANGER, "fullName": "Daniel Mwenda"}]
    assert (nobody["createdBy"], nobody["assignees"]) == (None, [])


# ---------------------------------------------------------------- POST: stage buckets


def staged(number: int, stage: str, **fields: Any) -> Row:
    return contact(number, status=stage, pipelineStage=STAGES[stage], **fields)


async def test_a_post_answers_a_bucket_for_every_stage_in_pipeline_order() -> None:
    answer = (await post(app_with(staged(1, "Won")), "/api/contacts", {"ownerFilter": "all"})).json()
    assert list(answer["data"]) == list(STAGES)
    assert answer["data"]["Won"]["total"] == 1
    assert answer["data"]["Lost"] == {"contacts": [], "total": 0}
    assert answer["stageIdByName"] == STAGES
    assert answer["stageNameById"] == {stage_id: name for name, stage_id in STAGES.items()}


async def test_a_post_defaults_to_the_callers_own_too() -> None:
    app = app_with(staged(1, "Won", userId=ME), staged(2, "Won", userId=STRANGER))
    assert (await post(app, "/api/contacts", {})).json()["data"]["Won"]["total"] == 1


async def test_every_stage_has_its_own_page_by_name_or_by_id() -> None:
    rows = [staged(number, "Won" if number % 2 else "Lost") for number in range(1, 10)]
    app = app_with(*rows, default_order="created_asc")
    assert await bucketed(app, size=2) == {"Won": [1, 3], "Lost": [2, 4]}
    assert await bucketed(app, size=2, page={"Won": 2}) == {"Won": [5, 7], "Lost": [2, 4]}
    assert await bucketed(app, size=2, page={STAGES["Won"]: 3, "Lost": 2}) == {"Won": [9], "Lost": [6, 8]}


async def test_a_bucket_past_its_end_is_empty_or_the_last_and_never_404() -> None:
    app = app_with(staged(1, "Won"), past_end="404")
    assert await bucketed(app, page={"Won": 5}) == {}
    app.switches.past_end = "last"
    assert await bucketed(app, page={"Won": 5}) == {"Won": [1]}


async def test_bucket_sizes_are_lowered_like_list_pages() -> None:
    app = app_with(*(staged(number, "Won") for number in range(1, 9)), max_page_size=3)
    answer = (await post(app, "/api/contacts", {"ownerFilter": "all", "size": 8})).json()["data"]["Won"]
    assert (len(answer["contacts"]), answer["total"]) == (3, 8)


async def test_search_covers_names_full_name_and_phone_but_no_email() -> None:
    app = app_with(
        staged(1, "Won", firstName="Jané", lastName="Doe"),
        staged(2, "Won", email="jané@example.com"),
        staged(3, "Lost", lastName=None, phoneNumber="+1 212 555 0123"),
    )
    assert await bucketed(app, search="JANÉ D") == {"Won": [1]}
    assert await bucketed(app, search="555 01") == {"Lost": [3]}
    assert await bucketed(app, search="example") == {}


async def test_source_is_compared_in_buckets_but_lead_source_is_no_key_there() -> None:
    app = app_with(staged(1, "Won", source="web"), staged(2, "Won"))
    assert await bucketed(app, source="web") == {"Won": [1]}
    assert "leadSource" in await refused(app, leadSource="x")


async def test_status_gives_a_single_stage_by_name_or_by_id() -> None:
    app = app_with(staged(1, "Won"), staged(2, "Lost"))
    for status in ("Won", STAGES["Won"]):
        answer = (await post(app, "/api/contacts", {"ownerFilter": "all", "status": status})).json()
        assert {name: bucket["total"] for name, bucket in answer["data"].items()} == {"Won": 1}
    assert await bucketed(app, status="Nowhere") == {}


async def test_a_pipeline_can_be_named_and_else_is_the_active_one() -> None:
    stage = PARTNERS["pipelineStages"][0]
    partner = contact(2, pipelineId=PARTNERS["_id"], pipelineStage=stage["_id"])
    app = app_with(contact(1), partner, contact(3, pipelineId=None, pipelineStage=None, status=None))
    assert await bucketed(app) == {"New Lead": [1]}
    assert await bucketed(app, pipelineId=PARTNERS["_id"]) == {"New Lead": [2]}
    assert await bucketed(app, pipelineId="0" * 24) == {}
    assert await listed(app) == [1, 2, 3]


async def test_a_stale_status_is_found_by_the_stage_id_and_not_by_its_name() -> None:
    app = app_with(contact(1), contact(2, status="Fresh Lead"))
    assert await bucketed(app) == {"New Lead": [1]}
    assert await bucketed(app, stageIdByName=STAGES) == {"New Lead": [1, 2]}
    assert await bucketed(app, status=STAGES["New Lead"]) == {"New Lead": [1, 2]}
    assert await listed(app, status="New Lead") == [1]
    assert await listed(app, pipelineStage=STAGES["New Lead"]) == [1, 2]


async def test_stages_choose_the_buckets_and_their_order() -> None:
    app = app_with(staged(1, "Won"), staged(2, "Lost"), contact(3, status="Fresh Lead"))
    answer = (await post(app, "/api/contacts", {"ownerFilter": "all", "stages": ["Lost", "Fresh Lead", "Won"]})).json()
    assert {name: bucket["total"] for name, bucket in answer["data"].items()} == {"Lost": 1, "Fresh Lead": 1, "Won": 1}
    assert list(answer["data"]) == ["Lost", "Fresh Lead", "Won"]


async def test_custom_filters_match_text_as_a_regular_expression_and_other_values_exactly() -> None:
    app = app_with(
        contact(1, customFields={"city": "Nairobi West", "budget": 500}),
        contact(2, customFields={"city": "Mombasa", "budget": 5000}),
        contact(3),
    )
    assert await bucketed(app, customFilters={"city": "^NAIROBI"}) == {"New Lead": [1]}
    assert await bucketed(app, customFilters={"budget": 5000}) == {"New Lead": [2]}
    assert await bucketed(app, customFilters={"budget": 5000, "city": "nai"}) == {}
    assert "customFilters.city" in await refused(app, customFilters={"city": "("})


async def test_bulk_only_keeps_bulk_imports() -> None:
    app = app_with(contact(1, isBulkSms=True), contact(2, isBulkSms=False), contact(3))
    assert await bucketed(app, bulkOnly=True) == {"New Lead": [1]}
    assert await bucketed(app, bulkOnly=False) == {"New Lead": [1, 2, 3]}


async def test_applications_are_another_model_without_sources() -> None:
    app = tether_app(5)
    received = await bucketed(app, pipelineType="Application", source="web", size=50)
    assert sum(map(len, received.values())) == len(app.applications) == 12
    assert set(received) <= {stage["name"] for stage in APPLICATIONS["pipelineStages"]}
    assert len(await listed(app)) == 5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("page", 2),
        ("page", {"Won": 0}),
        ("size", 0),
        ("search", 5),
        ("owner", "x"),
        ("assignee", [1]),
        ("pipelineType", "Deal"),
        ("createdDateRange", {}),
        ("customFilters", []),
        ("stages", "Won"),
        ("stageIdByName", "Won"),
        ("bulkOnly", "yes"),
        ("lastMessageTimeRange", {"value": 1}),
        ("colour", "red"),
    ],
)
async def test_a_key_with_a_wrong_value_is_refused_by_name(key: str, value: Any) -> None:
    assert key in await refused(app_with(), **{key: value})


@pytest.mark.parametrize("body", [[], "x", None])
async def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert (await post(app_with(), "/api/contacts", body)).status_code == 400


async def test_buckets_lie_and_are_keyed_as_the_switches_say() -> None:
    app = app_with(staged(1, "Won"), buckets_under="dataByStatus", buckets_keyed_by="id")
    answer = (await post(app, "/api/contacts", {"ownerFilter": "all"})).json()
    assert "data" not in answer
    assert answer["dataByStatus"][STAGES["Won"]]["total"] == 1
    assert list(answer["dataByStatus"]) == list(STAGES.values())


async def test_the_stage_maps_may_be_partial_or_missing() -> None:
    app = app_with(stage_id_by_name="partial", stage_name_by_id="absent")
    answer = (await post(app, "/api/contacts", {})).json()
    assert answer["stageIdByName"] == {"New Lead": STAGES["New Lead"]}
    assert "stageNameById" not in answer
    app.switches.stage_id_by_name = "absent"
    assert "stageIdByName" not in (await post(app, "/api/contacts", {})).json()


# ---------------------------------------------------------------- one stage, pipelines, users


async def test_one_stage_is_paged_like_the_list() -> None:
    rows = [staged(number, "Won") for number in range(1, 6)]
    app = app_with(*rows, staged(6, "Lost"), default_order="created_asc")
    body = {"ownerFilter": "all", "status": "Won", "size": 2, "page": 3}
    answer = (await post(app, "/api/contacts/status", body)).json()
    assert (numbers(answer["contacts"]), answer["total"]) == ([5], 5)
    assert (await post(app, "/api/contacts/status", {})).status_code == 400


async def test_pipelines_are_given_by_type() -> None:
    app = app_with()
    one = (await get(app, "/api/pipelines", {"type": "Contact"})).json()["data"]
    app.switches.tether_pipelines = "one_bare"
    bare = (await get(app, "/api/pipelines", {"type": "Contact"})).json()
    assert (one["name"], bare) == ("Sales", one)
    app.switches.tether_pipelines = "data"
    contacts = (await get(app, "/api/pipelines", {"type": "Contact"})).json()["data"]
    assert [pipeline["name"] for pipeline in contacts] == ["Sales", "Partners"]
    assert set(contacts[0]["pipelineStages"][0]) == {"_id", "name", "color", "position"}
    applications = (await get(app, "/api/pipelines", {"type": "Application"})).json()["data"]
    assert [pipeline["name"] for pipeline in applications] == ["Applications"]


async def listed_names(answer: httpx.Response, key: str | None) -> list[str]:
    rows = answer.json() if key is None else answer.json()[key]
    return [row["fullName"] for row in rows]


async def test_users_are_listed_in_the_envelope_of_the_switch() -> None:
    app = app_with()
    names = [user["fullName"] for user in USERS]
    for envelope, key in (("data", "data"), ("named", "users"), ("bare", None)):
        app.switches.tether_list_envelope = envelope  # type: ignore[assignment]
        assert await listed_names(await get(app, "/api/user/list"), key) == names


async def test_an_installation_may_lack_an_endpoint() -> None:
    app = app_with(missing_endpoints=frozenset({"/api/pipelines"}))
    assert (await get(app, "/api/pipelines", {"type": "Contact"})).status_code == 404
    assert (await get(app, "/api/user/list")).status_code == 200


async def test_a_renamed_stage_shows_at_once() -> None:
    app = tether_app([contact(1)], pipelines=[json.loads(json.dumps(SALES))])
    app.pipelines[0]["pipelineStages"][0]["name"] = "Brand New"
    assert await bucketed(app) == {}
    assert await bucketed(app, status=STAGES["New Lead"]) == {"Brand New": [1]}


async def test_the_caller_can_be_another_user() -> None:
    app = tether_app([contact(1, userId=STRANGER), contact(2, userId=ME)], caller=STRANGER)
    assert (await get(app, "/api/contacts")).json()["total"] == 1
