"""WA.cr's relations come when they are selected, and only then (contract, "statusData" to "groupsData")."""

from __future__ import annotations

from typing import Any

import pytest

from providers.apis.wacr.fake.server import WacrFake
from providers.spi.record import global_id
from tests.sockets.service import Service

each_relation = pytest.mark.parametrize(
    ("field", "relation"), [("statusData", "status"), ("sourceData", "source"), ("groupsData", "groups")]
)


def expected(service: Service, relation: str) -> dict[str, Any]:
    """Every contact's relation as WA.cr shows it, by the contact's id."""
    fake = service.fakes["wacr"]
    assert isinstance(fake, WacrFake)

    def named(row: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if row is None else {"id": row["id"], "name": row["name"]}

    found: dict[str, Any] = {}
    for row in fake.store.rows:
        if relation == "groups":
            found[str(row["id"])] = [named(fake.groups.get(number)) for number in row.get("group_id") or []]
        else:
            rows = fake.statuses if relation == "status" else fake.sources
            found[str(row["id"])] = named(rows.get(row.get(f"{relation}_id")))
    return found


def without_more(value: Any) -> Any:
    """A relation, or several, with id and name alone."""
    if isinstance(value, list):
        return [without_more(each) for each in value]
    return None if value is None else {"id": value["id"], "name": value["name"]}


@each_relation
def test_a_relation_that_is_selected_alone_comes(service: Service, field: str, relation: str) -> None:
    nodes = service.data(
        f"""{{ contacts(first: 60, sources: ["wacr"]) {{
            nodes {{ nativeId details {{ ... on WacrContact {{ shown: {field} }} }} }} }} }}"""
    )["contacts"]["nodes"]
    shown = {node["nativeId"]: without_more(node["details"]["shown"]) for node in nodes}
    assert shown == expected(service, relation)
    assert any(shown.values())
    assert {dict(call.parameters).get("include") for call in service.calls("wacr")} == {relation}


@each_relation
def test_a_contact_that_is_looked_up_has_its_relation(service: Service, field: str, relation: str) -> None:
    native_id, value = next((key, value) for key, value in expected(service, relation).items() if value)
    found = service.data(
        f"query ($id: ID!) {{ contact(id: $id) {{ details {{ ... on WacrContact {{ shown: {field} }} }} }} }}",
        id=global_id("Contact", "wacr", native_id),
    )
    assert without_more(found["contact"]["details"]["shown"]) == value


def test_relations_that_nobody_selected_are_not_asked_for(service: Service) -> None:
    service.data('{ contacts(first: 5, sources: ["wacr"]) { nodes { details { ... on WacrContact { statusId } } } } }')
    (call,) = service.calls("wacr")
    assert "include" not in dict(call.parameters)
