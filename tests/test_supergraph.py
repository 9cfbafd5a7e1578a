"""Our subgraph among others: composition, a router over real sockets, and `_entities` as a router sends it.

The other subgraphs are those of docs/supergraph.md, taken from its text, so that what it shows is what works. The
composers and the router are npm packages in tests/node.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gql.app import create_app
from gql.configuration import Configuration
from gql.sdl import federation_sdl
from providers.fakes import DEMO_CREDENTIAL, FAKES, FakeApp, demo_people, serve
from providers.record import global_id
from providers.settings import SourceSettings

ROOT = Path(__file__).parent.parent
NODE_TESTS = ROOT / "tests/node"
PACKAGES = ("@apollo/composition", "@apollo/gateway", "@apollo/subgraph", "@theguild/federation-composition")
NODE_SECONDS = 50
COMPOSERS = ("@apollo/composition", "@theguild/federation-composition")

with_node_packages = pytest.mark.skipif(
    not all((NODE_TESTS / "node_modules" / package).is_dir() for package in PACKAGES),
    reason="the npm packages of tests/node are missing; run `make test`: it installs them",
)

SUPPORT, TAKING_OVER, CALLS = re.findall(
    r"^```graphql\n(.*?)^```$", (ROOT / "docs/supergraph.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
)

TETHER = "909da31e72d7770e21e05daf"
ASKELEPHANT = "cnt_nh62tl3ne94vmrg0vd8q"
WACR = "1001"
WACR_DELETED = "1006"
AUTOKONNECT = "1234568449"
AGENT_ID = global_id("User", "tether", "c8f4929140b5ba0b4a141bdd")


async def run_node(script: str, told: object) -> Any:
    """What the script makes of `told`; both are JSON. The process is ended when it takes too long."""
    process = await asyncio.create_subprocess_exec(
        ROOT / "console/with-node",
        "node",
        script,
        cwd=NODE_TESTS,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(NODE_SECONDS):
            answer, complaints = await process.communicate(json.dumps(told).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaints.decode()
    return json.loads(answer)


async def composed(*supergraphs: Mapping[str, str]) -> list[dict[str, set[str]]]:
    """For each supergraph, given as its subgraphs' SDL by name, the codes of each composer's errors."""
    answers = await run_node("compose.mjs", supergraphs)
    return [{composer: set(codes) for composer, codes in answer.items()} for answer in answers]


def changed(sdl: str, old: str, new: str) -> str:
    """The SDL with its only `old` replaced."""
    assert sdl.count(old) == 1, old
    return sdl.replace(old, new)


# ------------------------------------------------------------------------------------------------ composition


@with_node_packages
async def test_our_subgraph_composes_alone_and_with_those_of_the_documentation() -> None:
    ours = federation_sdl()
    both_keys = changed(
        SUPPORT,
        'type Contact implements Node @key(fields: "id") {\n',
        'type Contact implements Node @key(fields: "id") @key(fields: "nativeId source { name }") {\n'
        "  nativeId: String!\n  source: Source!\n",
    )
    assert (
        await composed(
            {"contactgraph": ours},
            {"contactgraph": ours, "support": SUPPORT},
            {"contactgraph": ours, "calls": CALLS},
            {"contactgraph": ours, "support": SUPPORT, "calls": CALLS},
            {"contactgraph": ours, "support": f"{both_keys}\ntype Source {{ name: String! }}"},
            {"contactgraph": ours, "support": taking_over()},
        )
        == [{composer: set() for composer in COMPOSERS}] * 6
    )


@with_node_packages
async def test_composition_rests_on_what_is_shareable_and_on_both_keys_of_contact() -> None:
    ours = federation_sdl()
    without = {
        "PageInfo": changed(ours, "type PageInfo @shareable {", "type PageInfo {"),
        "node": changed(ours, "): Node @shareable", "): Node"),
        "nodes": changed(ours, "): [Node]! @shareable", "): [Node]!"),
        "User": changed(
            ours,
            'type User implements Node @key(fields: "id") @shareable {',
            'type User implements Node @key(fields: "id") {',
        ),
        "id": changed(ours, 'type Contact implements Node @key(fields: "id")', "type Contact implements Node"),
        "nativeId": changed(ours, ' @key(fields: "nativeId source { name }")', ""),
    }
    answers = await composed(*({"contactgraph": sdl, "support": SUPPORT, "calls": CALLS} for sdl in without.values()))
    refused = {composer: {"INVALID_FIELD_SHARING"} for composer in COMPOSERS}
    assert dict(zip(without, answers, strict=True)) == dict.fromkeys(without, refused)


def taking_over() -> str:
    """The first subgraph of the documentation with the second text's Query in place of its own, and its types."""
    query = re.compile(r"^type Query \{\n.*?^\}\n", re.DOTALL | re.MULTILINE)
    (own,), (overriding,) = query.findall(SUPPORT), query.findall(TAKING_OVER)
    imported = changed(SUPPORT, '"@key", "@shareable"', '"@key", "@override", "@shareable"')
    return changed(imported, own, overriding) + changed(TAKING_OVER, overriding, "")


# ------------------------------------------------------------------------------------------------ the demo's sockets


@dataclass
class Demo:
    """The gateway over the demo's four servers: its address, and the servers by source name."""

    url: str
    fakes: dict[str, FakeApp]

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            response = await client.post(self.url, json={"query": query, "variables": variables})
        assert response.status_code == httpx.codes.OK, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def calls(self) -> dict[str, Counter[str]]:
        """How many requests each source got, by path."""
        return {name: Counter(call.path for call in fake.calls) for name, fake in self.fakes.items() if fake.calls}


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    people = demo_people()
    fakes = {provider: make(people) for provider, make in FAKES.items()}
    async with AsyncExitStack() as servers:
        sources = [
            SourceSettings(
                name=name,
                provider=name,
                base_url=await servers.enter_async_context(serve(fake)),
                token_env="TOKEN",
                default_region="KE",
                cache_ttl=0,
            )
            for name, fake in fakes.items()
        ]
        configuration = Configuration(sources=tuple(sources), environment={"TOKEN": DEMO_CREDENTIAL})
        origin = await servers.enter_async_context(serve(create_app(configuration)))
        yield Demo(f"{origin}/graphql", fakes)


async def test_the_endpoint_gives_the_subgraphs_sdl_to_a_router(demo: Demo) -> None:
    answer = await demo.ask("{ _service { sdl } }")
    assert answer["data"]["_service"]["sdl"].rstrip() + "\n" == federation_sdl()


# ------------------------------------------------------------------------------------------------ a router


def contact_id(source: str, native_id: str) -> str:
    return global_id("Contact", source, native_id)


def routed(demo: Demo, support: str, *operations: dict[str, Any]) -> Any:
    """What @apollo/gateway answers over our subgraph and the two others, with tickets and calls of their own."""

    def called(number: str, source: str, native_id: str) -> dict[str, Any]:
        return {"number": number, "contact": {"nativeId": native_id, "source": {"name": source}}}

    return run_node(
        "supergraph.mjs",
        {
            "contactgraph": {"url": demo.url, "sdl": federation_sdl()},
            "support": {
                "sdl": support,
                "tickets": [
                    {"id": "t1", "subject": "Invoice", "contact": contact_id("tether", TETHER), "agent": AGENT_ID},
                    {"id": "t2", "subject": "Refund", "contact": contact_id("wacr", WACR)},
                    {"id": "t3", "subject": "Left", "contact": contact_id("wacr", WACR_DELETED)},
                ],
                "agents": {AGENT_ID: {"name": "Esther Wairimu", "openTickets": 3}},
            },
            "calls": {
                "sdl": CALLS,
                "calls": [
                    called("c1", "askelephant", ASKELEPHANT),
                    called("c2", "autokonnect", AUTOKONNECT),
                    called("c3", "wacr", WACR),
                    called("c4", "wacr", WACR_DELETED),
                ],
            },
            "operations": operations,
        },
    )


@with_node_packages
async def test_a_router_joins_contacts_with_what_other_subgraphs_know_of_them(demo: Demo) -> None:
    demo.fakes["wacr"].store.delete(WACR_DELETED)
    by_id, by_native_id, outwards, one = await routed(
        demo,
        SUPPORT,
        {
            "query": """{ tickets {
                pageInfo { hasNextPage endCursor }
                nodes {
                    subject
                    agent { name email openTickets source { name } }
                    contact { displayName email source { name provider } tickets { subject } }
                }
            } }"""
        },
        {
            "query": """{ calls { number contact {
                nativeId displayName phoneE164 source { name provider } tickets { subject }
            } } }"""
        },
        {
            "query": """{ contacts(first: 1, sources: ["wacr"]) {
                pageInfo { hasNextPage }
                nodes { displayName tickets { subject } calls { number } }
            } }"""
        },
        {
            "query": "query ($id: ID!) { node(id: $id) { ... on Contact { displayName tickets { subject } } } }",
            "variables": {"id": contact_id("tether", TETHER)},
        },
    )
    assert "errors" not in by_id
    assert by_id["data"]["tickets"] == {
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "nodes": [
            {
                "subject": "Invoice",
                "agent": {
                    "name": "Esther Wairimu",
                    "email": "esther.wairimu@example.com",
                    "openTickets": 3,
                    "source": {"name": "tether"},
                },
                "contact": {
                    "displayName": "JOHN",
                    "email": "john.murphy2321@example.net",
                    "source": {"name": "tether", "provider": "tether"},
                    "tickets": [{"subject": "Invoice"}],
                },
            },
            {
                "subject": "Refund",
                "agent": None,
                "contact": {
                    "displayName": "Zawadi Kariuki",
                    "email": "Zawadi.Kariuki2574@Example.org",
                    "source": {"name": "wacr", "provider": "wacr"},
                    "tickets": [{"subject": "Refund"}],
                },
            },
            {"subject": "Left", "agent": None, "contact": None},
        ],
    }
    assert "errors" not in by_native_id
    assert by_native_id["data"]["calls"] == [
        {
            "number": "c1",
            "contact": {
                "nativeId": ASKELEPHANT,
                "displayName": "Oscar Baker",
                "phoneE164": "+254722001195",
                "source": {"name": "askelephant", "provider": "askelephant"},
                "tickets": [],
            },
        },
        {
            "number": "c2",
            "contact": {
                "nativeId": AUTOKONNECT,
                "displayName": "Søren",
                "phoneE164": "+254712001523",
                "source": {"name": "autokonnect", "provider": "autokonnect"},
                "tickets": [],
            },
        },
        {
            "number": "c3",
            "contact": {
                "nativeId": WACR,
                "displayName": "Zawadi Kariuki",
                "phoneE164": "+254722002574",
                "source": {"name": "wacr", "provider": "wacr"},
                "tickets": [{"subject": "Refund"}],
            },
        },
        {"number": "c4", "contact": None},
    ]
    zawadi = {"displayName": "Zawadi Kariuki", "tickets": [{"subject": "Refund"}], "calls": [{"number": "c3"}]}
    assert outwards == {"data": {"contacts": {"pageInfo": {"hasNextPage": True}, "nodes": [zawadi]}}}
    assert one == {"data": {"node": {"displayName": "JOHN", "tickets": [{"subject": "Invoice"}]}}}


@with_node_packages
async def test_a_subgraph_that_takes_node_over_finds_both_sides_objects(demo: Demo) -> None:
    (answer,) = await routed(
        demo,
        taking_over(),
        {
            "query": """query ($ids: [ID!]!) { nodes(ids: $ids) {
                __typename ... on Ticket { subject } ... on Source { provider }
                ... on Contact { displayName tickets { subject } }
            } }""",
            "variables": {"ids": ["t2", contact_id("wacr", WACR), global_id("Source", "tether", "tether")]},
        },
    )
    assert answer == {
        "data": {
            "nodes": [
                {"__typename": "Ticket", "subject": "Refund"},
                {"__typename": "Contact", "displayName": "Zawadi Kariuki", "tickets": [{"subject": "Refund"}]},
                {"__typename": "Source", "provider": "tether"},
            ]
        }
    }


# ------------------------------------------------------------------------------------------------ _entities over HTTP

ENTITIES = """query ($representations: [_Any!]!) { _entities(representations: $representations) {
    __typename
    ... on Contact { id displayName source { name } }
    ... on Source { provider }
    ... on User { name }
} }"""


KEYS = 'expected the key "id", or "nativeId" and "source { name }" of Contact and no other field'


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
    second = demo.fakes["tether"].store.ids[1]
    answer = await demo.ask(
        ENTITIES,
        representations=[
            john(),
            by_native_id("tether", TETHER),
            by_native_id("tether", second),
            {"__typename": "Contact", "id": contact_id("wacr", WACR)},
            by_native_id("wacr", WACR),
            john(__typename="Deal"),
        ],
    )
    asked = [entity and (entity["source"]["name"], entity["displayName"]) for entity in answer["data"]["_entities"]]
    assert asked == {}
    assert demo.calls() == {}
