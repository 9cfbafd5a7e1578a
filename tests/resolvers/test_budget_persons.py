"""Persons and look-ups within an operation's budget: nothing multiplies, and what was left out is said."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLError, graphql

from gql.errors import public_errors
from gql.schema.core.context import RequestContext
from gql.schema.entities import entities
from gql.schema.schema import GRAPHQL_SCHEMA
from providers.spi.budget import BudgetExceeded, BudgetLimits, Counter
from providers.spi.record import global_id
from resolvers.request.operation import Operation
from tests.resolvers.test_persons import elephant_row, konnect_row, wacr_row
from tests.support.world import World

SHARED = "office@example.com"


async def ask(operation: Operation, query: str, **variables: Any) -> tuple[Any, list[GraphQLError]]:
    context = RequestContext(operation)
    result = await graphql(GRAPHQL_SCHEMA, query, context_value=context, variable_values=variables)
    return result.data, public_errors(result.errors, context.errors)


def office(count: int) -> World:
    """Two sources in which everybody has the same address."""
    return World(
        {
            "wacr": [wacr_row(number, SHARED) for number in range(1, count + 1)],
            "autokonnect": [konnect_row(number, SHARED) for number in range(1, count + 1)],
        }
    )


@pytest.mark.parametrize(
    "nested",
    [
        "matches { matches { id } }",
        "a: matches { b: matches { c: matches { id } } }",
        "matches { person { displayName } }",
        "person { contacts { matches { id } } }",
        "person { contacts { person { emails } } }",
        "matches { ... on Contact { ... { matches { id } } } }",
    ],
)
async def test_matches_and_person_are_refused_under_one_another(nested: str) -> None:
    world = office(12)
    operation = world.operation()
    _, errors = await ask(operation, f"{{ contacts(first: 2) {{ nodes {{ {nested} }} }} }}")
    assert {(error.extensions or {})["code"] for error in errors} == {"QUERY_TOO_COMPLEX"}
    assert "matches and person of a contact cannot be asked for under one another" in errors[0].message
    assert operation.budget.used(Counter.EVALUATIONS) < 12 * 2 * 20


async def test_a_persons_contacts_may_have_matches() -> None:
    query = f'{{ person(email: "{SHARED}") {{ contacts {{ id matches {{ id }} }} }} }}'
    data, errors = await ask(office(3).operation(), query)
    assert errors == []
    assert [len(each["matches"]) for each in data["person"]["contacts"]] == [3] * 6


async def test_equal_keys_are_searched_and_compared_once_an_operation() -> None:
    world = office(40)
    operation = world.operation()
    aliases = " ".join(f"a{n}: contacts(first: 80) {{ nodes {{ matches {{ id }} }} }}" for n in range(8))
    data, errors = await ask(operation, f"{{ {aliases} }}")
    assert errors == []
    assert {len(node["matches"]) for node in data["a7"]["nodes"]} == {40}
    # 80 contacts with one key: one search a source (of one or two pages), and every candidate looked at once.
    assert operation.budget.used(Counter.EVALUATIONS) <= 80 * 10
    assert sum(world.calls(name) for name in world.sources) <= 10


def strangers(count: int) -> World:
    """Two sources of people of whom each has two addresses of their own."""
    return World(
        {
            "askelephant": [
                elephant_row(number, (f"p{number}@example.com", f"q{number}@example.com")) for number in range(count)
            ],
            "wacr": [wacr_row(number + 1, f"p{number}@example.com") for number in range(count)],
        }
    )


async def test_candidates_are_looked_for_within_the_calls_of_the_operation_and_the_rest_is_said_once() -> None:
    world = strangers(30)
    operation = world.operation(limits=BudgetLimits(upstream_calls=20))
    query = '{ contacts(first: 30, sources: ["askelephant"]) { nodes { nativeId matches { nativeId } } } }'
    data, errors = await ask(operation, query)
    assert sum(world.calls(name) for name in world.sources) == 20
    nodes = data["contacts"]["nodes"]
    assert len(nodes) == 30
    assert 0 < sum(bool(node["matches"]) for node in nodes) < 30
    (error,) = errors
    assert error.extensions is not None
    assert error.extensions["code"] == "QUERY_TOO_COMPLEX"
    assert error.extensions["setting"] == "server.limits.upstream_calls"
    assert error.path is not None
    assert error.path[-1] == "matches"


async def test_a_person_says_per_source_what_the_budget_left_out() -> None:
    operation = office(30).operation(limits=BudgetLimits(evaluations=100))
    query = f'''{{ person(email: "{SHARED}") {{
        contacts {{ id }} sources {{ source {{ name }} status warnings {{ code message }} }}
    }} }}'''
    data, errors = await ask(operation, query)
    assert errors == []
    assert 0 < len(data["person"]["contacts"]) < 60
    told = [warning for part in data["person"]["sources"] for warning in part["warnings"]]
    assert {warning["code"] for warning in told} == {"MATCH_INCOMPLETE"}
    assert all("100 evaluations (server.limits.evaluations)" in warning["message"] for warning in told)


ENTITIES = "query ($of: [_Any!]!) { _entities(representations: $of) { ... on Contact { nativeId } } }"


async def test_look_ups_are_bounded_by_the_calls_and_what_was_found_is_given() -> None:
    world = World({"wacr": [wacr_row(number, f"p{number}@example.com") for number in range(1, 61)]})
    operation = world.operation(limits=BudgetLimits(upstream_calls=40))
    ids = [global_id("Contact", "wacr", str(number)) for number in range(1, 61)]
    data, errors = await ask(operation, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert world.calls("wacr") == 40
    assert [node and node["id"] for node in data["nodes"]] == ids[:40] + [None] * 20
    assert [error.path for error in errors] == [["nodes", place] for place in range(40, 60)]
    assert {(error.extensions or {})["setting"] for error in errors} == {"server.limits.upstream_calls"}


async def test_thousands_of_entities_are_one_refusal_after_the_calls_that_are_allowed() -> None:
    world = World({"wacr": [wacr_row(number) for number in range(1, 4)]})
    operation = world.operation(limits=BudgetLimits(upstream_calls=50))
    of = [{"__typename": "Contact", "id": global_id("Contact", "wacr", str(number))} for number in range(1, 2_001)]
    with pytest.raises(BudgetExceeded) as raised:
        await entities(operation, of, lambda kind: frozenset())
    assert raised.value.counter is Counter.UPSTREAM_CALLS
    assert world.calls("wacr") == 50
