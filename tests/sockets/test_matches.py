"""The same person in the other sources over sockets: what is found, at which cost (DESIGN.md 9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from providers.apis.tether.fake.rows import PIPELINES
from providers.spi.record import global_id
from tests.sockets.service import Service, serving

SALES = PIPELINES[0]
WON = next(stage for stage in SALES["pipelineStages"] if stage["name"] == "Won")
ADDRESSES = [f"person{number}@example.com" for number in range(5)]
TIMES = {"created_at": "2025-01-01T00:00:00.000000Z", "updated_at": "2025-01-01T00:00:00.000000Z"}
PERSON = """{ displayName emails phones contacts { id }
    sources { source { name } status totalCount error { code } warnings { code message } } }"""


def tether_row(number: int, email: str, phone: str) -> dict[str, Any]:
    """A contact in a stage, without which Tether's search does not find it."""
    place = {"status": WON["name"], "pipelineId": SALES["_id"], "pipelineStage": WON["_id"]}
    return {"_id": f"{number:024x}", "email": email, "phoneNumber": phone, **place}


def wacr_row(number: int, email: str | None, phone: str | None = None) -> dict[str, Any]:
    return {"id": number, "firstname": "Ann", "email": email, "phone": phone, "group_id": [], **TIMES}


def konnect_row(number: int, email: str | None, phone: str | None = None) -> dict[str, Any]:
    return {"id": str(number), "first_name": "Ann", "email": email, "phone_number": phone, "tags": [], **TIMES}


def elephant_row(number: int, *emails: str, phone: str | None = None) -> dict[str, Any]:
    numbers = [{"phone_number": phone, "is_primary": True}] if phone else []
    addresses = [{"email": email, "is_primary": at == 0} for at, email in enumerate(emails)]
    return {"object": "contact", "id": f"cnt_{number}", "emails": addresses, "phone_numbers": numbers, **TIMES}


ROWS: dict[str, list[dict[str, Any]]] = {
    "tether": [tether_row(1, ADDRESSES[0], "+254712345678")],
    "askelephant": [
        elephant_row(number, f"other{number}@example.com", address.upper()) for number, address in enumerate(ADDRESSES)
    ]
    + [elephant_row(9, "somebody@example.com", phone="+254712345678")],
    # Fifty contacts of five people, whose addresses are written in different ways.
    "wacr": [
        wacr_row(number, f" {address}" if number % 2 else address.upper())
        for number in range(1, 51)
        for address in [ADDRESSES[number % 5]]
    ]
    + [wacr_row(60, f"{ADDRESSES[0]}.ke", "0712 345 678")],
    "autokonnect": [konnect_row(number, address) for number, address in enumerate(ADDRESSES, 1)],
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("people"), ROWS, default_region="KE") as running:
        yield running


def searches(service: Service, name: str) -> list[str]:
    return [value for call in service.calls(name) for key, value in call.parameters if key == "search"]


def contact_id(name: str, native_id: object) -> str:
    return global_id("Contact", name, str(native_id))


@pytest.mark.parametrize("field", ["matches { id }", "person { contacts { id } }", "matches { id } person { emails }"])
def test_fifty_contacts_of_five_addresses_cost_one_search_an_address_and_source(people: Service, field: str) -> None:
    query = f'{{ contacts(first: 50, sources: ["wacr"]) {{ nodes {{ nativeId {field} }} }} }}'
    nodes = people.data(query)["contacts"]["nodes"]
    assert len(nodes) == 50
    for name in ("askelephant", "autokonnect"):
        assert sorted(searches(people, name)) == ADDRESSES
        assert len(people.calls(name)) == len(ADDRESSES)
    # Its own source is not searched, and one that knows no addresses is not asked.
    assert people.counts() == {"wacr": 1, "askelephant": 5, "autokonnect": 5}
    for node in nodes:
        number = int(node["nativeId"]) % 5
        expected = [contact_id("askelephant", f"cnt_{number}"), contact_id("autokonnect", number + 1)]
        if "matches" in node:
            assert [match["id"] for match in node["matches"]] == expected
        elif "person" in node:
            own = contact_id("wacr", node["nativeId"])
            assert [contact["id"] for contact in node["person"]["contacts"]] == [own, *expected]


def test_matches_ask_the_named_sources_alone(people: Service) -> None:
    query = '{ contacts(first: 50, sources: ["wacr"]) { nodes { matches(sources: ["autokonnect"]) { id } } } }'
    nodes = people.data(query)["contacts"]["nodes"]
    assert people.counts() == {"wacr": 1, "autokonnect": 5}
    assert {len(node["matches"]) for node in nodes} == {1}


def test_a_similar_address_is_nobodys_and_a_number_is_found_however_it_is_written(people: Service) -> None:
    query = f"query ($id: ID!) {{ contact(id: $id) {{ matches {{ id }} person {PERSON} }} }}"
    found = people.data(query, id=contact_id("wacr", 60))["contact"]
    assert [match["id"] for match in found["matches"]] == [contact_id("tether", f"{1:024x}")]
    assert found["person"]["contacts"] == [{"id": contact_id("wacr", 60)}, *found["matches"]]
    assert found["person"]["emails"] == [f"{ADDRESSES[0]}.ke", ADDRESSES[0]]
    assert found["person"]["phones"] == ["0712 345 678"]


def test_what_a_source_cannot_be_searched_for_is_match_incomplete(people: Service) -> None:
    found = people.data(
        f"query ($e: String, $p: String) {{ person(email: $e, phone: $p) {PERSON} }}",
        e=" PERSON0@example.com",
        p="0712345678",
    )
    slices = {part["source"]["name"]: part for part in found["person"]["sources"]}
    assert list(slices) == list(ROWS)
    warnings = {name: [(each["code"], each["message"]) for each in part["warnings"]] for name, part in slices.items()}
    assert warnings["askelephant"] == [("MATCH_INCOMPLETE", "askelephant: cannot be searched for phone numbers")]
    assert ("MATCH_INCOMPLETE", "tether: cannot be searched for e-mail addresses") in warnings["tether"]
    assert warnings["wacr"] == warnings["autokonnect"] == []
    assert {name: part["status"] for name, part in slices.items()} == {
        "tether": "PARTIAL",
        "askelephant": "PARTIAL",
        "wacr": "OK",
        "autokonnect": "OK",
    }
    by_number = [number for number in range(1, 51) if number % 5 == 0] + [60]
    assert {contact["id"] for contact in found["person"]["contacts"]} == {
        contact_id("tether", f"{1:024x}"),
        contact_id("askelephant", "cnt_0"),
        *(contact_id("wacr", number) for number in by_number),
        contact_id("autokonnect", 1),
    }


def test_a_failing_source_is_failed_in_the_persons_slice_and_matches_never_raise(people: Service) -> None:
    people.fakes["autokonnect"].switches.fail("status", times=99, status=403)
    try:
        query = f"query ($id: ID!) {{ contact(id: $id) {{ matches {{ id }} person {PERSON} }} }}"
        found = people.data(query, id=contact_id("wacr", 5))["contact"]
    finally:
        people.fakes["autokonnect"].switches.faults.clear()
    assert found["matches"] == [{"id": contact_id("askelephant", "cnt_0")}]
    slices = {part["source"]["name"]: part for part in found["person"]["sources"]}
    assert slices["autokonnect"]["status"] == "FAILED"
    assert slices["autokonnect"]["error"] == {"code": "SOURCE_FORBIDDEN"}
    assert (slices["askelephant"]["status"], slices["askelephant"]["totalCount"]) == ("OK", 1)


def test_nobody_is_a_person_without_contacts_where_a_source_cannot_be_searched_for_an_address(people: Service) -> None:
    found = people.data(
        """{ person(email: "nobody@example.com") {
            displayName contacts { id } sources { source { name } status warnings { code } }
        } }"""
    )["person"]
    assert (found["displayName"], found["contacts"]) == (None, [])
    said = {each["source"]["name"]: [warning["code"] for warning in each["warnings"]] for each in found["sources"]}
    assert said.pop("tether") == ["MATCH_INCOMPLETE"]
    assert all(codes == [] for codes in said.values())
