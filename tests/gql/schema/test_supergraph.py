"""Our subgraph among others: composition, and a router over real sockets.

The other subgraphs are those of docs/supergraph.md, taken from its text, so that what it shows is what works. The
composers and the router are npm packages in tests/node.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gql.schema.sdl import federation_sdl
from providers.spi.record import global_id
from tests.support.demo_sockets import (
    AGENT_ID,
    ASKELEPHANT,
    AUTOKONNECT,
    TETHER,
    WACR,
    WACR_DELETED,
    Demo,
    contact_id,
    open_demo,
)

ROOT = Path(__file__).resolve().parents[3]
NODE_TESTS = ROOT / "tests/node"
PACKAGES = ("@apollo/composition", "@apollo/gateway", "@apollo/subgraph", "@theguild/federation-composition")
NODE_SECONDS = 50
COMPOSERS = ("@apollo/composition", "@theguild/federation-composition")

with_node_packages = pytest.mark.skipif(
    not all((NODE_TESTS / "node_modules" / package).is_dir() for package in PACKAGES),
    reason="the npm packages of tests/node are missing; run `make integration`: it installs them",
)

SUPPORT, TAKING_OVER, CALLS = re.findall(
    r"^```graphql\n(.*?)^```$", (ROOT / "docs/supergraph.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
)


async def run_node(script: str, told: object) -> Any:
    """What the script makes of `told`; both are JSON. The process is ended when it takes too long."""
    process = await asyncio.create_subprocess_exec(
        ROOT / "console/with-node",
        "node",
        script,
        cwd=NODE_TESTS,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},  # the router would use a proxy for the subgraphs too
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


@pytest.mark.integration
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


@pytest.mark.integration
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


# ------------------------------------------------------------------------------------------------ a router


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with open_demo() as opened:
        yield opened


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


@pytest.mark.integration
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


@pytest.mark.integration
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
