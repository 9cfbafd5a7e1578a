"""Tags, groups and users over sockets: what they say, and what they cost beside fifty contacts (DESIGN.md 7)."""

from __future__ import annotations

from typing import Any

import pytest

from providers.apis.autokonnect.fake.rows import TAGS
from providers.apis.fakes import Call
from providers.apis.tether.fake.rows import USERS
from providers.apis.wacr.fake.rows import GROUPS
from providers.spi.record import global_id
from tests.sockets.service import Service

USER_LIST = "/api/user/list"
NAMES = {user["_id"]: (user["fullName"], user["email"]) for user in USERS}


def tagged(service: Service, name: str, native_id: str) -> set[str]:
    """Global ids of the contacts that the fake itself says carry the tag."""
    rows = service.fakes[name].store.rows
    if name == "wacr":
        return {global_id("Contact", name, str(row["id"])) for row in rows if int(native_id) in row["group_id"]}
    return {global_id("Contact", name, row["id"]) for row in rows if native_id in [tag["id"] for tag in row["tags"]]}


def user(user_id: str | None) -> dict[str, Any] | None:
    """A user of Tether as the answer has it."""
    if user_id is None:
        return None
    name, email = NAMES[user_id]
    return {"id": global_id("User", "tether", user_id), "nativeId": user_id, "name": name, "email": email}


# ---------------------------------------------------------------- tags


def test_the_list_of_tags_has_counts_where_the_source_counts_and_costs_a_call_a_source(service: Service) -> None:
    query = """{ tags(first: 100) { totalCount nodes { id nativeId name color contactCount source { name } }
        sources { source { name } status totalCount } } }"""
    found = service.data(query)["tags"]
    assert service.counts() == {"wacr": 1, "autokonnect": 1}
    groups = [node for node in found["nodes"] if node["source"]["name"] == "wacr"]
    tags = {node["nativeId"]: node for node in found["nodes"] if node["source"]["name"] == "autokonnect"}
    assert [(group["nativeId"], group["name"], group["color"], group["contactCount"]) for group in groups] == [
        (str(group["id"]), group["name"], group["color"], None) for group in GROUPS
    ]
    assert {key: (tag["name"], tag["color"], tag["contactCount"]) for key, tag in tags.items()} == {
        tag["id"]: (tag["name"], tag["color"], len(tagged(service, "autokonnect", tag["id"]))) for tag in TAGS
    }
    assert found["totalCount"] == len(GROUPS) + len(TAGS)
    assert [(part["source"]["name"], part["status"], part["totalCount"]) for part in found["sources"]] == [
        ("tether", "SKIPPED", 0),
        ("askelephant", "SKIPPED", 0),
        ("wacr", "OK", len(GROUPS)),
        ("autokonnect", "OK", len(TAGS)),
    ]


def test_the_tags_of_fifty_contacts_come_with_their_records(service: Service) -> None:
    query = '{ contacts(first: 50, sources: ["autokonnect"]) { nodes { nativeId tags { id name color } } } }'
    nodes = service.data(query)["contacts"]["nodes"]
    assert service.calls("autokonnect") == [Call("GET", "/api/v1/contacts", [("page", "1"), ("limit", "50")], None)]
    assert len(nodes) == 50
    for node in nodes:
        row = service.fakes["autokonnect"].store.get(node["nativeId"]) or {}
        assert node["tags"] == [
            {"id": global_id("Tag", "autokonnect", tag["id"]), "name": tag["name"], "color": tag["color"]}
            for tag in row["tags"]
        ]
    assert sum(len(node["tags"]) for node in nodes) > 30


def test_the_groups_of_fifty_contacts_are_included_in_their_one_call(service: Service) -> None:
    query = '{ contacts(first: 50, sources: ["wacr"]) { nodes { nativeId tags { nativeId name } } } }'
    nodes = service.data(query)["contacts"]["nodes"]
    (call,) = service.calls("wacr")
    assert ("include", "groups") in call.parameters
    names = {group["id"]: group["name"] for group in GROUPS}
    for node in nodes:
        row = service.fakes["wacr"].store.get(node["nativeId"]) or {}
        assert {tag["nativeId"]: tag["name"] for tag in node["tags"]} == {
            str(number): names[number] for number in row["group_id"]
        }
    service.data('{ contacts(first: 50, sources: ["wacr"]) { nodes { nativeId } } }')
    assert [name for name, _ in service.calls("wacr")[0].parameters] == ["page", "per_page", "sort"]


def test_counts_of_fifty_contacts_tags_cost_one_reading_of_the_list(service: Service) -> None:
    query = '{ contacts(first: 50, sources: ["autokonnect"]) { nodes { tags { nativeId contactCount } } } }'
    nodes = service.data(query)["contacts"]["nodes"]
    assert [call.path for call in service.calls("autokonnect")] == ["/api/v1/contacts", "/api/v1/contacts/tags"]
    for tag in (tag for node in nodes for tag in node["tags"]):
        assert tag["contactCount"] == len(tagged(service, "autokonnect", tag["nativeId"]))


def test_the_contacts_of_tags_are_pushed_and_equal_questions_go_out_once(service: Service) -> None:
    query = "{ tags(first: 100) { nodes { nativeId source { name } contacts(first: 100) { nodes { id } } } } }"
    nodes = service.data(query)["tags"]["nodes"]
    for node in nodes:
        found = [contact["id"] for contact in node["contacts"]["nodes"]]
        assert len(found) == len(set(found))
        assert set(found) == tagged(service, node["source"]["name"], node["nativeId"])
    groups = [dict(call.parameters) for call in service.calls("wacr") if call.path == "/v2/contacts"]
    assert sorted(int(each["filter[group_id]"]) for each in groups) == [group["id"] for group in GROUPS]
    searches = [dict(call.parameters)["search"] for call in service.calls("autokonnect") if call.path.endswith("cts")]
    # Two tags are called "Repeat": one search finds the contacts of both, told apart by the tag's id.
    assert sorted(searches) == sorted({tag["name"] for tag in TAGS})
    assert sorted(tag["name"] for tag in TAGS).count("Repeat") == 2


@pytest.mark.parametrize("size", [1, 3])
def test_walking_a_tags_contacts_gives_each_once(service: Service, size: int) -> None:
    query = """query ($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on Tag {
        contacts(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } } }"""
    for name, native_id in (("wacr", "1"), ("autokonnect", "57")):
        found: list[str] = []
        after = None
        while True:
            page = service.data(query, id=global_id("Tag", name, native_id), first=size, after=after)["node"][
                "contacts"
            ]
            found += [node["id"] for node in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert len(found) == len(set(found)) > 1
        assert set(found) == tagged(service, name, native_id)


# ---------------------------------------------------------------- users


def test_owners_assignees_and_creators_of_fifty_contacts_cost_one_call(service: Service) -> None:
    query = """{ contacts(first: 50, sources: ["tether"]) { nodes { nativeId
        owner { ...who } assignees { ...who } details { ... on TetherContact { createdBy { ...who } } }
    } } }
    fragment who on User { id nativeId name email }"""
    nodes = service.data(query)["contacts"]["nodes"]
    assert [call.path for call in service.calls("tether")] == ["/api/contacts", USER_LIST]
    assert len(nodes) == 50
    for node in nodes:
        row = service.fakes["tether"].store.get(node["nativeId"]) or {}
        assert node["owner"] == user(row.get("userId"))
        assert node["assignees"] == [user(each) for each in row["assignees"]]
        assert node["details"]["createdBy"] == user(row.get("createdBy"))
    assert sum(node["owner"] is not None for node in nodes) > 25


def test_ids_of_users_cost_nothing(service: Service) -> None:
    query = '{ contacts(first: 50, sources: ["tether"]) { nodes { nativeId assignees { nativeId } } } }'
    nodes = service.data(query)["contacts"]["nodes"]
    assert service.counts() == {"tether": 1}
    for node in nodes:
        row = service.fakes["tether"].store.get(node["nativeId"]) or {}
        assert [each["nativeId"] for each in node["assignees"]] == row["assignees"]


def test_the_assignee_of_a_wacr_contact_is_an_id_alone(service: Service) -> None:
    query = """{ contacts(first: 50, sources: ["wacr"]) { nodes {
        nativeId owner { id } assignees { id nativeId name email } } } }"""
    nodes = service.data(query)["contacts"]["nodes"]
    assert service.counts() == {"wacr": 1}
    met = []
    for node in nodes:
        assigned = (service.fakes["wacr"].store.get(node["nativeId"]) or {})["assigned_id"]
        expected = [] if assigned is None else [str(assigned)]
        assert node["owner"] is None
        assert node["assignees"] == [
            {"id": global_id("User", "wacr", each), "nativeId": each, "name": None, "email": None} for each in expected
        ]
        met += expected
    assert len(met) > 20
