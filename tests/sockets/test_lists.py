"""The list of contacts over sockets: walks, one source's failure, totals, and equal requests (DESIGN.md 5 to 8)."""

from __future__ import annotations

from typing import Any

import pytest

from providers.spi.record import global_id
from tests.sockets.conftest import SIZES
from tests.sockets.service import Service, serving

PAGE = """query ($first: Int, $after: String, $orderBy: [ContactOrder!]) {
    contacts(first: $first, after: $after, orderBy: $orderBy) {
        nodes { id source { name } } pageInfo { hasNextPage endCursor } sources { status }
    } }"""
SLICES = "sources { source { name } status totalCount error { code message } }"


def walked(service: Service, size: int, order: list[dict[str, str]] | None = None) -> list[str]:
    """The ids of all contacts, in pages of this size."""
    found: list[str] = []
    after = None
    while True:
        page = service.data(PAGE, first=size, after=after, orderBy=order)["contacts"]
        found += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        assert len(page["nodes"]) == size
        after = page["pageInfo"]["endCursor"]


def all_ids(service: Service) -> set[str]:
    return {global_id("Contact", name, native_id) for name in SIZES for native_id in service.fakes[name].store.ids}


def parameters(service: Service, name: str) -> list[dict[str, str]]:
    return [dict(call.parameters) for call in service.calls(name)]


# ---------------------------------------------------------------- walks


@pytest.mark.parametrize(
    "order",
    [None, [{"field": "CREATED_AT", "direction": "DESC"}], [{"field": "LAST_NAME"}, {"field": "FIRST_NAME"}]],
    ids=["rank", "dates", "names"],
)
def test_pages_of_any_size_give_every_contact_once_and_in_one_order(
    service: Service, order: list[dict[str, str]] | None
) -> None:
    one = walked(service, 100, order)
    assert len(one) == len(set(one)) == sum(SIZES.values())
    assert set(one) == all_ids(service)
    for size in (25, 7):
        assert walked(service, size, order) == one


def test_pages_of_one_contact_give_the_same_list(service: Service) -> None:
    assert walked(service, 1) == walked(service, 100)


def test_the_first_page_asks_every_source_for_its_share(service: Service) -> None:
    nodes = service.data("{ contacts(first: 40) { nodes { source { name } } } }")["contacts"]["nodes"]
    assert [node["source"]["name"] for node in nodes] == list(SIZES) * 10
    assert service.counts() == dict.fromkeys(SIZES, 1)
    assert parameters(service, "tether") == [{"page": "1", "size": "10", "ownerFilter": "all"}]
    assert parameters(service, "wacr") == [{"page": "1", "per_page": "10", "sort": "id"}]
    assert parameters(service, "autokonnect") == [{"page": "1", "limit": "10"}]
    assert [each["limit"] for each in parameters(service, "askelephant")] == ["10"]


# ---------------------------------------------------------------- one source's failure


@pytest.mark.parametrize("failing", SIZES)
def test_one_failing_source_leaves_the_others_with_a_slice_and_one_error(failing: str, service: Service) -> None:
    others = [name for name in SIZES if name != failing]
    service.fakes[failing].switches.fail("status", times=99, status=403)
    try:
        answer = service.ask(f"{{ contacts(first: 30) {{ nodes {{ source {{ name }} }} {SLICES} }} }}")
    finally:
        service.fakes[failing].switches.faults.clear()
    found = answer["data"]["contacts"]
    assert [node["source"]["name"] for node in found["nodes"]] == others * 10
    slices = {part["source"]["name"]: part for part in found["sources"]}
    assert {name: part["status"] for name, part in slices.items()} == {
        name: "FAILED" if name == failing else "OK" for name in SIZES
    }
    (error,) = answer["errors"]
    assert error["path"] == ["contacts"]
    assert error["extensions"]["code"] == slices[failing]["error"]["code"] == "SOURCE_FORBIDDEN"
    assert (error["extensions"]["source"], error["extensions"]["status"]) == (failing, 403)
    assert "127.0.0.1" not in str(answer)
    assert "ordered by the test" not in str(answer)


# ---------------------------------------------------------------- totals


def test_a_total_alone_is_one_record_a_source_that_counts(service: Service) -> None:
    counting = [name for name in SIZES if name != "askelephant"]
    query = "query ($names: [String!]) { contacts(sources: $names) { totalCount } }"
    assert service.data(query)["contacts"] == {"totalCount": None}
    assert service.counts() == dict.fromkeys(counting, 1)
    assert service.data(query, names=counting)["contacts"] == {"totalCount": sum(SIZES[name] for name in counting)}
    assert parameters(service, "tether") == [{"page": "1", "size": "1", "ownerFilter": "all"}]
    assert parameters(service, "wacr") == [{"page": "1", "per_page": "1", "sort": "id"}]
    assert parameters(service, "autokonnect") == [{"page": "1", "limit": "1"}]


def test_totals_of_slices_are_exact_or_null(service: Service) -> None:
    found = service.data(f"{{ contacts(first: 4) {{ totalCount {SLICES} }} }}")["contacts"]
    assert {part["source"]["name"]: part["totalCount"] for part in found["sources"]} == {**SIZES, "askelephant": None}


# ---------------------------------------------------------------- equal requests, and the cache


def test_equal_requests_of_one_operation_go_out_once(service: Service) -> None:
    query = """{
        a: contacts(first: 8) { nodes { id } }
        b: contacts(first: 8) { nodes { id displayName } totalCount }
        c: sources { name contacts(first: 2) { nodes { id } } }
    }"""
    found = service.data(query)
    assert [node["id"] for node in found["a"]["nodes"]] == [node["id"] for node in found["b"]["nodes"]]
    assert service.counts() == dict.fromkeys(SIZES, 1)
    by_source: dict[str, Any] = {each["name"]: each["contacts"]["nodes"] for each in found["c"]}
    assert [by_source[name][turn]["id"] for turn in range(2) for name in SIZES] == [
        node["id"] for node in found["a"]["nodes"]
    ]


def test_without_a_cache_the_next_operation_asks_again_and_with_one_it_does_not(
    service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    query = "{ contacts(first: 4) { nodes { id } } }"
    first = service.data(query)
    assert service.data(query) == first
    assert service.counts() == dict.fromkeys(SIZES, 1)
    rows = dict.fromkeys(SIZES, 5)
    with serving(tmp_path_factory.mktemp("cached"), rows, cache_ttl=60.0) as cached:
        kept = cached.data(query)
        assert cached.counts() == dict.fromkeys(SIZES, 1)
        assert cached.data(query) == kept
        assert cached.counts() == {}
