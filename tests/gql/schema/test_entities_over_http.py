"""`_entities` as a router sends it: over HTTP, to the gateway over the demo's four servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gql.schema.sdl import federation_sdl
from tests.support.demo_sockets import (
    AGENT_ID,
    ASKELEPHANT,
    AUTOKONNECT,
    TETHER,
    TETHER_SECOND,
    WACR,
    WACR_DELETED,
    Demo,
    contact_id,
    open_demo,
)

ENTITIES = """query ($representations: [_Any!]!) { _entities(representations: $representations) {
    __typename
    ... on Contact { id displayName source { name } }
    ... on Source { provider }
    ... on User { name }
} }"""

KEYS = 'expected the key "id", or "nativeId" and "source { name }" of Contact and no other field'


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with open_demo() as opened:
        yield opened


async def test_the_endpoint_gives_the_subgraphs_sdl_to_a_router(demo: Demo) -> None:
    answer = await demo.ask("{ _service { sdl } }")
    assert answer["data"]["_service"]["sdl"].rstrip() + "\n" == federation_sdl()


def john(**more: Any) -> dict[str, Any]:
    return {"__typename": "Contact", "id": contact_id("tether", TETHER), **more}


def by_native_id(source: str, native_id: str) -> dict[str, Any]:
    return {"__typename": "Contact", "nativeId": native_id, "source": {"name": source}}


async def test_what_is_wrong_with_a_representation_is_one_error_of_its_own_entry(demo: Demo) -> None:
    answer = await demo.ask(
        ENTITIES,
        representations=[
            john(),
            john(__typename="Deal"),
            {"__typename": "Contact"},
            john(email="john.murphy2321@example.net"),
            john(__typename="User"),
            {"__typename": "User", "id": AGENT_ID},
        ],
    )
    found = {**john(), "displayName": "JOHN", "source": {"name": "tether"}}
    agent = {"__typename": "User", "name": "Esther Wairimu"}
    assert answer["data"]["_entities"] == [found, None, None, None, None, agent]
    wrong = [
        (1, ".__typename", "expected one of Contact, PipelineStage, Source, Tag, User"),
        (2, "", KEYS),
        (3, "", KEYS),
        (4, ".id", "not the id of a User"),
    ]
    assert answer["errors"] == [
        {
            "message": f"representations[{index}]{member}: {words}",
            "locations": [{"line": 1, "column": ENTITIES.index("_entities") + 1}],
            "path": ["_entities", index],
            "extensions": {"code": "BAD_USER_INPUT", "argument": f"representations[{index}]{member}"},
        }
        for index, member, words in wrong
    ]


async def test_what_is_unknown_deleted_or_of_another_source_is_null_without_an_error(demo: Demo) -> None:
    demo.fakes["wacr"].store.delete(WACR_DELETED)
    answer = await demo.ask(
        ENTITIES,
        representations=[
            {"__typename": "Contact", "id": contact_id("askelephant", "cnt_nobody")},
            {"__typename": "Contact", "id": contact_id("wacr", WACR_DELETED)},
            {"__typename": "Contact", "id": contact_id("elsewhere", TETHER)},
            {"__typename": "Contact", "id": contact_id("wacr", ASKELEPHANT)},
            by_native_id("askelephant", TETHER),
            by_native_id("wacr", WACR_DELETED),
            by_native_id("elsewhere", TETHER),
            by_native_id("autokonnect", AUTOKONNECT),
        ],
    )
    assert "errors" not in answer
    *others, soren = answer["data"]["_entities"]
    assert others == [None] * 7
    assert soren == {
        "__typename": "Contact",
        "id": contact_id("autokonnect", AUTOKONNECT),
        "displayName": "Søren",
        "source": {"name": "autokonnect"},
    }


async def test_the_contacts_of_one_request_are_one_batch_a_source(demo: Demo) -> None:
    answer = await demo.ask(
        ENTITIES,
        representations=[
            john(),
            by_native_id("tether", TETHER),
            by_native_id("tether", TETHER_SECOND),
            {"__typename": "Contact", "id": contact_id("wacr", WACR)},
            by_native_id("wacr", WACR),
            john(__typename="Deal"),
        ],
    )
    names = [entity and entity["displayName"] for entity in answer["data"]["_entities"]]
    assert names == ["JOHN", "JOHN", "小红 陈", "Zawadi Kariuki", "Zawadi Kariuki", None]
    assert demo.calls() == {"tether": {"/api/contacts": 1}, "wacr": {f"/v2/contacts/{WACR}": 1}}
