"""The registered records over real answers: pages are projected whole, and say what graphql-core alone says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from graphql import parse, validate

from gql.projection.executor import Plans, Projection, encode
from gql.projection.records import registry
from gql.schema.core.context import RequestContext
from gql.schema.schema import GRAPHQL_SCHEMA
from tests.support.world import World

ROWS = {"tether": 30, "askelephant": 20, "wacr": 20, "autokonnect": 20}

RECORD = """
    id nativeId displayName firstName lastName email emails phone phones phoneE164 company avatarUrl status
    createdAt updatedAt raw tags { id name color nativeId source { name } }
"""
SLICES = "sources { status totalCount error { code message } warnings { code message retryAfter } stale fetchedAt }"
PROJECTABLE = f"""query ($sources: [String!]) {{ contacts(first: 100, sources: $sources) {{
    edges {{ cursor node {{ {RECORD}
        source {{ id name provider capabilities {{
            paging maxPageSize total lookup backward search filters {{ field operators exact }} orders {{ field exact }}
        }} }}
        details {{
            __typename
            ... on TetherContact {{ pipelineId userId leadSource origin isBulkSms channelTypes files lastMessageAt }}
            ... on AskElephantContact {{ emailAddresses {{ email isPrimary }} phoneNumbers {{ phoneNumber }} }}
            ... on WacrContact {{ tenantId type statusId groupIds groupsData isOptedOut }}
            ... on AutokonnectContact {{ phoneNumberLid }}
        }}
    }} }}
    nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} totalCount {SLICES}
}} }}"""
ABSENT = (
    '{ contacts(first: 40, sources: ["askelephant"]) { nodes { stage { name } owner { name } assignees { name } } } }'
)


@pytest.fixture
def world() -> World:
    return World(ROWS, default_region="KE")


async def answers(world: World, document: str, *, enabled: bool, **variables: Any) -> tuple[Plans, list[Any]]:
    """Two answers to one document, decoded; the second one is projected. What depends on the clock is left out."""
    projection = Projection(GRAPHQL_SCHEMA, registry(world.sources), enabled=enabled)
    plans = Plans(parse(document))
    assert validate(GRAPHQL_SCHEMA, plans.document) == []
    found: list[Any] = []
    for _ in range(2):
        context = RequestContext(world.operation())
        result = await projection.execute(plans, context_value=context, variable_values=variables)
        assert result.errors is None
        assert context.errors == []
        answer = msgspec.json.decode(encode(result))
        for each in answer["data"]["contacts"].get("sources", ()):
            assert each.pop("fetchedAt").endswith("Z")
        found.append(answer)
    return plans, found


async def test_a_page_of_all_sources_is_projected_as_one(world: World) -> None:
    plans, (plain, projected) = await answers(world, PROJECTABLE, enabled=True)
    assert plans.refusals == {}
    assert (plans.projected, plans.bailed) == (1, 0)
    assert projected == plain
    assert len(projected["data"]["contacts"]["edges"]) == sum(ROWS.values())


async def test_projection_changes_nothing_in_the_answer(world: World) -> None:
    _, (_, projected) = await answers(world, PROJECTABLE, enabled=True)
    _, (_, executed) = await answers(world, PROJECTABLE, enabled=False)
    assert projected == executed


async def test_every_source_shows_its_own_details_and_its_own_record(world: World) -> None:
    _, (_, answer) = await answers(world, PROJECTABLE, enabled=True)
    types = {
        edge["node"]["source"]["provider"]: edge["node"]["details"]["__typename"]
        for edge in answer["data"]["contacts"]["edges"]
    }
    assert types == {
        "tether": "TetherContact",
        "askelephant": "AskElephantContact",
        "wacr": "WacrContact",
        "autokonnect": "AutokonnectContact",
    }
    for edge in answer["data"]["contacts"]["edges"]:
        record, node = edge["node"]["raw"], edge["node"]
        assert str(record.get("id", record.get("_id"))) == node["nativeId"]


async def test_dates_leave_in_utc_with_a_z_and_numbers_in_e164(world: World) -> None:
    _, (_, answer) = await answers(world, PROJECTABLE, enabled=True)
    nodes = [edge["node"] for edge in answer["data"]["contacts"]["edges"]]
    assert {node["createdAt"][-1] for node in nodes if node["createdAt"]} == {"Z"}
    numbers = [node["phoneE164"] for node in nodes if node["phoneE164"]]
    assert len(numbers) > 20
    assert all(number.startswith("+") and number[1:].isdigit() for number in numbers)


async def test_contacts_without_stage_owner_and_assignees_cost_no_resolver(world: World) -> None:
    plans, (plain, projected) = await answers(world, ABSENT, enabled=True)
    assert (plans.projected, plans.bailed) == (1, 0)
    assert projected == plain
    assert projected["data"]["contacts"]["nodes"] == [{"stage": None, "owner": None, "assignees": []}] * 20
