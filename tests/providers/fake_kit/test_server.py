"""What the four fakes share: credentials, the log, faults, rate limits, strictness, paging, serving."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from providers.apis.fakes import FAKES, FakeApp, ServerThread, Store, Switches, serve
from providers.fake_kit.parameters import decode_query
from tests.support.fakes_client import client, get, post

LISTS = {
    "tether": "/api/contacts",
    "askelephant": "/v2/contacts",
    "wacr": "/v2/contacts",
    "autokonnect": "/api/v1/contacts",
}
SIZES = {"tether": "size", "askelephant": "limit", "wacr": "per_page", "autokonnect": "limit"}
BY_NUMBER = ("tether", "wacr", "autokonnect")
EVERYBODY = {"tether": {"ownerFilter": "all"}}


def fake(provider: str, size: int = 30, **switches: Any) -> FakeApp:
    return FAKES[provider](size, switches=Switches(**switches))


async def listed(app: FakeApp, provider: str, **parameters: Any) -> httpx.Response:
    return await get(app, LISTS[provider], {**EVERYBODY.get(provider, {}), **parameters})


def rows_of(provider: str, response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    document = response.json()
    rows: list[dict[str, Any]] = document["contacts"] if provider == "tether" else document["data"]
    return rows


def ids_of(provider: str, response: httpx.Response) -> list[str]:
    return [str(row["_id" if provider == "tether" else "id"]) for row in rows_of(provider, response)]


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize("provider", FAKES)
@pytest.mark.parametrize("authorization", ["Bearer wrong", "Basic demo", ""])
async def test_a_wrong_or_missing_credential_is_401(provider: str, authorization: str) -> None:
    async with client(fake(provider), authorization) as asking:
        response = await asking.get(LISTS[provider])
    assert response.status_code == 401
    assert "demo" not in response.text


async def test_each_api_words_its_401_its_own_way() -> None:
    bodies = {}
    for provider in FAKES:
        async with client(fake(provider), "Bearer wrong") as asking:
            bodies[provider] = await asking.get(LISTS[provider])
    assert list(bodies["tether"].json()) == ["error"]
    assert bodies["askelephant"].headers["content-type"] == "application/problem+json"
    assert bodies["askelephant"].headers["www-authenticate"].startswith("Bearer")
    assert bodies["wacr"].json()["success"] is False
    assert list(bodies["autokonnect"].json()) == ["error"]


@pytest.mark.parametrize("provider", FAKES)
async def test_the_token_is_the_one_the_fake_was_made_with(provider: str) -> None:
    app = FAKES[provider](3, token="other")
    async with client(app, "Bearer other") as asking:
        assert (await asking.get(LISTS[provider])).status_code == 200


@pytest.mark.parametrize(("kind", "raw", "bearer"), [("either", 200, 200), ("api_key", 200, 401), ("oauth", 401, 200)])
async def test_askelephant_takes_a_bare_key_or_a_bearer_token(kind: str, raw: int, bearer: int) -> None:
    app = fake("askelephant", credentials=kind)
    for authorization, status in (("demo", raw), ("Bearer demo", bearer)):
        async with client(app, authorization) as asking:
            assert (await asking.get("/v2/contacts")).status_code == status


# ---------------------------------------------------------------- log, strictness, encoding


@pytest.mark.parametrize("provider", FAKES)
async def test_every_call_is_logged_without_its_credential(provider: str) -> None:
    app = fake(provider)
    await get(app, LISTS[provider], [(SIZES[provider], "2"), ("search", "a b")])
    await get(app, "/nowhere")
    assert app.calls[0] == ("GET", LISTS[provider], [(SIZES[provider], "2"), ("search", "a b")], None)
    assert app.calls[1][:2] == ("GET", "/nowhere")
    assert app.state.calls is app.calls


async def test_a_logged_call_holds_its_json_body() -> None:
    app = fake("tether")
    await post(app, "/api/contacts", {"size": 1})
    assert app.calls == [("POST", "/api/contacts", [], {"size": 1})]


@pytest.mark.parametrize("provider", FAKES)
async def test_an_unknown_parameter_is_refused_when_strict_and_ignored_when_not(provider: str) -> None:
    app = fake(provider)
    refused = await listed(app, provider, colour="red")
    assert refused.status_code == 400
    assert "colour" in refused.text
    app.state.switches.strict = False
    assert len(rows_of(provider, await listed(app, provider, colour="red"))) > 0


@pytest.mark.parametrize("provider", ["askelephant", "wacr"])
async def test_brackets_may_be_encoded_once_or_raw_but_not_twice(provider: str) -> None:
    app = fake(provider)
    field = "updated_at" if provider == "askelephant" else "created_at"
    raw = f"filter[{field}][gt]"
    statuses = {}
    async with client(app) as asking:
        for name in (raw, raw.replace("[", "%5B").replace("]", "%5D"), raw.replace("[", "%255B").replace("]", "%255D")):
            request = asking.build_request("GET", LISTS[provider])
            request.url = request.url.copy_with(raw_path=f"{LISTS[provider]}?{name}=2099-01-01T00:00:00Z".encode())
            response = await asking.send(request)
            statuses[name] = (response.status_code, len(response.json().get("data", ())))
    assert list(statuses.values()) == [(200, 0), (200, 0), (400, 0)]


def test_a_query_is_decoded_once_and_keeps_blank_values_and_repetitions() -> None:
    assert decode_query(b"a%5B%5D=1&a%5B%5D=&b=x+y%2B&c%255B=2") == [
        ("a[]", "1"),
        ("a[]", ""),
        ("b", "x y+"),
        ("c%5B", "2"),
    ]


@pytest.mark.parametrize("provider", FAKES)
@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5"])
async def test_a_page_size_that_is_none_is_refused(provider: str, value: str) -> None:
    response = await listed(fake(provider), provider, **{SIZES[provider]: value})
    assert response.status_code == 400
    assert SIZES[provider] in response.text


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_page_zero_is_refused(provider: str) -> None:
    assert (await listed(fake(provider), provider, page="0")).status_code == 400


@pytest.mark.parametrize("provider", FAKES)
async def test_other_methods_are_405_and_other_paths_404(provider: str) -> None:
    async with client(fake(provider)) as asking:
        wrong_method = await asking.delete(LISTS[provider])
        assert (wrong_method.status_code, (await asking.get("/nowhere")).status_code) == (405, 404)
    assert "GET" in wrong_method.headers["allow"]


# ---------------------------------------------------------------- paging by number


@pytest.mark.parametrize(("provider", "size"), [("tether", 50), ("askelephant", 25), ("wacr", 15), ("autokonnect", 10)])
async def test_the_default_page_size_is_the_documented_one(provider: str, size: int) -> None:
    assert len(rows_of(provider, await listed(fake(provider, 70), provider))) == size


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("size", [1, 7, 25])
async def test_the_pages_together_are_one_list(provider: str, size: int) -> None:
    app = fake(provider, 60)
    whole = ids_of(provider, await listed(app, provider, **{SIZES[provider]: 60}))
    pages = [
        ids_of(provider, await listed(app, provider, page=page, **{SIZES[provider]: size}))
        for page in range(1, -(-60 // size) + 1)
    ]
    assert [row_id for page in pages for row_id in page] == whole
    assert len(set(whole)) == 60


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_a_page_past_the_end_is_empty_missing_or_the_last_by_switch(provider: str) -> None:
    app = fake(provider, 30)
    beyond = {"page": 9, SIZES[provider]: 8}
    assert rows_of(provider, await listed(app, provider, **beyond)) == []
    app.switches.past_end = "404"
    assert (await listed(app, provider, **beyond)).status_code == 404
    app.switches.past_end = "last"
    last = ids_of(provider, await listed(app, provider, **{**beyond, "page": 4}))
    assert ids_of(provider, await listed(app, provider, **beyond)) == last
    assert len(last) == 6


@pytest.mark.parametrize("provider", BY_NUMBER)
async def test_the_first_page_of_nothing_is_never_missing(provider: str) -> None:
    assert rows_of(provider, await listed(fake(provider, 0, past_end="404"), provider)) == []


@pytest.mark.parametrize("provider", FAKES)
async def test_a_page_size_over_the_maximum_is_silently_lowered_or_refused(provider: str) -> None:
    app = fake(provider, 60, max_page_size=20)
    assert len(rows_of(provider, await listed(app, provider, **{SIZES[provider]: 50}))) == 20
    app.switches.oversize = "error"
    refused = await listed(app, provider, **{SIZES[provider]: 50})
    assert refused.status_code in (400, 422)
    assert "20" in refused.text
    assert len(rows_of(provider, await listed(app, provider, **{SIZES[provider]: 20}))) == 20


@pytest.mark.parametrize("provider", ["askelephant", "wacr"])
async def test_the_documented_maximum_is_a_hundred(provider: str) -> None:
    app = fake(provider, 130, oversize="lower")
    assert len(rows_of(provider, await listed(app, provider, **{SIZES[provider]: 120}))) == 100


async def test_the_envelope_speaks_of_the_real_size_or_of_the_requested_one() -> None:
    seen = {}
    for said in ("actual", "requested"):
        switches = {"max_page_size": 20, "reported_size": said, "total_pages": said}
        tether = (await listed(fake("tether", 50, **switches), "tether", size=50)).json()["data"]["size"]
        wacr = (await listed(fake("wacr", 50, **switches), "wacr", per_page=50)).json()["meta"]["pagination"]
        pages = (await listed(fake("autokonnect", 50, **switches), "autokonnect", limit=50)).json()["totalPages"]
        seen[said] = (tether, wacr["per_page"], wacr["total_pages"], pages)
    assert seen == {"actual": (20, 20, 3, 3), "requested": (50, 50, 1, 1)}


async def test_the_number_of_pages_may_be_unsaid() -> None:
    assert "totalPages" not in (await listed(fake("autokonnect", total_pages="absent"), "autokonnect")).json()
    pagination = (await listed(fake("wacr", total_pages="absent"), "wacr")).json()["meta"]["pagination"]
    assert "total_pages" not in pagination


@pytest.mark.parametrize("provider", ["tether", "autokonnect"])
async def test_an_undocumented_order_is_a_switch(provider: str) -> None:
    app = fake(provider, 200)
    created, updated = ("createdAt", "updatedAt") if provider == "tether" else ("created_at", "updated_at")
    size = {SIZES[provider]: 200}
    orders = {}
    for order in ("created_desc", "created_asc", "updated_desc", "insertion"):
        app.switches.default_order = order
        orders[order] = rows_of(provider, await listed(app, provider, **size))
    assert [row[created] for row in orders["created_desc"]] == sorted(
        (row[created] for row in app.store.rows), reverse=True
    )
    assert [row[created] for row in orders["created_asc"]] == sorted(row[created] for row in app.store.rows)
    assert [row[updated] for row in orders["updated_desc"]] == sorted(
        (row[updated] for row in app.store.rows), reverse=True
    )
    assert orders["insertion"] == app.store.rows


@pytest.mark.parametrize("provider", FAKES)
async def test_equal_moments_are_ordered_by_id_or_by_insertion(provider: str) -> None:
    moments = (
        {"createdAt": "2026-01-01T00:00:00.000Z"}
        if provider == "tether"
        else {
            "created_at": "2026-01-01T00:00:00.000Z",
            "updated_at": "2026-01-01T00:00:00.000Z",
        }
    )
    id_field = "_id" if provider == "tether" else "id"
    app = FAKES[provider]([{id_field: number, **moments} for number in ("9", "10", "2")])
    sort = {"sort": "created_at"} if provider == "wacr" else {}
    seen = {}
    for ties in ("id_asc", "id_desc", "insertion"):
        app.switches.ties = ties
        seen[ties] = ids_of(provider, await listed(app, provider, **sort))
    assert seen == {"id_asc": ["2", "9", "10"], "id_desc": ["10", "9", "2"], "insertion": ["9", "10", "2"]}


# ---------------------------------------------------------------- rows change


@pytest.mark.parametrize("provider", FAKES)
async def test_inserted_updated_and_deleted_rows_show_at_once(provider: str) -> None:
    app = fake(provider, 5)
    before = ids_of(provider, await listed(app, provider))
    template = app.store.rows[0]
    id_field = app.store.id_field
    new_id = 999_999 if provider == "wacr" else "999999"
    app.store.insert({**template, id_field: new_id, "company": "old"})
    app.store.delete(before[0])
    app.store.update(new_id, {"company": "new"})
    after = rows_of(provider, await listed(app, provider))
    assert sorted(str(row[id_field]) for row in after) == sorted([*before[1:], "999999"])
    assert [row["company"] for row in after if str(row[id_field]) == "999999"] == ["new"]


def test_a_store_refuses_a_taken_id_and_unknown_ids() -> None:
    store = Store([{"id": 1}])
    with pytest.raises(ValueError, match="1"):
        store.insert({"id": "1"})
    with pytest.raises(KeyError):
        store.delete(2)
    with pytest.raises(KeyError):
        store.update(2, {})


def test_a_store_inserts_in_front_drops_fields_and_remembers_the_deleted() -> None:
    store = Store([{"id": 1, "x": 1}])
    store.insert({"id": 0}, first=True)
    store.update(1, {"y": 2}, drop=["x"])
    assert store.rows == [{"id": 0}, {"id": 1, "y": 2}]
    assert store.ordinal(0) < store.ordinal(1)
    store.delete(1)
    assert (store.get(1), store.remembered(1)) == (None, {"id": 1, "y": 2})


def test_a_view_is_built_once_until_the_rows_change() -> None:
    store = Store([{"id": 1}])
    built: list[int] = []

    def build() -> int:
        built.append(len(store))
        return len(store)

    assert [store.view("key", build), store.view("key", build)] == [1, 1]
    store.insert({"id": 2})
    assert store.view("key", build) == 2
    assert built == [1, 2]


def test_rows_of_one_fake_are_not_changed_through_another() -> None:
    rows = [{"id": "1", "first_name": "A"}]
    one, other = FAKES["autokonnect"](rows), FAKES["autokonnect"](rows)
    one.store.update("1", {"first_name": "B"})
    assert other.store.rows == [{"id": "1", "first_name": "A"}]


# ---------------------------------------------------------------- faults and rate limits


@pytest.mark.parametrize("provider", FAKES)
async def test_a_status_fault_hits_the_next_calls_and_then_ends(provider: str) -> None:
    app = fake(provider)
    app.switches.fail("status", 2, status=503)
    statuses = [(await listed(app, provider)).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert len(app.calls) == 3


async def test_a_fault_can_be_ordered_for_one_path() -> None:
    app = fake("autokonnect")
    app.switches.fail("status", path="/api/v1/contacts/tags", status=500)
    assert (await listed(app, "autokonnect")).status_code == 200
    assert (await get(app, "/api/v1/contacts/tags")).status_code == 500


@pytest.mark.parametrize("provider", FAKES)
async def test_too_many_requests_come_with_seconds_with_a_date_or_with_nothing(provider: str) -> None:
    app = fake(provider)
    for form in ("seconds", "date", "absent"):
        app.switches.fail("rate_limit", retry_after=form, seconds=90)
    answers = [await listed(app, provider) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 429]
    assert answers[0].headers["retry-after"] == "90"
    assert parsedate_to_datetime(answers[1].headers["retry-after"]) > datetime.now(UTC)
    assert "retry-after" not in answers[2].headers


async def test_every_third_call_is_limited() -> None:
    app = fake("wacr", rate_limit_every=3, rate_limit_seconds=4)
    answers = [await listed(app, "wacr") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 200, 429]
    assert answers[2].headers["retry-after"] == "4"


@pytest.mark.parametrize("provider", FAKES)
async def test_a_proxy_in_front_answers_html_or_redirects(provider: str) -> None:
    app = fake(provider)
    app.switches.fail("html", status=502)
    app.switches.fail("html_200")
    app.switches.fail("redirect")
    answers = [await listed(app, provider) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 200, 302]
    assert [answer.headers.get("content-type", "")[:9] for answer in answers] == ["text/html", "text/html", ""]
    assert answers[2].headers["location"] == "http://elsewhere.example.com/"


@pytest.mark.parametrize("provider", FAKES)
async def test_a_truncated_answer_is_no_json(provider: str) -> None:
    app = fake(provider)
    whole = await listed(app, provider)
    app.switches.fail("truncated")
    cut = await listed(app, provider)
    assert whole.content.startswith(cut.content)
    assert len(cut.content) == len(whole.content) // 2
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        cut.json()


@pytest.mark.parametrize("provider", FAKES)
async def test_an_answer_can_have_wrong_types(provider: str) -> None:
    app = fake(provider)
    good = rows_of(provider, await listed(app, provider))
    app.switches.fail("wrong_type")
    assert (await listed(app, provider)).json()["contacts" if provider == "tether" else "data"] == 42
    app.switches.fail("wrong_row")
    bad = rows_of(provider, await listed(app, provider))
    assert bad[1:] == good[1:]
    assert {name: value for name, value in bad[0].items() if value != []} == {
        app.store.id_field: good[0][app.store.id_field]
    }


async def test_a_huge_answer_is_still_the_answer() -> None:
    app = fake("wacr", 2)
    app.switches.fail("huge", size=100_000)
    answer = await listed(app, "wacr")
    assert len(answer.content) > 100_000
    assert len(answer.json()["data"]) == 2


async def test_answers_can_be_compressed_inflate_enormously_or_be_coded_unknowably() -> None:
    app = fake("autokonnect", 2)
    plain = (await listed(app, "autokonnect")).json()
    app.switches.fail("gzip")
    zipped = await listed(app, "autokonnect")
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.json() == plain
    app.switches.fail("gzip_bomb", size=5_000_000)
    bomb = await listed(app, "autokonnect")
    assert int(bomb.headers["content-length"]) < 10_000
    assert len(bomb.content) > 4_900_000
    app.switches.fail("unknown_encoding")
    assert (await listed(app, "autokonnect")).headers["content-encoding"] == "x-fake"


async def test_a_hanging_call_answers_nothing_until_the_client_leaves() -> None:
    app = fake("tether")
    app.switches.fail("hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(listed(app, "tether"), 0.05)
    assert (await listed(app, "tether")).status_code == 200


async def test_a_late_answer_is_the_true_one() -> None:
    app = fake("tether", latency=0.01)
    app.switches.fail("slow", seconds=0.01)
    late = await listed(app, "tether")
    assert late.json() == (await listed(app, "tether")).json()


@pytest.mark.parametrize("provider", FAKES)
async def test_search_is_by_part_or_by_whole_word(provider: str) -> None:
    first = "firstName" if provider == "tether" else "firstname" if provider == "wacr" else "first_name"
    id_field = "_id" if provider == "tether" else "id"
    app = FAKES[provider]([{id_field: "1", first: "Mary Anne"}, {id_field: "2", first: "Annette"}])
    assert sorted(ids_of(provider, await listed(app, provider, search="ANNE"))) == ["1", "2"]
    app.switches.whole_word_search = True
    assert ids_of(provider, await listed(app, provider, search="ANNE")) == ["1"]
    assert ids_of(provider, await listed(app, provider, search="mary anne")) == ["1"]


# ---------------------------------------------------------------- on sockets


async def test_a_served_fake_answers_on_loopback_and_is_gone_afterwards() -> None:
    app = fake("autokonnect", 3)
    async with serve(app) as base_url, httpx.AsyncClient(headers={"Authorization": "Bearer demo"}) as asking:
        answer = await asking.get(f"{base_url}/api/v1/contacts")
    assert answer.json()["totalRecords"] == 3
    assert base_url.startswith("http://127.0.0.1:")
    async with httpx.AsyncClient() as asking:
        with pytest.raises(httpx.ConnectError):
            await asking.get(base_url)


async def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with serve(fake("wacr"), taken.getsockname()[1]):
            pass


def test_a_thread_serves_and_stops_and_serves_again() -> None:
    server = ServerThread(fake("wacr", 4))
    for _ in range(2):
        with server as base_url:
            answer = httpx.get(f"{base_url}/v2/contacts", headers={"Authorization": "Bearer demo"})
            assert answer.json()["meta"]["pagination"]["total"] == 4
    server.stop()


def test_a_thread_reports_that_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        ServerThread(fake("wacr"), taken.getsockname()[1]).start()


async def test_a_reset_breaks_the_connection_in_mid_body() -> None:
    app = fake("askelephant")
    app.switches.fail("reset")
    async with serve(app) as base_url, httpx.AsyncClient(headers={"Authorization": "demo"}) as asking:
        with pytest.raises(httpx.RemoteProtocolError):
            await asking.get(f"{base_url}/v2/contacts")
        assert (await asking.get(f"{base_url}/v2/contacts")).status_code == 200


async def test_a_server_with_a_hanging_call_can_be_stopped() -> None:
    app = fake("tether")
    app.switches.fail("hang")
    async with httpx.AsyncClient(headers={"Authorization": "Bearer demo"}) as asking:
        async with serve(app) as base_url:
            hanging = asyncio.create_task(asking.get(f"{base_url}/api/contacts"))
            for _ in range(1000):
                if app.calls:
                    break
                await asyncio.sleep(0.01)
        assert (await hanging).status_code == 500  # uvicorn's word for a request it gave up
