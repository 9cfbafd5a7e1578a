"""`_entities`: a router's representations, each judged for itself and all looked up together."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from graphql import ExecutionResult, execute, parse

from gql.errors import public_errors
from gql.schema.core.context import RequestContext
from gql.schema.schema import GRAPHQL_SCHEMA
from providers.spi.errors import SourceUnavailable
from providers.spi.record import SourceRecord, TagRecord, UserRecord, global_id
from resolvers import nodes as lookup
from resolvers.request.operation import Operation

SALES = SourceRecord(global_id("Source", "sales", "sales"), "sales", "tether")
TAG = TagRecord(global_id("Tag", "sales", "7"), SALES, "7", "VIP")
USER = UserRecord(global_id("User", "sales", "u1"), SALES, "u1", "Ann")
CONTACT_ID = global_id("Contact", "sales", "c1")

QUERY = """query ($representations: [_Any!]!) { _entities(representations: $representations) {
    __typename ... on Tag { name } ... on User { name email } ... on Contact { displayName }
} }"""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, frozenset[str]]]]:
    """The calls of `lookup.nodes`: the ids, and the parts wanted of each type. It knows a tag and a user."""
    seen: list[tuple[list[str], dict[str, frozenset[str]]]] = []
    known: dict[str, object] = {
        TAG.id: TAG,
        USER.id: USER,
        global_id("Tag", "sales", "down"): SourceUnavailable("sales", "SOURCE_UNAVAILABLE: sales", status=503),
    }

    async def _nodes(
        _operation: Operation, ids: Sequence[str], wanted: Callable[[str], frozenset[str]]
    ) -> list[object]:
        seen.append((list(ids), {name: wanted(name) for name in ("Tag", "User", "Contact")}))
        return [known.get(each) for each in ids]

    monkeypatch.setattr(lookup, "nodes", _nodes)
    return seen


async def entities(
    *representations: object, operation: Operation | None = None
) -> tuple[list[Any], list[dict[str, Any]]]:
    """The answer's entities, and its errors as clients see them."""
    variables = {"representations": list(representations)}
    before = copy.deepcopy(variables)
    result: Any = execute(
        GRAPHQL_SCHEMA,
        parse(QUERY),
        context_value=RequestContext(operation or Operation({})),
        variable_values=variables,
    )
    if not isinstance(result, ExecutionResult):
        result = await result
    assert variables == before
    assert result.data is not None, result.errors
    return result.data["_entities"], [dict(error.formatted) for error in public_errors(result.errors)]


async def test_entities_come_in_the_order_of_their_representations_from_one_batch(calls: list[Any]) -> None:
    found, errors = await entities(
        {"__typename": "User", "id": USER.id},
        {"__typename": "Tag", "id": TAG.id},
        {"__typename": "Contact", "nativeId": "c1", "source": {"name": "sales"}},
        {"__typename": "User", "id": USER.id},
    )
    assert found == [
        {"__typename": "User", "name": "Ann", "email": None},
        {"__typename": "Tag", "name": "VIP"},
        None,
        {"__typename": "User", "name": "Ann", "email": None},
    ]
    assert errors == []
    assert [ids for ids, _ in calls] == [[USER.id, TAG.id, CONTACT_ID, USER.id]]
    assert calls[0][1] == {
        "Tag": {"__typename", "name"},
        "User": {"__typename", "name", "email"},
        "Contact": {"__typename", "display_name"},
    }


@pytest.mark.parametrize(
    ("representation", "argument", "words"),
    [
        ({"__typename": "Deal", "id": "x"}, "representations[1].__typename", "Contact, PipelineStage"),
        ({"__typename": "Query"}, "representations[1].__typename", "expected one of"),
        ({"__typename": ["Tag"], "id": TAG.id}, "representations[1].__typename", "expected one of"),
        ({"id": TAG.id}, "representations[1].__typename", "expected one of"),
        ("Tag", "representations[1]", "__typename"),
        ({"__typename": "Tag"}, "representations[1]", 'key "id" of Tag'),
        ({"__typename": "Tag", "id": TAG.id, "info": 1}, "representations[1]", "no other field"),
        ({"__typename": "Tag", "id": None}, "representations[1].id", "not empty"),
        ({"__typename": "Tag", "id": 7}, "representations[1].id", "not empty"),
        ({"__typename": "Tag", "id": "no id"}, "representations[1].id", "not an id"),
        ({"__typename": "Tag", "id": USER.id}, "representations[1].id", "not the id of a Tag"),
        ({"__typename": "Tag", "nativeId": "7", "source": {"name": "sales"}}, "representations[1]", '"id"'),
        ({"__typename": "Contact", "nativeId": "c1"}, "representations[1]", "source { name }"),
        ({"__typename": "Contact", "nativeId": "c1", "source": "sales"}, "representations[1].source", "name"),
        ({"__typename": "Contact", "nativeId": "c1", "source": {}}, "representations[1].source", "name"),
        (
            {"__typename": "Contact", "nativeId": "c1", "source": {"name": "sales", "id": SALES.id}},
            "representations[1].source",
            "alone",
        ),
        ({"__typename": "Contact", "nativeId": 5, "source": {"name": "sales"}}, "representations[1].nativeId", "text"),
        (
            {"__typename": "Contact", "nativeId": "c1", "source": {"name": "a:b"}},
            "representations[1].source.name",
            "source",
        ),
        (
            {"__typename": "Contact", "id": CONTACT_ID, "nativeId": "c2", "source": {"name": "sales"}},
            "representations[1]",
            "different contacts",
        ),
    ],
)
async def test_a_bad_representation_is_an_error_of_its_own_entry_alone(
    calls: list[Any], representation: object, argument: str, words: str
) -> None:
    found, (error,) = await entities(
        {"__typename": "Tag", "id": TAG.id}, representation, {"__typename": "User", "id": USER.id}
    )
    assert [each and each["__typename"] for each in found] == ["Tag", None, "User"]
    assert error["path"] == ["_entities", 1]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
    assert words in error["message"]
    assert [ids for ids, _ in calls] == [[TAG.id, USER.id]]


async def test_a_router_may_send_both_of_a_contacts_keys_and_the_sources_type(calls: list[Any]) -> None:
    _, errors = await entities(
        {
            "__typename": "Contact",
            "id": CONTACT_ID,
            "nativeId": "c1",
            "source": {"__typename": "Source", "name": "sales"},
        }
    )
    assert errors == []
    assert calls[0][0] == [CONTACT_ID]


async def test_a_failing_source_is_an_error_of_its_own_entries_alone(calls: list[Any]) -> None:
    found, (error,) = await entities(
        {"__typename": "Tag", "id": global_id("Tag", "sales", "down")}, {"__typename": "Tag", "id": TAG.id}
    )
    assert found == [None, {"__typename": "Tag", "name": "VIP"}]
    assert error["path"] == ["_entities", 0]
    assert error["extensions"] == {"code": "SOURCE_UNAVAILABLE", "source": "sales", "status": 503}


async def test_a_router_may_ask_for_more_entities_than_nodes_takes_ids(calls: list[Any]) -> None:
    found, errors = await entities(*({"__typename": "Tag", "id": TAG.id} for _ in range(250)))
    assert errors == []
    assert found == [{"__typename": "Tag", "name": "VIP"}] * 250
    assert [len(ids) for ids, _ in calls] == [100, 100, 50]


async def test_an_id_that_only_its_type_can_judge_is_wrong_in_its_representation() -> None:
    stage = global_id("PipelineStage", "sales", "no key of a stage")
    sales: Any = SALES
    found, (error,) = await entities(
        {"__typename": "PipelineStage", "id": stage}, operation=Operation({"sales": sales})
    )
    assert found == [None]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "representations[0].id"}
