"""What a client gets wrong, over sockets: one error that names the argument, no call, no traceback."""

from __future__ import annotations

from typing import Any

import pytest

from providers.spi.record import global_id
from tests.sockets.service import Service

TAG = global_id("Tag", "wacr", "1")
CONNECTIONS = (
    "{{ contacts({0}) {{ nodes {{ id }} }} }}",
    "{{ tags({0}) {{ nodes {{ id }} }} }}",
    "{{ pipelineStages({0}) {{ nodes {{ id }} }} }}",
    '{{ source(name: "wacr") {{ contacts({0}) {{ nodes {{ id }} }} }} }}',
    '{{ node(id: "TAG") {{ ... on Tag {{ contacts({0}) {{ nodes {{ id }} }} }} }} }}'.replace("TAG", TAG),
)
"""Every field that pages, to be given arguments."""
NO_CURSOR = "not a cursor; use one that this field returned"
NOT_THERE = 'no source is named "nowhere"; there are: tether, askelephant, wacr, autokonnect'


def assert_refused(error: dict[str, Any], argument: str, words: str) -> None:
    assert error["message"] == f"{argument}: {words}"
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}


@pytest.mark.parametrize("query", CONNECTIONS, ids=["contacts", "tags", "stages", "source", "tag"])
@pytest.mark.parametrize(
    ("arguments", "argument", "words"),
    [
        ("first: -1", "first", "expected 0 to 100, got -1"),
        ("last: -1", "last", "expected 0 to 100, got -1"),
        ("first: 101", "first", "expected 0 to 100, got 101"),
        ("last: 101", "last", "expected 0 to 100, got 101"),
        ("first: 2147483647", "first", "expected 0 to 100, got 2147483647"),
        ("first: 5, last: 5", "last", "give either first or last, not both"),
        ('after: "x"', "after", NO_CURSOR),
        ('after: ""', "after", NO_CURSOR),
        ('before: "é~/"', "before", NO_CURSOR),
    ],
)
def test_a_page_that_cannot_be_is_one_error(
    service: Service, query: str, arguments: str, argument: str, words: str
) -> None:
    error = service.refusal(query.format(arguments))
    assert_refused(error, argument, words)
    assert [call for name in service.fakes for call in service.calls(name) if "groups" not in call.path] == []


@pytest.mark.parametrize("query", CONNECTIONS[:3], ids=["contacts", "tags", "stages"])
def test_an_unknown_source_is_one_error_that_says_which_there_are(service: Service, query: str) -> None:
    assert_refused(service.refusal(query.format('sources: ["wacr", "nowhere"]')), "sources", NOT_THERE)
    assert service.counts() == {}


def test_a_cursor_of_another_query_or_a_damaged_one_is_one_error(service: Service) -> None:
    query = """query ($after: String, $search: String) {
        contacts(first: 2, after: $after, search: $search) { pageInfo { endCursor } } }"""
    cursor = service.data(query)["contacts"]["pageInfo"]["endCursor"]
    assert service.data(query, after=cursor)["contacts"]["pageInfo"]["endCursor"] != cursor
    error = service.refusal(query, after=cursor, search="ann")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}
    assert "another query" in error["message"]
    middle = len(cursor) // 2
    damaged = f"{cursor[:middle]}{'A' if cursor[middle] != 'A' else 'B'}{cursor[middle + 1 :]}"
    for wrong in (damaged, cursor[:-4], cursor * 200):
        error = service.refusal(query, after=wrong)
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}
        assert error["message"].startswith("after: ")
        assert "Traceback" not in error["message"]
    assert service.counts() == {}


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        ("{ person { displayName } }", "email"),
        ('{ person(email: "  ") { displayName } }', "email"),
        ('{ person(phone: "none") { displayName } }', "phone"),
    ],
)
def test_a_person_of_nothing_is_one_error(service: Service, query: str, argument: str) -> None:
    error = service.refusal(query)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
    assert error["message"].startswith(f"{argument}: ")
    assert service.counts() == {}


@pytest.mark.parametrize(
    "query",
    [
        "{ contacts(first: 99999999999999) { nodes { id } } }",
        '{ contacts(first: "ten") { nodes { id } } }',
        "{ contacts(onSourceError: MAYBE) { nodes { id } } }",
        "{ contacts { nodes { shoeSize } } }",
        "{ contacts {",
        "",
    ],
)
def test_what_the_schema_forbids_is_one_error_without_a_traceback(service: Service, query: str) -> None:
    error = service.refusal(query)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "Traceback" not in error["message"]
    assert service.counts() == {}


def test_a_routers_representations_cost_as_many_as_they_are(service: Service) -> None:
    query = """query ($r: [_Any!]!) { _entities(representations: $r) {
        ... on Source { contacts(first: 100) { nodes { id } } } } }"""
    one = {"__typename": "Source", "id": global_id("Source", "wacr", "wacr")}
    assert [len(each["contacts"]["nodes"]) for each in service.data(query, r=[one] * 150)["_entities"]] == [60] * 150
    # One page of the source's contacts is the same request for all of them.
    assert service.counts() == {"wacr": 1}
    error = service.refusal(query, r=[one] * 300)
    assert error["extensions"] == {"code": "QUERY_TOO_COMPLEX", "setting": "server.limits.cost", "limit": 25_000}
    assert service.counts() == {}
