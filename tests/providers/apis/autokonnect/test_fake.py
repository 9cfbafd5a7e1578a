"""The fake AutoKonnect: autokonnect-contacts-and-tags.txt."""

from __future__ import annotations

from typing import Any

import pytest

from providers.apis.fakes import AutokonnectFake, Row, Switches, autokonnect_app
from tests.support.fakes_client import client, get

CONTACTS = "/api/v1/contacts"
TAGS = "/api/v1/contacts/tags"
VIP = {"id": "42", "name": "VIP", "color": "#1156d6"}


def contact(number: int, **fields: Any) -> Row:
    moment = f"2026-01-{number:02d}T12:00:00.000Z"
    return {"id": str(number), "tags": [], "created_at": moment, "updated_at": moment, **fields}


def app_with(*rows: Row, **switches: Any) -> AutokonnectFake:
    return autokonnect_app(rows, switches=Switches(**switches))


async def found(app: AutokonnectFake, path: str, **parameters: Any) -> list[str]:
    response = await get(app, path, parameters)
    assert response.status_code == 200, response.text
    return sorted(row["id"] for row in response.json()["data"])


async def test_a_page_tells_its_number_the_pages_and_the_records() -> None:
    app = app_with(*(contact(number) for number in range(1, 8)))
    answer = (await get(app, CONTACTS, {"page": 2, "limit": 3})).json()
    assert [row["id"] for row in answer.pop("data")] == ["4", "3", "2"]
    assert answer == {"currentPage": 2, "totalPages": 3, "totalRecords": 7}


@pytest.mark.parametrize("field", ["first_name", "last_name", "email", "phone_number", "phone_number_lid"])
async def test_search_covers_every_documented_field(field: str) -> None:
    app = app_with(contact(1, **{field: "ab5CD"}), contact(2, profile_picture="b5c"))
    assert await found(app, CONTACTS, search="B5c") == ["1"]


async def test_search_covers_tag_names() -> None:
    app = app_with(contact(1, tags=[VIP]), contact(2))
    assert await found(app, CONTACTS, search="vi") == ["1"]


async def test_tags_come_with_the_number_of_their_contacts() -> None:
    app = app_with(contact(1, tags=[VIP]), contact(2, tags=[VIP]))
    answer = (await get(app, TAGS, {"limit": 100})).json()
    counts = {tag["id"]: tag["_count"]["contact_tag"] for tag in answer["data"]}
    assert (counts["42"], counts["57"], answer["totalRecords"]) == (2, 0, 12)
    assert set(answer["data"][0]) == {"id", "name", "color", "created_at", "_count"}
    app.store.delete("1")
    counts = {tag["id"]: tag["_count"] for tag in (await get(app, TAGS, {"limit": 100})).json()["data"]}
    assert counts["42"] == {"contact_tag": 1}


async def test_tags_are_paged_and_searched_by_name() -> None:
    app = app_with()
    assert len(await found(app, TAGS)) == 10
    assert len(await found(app, TAGS, page=2)) == 2
    assert await found(app, TAGS, search="lead") == ["57", "58"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [CONTACTS, TAGS])
async def test_only_get_is_allowed(method: str, path: str) -> None:
    async with client(app_with()) as asking:
        response = await asking.request(method, path)
    assert response.status_code == 405
    assert "error" in response.json()


async def test_ids_are_digits_in_strings_or_numbers() -> None:
    app = app_with(contact(1, tags=[VIP]), ids="int")
    row = (await get(app, CONTACTS)).json()["data"][0]
    assert (row["id"], row["tags"][0]["id"]) == (1, 42)
    assert {type(tag["id"]) for tag in (await get(app, TAGS)).json()["data"]} == {int}
    app.switches.ids = "native"
    assert (await get(app, CONTACTS)).json()["data"][0]["id"] == "1"


async def test_made_up_contacts_show_every_documented_field() -> None:
    rows = (await get(autokonnect_app(300), CONTACTS, {"limit": 300})).json()["data"]
    documented = {
        "id",
        "first_name",
        "last_name",
        "email",
        "phone_number",
        "phone_number_lid",
        "profile_picture",
        "created_at",
        "updated_at",
        "tags",
    }
    assert {name for row in rows for name in row} == documented
    assert {name for row in rows for tag in row["tags"] for name in tag} == {"id", "name", "color"}
