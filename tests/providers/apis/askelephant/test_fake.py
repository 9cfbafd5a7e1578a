"""The fake AskElephant: each parameter of askelephant-list-contacts.txt has its effect; three kinds of cursor."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from providers.apis.fakes import AskElephantFake, Row, Switches, askelephant_app
from tests.support.fakes_client import client, get

URL = "/v2/contacts"


def contact(number: int, day: int | None = None, **fields: Any) -> Row:
    """A contact updated on the given day of January 2026 (by default the number)."""
    moment = f"2026-01-{day or number:02d}T12:00:00.000Z"
    return {"object": "contact", "id": f"cnt_{number:02d}", "created_at": moment, "updated_at": moment, **fields}


def app_with(*rows: Row, **switches: Any) -> AskElephantFake:
    return askelephant_app(rows, switches=Switches(**switches))


def numbers(response: httpx.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [int(row["id"][4:]) for row in response.json()["data"]]


async def listed(app: AskElephantFake, **parameters: Any) -> list[int]:
    return numbers(await get(app, URL, parameters))


async def walked(app: AskElephantFake, **parameters: Any) -> list[int]:
    """All contacts, by following the cursors."""
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        response = await get(app, URL, {**parameters, "cursor": cursor})
        seen += numbers(response)
        cursor = response.json()["next_cursor"]
    return seen


# ---------------------------------------------------------------- list


async def test_a_list_is_ordered_by_updated_at_descending_and_says_its_version() -> None:
    response = await get(app_with(contact(1), contact(3), contact(2)), URL)
    assert numbers(response) == [3, 2, 1]
    assert response.headers["x-api-version"]
    assert {name: value for name, value in response.json().items() if name != "data"} == {
        "object": "list",
        "has_more": False,
        "next_cursor": None,
    }


async def test_the_order_can_be_turned_round_and_no_other_exists() -> None:
    app = app_with(contact(1), contact(3), contact(2))
    assert await listed(app, order_by="updated_at:asc") == [1, 2, 3]
    assert await listed(app, order_by="updated_at:desc") == [3, 2, 1]
    assert (await get(app, URL, {"order_by": "created_at:asc"})).status_code == 400


async def test_search_covers_full_name_and_every_email_but_neither_phone_nor_description() -> None:
    app = app_with(
        contact(1, first_name="Jane", last_name="Doe"),
        contact(2, emails=[{"email": "x@example.com"}, {"email": "Jane.D@example.com"}]),
        contact(3, phone_numbers=[{"phone_number": "+1-212-555-0100"}], description="jane d", emails=None),
    )
    assert await listed(app, search="jane d") == [1]
    assert await listed(app, search="JANE.D@") == [2]
    assert await listed(app, search="555") == []


@pytest.mark.parametrize(("operator", "found"), [("gt", [3]), ("gte", [3, 2]), ("lt", [1]), ("lte", [2, 1])])
async def test_updated_at_filters_mind_their_ends(operator: str, found: list[int]) -> None:
    app = app_with(contact(1), contact(2), contact(3), contact(4, updated_at=None))
    assert await listed(app, **{f"filter[updated_at][{operator}]": "2026-01-02T12:00:00Z"}) == found


async def test_updated_at_filters_are_anded() -> None:
    app = app_with(*(contact(number) for number in range(1, 6)))
    bounds = {"filter[updated_at][gt]": "2026-01-02T12:00:00Z", "filter[updated_at][lt]": "2026-01-05T00:00:00Z"}
    assert await listed(app, **bounds) == [4, 3]


@pytest.mark.parametrize("value", ["2026-01-02", "yesterday", "2026-01-02T12:00:00", "2026-01-02T12:00:00+03:00"])
async def test_a_bound_that_is_no_utc_timestamp_is_refused(value: str) -> None:
    response = await get(app_with(), URL, {"filter[updated_at][gt]": value})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "filter[updated_at][gt]"


async def test_crm_associations_come_as_json_or_indexed() -> None:
    app = app_with(
        *(contact(n, crm_association={"id": str(70 + n), "object_type": "contact"}) for n in (1, 2)), contact(3)
    )
    name = "filter[crm_associations][eq]"
    written = json.dumps([{"id": "71", "object_type": "contact"}])
    assert await listed(app, **{name: written}) == [1]
    indexed = {f"{name}[0][id]": "71", f"{name}[0][object_type]": "contact"}
    assert await listed(app, **indexed) == [1]
    assert await listed(app, **indexed, **{f"{name}[1][id]": "72", f"{name}[1][object_type]": "contact"}) == [2, 1]


@pytest.mark.parametrize(
    "value",
    [
        "71",
        "{}",
        '[{"id": "71"}]',
        '[{"id": "71", "object_type": "deal"}]',
        json.dumps([{"id": "1", "object_type": "contact"}] * 21),
    ],
)
async def test_crm_associations_that_are_none_or_too_many_are_refused(value: str) -> None:
    assert (await get(app_with(), URL, {"filter[crm_associations][eq]": value})).status_code == 400


async def test_twenty_crm_associations_are_taken() -> None:
    value = json.dumps([{"id": str(number), "object_type": "contact"} for number in range(20)])
    assert (await get(app_with(), URL, {"filter[crm_associations][eq]": value})).status_code == 200


@pytest.mark.parametrize("status", [400, 422])
async def test_a_refusal_is_a_problem_with_the_status_of_the_switch(status: int) -> None:
    app = app_with(oversize="error", validation_status=status)
    response = await get(app, URL, {"limit": "101"})
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert set(problem) == {"type", "title", "status", "detail", "request_id", "errors"}
    assert problem["status"] == status
    assert [error["field"] for error in problem["errors"]] == ["limit"]


# ---------------------------------------------------------------- cursors


@pytest.mark.parametrize("kind", ["keyset", "id", "offset"])
@pytest.mark.parametrize("order", ["updated_at:asc", "updated_at:desc"])
@pytest.mark.parametrize("ties", ["id_asc", "id_desc", "insertion"])
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_following_the_cursors_gives_every_contact_once(kind: str, order: str, ties: str, limit: int) -> None:
    rows = [contact(number, day=1 + number % 3) for number in (5, 1, 9, 3, 7, 2, 8)] + [contact(4, updated_at=None)]
    app = app_with(*rows, cursors=kind, ties=ties)
    whole = await listed(app, order_by=order)
    assert sorted(whole) == [1, 2, 3, 4, 5, 7, 8, 9]
    assert await walked(app, order_by=order, limit=limit) == whole


async def test_a_page_that_ends_with_the_list_has_no_cursor() -> None:
    app = app_with(contact(1), contact(2))
    answers = [(await get(app, URL, {"limit": limit})).json() for limit in (1, 2)]
    assert [(answer["has_more"], answer["next_cursor"] is None) for answer in answers] == [(True, False), (False, True)]


@pytest.mark.parametrize("kind", ["keyset", "id"])
async def test_keyset_cursors_survive_inserts_and_deletes(kind: str) -> None:
    app = app_with(*(contact(number) for number in range(1, 7)), cursors=kind)
    first = await get(app, URL, {"limit": 3})
    app.store.insert(contact(20))
    app.store.delete("cnt_04")
    assert numbers(first) == [6, 5, 4]
    assert await listed(app, limit=3, cursor=first.json()["next_cursor"]) == [3, 2, 1]


async def test_offset_cursors_drift_with_inserts() -> None:
    app = app_with(*(contact(number) for number in range(1, 7)), cursors="offset")
    cursor = (await get(app, URL, {"limit": 3})).json()["next_cursor"]
    app.store.insert(contact(20))
    assert await listed(app, limit=3, cursor=cursor) == [4, 3, 2]


async def test_an_id_cursor_follows_a_contact_that_was_updated() -> None:
    app = app_with(*(contact(number) for number in range(1, 7)), cursors="id")
    cursor = (await get(app, URL, {"limit": 3})).json()["next_cursor"]
    app.store.update("cnt_04", {"updated_at": "2026-02-01T00:00:00Z"})
    assert await listed(app, limit=3, cursor=cursor) == [6, 5, 3]


@pytest.mark.parametrize(
    "changed",
    [{"limit": 3}, {"order_by": "updated_at:asc"}, {"search": "a"}, {"filter[updated_at][gt]": "2026-01-01T00:00:00Z"}],
)
async def test_an_offset_cursor_needs_the_request_it_came_from(changed: dict[str, Any]) -> None:
    app = app_with(*(contact(number) for number in range(1, 7)), cursors="offset")
    cursor = (await get(app, URL, {"limit": 2})).json()["next_cursor"]
    assert await listed(app, limit=2, cursor=cursor) == [4, 3]
    assert (await get(app, URL, {"limit": 2, **changed, "cursor": cursor})).status_code == 400


async def test_a_keyset_cursor_takes_what_is_sent_with_it() -> None:
    app = app_with(*(contact(number) for number in range(1, 7)))
    cursor = (await get(app, URL, {"limit": 2})).json()["next_cursor"]
    assert await listed(app, limit=1, cursor=cursor, order_by="updated_at:asc") == [6]


async def test_cursors_expire_after_so_many_calls() -> None:
    app = app_with(*(contact(number) for number in range(1, 7)), cursor_lifetime=1)
    cursor = (await get(app, URL, {"limit": 2})).json()["next_cursor"]
    assert await listed(app, limit=2, cursor=cursor) == [4, 3]
    expired = await get(app, URL, {"limit": 2, "cursor": cursor})
    assert (expired.status_code, expired.json()["errors"][0]["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["x", "!!!!", "e30=", "W10=", "é"])
async def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    response = await get(app_with(contact(1)), URL, {"cursor": cursor})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "cursor"


# ---------------------------------------------------------------- one contact


async def test_one_contact_has_an_etag_that_changes_with_it() -> None:
    app = app_with(contact(1))
    async with client(app) as asking:
        full = await asking.get(f"{URL}/cnt_01")
        tag = full.headers["etag"]
        same = await asking.get(f"{URL}/cnt_01", headers={"If-None-Match": tag})
        app.store.update("cnt_01", {"first_name": "New"})
        changed = await asking.get(f"{URL}/cnt_01", headers={"If-None-Match": tag})
    assert full.json()["id"] == "cnt_01"
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (changed.status_code, changed.json()["first_name"]) == (200, "New")


async def test_one_contact_may_lie_under_data() -> None:
    app = app_with(contact(1), single_envelope="data")
    assert (await get(app, f"{URL}/cnt_01")).json()["data"]["id"] == "cnt_01"


async def test_an_unknown_or_deleted_contact_is_404() -> None:
    app = app_with(contact(1))
    app.store.delete("cnt_01")
    assert (await get(app, f"{URL}/cnt_01")).status_code == 404
    assert (await get(app, f"{URL}/cnt_02")).json()["status"] == 404
