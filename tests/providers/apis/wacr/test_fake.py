"""The fake WA.cr: each parameter, filter and operator of wacr-list-contacts.txt has its effect."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from providers.apis.fakes import Row, Switches, WacrFake, wacr_app
from providers.apis.wacr.fake.server import CRITICAL_FIELDS
from tests.support.fakes_client import get

URL = "/v2/contacts"


def contact(number: int, **fields: Any) -> Row:
    """A contact created on the given day of January 2026."""
    moment = f"2026-01-{number:02d}T12:00:00.000000Z"
    return {"id": number, "type": "lead", "group_id": [], "created_at": moment, "updated_at": moment, **fields}


def app_with(*rows: Row, **switches: Any) -> WacrFake:
    return wacr_app(rows, switches=Switches(**switches))


def numbers(response: httpx.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [row["id"] for row in response.json()["data"]]


async def listed(app: WacrFake, **parameters: Any) -> list[int]:
    return numbers(await get(app, URL, parameters))


# ---------------------------------------------------------------- pages


async def test_the_pagination_tells_all_it_documents() -> None:
    app = app_with(*(contact(number) for number in range(1, 8)))
    pages = [(await get(app, URL, {"per_page": 3, "page": page})).json()["meta"]["pagination"] for page in (1, 3)]
    assert pages == [
        {"total": 7, "count": 3, "per_page": 3, "current_page": 1, "total_pages": 3, "has_more": True},
        {"total": 7, "count": 1, "per_page": 3, "current_page": 3, "total_pages": 3, "has_more": False},
    ]


async def test_the_total_counts_what_the_filters_leave() -> None:
    app = app_with(contact(1, type="guest"), contact(2), contact(3))
    response = await get(app, URL, {"filter[type]": "lead", "per_page": 1})
    assert response.json()["meta"]["pagination"]["total"] == 2


@pytest.mark.parametrize(("ids", "kind"), [("native", int), ("str", str)])
async def test_ids_are_numbers_or_strings(ids: str, kind: type) -> None:
    row = (await get(app_with(contact(1), ids=ids), URL)).json()["data"][0]
    assert row["id"] == kind(1)


# ---------------------------------------------------------------- sort


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("id", [1, 2, 3, 4]),
        ("-id", [4, 3, 2, 1]),
        ("firstname,id", [4, 1, 2, 3]),
        ("-firstname,id", [2, 3, 1, 4]),
        ("firstname,-lastname", [4, 1, 3, 2]),
        ("lastname,-id", [2, 1, 4, 3]),
        ("created_at", [1, 2, 3, 4]),
        ("-created_at", [4, 3, 2, 1]),
        ("updated_at,id", [3, 1, 2, 4]),
    ],
)
async def test_contacts_are_sorted_by_several_fields_in_either_direction(sort: str, order: list[int]) -> None:
    app = app_with(
        contact(1, firstname="ada", lastname="b"),
        contact(2, firstname="Bea", lastname="a"),
        contact(3, firstname="bea", lastname="d", updated_at="2025-12-01T00:00:00Z"),
        contact(4, firstname="Abe", lastname="c"),
    )
    assert await listed(app, sort=sort) == order


async def test_names_are_sorted_by_the_collation_of_the_switch() -> None:
    app = app_with(contact(1, firstname="bea"), contact(2, firstname="Cleo"), contact(3, firstname="Ägidius"))
    assert await listed(app, sort="firstname") == [1, 2, 3]
    app.switches.collation = "binary"
    assert await listed(app, sort="firstname") == [2, 1, 3]


async def test_missing_names_are_smallest_or_largest() -> None:
    app = app_with(contact(1, firstname="a"), contact(2, firstname=None), contact(3, firstname=""))
    assert await listed(app, sort="firstname") == [2, 3, 1]
    assert await listed(app, sort="-firstname") == [1, 3, 2]
    app.switches.missing_order = "largest"
    assert await listed(app, sort="firstname") == [3, 1, 2]


async def test_an_unknown_sort_is_refused_when_strict() -> None:
    app = app_with(contact(2), contact(1))
    assert (await get(app, URL, {"sort": "email"})).status_code == 400
    app.switches.strict = False
    assert await listed(app, sort="email,-id") == [2, 1]


async def test_ties_swap_between_calls_unless_the_sort_holds_the_id() -> None:
    app = app_with(contact(1, firstname="a"), contact(2, firstname="a"), unstable_ties=True)
    assert sorted([await listed(app, sort="firstname") for _ in range(2)]) == [[1, 2], [2, 1]]
    assert sorted([await listed(app) for _ in range(2)]) == [[1, 2], [2, 1]]
    assert [await listed(app, sort="firstname,id") for _ in range(2)] == [[1, 2], [1, 2]]


# ---------------------------------------------------------------- search


@pytest.mark.parametrize("field", ["firstname", "lastname", "email", "phone", "company"])
@pytest.mark.parametrize("parameter", ["search", "q"])
async def test_search_and_q_cover_five_fields_in_part(field: str, parameter: str) -> None:
    app = app_with(contact(1, **{field: "xx5Zyy"}), contact(2, description="5z", **{field: None}))
    assert await listed(app, **{parameter: "5z"}) == [1]


# ---------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("written", "value", "found"),
    [
        ("[status_id]", "2", [2]),
        ("[status_id][gte]", "2", [2, 3]),
        ("[status_id][>=]", "2", [2, 3]),
        ("[status_id][lte]", "2", [1, 2]),
        ("[status_id][<=]", "2", [1, 2]),
        ("[status_id][gt]", "2", [3]),
        ("[status_id][>]", "2", [3]),
        ("[status_id][lt]", "2", [1]),
        ("[status_id][<]", "2", [1]),
        ("[status_id][ne]", "2", [1, 3]),
        ("[status_id][!=]", "2", [1, 3]),
        ("[status_id][in]", "1,3", [1, 3]),
        ("[status_id][not_in]", "1,3", [2]),
        ("[status_id][between]", "2,3", [2, 3]),
        ("[status_id][null]", "true", [4]),
        ("[status_id][null]", "false", [1, 2, 3]),
        ("[source_id]", "20", [2]),
        ("[assigned_id]", "200", [2]),
        ("[assigned_id][null]", "true", [4]),
        ("[type]", "customer", [2]),
        ("[type][like]", "UST", [2]),
        ("[type][like]", "c%r", [2]),
        ("[type][like]", "_ue", [3]),
        ("[type][ne]", "lead", [2, 3]),
        ("[type][in]", "lead,guest", [1, 3]),
        ("[group_id]", "5", [2, 3]),
        ("[group_id][in]", "5,7", [2, 3]),
        ("[group_id][in]", "6,7", [3]),
        ("[group_id][ne]", "7", [1, 2]),
        ("[group_id][not_in]", "5,7", [1]),
        ("[group_id][gt]", "6", [3]),
        ("[group_id][null]", "true", [4]),
        ("[created_at]", "2026-01-02T12:00:00Z", [2]),
        ("[created_at]", "2026-01-02T15:00:00+03:00", [2]),
        ("[created_at][ne]", "2026-01-02T12:00:00Z", [1, 3, 4]),
        ("[created_at][in]", "2026-01-02T12:00:00Z,2026-01-03T12:00:00Z", [2, 3]),
        ("[created_at][gte]", "2026-01-02", [2, 3, 4]),
        ("[created_at][gt]", "2026-01-02T12:00:00Z", [3, 4]),
        ("[created_at][<]", "2026-01-02T12:00:00Z", [1]),
        ("[created_at][between]", "2026-01-02T12:00:00Z,2026-01-03T12:00:00Z", [2, 3]),
    ],
)
async def test_every_filter_and_operator_chooses_its_contacts(written: str, value: str, found: list[int]) -> None:
    app = app_with(
        contact(1, type="lead", status_id=1, source_id=10, assigned_id=100, group_id=[]),
        contact(2, type="customer", status_id=2, source_id=20, assigned_id=200, group_id=[5]),
        contact(3, type="guest", status_id=3, source_id=30, assigned_id=300, group_id=[5, 7]),
        contact(4, type=None, status_id=None, source_id=None, assigned_id=None, group_id=None),
    )
    assert await listed(app, **{f"filter{written}": value}) == found


async def test_filters_are_anded() -> None:
    app = app_with(*(contact(number, status_id=number % 2) for number in range(1, 6)))
    wanted = {"filter[status_id]": "1", "filter[created_at][gt]": "2026-01-02", "filter[created_at][lt]": "2026-01-05"}
    assert await listed(app, **wanted) == [3]


async def test_negations_may_keep_rows_without_a_value() -> None:
    app = app_with(contact(1, assigned_id=1), contact(2, assigned_id=None), contact(3, assigned_id=3))
    assert await listed(app, **{"filter[assigned_id][ne]": "1"}) == [3]
    assert await listed(app, **{"filter[assigned_id][not_in]": "1"}) == [3]
    app.switches.nulls = "kept"
    assert await listed(app, **{"filter[assigned_id][ne]": "1"}) == [2, 3]


async def test_a_date_alone_ends_at_midnight_or_with_its_day() -> None:
    app = app_with(contact(1), contact(2), contact(3))
    assert await listed(app, **{"filter[created_at][lte]": "2026-01-02"}) == [1]
    assert await listed(app, **{"filter[created_at][between]": "2026-01-01,2026-01-02"}) == [1]
    app.switches.date_only_end = "end_of_day"
    assert await listed(app, **{"filter[created_at][lte]": "2026-01-02"}) == [1, 2]
    assert await listed(app, **{"filter[created_at][between]": "2026-01-01,2026-01-02"}) == [1, 2]
    assert await listed(app, **{"filter[created_at][lte]": "2026-01-02T11:00:00Z"}) == [1]


async def test_between_may_exclude_its_ends() -> None:
    app = app_with(*(contact(number, status_id=number) for number in (1, 2, 3)), range_ends="exclusive")
    assert await listed(app, **{"filter[status_id][between]": "1,3"}) == [2]


async def test_types_are_compared_by_the_collation() -> None:
    app = app_with(contact(1, type="Lead"))
    assert await listed(app, **{"filter[type]": "lead"}) == [1]
    app.switches.collation = "binary"
    assert await listed(app, **{"filter[type]": "lead"}) == []


@pytest.mark.parametrize(
    "name", ["filter[updated_at]", "filter[email][like]", "filter[type][contains]", "filter[type][eq]", "filter"]
)
async def test_an_unknown_filter_is_refused_when_strict_and_has_no_effect_when_not(name: str) -> None:
    app = app_with(contact(1))
    assert (await get(app, URL, {name: "x"})).status_code == 400
    app.switches.strict = False
    assert await listed(app, **{name: "x"}) == [1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filter[status_id]", "x"),
        ("filter[status_id][in]", "1,,2"),
        ("filter[status_id][between]", "1"),
        ("filter[created_at][gte]", "soon"),
        ("filter[assigned_id][null]", "1"),
    ],
)
async def test_a_filter_value_that_does_not_fit_is_422(name: str, value: str) -> None:
    response = await get(app_with(), URL, {name: value})
    assert response.status_code == 422
    assert list(response.json()["errors"]) == [name.rsplit("[", 1)[0] if name.count("[") > 1 else name]


# ---------------------------------------------------------------- fields and relations (trap 8)


async def test_fields_can_leave_out_the_email_and_nothing_else() -> None:
    app = wacr_app(1)
    everything = (await get(app, URL)).json()["data"][0]
    assert set(everything) == {*CRITICAL_FIELDS, "email"}
    assert set((await get(app, URL, {"fields": "id,phone"})).json()["data"][0]) == set(CRITICAL_FIELDS)
    assert (await get(app, URL, {"fields": "id,email"})).json()["data"][0] == everything
    assert (await get(app, URL, {"fields": "id,shoe"})).status_code == 400


async def test_relations_come_by_include_alone() -> None:
    app = app_with(contact(1, status_id=3, source_id=2, group_id=[2, 99]), contact(2, status_id=None, source_id=None))
    plain, _ = (await get(app, URL)).json()["data"]
    assert not {"groups", "source", "status"} & set(plain)
    full, bare = (await get(app, URL, {"include": "groups,source,status", "fields": "id"})).json()["data"]
    assert full["groups"] == [{"id": 2, "name": "Newsletter", "color": "#219ebc"}]
    assert full["source"] == {"id": 2, "name": "Website", "color": "#3a86ff"}
    assert full["status"] == {"id": 3, "name": "Customer", "color": "#06a77d"}
    assert (bare["groups"], bare["source"], bare["status"]) == ([], None, None)
    assert (await get(app, URL, {"include": "tags"})).status_code == 400


async def test_fields_may_hide_relations() -> None:
    app = app_with(contact(1, status_id=3), fields_hide_relations=True)
    row = (await get(app, URL, {"include": "groups,status", "fields": "id,status"})).json()["data"][0]
    assert ("status" in row, "groups" in row) == (True, False)


# ---------------------------------------------------------------- one contact, groups


async def test_one_contact_takes_include() -> None:
    app = app_with(contact(1, status_id=1))
    one = (await get(app, f"{URL}/1", {"include": "status"})).json()["data"]
    assert (one["id"], one["status"]["name"]) == (1, "New")
    assert (await get(app, f"{URL}/2")).status_code == 404
    app.switches.single_envelope = "bare"
    assert (await get(app, f"{URL}/1")).json()["id"] == 1


async def test_groups_are_paged_sorted_and_searched() -> None:
    app = app_with()
    first = (await get(app, "/v2/groups", {"per_page": 5, "page": 3})).json()
    assert [group["id"] for group in first["data"]] == [11, 12]
    assert first["meta"]["pagination"]["total"] == 12
    names = [group["name"] for group in (await get(app, "/v2/groups", {"sort": "-name", "per_page": 2})).json()["data"]]
    assert names == ["رمضان", "Événements"]
    found = (await get(app, "/v2/groups", {"search": "vip"})).json()["data"]
    assert [group["name"] for group in found] == ["VIP", "Vip old"]
