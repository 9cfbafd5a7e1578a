"""Whatever a source says of its list, reading it ends, in a bounded number of calls, and gives no contact twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.apis.fakes import Switches
from tests.support.lying_sources import LyingTransport, Served, change, served, totals
from tests.support.made_rows import made_rows

BY_NUMBER = ["tether", "wacr", "autokonnect"]
SLICES = "sources { source { name } status totalCount error { code } warnings { code } }"
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
CONTACTS = (
    "query($first: Int, $after: String, $last: Int, $before: String, $filter: ContactFilter, "
    "$order: [ContactOrder!], $search: String) { list: contacts(first: $first, after: $after, last: $last, "
    "before: $before, filter: $filter, orderBy: $order, search: $search) "
    "{ nodes { id } " + PAGE_INFO + " " + SLICES + " } }"
)
TAGS = (
    "query($first: Int, $after: String, $last: Int, $before: String) { list: tags(first: $first, after: $after, "
    "last: $last, before: $before) { nodes { id } " + PAGE_INFO + " " + SLICES + " } }"
)


def codes(answer: dict[str, Any], source: str) -> set[str]:
    """The codes of what went wrong with a source, whether it failed or not."""
    part = next(part for part in answer["data"]["list"]["sources"] if part["source"]["name"] == source)
    return {warning["code"] for warning in part["warnings"]} | ({part["error"]["code"]} if part["error"] else set())


def ids(answer: dict[str, Any]) -> list[str]:
    return [node["id"] for node in answer["data"]["list"]["nodes"]]


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("claimed", [1, 7, 40, 2_000_000_000])
def test_an_empty_list_that_counts_contacts_ends_when_it_is_read_from_its_end(provider: str, claimed: int) -> None:
    with served({provider: []}, lies={provider: totals(lambda _: claimed)}) as gateway:
        answer = gateway.ask(CONTACTS, last=1)
        assert ids(answer) == []
        assert codes(answer, provider) == {"SOURCE_INVALID_RESPONSE"}
        assert answer["data"]["list"]["pageInfo"]["hasPreviousPage"] is False
        assert gateway.calls <= 60


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("past_end", ["empty", "404", "last"])
@pytest.mark.parametrize("more", [1, 5, 800, 1_000_000])
def test_the_last_contacts_come_though_the_total_is_too_large(provider: str, past_end: Any, more: int) -> None:
    rows = made_rows(provider, 40, 3)
    switches = {provider: Switches(past_end=past_end)}
    with served({provider: rows}, switches=switches) as honest:
        expected = ids(honest.ask(CONTACTS, first=100))
    with served({provider: rows}, switches=switches, lies={provider: totals(lambda n: n + more)}) as gateway:
        answer = gateway.ask(CONTACTS, last=5)
        assert ids(answer) == expected[-5:]
        assert gateway.calls <= 60


@pytest.mark.parametrize("provider", BY_NUMBER)
def test_rows_deleted_within_the_caches_time_do_not_keep_the_end_from_being_found(provider: str) -> None:
    rows = made_rows(provider, 40, 3)
    with served({provider: rows}, switches={provider: Switches(past_end="404")}, cached=True) as gateway:
        gateway.ask(CONTACTS, last=5)
        store = gateway.fakes[provider].store
        for native_id in store.ids[-20:]:
            store.delete(native_id)
        before = gateway.calls
        found = ids(gateway.ask(CONTACTS, last=3))
        assert gateway.calls - before <= 10
        whole = gateway.client.post(
            "/graphql", json={"query": CONTACTS, "variables": {"first": 100}}, headers={"Cache-Control": "no-cache"}
        ).json()
        assert len(ids(whole)) == 20
        assert found == ids(whole)[-3:]


def test_a_chain_of_empty_pages_that_never_ends_fails_its_source_alone() -> None:
    rows = {"askelephant": made_rows("askelephant", 5, 1), "autokonnect": made_rows("autokonnect", 5, 2)}
    for arguments in ({"first": 10}, {"last": 10}, {"first": 10, "order": [{"field": "LAST_NAME"}]}):
        with served(rows) as gateway:
            transport = gateway.transports["askelephant"]

            async def empty(request: httpx.Request, transport: LyingTransport = transport) -> httpx.Response:
                transport.calls += 1
                return httpx.Response(
                    200, json={"data": [], "has_more": True, "next_cursor": f"cursor-{transport.calls}"}
                )

            transport.handle_async_request = empty  # type: ignore[method-assign]
            answer = gateway.ask(CONTACTS, **arguments)
            assert codes(answer, "askelephant") == {"SOURCE_INVALID_RESPONSE"}
            assert len(ids(answer)) == 5
            assert gateway.calls <= 120


# ---------------------------------------------------------------- page sizes that are learned at the same time


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("cap", [7, 20])
def test_two_aliases_learn_at_once_that_pages_are_smaller(provider: str, cap: int) -> None:
    rows = made_rows(provider, 90, 5)
    inside = "{ nodes { id } " + PAGE_INFO + " }"
    document = f"{{ a: contacts(first: 60) {inside} b: contacts(first: 70) {inside} }}"
    with served({provider: rows}, switches={provider: Switches(max_page_size=cap)}) as gateway:
        data = gateway.ask(document)["data"]
        assert [len(data[alias]["nodes"]) for alias in "ab"] == [60, 70]
        assert [data[alias]["pageInfo"]["hasNextPage"] for alias in "ab"] == [True, True]


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("first", [30, 60, 80])
def test_eight_requests_at_once_to_a_fresh_gateway_get_whole_pages(provider: str, first: int) -> None:
    rows = made_rows(provider, 90, 5)
    with served({provider: rows}, switches={provider: Switches(max_page_size=20)}) as gateway:

        async def ask_all() -> list[dict[str, Any]]:
            transport = httpx.ASGITransport(app=gateway.client.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                bodies = [{"query": CONTACTS, "variables": {"first": first + turn}} for turn in range(8)]
                answers = await asyncio.gather(*(client.post("/graphql", json=body) for body in bodies))
                return [answer.json() for answer in answers]

        assert gateway.client.portal is not None
        answers = gateway.client.portal.call(ask_all)
        assert [len(ids(answer)) for answer in answers] == [first + turn for turn in range(8)]
        assert all(answer["data"]["list"]["pageInfo"]["hasNextPage"] for answer in answers)


# ---------------------------------------------------------------- values that no cursor or GraphQL Int holds


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("total", [2**31, 2**53 + 1, 2**64, 10**400, 1e300])
@pytest.mark.parametrize("document", [CONTACTS, TAGS], ids=["contacts", "tags"])
def test_a_total_beyond_all_lists_fails_its_source_alone(provider: str, total: float, document: str) -> None:
    other = "wacr" if provider == "autokonnect" else "autokonnect"
    if document == TAGS and provider == "tether":
        # It has no tags: its stages' totals are judged below.
        return
    rows = {name: made_rows(name, 30, 4) for name in (provider, other)}
    with served(rows) as honest:
        own = [id for id in walk(honest, document, 3) if _source_of(honest, id) == other]
    with served(rows, lies={provider: totals(lambda _: total)}) as gateway:
        answer = gateway.ask(document, first=3)
        assert codes(answer, provider) == {"SOURCE_INVALID_RESPONSE"}
        assert len(own) >= 3
        assert ids(answer) == own[:3]
        following = gateway.ask(document, first=3, after=answer["data"]["list"]["pageInfo"]["endCursor"])
        assert ids(following) == own[3:6]


def _source_of(gateway: Served, id: str) -> str:
    answer = gateway.ask(
        "query($id: ID!) { node(id: $id) { ... on Contact { source { name } } ... on Tag { source { name } } } }", id=id
    )
    name: str = answer["data"]["node"]["source"]["name"]
    return name


def test_the_sum_of_totals_beyond_an_int_is_not_told() -> None:
    rows = {name: made_rows(name, 5, 4) for name in ("tether", "autokonnect")}
    lies = {name: totals(lambda _: 2**31 - 1) for name in rows}
    with served(rows, lies=lies) as gateway:
        answer = gateway.ask("{ contacts(first: 2) { totalCount nodes { id } } }")
        assert "errors" not in answer
        assert answer["data"]["contacts"]["totalCount"] is None
        assert len(answer["data"]["contacts"]["nodes"]) == 2


def test_a_stage_count_beyond_an_int_is_the_sources_failure() -> None:
    document = "{ pipelineStages(first: 10) { nodes { name contactCount } " + SLICES + " } }"
    with served({"tether": made_rows("tether", 30, 4)}, lies={"tether": totals(lambda _: 2**31)}) as gateway:
        answer = gateway.ask(document)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["SOURCE_INVALID_RESPONSE"]


@pytest.mark.parametrize(("provider", "name"), [("tether", "_id"), ("autokonnect", "id"), ("askelephant", "id")])
def test_an_id_that_no_cursor_holds_costs_its_row_alone(provider: str, name: str) -> None:
    rows = made_rows(provider, 6, 4)
    rows[2][name] = "x" * 513
    other = "wacr"
    with served({provider: rows, other: made_rows(other, 6, 4)}) as gateway:
        answer = gateway.ask(CONTACTS, first=6)
        found = ids(answer)
        assert len(found) == 6
        following = gateway.ask(CONTACTS, first=6, after=answer["data"]["list"]["pageInfo"]["endCursor"])
        assert len(set(found + ids(following))) == 11
        assert "SOURCE_INVALID_RESPONSE" in codes(answer, provider) | codes(following, provider)


@pytest.mark.parametrize("length", [1_500, 3_900, 4_001, 20_000])
def test_a_long_token_leaves_the_next_cursor_readable(length: int) -> None:
    long: dict[str, str] = {}

    class Lengthened:
        """Puts a long token in place of the fake's."""

        def __call__(self, answer: Any, call: int) -> Any:
            def longer(token: Any) -> Any:
                if token is None:
                    return None
                long[token] = token.ljust(length, ".")
                return long[token]

            return change(answer, ("next_cursor",), longer)

    rows = {name: made_rows(name, 30, 4) for name in ("askelephant", "autokonnect")}
    with served(rows, lies={"askelephant": Lengthened()}) as gateway:
        inner = gateway.transports["askelephant"]
        asked = inner.handle_async_request

        async def shortened(request: httpx.Request) -> httpx.Response:
            token = request.url.params.get("cursor")
            if token is not None:
                request = httpx.Request(
                    request.method, request.url.copy_set_param("cursor", token.rstrip(".")), headers=request.headers
                )
            return await asked(request)

        inner.handle_async_request = shortened  # type: ignore[method-assign]
        answer = gateway.ask(CONTACTS, first=10)
        following = gateway.ask(CONTACTS, first=10, after=answer["data"]["list"]["pageInfo"]["endCursor"])
        assert following.get("data"), following
        assert len(set(ids(answer) + ids(following))) == 20
        if length > 4_000:
            assert codes(answer, "askelephant") == {"SOURCE_INVALID_RESPONSE"}


@pytest.mark.parametrize("year", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
@pytest.mark.parametrize("provider", ["askelephant", "wacr", "autokonnect"])
def test_times_at_the_calendars_edges_leave_the_next_cursor_readable(provider: str, year: str) -> None:
    rows = made_rows(provider, 12, 4)
    for row in rows:
        row["updated_at" if "updated_at" in row else "updatedAt"] = year
    with served({provider: rows}) as gateway:
        order = [{"field": "UPDATED_AT", "direction": "DESC"}]
        assert len(set(walk(gateway, CONTACTS, 5, order=order))) == 12


# ---------------------------------------------------------------- every kind of list, both ways


def walk(gateway: Served, document: str, size: int, *, backward: bool = False, **arguments: Any) -> list[str]:
    """All ids of a walk. A source that fails ends it there, as a client would."""
    found: list[str] = []
    cursor = None
    for _ in range(400):
        way = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        answer = gateway.ask(document, **way, **arguments)
        if (answer.get("data") or {}).get("list") is None:
            assert {error["extensions"]["code"] for error in answer["errors"]} <= FAILURES, answer["errors"]
            return found
        assert {error["extensions"]["code"] for error in answer.get("errors", ())} <= FAILURES, answer["errors"]
        page = answer["data"]["list"]
        found = ids(answer) + found if backward else found + ids(answer)
        info = page["pageInfo"]
        if not info["hasPreviousPage" if backward else "hasNextPage"] or answer.get("errors"):
            return found
        cursor = info["startCursor" if backward else "endCursor"]
        assert cursor is not None
    raise AssertionError("a walk that does not end")


FAILURES = {"SOURCE_INVALID_RESPONSE", "SOURCE_BAD_REQUEST", "SOURCE_UNAVAILABLE", "SOURCE_ERROR"}
LIES = ["honest", "one high", "one low", "far high", "far low", "zero", "changes", "vanishes", "comes and goes"]


def a_lie(name: str, seed: int) -> Any:
    count = [0]

    def value(total: int) -> Any:
        count[0] += 1
        match name:
            case "one high":
                return total + 1
            case "one low":
                return max(0, total - 1)
            case "far high":
                return total + 10 ** (seed % 9)
            case "far low":
                return total // 2
            case "zero":
                return 0
            case "changes":
                return max(0, total + (seed * count[0]) % 7 - 3)
            case "vanishes":
                raise KeyError
            case "comes and goes":
                if count[0] % 2:
                    raise KeyError
                return total
        return total

    return totals(value)


KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "tether": ("tether", CONTACTS, {}),
    "wacr": ("wacr", CONTACTS, {}),
    "autokonnect": ("autokonnect", CONTACTS, {}),
    "askelephant": ("askelephant", CONTACTS, {}),
    "tags": ("autokonnect", TAGS, {}),
    "groups": ("wacr", TAGS, {}),
    "buckets": ("tether", CONTACTS, {"search": "a"}),
    "pushed order": ("wacr", CONTACTS, {"order": [{"field": "UPDATED_AT", "direction": "DESC"}]}),
    "sorted here": ("autokonnect", CONTACTS, {"order": [{"field": "CREATED_AT", "direction": "ASC"}]}),
    "filtered here": ("autokonnect", CONTACTS, {"filter": {"firstName": {"isNull": False}}}),
}


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    kind=st.sampled_from(sorted(KINDS)),
    lie=st.sampled_from(LIES),
    past_end=st.sampled_from(["empty", "404", "last", "500"]),
    count=st.sampled_from([0, 1, 5, 20, 45]),
    size=st.sampled_from([1, 3, 10, 50]),
    backward=st.booleans(),
    seed=st.integers(0, 50),
)
def test_every_walk_over_a_hostile_list_ends(
    kind: str, lie: str, past_end: str, count: int, size: int, backward: bool, seed: int
) -> None:
    provider, document, arguments = KINDS[kind]
    rows = made_rows(provider, count, seed)
    switches = {provider: Switches(past_end="empty" if past_end == "500" else past_end)}  # type: ignore[arg-type]
    with served({provider: rows}, switches=switches) as honest:
        expected = walk(honest, document, 50, **arguments)

    def failing(request: httpx.Request, call: int) -> int | None:
        parameters = request.url.params
        page = int(parameters.get("page", 1)) if parameters.get("page", "1").isdigit() else 1
        rows_a_page = int(parameters.get("limit") or parameters.get("per_page") or parameters.get("size") or 10)
        return 500 if past_end == "500" and (page - 1) * rows_a_page > len(expected) else None

    with served(
        {provider: rows}, switches=switches, lies={provider: a_lie(lie, seed)}, errors={provider: failing}, retries=0
    ) as gateway:
        found = walk(gateway, document, size, backward=backward, **arguments)
        assert len(found) == len(set(found)), "a contact came twice"
        assert set(found) <= set(expected)
        pages = len(found) // size + 2
        assert gateway.calls <= 60 + 12 * pages, gateway.calls
        # A page that is full just where a total that is too small ends the list looks like any list's last page.
        if lie in ("honest", "one high", "far high", "vanishes") and past_end != "500":
            assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("provider", BY_NUMBER)
@pytest.mark.parametrize("total", [0, 1, 19])
def test_rows_that_a_total_does_not_count_are_given_and_it_is_said(provider: str, total: int) -> None:
    with served({provider: made_rows(provider, 20, 3)}, lies={provider: totals(lambda _: total)}) as gateway:
        answer = gateway.ask(CONTACTS, first=50)
        assert len(ids(answer)) == 20
        assert codes(answer, provider) == {"SOURCE_INVALID_RESPONSE"}
        assert answer["data"]["list"]["sources"][0]["totalCount"] is None


def test_json_that_is_changed_stays_json() -> None:
    assert json.loads(json.dumps(totals(lambda n: n + 1)({"data": {"total": 1, "rows": [{"total": 2}]}}, 1))) == {
        "data": {"total": 2, "rows": [{"total": 3}]}
    }
