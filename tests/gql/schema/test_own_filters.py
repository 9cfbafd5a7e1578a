"""A provider's own filter reaches its API, with its effect, in every form that the API has for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from providers.apis.tether.fake.rows import PIPELINES
from providers.spi.query import And, Condition, Filter, Operator, Value
from resolvers.model.errors import BadUserInput
from resolvers.model.records import SourceStatus
from tests.support.filter_meaning import holds
from tests.support.filter_rows import USER_IDS, Row, filter_rows, instant
from tests.support.filters import WACR_FIELDS, operands
from tests.support.world import World, ids

ANN, BEN, CID = USER_IDS
ACTIVE = PIPELINES[0]
STAGE = ACTIVE["pipelineStages"][0]
ROWS = [row for row in filter_rows("tether", 120) if row.get("status") != "Old name"]


class Case(NamedTuple):
    """A field of TetherFilter with a value, the rows it means, and what is sent: by GET as text, by POST as JSON."""

    field: str
    value: Value
    means: Callable[[Row], bool]
    parameter: str
    sent: Any


def _of(row: Row) -> list[str | None]:
    return [row["userId"], row["createdBy"], *row["assignees"]]


def _within(row: Row, start: str, end: str) -> bool:
    return row["lastMessageTime"] is not None and start <= row["lastMessageTime"] <= end


A_DAY = (datetime(2026, 11, 18, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))
# What "recent" is counted from is the fakes' own now: 2026-11-21, midnight.
QUIET = (24, "HOURS")

BOTH_FORMS = [
    Case("source", "website", lambda row: row["source"] == "website", "source", "website"),
    Case("ownerFilter", "MY", lambda row: ANN in (row["userId"], *row["assignees"]), "ownerFilter", "my"),
    Case("ownerFilter", "ALL", lambda row: True, "ownerFilter", "all"),
    Case("ownerFilter", "TEAM", lambda row: row["userId"] in (ANN, BEN, CID), "ownerFilter", "team"),
    Case("ownerFilter", "UNASSIGNED", lambda row: not row["assignees"], "ownerFilter", "unassigned"),
    Case("ownerFilterUserId", BEN, lambda row: BEN in (row["userId"], *row["assignees"]), "ownerFilter", BEN),
    Case("owner", (BEN,), lambda row: BEN in _of(row), "owner", [BEN]),
    Case("assignee", (CID,), lambda row: CID in row["assignees"], "assignee", [CID]),
    Case("status", STAGE["name"], lambda row: row.get("status") == STAGE["name"], "status", STAGE["name"]),
    Case("pipelineId", ACTIVE["_id"], lambda row: row.get("pipelineId") == ACTIVE["_id"], "pipelineId", ACTIVE["_id"]),
    Case("messageStatus", "ANSWERED", lambda row: row["lastMessageTime"] is not None, "messageStatus", "answered"),
    Case("messageStatus", "UNANSWERED", lambda row: row["lastMessageTime"] is None, "messageStatus", "unanswered"),
    Case("messageStatus", "ALL", lambda row: True, "messageStatus", "all"),
    Case(
        "lastMessageTimeRange",
        QUIET,
        lambda row: row["lastMessageTime"] is None or row["lastMessageTime"] < "2026-11-20",
        "lastMessageTimeRange",
        {"value": 24, "unit": "hours"},
    ),
    Case(
        "lastMessageDateRange",
        A_DAY,
        lambda row: _within(row, "2026-11-18", "2026-11-20"),
        "lastMessageDateRange",
        {"start": "2026-11-18T00:00:00.000Z", "end": "2026-11-20T00:00:00.000Z"},
    ),
]
GET_ONLY = [Case("leadSource", "Referral", lambda row: row["leadSource"] == "Referral", "leadSource", "Referral")]
BY_STAGE = Case("pipelineStage", STAGE["_id"], lambda row: row.get("pipelineStage") == STAGE["_id"], "", STAGE["_id"])
POST_ONLY = [
    Case("bulkOnly", True, lambda row: row["isBulkSms"], "bulkOnly", True),
    Case("stages", (STAGE["name"],), lambda row: row.get("status") == STAGE["name"], "stages", [STAGE["name"]]),
    Case(
        "customFilters",
        (("city", '"nairobi"'), ("budget", "500")),
        lambda row: row["customFields"] == {"city": "Nairobi", "budget": 500},
        "customFilters",
        {"city": "nairobi", "budget": 500},
    ),
    Case("owner", (BEN, CID), lambda row: bool({BEN, CID} & {*_of(row)}), "owner", [BEN, CID]),
    Case("assignee", (ANN, CID), lambda row: bool({ANN, CID} & {*row["assignees"]}), "assignee", [ANN, CID]),
]


def tether_condition(case: Case) -> Condition:
    listed = case.field in ("owner", "assignee", "stages")
    return Condition(f"tether.{case.field}", Operator.IN if listed else Operator.EQ, case.value)


async def asked(world: World, filter: Filter, **arguments: Any) -> set[str]:
    world.forget_calls()
    connection = await world.connection(first=100, filter=filter, **arguments)
    assert not connection.page_info.has_next_page
    return {record.native_id for record in connection.nodes}


def in_the_active_pipeline(row: Row) -> bool:
    return bool(row.get("pipelineId") == ACTIVE["_id"])


def named(case: Case) -> str:
    return f"{case.field}={case.value}"[:40]


@pytest.mark.parametrize("case", [*BOTH_FORMS, *GET_ONLY, BY_STAGE._replace(parameter="pipelineStage")], ids=named)
async def test_a_field_of_tether_filter_goes_out_with_get_and_has_its_effect(case: Case) -> None:
    world = World({"tether": ROWS})
    expected = {row["_id"] for row in ROWS if case.means(row)}
    assert await asked(world, tether_condition(case)) == expected
    assert 0 < len(expected) <= len(ROWS)
    call = world.fakes["tether"].calls[-1]
    assert call.method == "GET"
    (written,) = [value for name, value in call.parameters if name == case.parameter]
    if isinstance(case.sent, list):
        assert [written] == case.sent
    elif isinstance(case.sent, dict):
        assert _without_rounding(json.loads(written)) == case.sent
    else:
        assert written == case.sent


@pytest.mark.parametrize("case", [*BOTH_FORMS, *POST_ONLY, BY_STAGE._replace(parameter="status")], ids=named)
async def test_a_field_of_tether_filter_goes_out_with_post_and_has_its_effect(case: Case) -> None:
    world = World({"tether": ROWS})
    post = POST_ONLY[0] if case not in POST_ONLY else case
    expected = {row["_id"] for row in ROWS if case.means(row) and post.means(row) and in_the_active_pipeline(row)}
    assert await asked(world, And((tether_condition(case), tether_condition(post)))) == expected
    assert expected
    (body, *_) = [call.body for call in world.fakes["tether"].calls if call.path == "/api/contacts"]
    assert _without_rounding(body[case.parameter]) == case.sent


def _without_rounding(value: Any) -> Any:
    # An end is sent up to a millisecond later than asked, never earlier.
    return json.loads(json.dumps(value).replace(".001Z", ".000Z"))


async def test_lead_source_beside_what_needs_post_is_applied_to_the_contacts() -> None:
    world = World({"tether": ROWS})
    lead, bulk = tether_condition(GET_ONLY[0]), tether_condition(POST_ONLY[0])
    expected = {
        row["_id"]
        for row in ROWS
        if row["leadSource"] == "Referral" and row["isBulkSms"] and in_the_active_pipeline(row)
    }
    assert await asked(world, And((lead, bulk))) == expected
    assert expected


async def test_lead_source_that_the_contacts_do_not_show_is_refused_naming_both() -> None:
    rows = [{name: value for name, value in row.items() if name != "leadSource"} for row in ROWS]
    world = World({"tether": rows})
    with pytest.raises(BadUserInput, match=r"tether\.leadSource.*tether\.bulkOnly"):
        await world.page(first=5, filter=And((tether_condition(GET_ONLY[0]), tether_condition(POST_ONLY[0]))))


async def test_owners_override_the_owner_scope_as_tether_documents_it() -> None:
    world = World({"tether": ROWS})
    scope = Condition("tether.ownerFilter", Operator.EQ, "MY")
    both = And((scope, Condition("tether.owner", Operator.IN, (BEN,))))
    assert await asked(world, both) == {row["_id"] for row in ROWS if BEN in _of(row)}
    assert ("ownerFilter", "all") in world.fakes["tether"].calls[-1].parameters


async def test_everybodys_contacts_are_asked_for_unless_a_filter_says_otherwise() -> None:
    world = World({"tether": ROWS})
    assert len(await asked(world, And(()))) == len(ROWS[:100])
    assert ("ownerFilter", "all") in world.fakes["tether"].calls[-1].parameters


@pytest.mark.parametrize("field", ["createdAt", "stage", "ownerId"])
@pytest.mark.parametrize("post", [False, True], ids=["GET", "POST"])
async def test_a_common_filter_has_its_effect_in_both_of_tethers_forms(field: str, post: bool) -> None:
    world = World({"tether": ROWS})
    tried: dict[str, Filter] = {
        "createdAt": And(
            (Condition("createdAt", Operator.GT, instant(0)), Condition("createdAt", Operator.LTE, instant(60)))
        ),
        "stage": Condition("stage", Operator.EQ, STAGE["_id"]),
        "ownerId": Condition("ownerId", Operator.EQ, BEN),
    }
    filter = tried[field]
    bulk: Filter = tether_condition(POST_ONLY[0]) if post else And(())
    everyone = (await world.connection(first=100, filter=bulk)).nodes
    expected = {record.native_id for record in everyone if holds(filter, record)}
    assert await asked(world, And((filter, bulk))) == expected
    assert expected
    assert {call.method for call in world.fakes["tether"].calls if call.path == "/api/contacts"} == {
        "POST" if post else "GET"
    }
    sent = world.fakes["tether"].calls[-1]
    names = {*sent.body} if post else {name for name, _ in sent.parameters}
    get_name, post_name = {
        "createdAt": ("dateRange", "createdDateRange"),
        "stage": ("pipelineStage", "status"),
        "ownerId": ("owner", "owner"),
    }[field]
    assert (post_name if post else get_name) in names


# ---------------------------------------------------------------- AskElephant


@pytest.mark.parametrize("wanted", [("70",), ("71", "72"), ("999",)])
async def test_crm_associations_reach_askelephant_with_their_effect(wanted: tuple[str, ...]) -> None:
    rows = filter_rows("askelephant", 40)
    world = World({"askelephant": rows})
    condition = Condition("askElephant.crmAssociations", Operator.EQ, tuple((each, "contact") for each in wanted))
    expected = {row["id"] for row in rows if row.get("crm_association", {}).get("id") in wanted}
    assert await asked(world, condition) == expected
    sent = dict(world.fakes["askelephant"].calls[-1].parameters)
    for index, each in enumerate(wanted):
        assert sent[f"filter[crm_associations][eq][{index}][id]"] == each
        assert sent[f"filter[crm_associations][eq][{index}][object_type]"] == "contact"


async def test_crm_associations_go_with_every_cursor() -> None:
    world = World({"askelephant": filter_rows("askelephant", 60)})
    condition = Condition("askElephant.crmAssociations", Operator.EQ, (("70", "contact"), ("71", "contact")))
    walked = await world.walk([3], filter=condition)
    assert len({*ids(walked)}) == len(walked) > 6
    for call in world.fakes["askelephant"].calls:
        assert ("filter[crm_associations][eq][1][id]", "71") in call.parameters


async def test_the_ends_of_an_updated_range_reach_askelephant_as_they_are() -> None:
    world = World({"askelephant": filter_rows("askelephant", 40)})
    both = And((Condition("updatedAt", Operator.GTE, instant(1)), Condition("updatedAt", Operator.LT, instant(60))))
    everyone = (await world.connection(first=100)).nodes
    assert await asked(world, both) == {record.native_id for record in everyone if holds(both, record)}
    sent = dict(world.fakes["askelephant"].calls[-1].parameters)
    assert sent["filter[updated_at][gte]"] == "2026-03-01T12:00:01Z"
    assert sent["filter[updated_at][lt]"] == "2026-03-01T12:01:00Z"


# ---------------------------------------------------------------- WA.cr

SPELLED = {"in": "in", "notIn": "not_in", "isNull": "null", "like": "like", "between": "between"}
# What is documented for a field that may be null, or for a list, is applied here instead: nulls would be lost.
APPLIED_HERE = {
    *((f"wacr.{name}", operator) for name in ("assignedId", "groupId") for operator in (Operator.NE, Operator.NOT_IN)),
    *(("wacr.groupId", operator) for operator in Operator if operator not in (Operator.EQ, Operator.LIKE)),
    # How a database orders texts, and how it writes an instant as one, is not documented.
    *(("wacr.type", operator) for operator in (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE, Operator.BETWEEN)),
    ("wacr.createdAt", Operator.LIKE),
}


@pytest.mark.parametrize(
    ("field", "operator"), [(field, operator) for field, operators in WACR_FIELDS.items() for operator in operators]
)
async def test_every_operator_of_wacr_filter_reaches_wacr(field: str, operator: Operator) -> None:
    world = World({"wacr": filter_rows("wacr")})
    values = operands(field, operator)
    value = values[3] if operator in (Operator.IN, Operator.NOT_IN) else values[0]
    condition = Condition(field, operator, value)
    everyone = (await world.connection(first=100)).nodes
    assert await asked(world, condition) == {record.native_id for record in everyone if holds(condition, record)}
    slot = {"wacr.type": "type", "wacr.createdAt": "created_at"}.get(field, field[5:-2] + "_id")
    name = f"filter[{slot}]" + ("" if operator is Operator.EQ else f"[{SPELLED.get(operator, operator)}]")
    sent = [parameter for parameter, _ in world.fakes["wacr"].calls[-1].parameters if parameter.startswith("filter")]
    assert sent == ([] if (field, operator) in APPLIED_HERE else [name])


async def test_a_group_is_asked_for_and_checked_here_for_what_contains_means_is_not_documented() -> None:
    world = World({"wacr": filter_rows("wacr")})
    connection = await world.connection(first=100, filter=Condition("wacr.groupId", Operator.EQ, "1"))
    assert connection.nodes
    assert all("1" in {tag.native_id for tag in record.tags} for record in connection.nodes)
    assert ("filter[group_id]", "1") in world.fakes["wacr"].calls[-1].parameters


# ---------------------------------------------------------------- all together


async def test_each_providers_own_filter_restricts_that_provider_alone() -> None:
    rows = {name: filter_rows(name) for name in ("tether", "askelephant", "wacr", "autokonnect")}
    world = World(rows)
    none_of_them = And(
        (
            Condition("tether.source", Operator.EQ, "nowhere"),
            Condition("askElephant.crmAssociations", Operator.EQ, (("nobody", "contact"),)),
            Condition("wacr.statusId", Operator.EQ, "no number"),
        )
    )
    connection = await world.connection(first=100, filter=none_of_them)
    assert {record.source.name for record in connection.nodes} == {"autokonnect"}
    assert len(connection.nodes) == len(rows["autokonnect"])
    assert {part.source.name: part.status for part in connection.sources} == {
        "tether": SourceStatus.OK,
        "askelephant": SourceStatus.OK,
        "wacr": SourceStatus.SKIPPED,
        "autokonnect": SourceStatus.OK,
    }
    assert world.calls("wacr") == 0


async def test_several_owners_go_to_the_stages_and_the_slice_says_who_is_not_found() -> None:
    world = World({"tether": ROWS})
    outcome = await world.page(first=100, filter=Condition("tether.owner", Operator.IN, (BEN, CID)))
    (slice_,) = outcome.connection.sources
    assert (slice_.status, [warning.code.value for warning in slice_.warnings]) == (
        SourceStatus.PARTIAL,
        ["SEARCH_INCOMPLETE"],
    )


async def test_a_stage_that_is_named_with_its_id_has_the_contacts_that_carry_its_old_name_too() -> None:
    rows = filter_rows("tether", 120)
    in_it = [row for row in rows if row.get("pipelineStage") == STAGE["_id"]]
    renamed = [row["_id"] for row in in_it if row.get("status") != STAGE["name"]]
    assert renamed
    world = World({"tether": rows})
    by_name = await asked(world, And((Condition("tether.stages", Operator.IN, (STAGE["name"],)),)))
    assert not by_name & set(renamed)
    by_id = await asked(
        world,
        And(
            (
                Condition("tether.stages", Operator.IN, (STAGE["name"],)),
                Condition("tether.stageIdByName", Operator.EQ, ((STAGE["name"], STAGE["_id"]),)),
            )
        ),
    )
    assert by_id == {row["_id"] for row in in_it}
    body = world.fakes["tether"].calls[-1].body
    assert body["stageIdByName"] == {STAGE["name"]: STAGE["_id"]}
