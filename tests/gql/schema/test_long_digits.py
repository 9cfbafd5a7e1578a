"""Numbers of thousands of digits, from clients and from sources: an answer, never a failure of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.demo_sockets import Demo, open_demo

LONG = "7" * 5000


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with open_demo() as opened:
        yield opened


@pytest.mark.parametrize(
    ("condition", "all_of_them"),
    [
        ("{ eq: $id }", False),
        ("{ ne: $id }", True),
        ("{ in: [$id] }", False),
        ("{ notIn: [$id] }", True),
        (f"{{ eq: {LONG} }}", False),
    ],
)
@pytest.mark.parametrize("field", ["statusId", "groupId"])
async def test_an_id_longer_than_any_equals_none(demo: Demo, field: str, condition: str, all_of_them: bool) -> None:
    query = f"""query ($id: ID!) {{
        contacts(first: 1, sources: ["wacr"], filter: {{ wacr: {{ {field}: {condition} }} }}) {{ nodes {{ id }} }}
        more: contacts(first: 1, sources: ["wacr"], filter: {{ wacr: {{ statusId: {{ eq: $id }} }} }}) {{ nodes {{ id
        }} }}
    }}"""
    answer = await demo.ask(query, id=LONG)
    assert "errors" not in answer, answer
    assert bool(answer["data"]["contacts"]["nodes"]) is all_of_them


async def test_an_id_to_compare_with_names_the_argument(demo: Demo) -> None:
    query = "query ($id: ID!) { contacts(filter: { wacr: { statusId: { gt: $id } } }) { nodes { id } } }"
    (error,) = (await demo.ask(query, id=LONG))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == (
        "BAD_USER_INPUT",
        "filter.wacr.statusId.gt",
    )
