"""The limits of [server.limits] that are counted while an operation runs, as a client over HTTP meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.testclient import TestClient

from gql.configuration.file import Configuration
from gql.execution.gateway import Gateway
from gql.http.app import create_app
from gql.projection.executor import Projection
from gql.projection.records import registry
from gql.schema.schema import GRAPHQL_SCHEMA
from tests.resolvers.test_budget_persons import office, strangers
from tests.support.standin import configured
from tests.support.world import World


@contextmanager
def served(world: World, **limits: int) -> Iterator[TestClient]:
    """A client of the gateway over a world's sources, with these limits."""

    @asynccontextmanager
    async def gateway(configuration: Configuration) -> AsyncIterator[Gateway]:
        projection = Projection(GRAPHQL_SCHEMA, registry(world.sources))
        yield Gateway(configuration, projection, world.sources)

    lines = "\n".join(f"{name} = {value}" for name, value in limits.items())
    with TestClient(create_app(configured(f"[server.limits]\n{lines}"), gateway)) as client:
        yield client


def asked(client: TestClient, query: str, **variables: Any) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/graphql", json={"query": query, "variables": variables}).json()
    return answer


PAGES = """query ($after: String, $filter: ContactFilter) { contacts(first: 100, after: $after, filter: $filter) {
    nodes { id } pageInfo { hasNextPage endCursor } sources { status warnings { code message } }
} }"""
# No source takes it, so every row is judged here.
RARE = {"or": [{"firstName": {"contains": each}} for each in "abcdefgh"] + [{"email": {"contains": "@"}}]}


def test_a_list_that_costs_more_than_an_operation_may_use_is_walked_in_several_and_loses_nobody() -> None:
    world = World({"wacr": 400}, max_page_size=50)
    with served(world) as client:
        everybody = asked(client, PAGES, filter=RARE)["data"]["contacts"]["nodes"]
        assert len(everybody) == 100
    found: list[str] = []
    told: list[str] = []
    after = None
    with served(world, evaluations=1_000) as client:
        for _ in range(50):
            connection = asked(client, PAGES, after=after, filter={"not": RARE})["data"]["contacts"]
            found += [node["id"] for node in connection["nodes"]]
            (part,) = connection["sources"]
            told += [f"{part['status']} {each['code']} {each['message']}" for each in part["warnings"]]
            after = connection["pageInfo"]["endCursor"]
            if not connection["pageInfo"]["hasNextPage"]:
                break
    with served(world) as client:
        whole = asked(client, PAGES, filter={"not": RARE})["data"]["contacts"]
    assert not whole["pageInfo"]["hasNextPage"]
    assert found == [node["id"] for node in whole["nodes"]]
    assert told
    assert all(each.startswith("PARTIAL SCAN_LIMIT_EXCEEDED") and "server.limits.evaluations" in each for each in told)


def test_a_list_that_has_to_be_read_whole_is_refused_by_the_name_of_the_setting() -> None:
    with served(World({"autokonnect": 150}), rows=100) as client:
        answer = asked(client, "{ contacts(first: 5, orderBy: [{ field: UPDATED_AT }]) { nodes { id } } }")
    (error,) = answer["errors"]
    assert answer["data"] == {"contacts": None}
    assert "the limit is 100 (server.limits.rows)" in error["message"]
    extensions = error["extensions"]
    assert (extensions["code"], extensions["setting"], extensions["limit"]) == (
        "QUERY_TOO_COMPLEX",
        "server.limits.rows",
        100,
    )
    assert extensions["used"] > 100


def test_matches_under_matches_are_refused() -> None:
    with served(office(120)) as client:
        answer = asked(client, "{ contacts(first: 2) { nodes { matches { matches { matches { id } } } } } }")
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"QUERY_TOO_COMPLEX"}


def test_eight_aliases_of_matches_make_no_more_calls_than_an_operation_may() -> None:
    world = strangers(60)
    aliases = " ".join(f"a{n}: contacts(first: 60) {{ nodes {{ matches {{ id }} }} }}" for n in range(8))
    with served(world, upstream_calls=50) as client:
        answer = asked(client, f"{{ {aliases} }}")
    assert sum(world.calls(name) for name in world.sources) <= 50
    assert [len(answer["data"][f"a{n}"]["nodes"]) for n in range(8)] == [60] * 8
    (error,) = answer["errors"]
    assert error["extensions"]["setting"] == "server.limits.upstream_calls"
