"""`node`, `nodes` and `contact` over sockets: known, unknown, deleted and foreign ids of all types (DESIGN.md 9)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.apis.fakes import AutokonnectFake, TetherFake, WacrFake, demo_people
from providers.apis.tether.fake.rows import PIPELINES, USERS
from providers.spi.record import global_id
from tests.sockets.conftest import SIZES
from tests.sockets.service import Service, serving

NODE = """query ($id: ID!) { node(id: $id) { __typename id
    ... on Contact { nativeId source { name } }
    ... on Tag { name source { name } }
    ... on PipelineStage { name source { name } }
    ... on User { who: name source { name } }
    ... on Source { name }
} }"""
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
CONTACT = "query ($id: ID!) { contact(id: $id) { id nativeId source { name } } }"
ENTITIES = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Contact { id } ... on Source { name } } }"
UNKNOWN = {"tether": "f" * 24, "askelephant": "cnt_nobody", "wacr": "999999", "autokonnect": "1"}
TYPES = ("Contact", "Tag", "PipelineStage", "User", "Source")
SALES = PIPELINES[0]
NO_ID = "not an id of this service; use the id field of an object it returned"
REFUSED = {"code": "BAD_USER_INPUT", "argument": "id"}


def contact_id(service: Service, name: str, at: int = 0) -> str:
    return global_id("Contact", name, service.fakes[name].store.ids[at])


def stage_id(service: Service, at: int = 2) -> str:
    found: str = service.data("{ pipelineStages { nodes { id } } }")["pipelineStages"]["nodes"][at]["id"]
    return found


def known(service: Service) -> dict[str, dict[str, Any]]:
    """One object of each type as `NODE` gives it."""
    native_id = service.fakes["wacr"].store.ids[4]
    named = {
        "Contact": {"id": contact_id(service, "wacr", 4), "nativeId": native_id, "source": {"name": "wacr"}},
        "Tag": {"id": global_id("Tag", "autokonnect", "42"), "name": "VIP", "source": {"name": "autokonnect"}},
        "PipelineStage": {"id": stage_id(service), "name": "Qualified", "source": {"name": "tether"}},
        "User": {
            "id": global_id("User", "tether", USERS[2]["_id"]),
            "who": USERS[2]["fullName"],
            "source": {"name": "tether"},
        },
        "Source": {"id": global_id("Source", "wacr", "wacr"), "name": "wacr"},
    }
    return {type_name: {"__typename": type_name, **node} for type_name, node in named.items()}


def with_source(id: str, name: str) -> str:
    """The same id under another source's name."""
    type_name, _, native_id = base64.b64decode(id).decode().split(":", 2)
    return global_id(type_name, name, native_id)


# ---------------------------------------------------------------- known


def test_an_object_of_each_type_is_found_by_its_id(service: Service) -> None:
    for node in known(service).values():
        assert service.data(NODE, id=node["id"]) == {"node": node}
        assert sum(service.counts().values()) == (0 if node["__typename"] == "Source" else 1)


@pytest.mark.parametrize("name", SIZES)
def test_a_contact_is_found_in_its_source_alone(service: Service, name: str) -> None:
    native_id = service.fakes[name].store.ids[-1]
    expected = {"id": global_id("Contact", name, native_id), "nativeId": native_id, "source": {"name": name}}
    assert service.data(NODE, id=expected["id"])["node"] == {"__typename": "Contact", **expected}
    assert service.data(CONTACT, id=expected["id"])["contact"] == expected
    assert list(service.counts()) == [name]


def test_look_ups_of_one_operation_are_one_batch_a_source(service: Service) -> None:
    ids = [contact_id(service, name, at) for at in (0, 1, 0) for name in SIZES]
    nodes = service.data(NODES, ids=ids)["nodes"]
    assert [node["id"] for node in nodes] == ids
    # One call a key; where no endpoint finds one, the list's first page, which has them both.
    assert service.counts() == {"tether": 1, "askelephant": 2, "wacr": 2, "autokonnect": 1}
    assert [call.path for call in service.calls("wacr")] == [
        f"/v2/contacts/{native_id}" for native_id in service.fakes["wacr"].store.ids[:2]
    ]


def test_aliases_of_node_are_one_batch_as_well(service: Service) -> None:
    rows = sorted(service.fakes["autokonnect"].store.rows, key=lambda row: str(row["created_at"]), reverse=True)
    ids = [global_id("Contact", "autokonnect", rows[at]["id"]) for at in (3, 50, 110)]
    fields = " ".join(f'n{at}: node(id: "{id}") {{ id }}' for at, id in enumerate(ids))
    assert [node["id"] for node in service.data(f"{{ {fields} }}").values()] == ids
    # The last of them is on the second page of a hundred.
    assert service.counts() == {"autokonnect": 2}


# ---------------------------------------------------------------- unknown, deleted, foreign


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("type_name", ["Contact", "Tag", "Source"])
def test_an_unknown_id_is_null_without_an_error(service: Service, type_name: str, name: str) -> None:
    assert service.data(NODE, id=global_id(type_name, name, UNKNOWN[name])) == {"node": None}


@pytest.mark.parametrize("type_name", TYPES)
def test_an_id_of_a_source_that_is_not_there_is_null_and_asks_nobody(service: Service, type_name: str) -> None:
    assert service.data(NODE, id=global_id(type_name, "nowhere", "1")) == {"node": None}
    assert service.counts() == {}


@pytest.mark.parametrize("type_name", TYPES)
def test_an_id_under_another_sources_name_is_never_answered_with_an_object_of_the_first(
    service: Service, type_name: str
) -> None:
    node = known(service)[type_name]
    own = node["source"]["name"] if "source" in node else node["name"]
    for name in SIZES:
        if name != own:
            assert service.data(NODE, id=with_source(node["id"], name)) == {"node": None}


@pytest.mark.parametrize("name", SIZES)
def test_a_deleted_contact_is_null_and_the_others_stay(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("deleted"), {name: 20}) as service:
        gone, stays = contact_id(service, name, 3), contact_id(service, name, 4)
        assert [node["id"] for node in service.data(NODES, ids=[gone, stays])["nodes"]] == [gone, stays]
        service.fakes[name].store.delete(service.fakes[name].store.ids[3])
        assert service.data(NODES, ids=[gone, stays])["nodes"] == [None, {"__typename": "Contact", "id": stays}]
        assert service.data(CONTACT, id=gone) == {"contact": None}


def test_a_deleted_tag_group_user_or_stage_is_null(tmp_path_factory: pytest.TempPathFactory) -> None:
    rows = dict.fromkeys(("tether", "wacr", "autokonnect"), 5)
    with serving(tmp_path_factory.mktemp("relations"), rows) as service:
        ids = [
            global_id("Tag", "autokonnect", "42"),
            global_id("Tag", "wacr", "2"),
            global_id("User", "tether", USERS[0]["_id"]),
            stage_id(service),
        ]
        assert [node["id"] for node in service.data(NODES, ids=ids)["nodes"]] == ids
        tether, wacr, autokonnect = (service.fakes[name] for name in rows)
        assert isinstance(tether, TetherFake)
        assert isinstance(wacr, WacrFake)
        assert isinstance(autokonnect, AutokonnectFake)
        autokonnect.tags.delete("42")
        wacr.groups.delete("2")
        del tether.users[0]
        stages = [stage for stage in SALES["pipelineStages"] if stage["name"] != "Qualified"]
        tether.pipelines[0] = {**SALES, "pipelineStages": stages}
        assert service.data(NODES, ids=ids) == {"nodes": [None] * 4}


# ---------------------------------------------------------------- no ids


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "é",
        "Q29udGFjdA==",
        base64.b64encode(b"Deal:wacr:1001").decode(),
        base64.b64encode(b"Contact:wacr:").decode(),
        global_id("Contact", "wacr", "1001").rstrip("="),
        # The same bytes, spelled otherwise: an object has one id.
        global_id("Contact", "wacr", "1001").replace("E=", "F="),
        global_id("Contact", "wacr", "9" * 5_000),
    ],
)
@pytest.mark.parametrize("field", ["node", "contact"])
def test_what_is_no_id_is_one_error_and_null(service: Service, field: str, text: str) -> None:
    answer = service.ask(f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}", id=text)
    (error,) = answer["errors"]
    assert answer["data"] == {field: None}
    assert (error["message"], error["extensions"], error["path"]) == (f"id: {NO_ID}", REFUSED, [field])
    assert service.counts() == {}


@pytest.mark.parametrize("inside", ["{}", "[]", '["CONTACT",null,null]', '["OTHER",null,"a",null]'])
def test_a_stages_id_with_nonsense_inside_is_no_id(service: Service, inside: str) -> None:
    error = service.refusal(NODE, id=global_id("PipelineStage", "tether", inside))
    assert (error["message"], error["extensions"]) == (f"id: {NO_ID}", REFUSED)
    assert service.counts() == {}


@pytest.mark.parametrize("type_name", [name for name in TYPES if name != "Contact"])
def test_the_id_of_another_type_is_no_contacts(service: Service, type_name: str) -> None:
    id = known(service)[type_name]["id"]
    answer = service.ask(CONTACT, id=id)
    (error,) = answer["errors"]
    assert answer["data"] == {"contact": None}
    assert error["message"] == f"id: the id of a {type_name}; expected a Contact's"
    assert error["extensions"] == REFUSED


def test_one_bad_id_spoils_no_other(service: Service) -> None:
    ids = [contact_id(service, "wacr"), "nonsense", global_id("Contact", "wacr", UNKNOWN["wacr"])]
    answer = service.ask(NODES, ids=ids)
    (error,) = answer["errors"]
    assert answer["data"]["nodes"] == [{"__typename": "Contact", "id": ids[0]}, None, None]
    assert (error["message"], error["path"]) == (f"ids[1]: {NO_ID}", ["nodes", 1])
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "ids[1]"}


def test_more_than_a_hundred_ids_are_refused_and_a_hundred_are_not(service: Service) -> None:
    ids = [contact_id(service, "autokonnect", at) for at in range(101)]
    error = service.refusal(NODES, ids=ids)
    assert error["message"] == "ids: expected at most 100 ids, got 101"
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "ids"}
    assert service.counts() == {}
    assert [node["id"] for node in service.data(NODES, ids=ids[:100])["nodes"]] == ids[:100]


def test_a_router_may_ask_for_more_than_a_hundred_at_once(service: Service) -> None:
    native_ids = [service.fakes["wacr"].store.ids[at % 60] for at in range(250)]
    asked: list[dict[str, Any]] = [
        {"__typename": "Contact", "nativeId": native_id, "source": {"name": "wacr"}} for native_id in native_ids
    ]
    asked[120] = {"__typename": "Contact", "id": "nonsense"}
    asked[240] = {"__typename": "Source", "id": global_id("Source", "tether", "tether")}
    answer = service.ask(ENTITIES, r=asked)
    expected: list[Any] = [{"id": global_id("Contact", "wacr", native_id)} for native_id in native_ids]
    expected[120], expected[240] = None, {"name": "tether"}
    assert answer["data"]["_entities"] == expected
    (error,) = answer["errors"]
    assert error["path"] == ["_entities", 120]
    assert error["message"] == f"representations[120].id: {NO_ID}"
    # Every contact once, although the hundreds overlap.
    assert sorted(call.path for call in service.calls("wacr")) == sorted(
        {f"/v2/contacts/{each}" for each in native_ids}
    )


# ---------------------------------------------------------------- one source's failure, and what an id is made of


@pytest.mark.parametrize("failing", SIZES)
def test_a_failing_source_fails_its_own_keys_alone(failing: str, service: Service) -> None:
    ids = [contact_id(service, name, at) for name in SIZES for at in (0, 1)]
    service.fakes[failing].switches.fail("status", times=99, status=401)
    try:
        answer = service.ask(NODES, ids=ids)
    finally:
        service.fakes[failing].switches.faults.clear()
    lost = [at for at, id in enumerate(ids) if base64.b64decode(id).decode().split(":")[1] == failing]
    assert [node and node["id"] for node in answer["data"]["nodes"]] == [
        None if at in lost else id for at, id in enumerate(ids)
    ]
    assert [error["path"] for error in answer["errors"]] == [["nodes", at] for at in lost]
    assert {(error["extensions"]["code"], error["extensions"]["source"]) for error in answer["errors"]} == {
        ("SOURCE_UNAUTHENTICATED", failing)
    }


@pytest.mark.parametrize("name", SIZES)
def test_an_id_survives_changed_details_and_holds_none_of_them(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "tether": {"email": "new@example.com", "phoneNumber": "+254700000000", "firstName": "New"},
        "askelephant": {"emails": [{"email": "new@example.com", "is_primary": True}], "first_name": "New"},
        "wacr": {"email": "new@example.com", "phone": "+254700000000", "firstname": "New"},
        "autokonnect": {"email": "new@example.com", "phone_number": "254700000000", "first_name": "New"},
    }
    with serving(tmp_path_factory.mktemp("changed"), {name: demo_people(10, 10, 10, 10)}) as service:
        query = "{ contacts(first: 10) { nodes { id nativeId firstName lastName email phone } } }"
        before = {node["nativeId"]: node for node in service.data(query)["contacts"]["nodes"]}
        for native_id in before:
            service.fakes[name].store.update(native_id, changes[name])
        after = {node["nativeId"]: node for node in service.data(query)["contacts"]["nodes"]}
    assert {key: node["id"] for key, node in after.items()} == {key: node["id"] for key, node in before.items()}
    assert {(node["email"], node["firstName"]) for node in after.values()} == {("new@example.com", "New")}
    for node in before.values():
        # Nothing but what says which contact of which source it is.
        assert base64.b64decode(node["id"]).decode() == f"Contact:{name}:{node['nativeId']}"
