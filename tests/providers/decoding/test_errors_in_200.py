"""An error inside an answer with status 200, and rows that are null, are failures of their source: never an end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from providers.fake_kit.switches import FaultKind
from providers.registry import PROVIDERS
from providers.settings import SourceSettings
from providers.spi.provider import InvalidAnswer
from providers.spi.record import SourceRecord
from providers.spi.request import Response
from tests.support.demo_sockets import Demo, open_demo

SLICES = "sources { source { name } status error { code } }"
CONTACTS = f"""query ($source: [String!], $after: String) {{ contacts(first: 10, after: $after, sources: $source) {{
    nodes {{ nativeId }} pageInfo {{ hasNextPage endCursor }} {SLICES} }} }}"""
TAGS = f"query ($source: [String!]) {{ tags(first: 5, sources: $source) {{ nodes {{ name }} {SLICES} }} }}"
PERSON = f'query {{ person(phone: "+254700000009") {{ contacts {{ id }} {SLICES} }} }}'

LIES: list[FaultKind] = ["error_200", "null_rows"]


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with open_demo() as opened:
        yield opened


def codes(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", ())}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("source", ["tether", "askelephant", "wacr", "autokonnect"])
async def test_a_list_that_is_an_error_is_no_empty_list(demo: Demo, source: str, lie: FaultKind) -> None:
    demo.fakes[source].switches.fail(lie, times=5)
    answer = await demo.ask(CONTACTS, source=[source])
    assert codes(answer) == {"SOURCE_INVALID_RESPONSE"}, answer
    assert answer["data"]["contacts"] is None


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("source", ["wacr", "autokonnect"])
async def test_tags_that_are_an_error_are_no_empty_list(demo: Demo, source: str, lie: FaultKind) -> None:
    demo.fakes[source].switches.fail(lie, times=5)
    assert codes(await demo.ask(TAGS, source=[source])) == {"SOURCE_INVALID_RESPONSE"}


@pytest.mark.parametrize("lie", LIES)
async def test_a_person_who_was_searched_for_in_vain_is_not_unknown(demo: Demo, lie: FaultKind) -> None:
    demo.fakes["autokonnect"].switches.fail(lie, times=9)
    person = (await demo.ask(PERSON))["data"]["person"]
    (failed,) = [each for each in person["sources"] if each["source"]["name"] == "autokonnect"]
    assert (failed["status"], failed["error"]) == ("FAILED", {"code": "SOURCE_INVALID_RESPONSE"})


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("source", ["tether", "askelephant", "wacr", "autokonnect"])
async def test_in_the_middle_of_a_walk_the_rest_is_not_lost_unsaid(demo: Demo, source: str, lie: FaultKind) -> None:
    first = (await demo.ask(CONTACTS, source=[source]))["data"]["contacts"]
    after = first["pageInfo"]["endCursor"]
    demo.fakes[source].switches.fail(lie, times=9)
    assert codes(await demo.ask(CONTACTS, source=[source], after=after)) == {"SOURCE_INVALID_RESPONSE"}
    demo.fakes[source].switches.faults.clear()
    rest = (await demo.ask(CONTACTS, source=[source], after=after))["data"]["contacts"]
    assert len(rest["nodes"]) == 10
    assert {row["nativeId"] for row in first["nodes"]}.isdisjoint(row["nativeId"] for row in rest["nodes"])


ROW = {"id": "1", "_id": "1"}


@pytest.mark.parametrize("provider", ["tether", "askelephant", "wacr", "autokonnect"])
@pytest.mark.parametrize(
    "content",
    [
        {"success": False, "data": []},
        {"success": False, "data": [ROW]},
        {"success": "false", "data": []},
        {"error": "no", "data": []},
        {"data": None, "error": None},
        {"contacts": None, "total": 3},
        {"success": True},
    ],
)
def test_every_envelope_that_tells_of_a_failure_is_invalid(provider: str, content: dict[str, Any]) -> None:
    with pytest.raises(InvalidAnswer, match="expected"):
        _page(provider, content)


@pytest.mark.parametrize("provider", ["tether", "askelephant", "wacr", "autokonnect"])
@pytest.mark.parametrize("more", [{}, {"success": True}, {"success": None, "error": None}, {"error": ""}])
def test_an_envelope_without_a_failure_is_read(provider: str, more: dict[str, Any]) -> None:
    assert _page(provider, {"data": [ROW], **more}).native_ids == ["1"]
    assert _page(provider, {"data": [], **more}).native_ids == []


def _page(provider: str, content: dict[str, Any]) -> Any:
    settings = SourceSettings(name="s", provider=provider, base_url="http://127.0.0.1:1", token_env="TOKEN")
    response = Response(200, {}, json.dumps(content).encode(), 0.0)
    return PROVIDERS[provider](settings).contacts_page(response, SourceRecord("c", "s", provider, "KE"))
