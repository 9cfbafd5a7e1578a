"""Whatever comes in, out comes JSON that says what is wrong: never a 500, never a traceback."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from gql.cli.commands import application
from gql.configuration.file import ConfigurationError, load_configuration
from providers.spi.record import global_id
from resolvers.cursors.codec import VERSION, CursorCodec
from tests.faults.stack import PROVIDERS, Log, Stack, logged, running

FUZZ = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Stack, httpx.Client, Log]]:
    with logged() as log, running() as (stack, client):
        yield stack, client, log


@pytest.fixture
def client(service: tuple[Stack, httpx.Client, Log]) -> Iterator[httpx.Client]:
    stack, client, log = service
    yield client
    assert log.faults() == []
    assert stack.app.raised == []


def judge(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON: a clear one, whatever was asked."""
    assert response.status_code in (200, 400, 413), response.text
    body: dict[str, Any] = response.json()
    assert isinstance(body, dict)
    for error in body.get("errors", []):
        assert error["message"]
        assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"
    if response.status_code != 200:
        assert "data" not in body
        assert body["errors"]
    return body


def post(client: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    # As bytes: json.dumps writes what httpx's encoder refuses, half surrogates among it.
    content = json.dumps({"query": query, "variables": variables}).encode()
    return judge(client.post("/graphql", content=content, headers=JSON_TYPE))


# ---------------------------------------------------------------- bodies

GOOD = b'{"query": "{ sources { name } }"}'
BODIES = [
    b"",
    b" ",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"[{}]",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"query": "{ sources { name } }", "variables": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    b'{"query": "{ sources { name } }", "variables": {"a": NaN}}',
    b'{"query": "{ sources { name } }", "variables": {"a": Infinity}}',
    b'{"query": "{ sources { name } }", "variables": {"a": 1e999}}',
    b'{"query": "{ sources { name } }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
    b'{"query": "{ sources { name } }", "variables": {"a": -' + b"9" * 400 + b".5e-400}}",
    b'{"query": "{ sources { name } }", "variables": {"\\ud800": "\\udfff"}}',
    b'{"query": "{ source(name: \\"\\ud800\\") { name } }"}',
    b'{"query": "\\ud83d"}',
    b'{"query": "{ source(name: \\"\\\\uD800\\") { name } }"}',
    b'{"query": "\\u0000"}',
    b'{"query": "' + b"{a" * 20_000 + b'"}',
    b'{"query": "' + b"{a(b:[" + b"[" * 20_000 + b'"}',
    b'{"query": "{ ...F } fragment F on Query { ...F }"}',
    b'{"query": "query ($a: [[[[[Int]]]]]) { sources { name } }", "variables": {"a": [[[[[1]]]]]}}',
    b'{"query": 5}',
    b'{"query": null}',
    b'{"query": "{ sources { name } }", "variables": []}',
    b'{"query": "{ sources { name } }", "operationName": {}}',
    b'{"query": "{ sources { name } }", "operationName": "' + b"x" * 100_000 + b'"}',
    b'{"query": "{ sources { name } }", "extensions": {"persistedQuery": {"sha256Hash": {}}}}',
    b'{"query": "{ sources { name } }", "query": "{ nonsense }"}',
    b"\xef\xbb\xbf" + GOOD,
    GOOD.decode().encode("utf-16"),
    GOOD + b"\x00",
    GOOD + GOOD,
    GOOD.replace(b"sources", b"\xff\xfe"),
    b'{"query": "{ contacts(first: 99999999999999999999) { totalCount } }"}',
    b'{"query": "{ contacts(first: -1) { totalCount } }"}',
    b'{"query": "{ contacts(first: 1.5) { totalCount } }"}',
    b'{"query": "{ contacts(filter: {createdAt: {gt: \\"0000-00-00T00:00:00Z\\"}}) { totalCount } }"}',
    b'{"query": "{ contacts(filter: {createdAt: {gt: \\"9999-12-31T23:59:60+14:00\\"}}) { totalCount } }"}',
    b'{"query": "{ contacts(filter: {createdAt: {lt: \\"0001-01-01T00:00:00+14:00\\"}}) { totalCount } }"}',
    b'{"query": "{ contacts(filter: {updatedAt: {lt: \\"9999-12-31T23:59:59-14:00\\"}}) { totalCount } }"}',
    b" " * 2_000_000,
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:60]))
def test_an_odd_body_is_answered_clearly(client: httpx.Client, body: bytes) -> None:
    judge(client.post("/graphql", content=body, headers=JSON_TYPE))


@FUZZ
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered_clearly(client: httpx.Client, body: bytes) -> None:
    assert judge(client.post("/graphql", content=body, headers=JSON_TYPE))["errors"]


@FUZZ
@given(cuts=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 6), st.binary(max_size=4)), min_size=1, max_size=4))
def test_a_good_body_with_bytes_changed_is_answered_clearly(
    client: httpx.Client, cuts: list[tuple[int, int, bytes]]
) -> None:
    body = json.dumps({"query": EVERYTHING, "variables": {"first": 3, "search": "a", "filter": {}}}).encode()
    for place, removed, added in cuts:
        at = place % len(body)
        body = body[:at] + added + body[at + removed :]
    judge(client.post("/graphql", content=body, headers=JSON_TYPE))


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(st.characters(), max_size=20),  # half surrogates too
    st.sampled_from(
        ["2025-01-01T00:00:00Z", "wacr", "tether", "", "%", "a" * 5_000, "1e5", "0001-01-01T00:00:00+14:00"]
    ),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@FUZZ
@given(body=json_values)
def test_any_json_is_answered_clearly(client: httpx.Client, body: Any) -> None:
    judge(client.post("/graphql", content=json.dumps(body).encode(), headers=JSON_TYPE))


@FUZZ
@given(
    members=st.dictionaries(
        st.sampled_from(["query", "variables", "operationName", "extensions", "documentId", "id"]), json_values
    )
)
def test_any_members_are_answered_clearly(client: httpx.Client, members: dict[str, Any]) -> None:
    judge(client.post("/graphql", content=json.dumps(members).encode(), headers=JSON_TYPE))


# ---------------------------------------------------------------- arguments

EVERYTHING = """
query (
  $first: Int, $after: String, $last: Int, $before: String, $sources: [String!], $search: String,
  $filter: ContactFilter, $orderBy: [ContactOrder!], $policy: SourceErrorPolicy = PARTIAL
) {
  contacts(
    first: $first, after: $after, last: $last, before: $before, sources: $sources, search: $search,
    filter: $filter, orderBy: $orderBy, onSourceError: $policy
  ) {
    edges { cursor node { id displayName tags { name } stage { name } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
    sources { status error { code message } warnings { code } }
  }
}
"""
texts = st.text(st.characters(), max_size=12)
operands = st.one_of(scalars, st.lists(texts, max_size=3))
conditions = st.dictionaries(
    st.sampled_from(["eq", "ne", "in", "notIn", "contains", "startsWith", "isNull", "gt", "gte", "lt", "lte"]), operands
)
filters = st.recursive(
    st.dictionaries(
        st.sampled_from(
            [
                "firstName",
                "lastName",
                "displayName",
                "email",
                "phone",
                "company",
                "status",
                "stage",
                "tag",
                "ownerId",
                "assigneeId",
                "createdAt",
                "updatedAt",
                "wacr",
                "tether",
                "askElephant",
            ]
        ),
        conditions,
        max_size=2,
    ),
    lambda inner: st.fixed_dictionaries({}, optional={"and": st.lists(inner), "or": st.lists(inner), "not": inner}),
    max_leaves=5,
)
right_filters = st.recursive(
    st.one_of(
        st.dictionaries(
            st.sampled_from(
                ["firstName", "email", "phone", "company", "status", "stage", "tag", "ownerId", "assigneeId"]
            ),
            st.fixed_dictionaries(
                {},
                optional={
                    "eq": texts,
                    "ne": texts,
                    "in": st.lists(texts, max_size=3),
                    "notIn": st.lists(texts, max_size=3),
                    "contains": texts,
                    "startsWith": texts,
                    "isNull": st.booleans(),
                },
            ),
            max_size=2,
        ),
        st.dictionaries(
            st.sampled_from(["createdAt", "updatedAt"]),
            st.dictionaries(
                st.sampled_from(["gt", "gte", "lt", "lte"]),
                st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
                max_size=2,
            ),
        ),
    ),
    lambda inner: st.fixed_dictionaries(
        {}, optional={"and": st.lists(inner, max_size=3), "or": st.lists(inner, max_size=3), "not": inner}
    ),
    max_leaves=4,
)


@FUZZ
@given(
    variables=st.fixed_dictionaries(
        {},
        optional={
            "first": st.integers(-2, 110) | scalars,
            "last": st.integers(-2, 110) | scalars,
            "after": texts | scalars,
            "before": texts | scalars,
            "sources": st.lists(st.sampled_from(PROVIDERS) | texts, max_size=3) | scalars,
            "search": texts | scalars,
            "filter": filters | scalars,
            "orderBy": st.lists(st.dictionaries(st.sampled_from(["field", "direction"]), scalars), max_size=2),
            "policy": st.sampled_from(["PARTIAL", "FAIL", "NONSENSE"]),
        },
    )
)
def test_any_arguments_are_answered_clearly(client: httpx.Client, variables: dict[str, Any]) -> None:
    post(client, EVERYTHING, **variables)


@FUZZ
@given(
    filter=right_filters,
    first=st.integers(0, 30),
    order=st.lists(
        st.fixed_dictionaries(
            {
                "field": st.sampled_from(["CREATED_AT", "UPDATED_AT", "FIRST_NAME", "LAST_NAME"]),
                "direction": st.sampled_from(["ASC", "DESC"]),
            }
        ),
        max_size=2,
    ),
)
def test_every_filter_that_is_right_is_taken_by_every_source(
    client: httpx.Client, filter: dict[str, Any], first: int, order: list[dict[str, Any]]
) -> None:
    body = post(client, EVERYTHING, filter=filter, first=first, orderBy=order)
    # The fakes refuse what their API's page does not have: a source that fails was asked something wrong.
    assert not [error for error in body.get("errors", []) if error["extensions"]["code"].startswith("SOURCE_")]


@FUZZ
@given(search=st.text(st.characters(), min_size=1, max_size=30))
def test_any_search_is_taken_by_every_source(client: httpx.Client, search: str) -> None:
    body = post(client, EVERYTHING, search=search, first=5)
    assert not [error for error in body.get("errors", []) if error["extensions"]["code"].startswith("SOURCE_")]


# ---------------------------------------------------------------- cursors


@pytest.fixture(scope="module")
def cursors(service: tuple[Stack, httpx.Client, Log]) -> list[tuple[dict[str, Any], str]]:
    """Questions and real cursors of their answers."""
    questions: list[dict[str, Any]] = [
        {},
        {"orderBy": [{"field": "CREATED_AT", "direction": "ASC"}]},
        {"orderBy": [{"field": "UPDATED_AT", "direction": "DESC"}, {"field": "LAST_NAME", "direction": "ASC"}]},
        {"search": "a"},
        {"filter": {"email": {"contains": "example"}}},
        *({"sources": [name]} for name in PROVIDERS),
    ]
    found: list[tuple[dict[str, Any], str]] = []
    for question in questions:
        edges = post(service[1], EVERYTHING, first=7, **question)["data"]["contacts"]["edges"]
        found += [(question, edges[index]["cursor"]) for index in (0, 3, -1)]
    return found


def turn(client: httpx.Client, question: dict[str, Any], cursor: str, forward: bool) -> dict[str, Any]:
    where = {"first": 4, "after": cursor} if forward else {"last": 4, "before": cursor}
    return post(client, EVERYTHING, **question, **where)


@FUZZ
@given(data=st.data())
def test_a_cursor_that_was_changed_is_refused(
    client: httpx.Client, cursors: list[tuple[dict[str, Any], str]], data: st.DataObject
) -> None:
    question, cursor = data.draw(st.sampled_from(cursors))
    place = data.draw(st.integers(0, len(cursor) - 1))
    changed = (
        cursor[:place]
        + data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=3))
        + cursor[place + data.draw(st.integers(0, 3)) :]
    )
    body = turn(client, question, changed, data.draw(st.booleans()))
    same = base64.urlsafe_b64decode(cursor + "==")
    if "errors" in body:
        assert body["data"] == {"contacts": None}
        (error,) = body["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["argument"] in ("after", "before")
    else:  # another spelling of the same bytes
        assert base64.urlsafe_b64decode(changed + "==") == same


marks = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(max_size=10),
        st.binary(max_size=10),
    ),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=10,
)
small = st.integers(-3, 40) | st.sampled_from([2**31, 2**53, 2**56, 2**58])


@FUZZ
@given(data=st.data())
def test_a_forged_cursor_is_refused_or_only_a_place(
    client: httpx.Client, cursors: list[tuple[dict[str, Any], str]], data: st.DataObject
) -> None:
    """Without server.cursor_key_env the checksum can be made by anybody: every position is hostile input."""
    question, cursor = data.draw(st.sampled_from(cursors))
    position = msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor + "==")[1:-4])
    for _ in range(data.draw(st.integers(1, 3))):
        _change(position, data)
    body = VERSION + msgspec.msgpack.encode(position)
    forged = base64.urlsafe_b64encode(body + CursorCodec()._check(body)).rstrip(b"=").decode()
    turn(client, question, forged, data.draw(st.booleans()))


def _change(value: Any, data: st.DataObject) -> None:
    """Changes something somewhere below a list."""
    while True:
        index = data.draw(st.integers(0, len(value) - 1))
        if isinstance(value[index], list) and value[index] and data.draw(st.booleans()):
            value = value[index]
            continue
        known = value[index]
        like = small if isinstance(known, int) else st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
        value[index] = data.draw(like if isinstance(known, int | str) and data.draw(st.booleans()) else marks)
        return


def test_the_tests_forgery_is_one_that_is_taken(
    client: httpx.Client, cursors: list[tuple[dict[str, Any], str]]
) -> None:
    question, cursor = cursors[0]
    position = msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor + "==")[1:-4])
    body = VERSION + msgspec.msgpack.encode(position)
    forged = base64.urlsafe_b64encode(body + CursorCodec()._check(body)).rstrip(b"=").decode()
    assert "errors" not in turn(client, question, forged, True)


# ---------------------------------------------------------------- ids

LOOK_UP = """
query ($ids: [ID!]!, $id: ID!) {
  nodes(ids: $ids) { __typename id }
  node(id: $id) { __typename ... on PipelineStage { contacts(first: 2) { totalCount } } }
  contact(id: $id) { id }
}
"""
native_ids = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["../../admin", "..", "%2e%2e", "a?b=c", "a#b", "1/../2", " ", "\r\nX: 1", "é", "0" * 1_400]),
    json_values.map(json.dumps),
)


@FUZZ
@given(
    type=st.sampled_from(["Contact", "Tag", "PipelineStage", "User", "Source", "Query"]),
    source=st.sampled_from(PROVIDERS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    native_id=native_ids,
)
def test_any_id_is_answered_clearly(client: httpx.Client, type: str, source: str, native_id: str) -> None:
    made = global_id(type, source, native_id)
    body = post(client, LOOK_UP, ids=[made], id=made)
    codes = {error["extensions"]["code"] for error in body.get("errors", [])}
    assert codes <= {"BAD_USER_INPUT"}
    assert body["data"]["contact"] is None


@FUZZ
@given(id=st.text(st.characters(), max_size=40) | st.text("ABCabc012+/=-_", max_size=40))
def test_what_is_no_id_is_bad_input_and_null(client: httpx.Client, id: str) -> None:
    body = post(client, LOOK_UP, ids=[id], id=id)
    if body.get("data") is not None:
        assert body["data"] == {"nodes": [None], "node": None, "contact": None}
        assert {error["extensions"]["code"] for error in body["errors"]} == {"BAD_USER_INPUT"}


# ---------------------------------------------------------------- the configuration file

FILE = """\
[server]
host = "127.0.0.1"
port = 8000
cursor_key_env = "CURSOR_KEY"
origins = ["https://app.example.com"]
[server.auth]
mode = "api_keys"
[[server.auth.keys]]
name = "frontend"
hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
sources = ["sales"]
[server.limits]
depth = 9
request_timeout = 12.5
[server.cache]
max_bytes = 1000
[server.telemetry]
metrics = false
log_level = "info"

[[sources]]
name = "sales"
provider = "tether"
base_url = "https://acme.example.com/"
token_env = "SALES_TOKEN"
timeout = 10.0
max_page_size = 50
default_region = "KE"
[[sources]]
name = "events"
provider = "wacr"
base_url = "http://127.0.0.1:9103"
token_header = "X-Events-Token"
"""
ENVIRONMENT = {"SALES_TOKEN": "planted-credential-4711", "CURSOR_KEY": "planted-credential-4712"}
LINES = FILE.splitlines()
values = st.sampled_from(
    ["1", "-1", "0", "1e400", "nan", "inf", "true", '""', '"x"', "[]", "[1]", "[[]]", "{}", '{ a = "b" }', "1979-05-27",
     '"\\u0000"', '"http://["', '"http://user:planted-credential-4713@h"', '"https://h:99999"', "9" * 30, "'''\n'''"]
)  # fmt: skip


@st.composite
def spoilt_files(draw: st.DrawFn) -> str:
    """The file with some lines left out, doubled, moved, given other values, or bitten into."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, draw(st.sampled_from(LINES)))
            case 2:
                key, equals, _ = lines[at].partition(" = ")
                lines[at] = f"{key} = {draw(values)}" if equals else lines[at][1:]
            case 3:
                place = draw(st.integers(0, max(0, len(lines[at]) - 1)))
                lines[at] = lines[at][:place] + draw(st.text(max_size=3)) + lines[at][place + draw(st.integers(0, 2)) :]
            case _:
                lines[at] = draw(st.text(max_size=30))
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configuration")


@settings(FUZZ, max_examples=150)
@given(text=spoilt_files())
def test_any_file_is_a_configuration_or_lines_and_exit_code_2(folder: Path, text: str) -> None:
    file = folder / "contactgraph.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    lines = mistakes(file)
    for line in lines:
        assert line.startswith(f"{file}: ")
        assert len(line.splitlines()) == 1
        assert "planted-credential" not in line
    if lines:
        result = CliRunner().invoke(application, ["check", "--config", str(file)], env=ENVIRONMENT)
        assert result.exit_code == 2
        assert isinstance(result.exception, SystemExit)
        assert result.stderr.strip() == "\n".join(lines).strip()
        assert result.stdout == ""


def mistakes(file: Path) -> tuple[str, ...]:
    """What is wrong with a file, a line each; nothing when it can be used."""
    try:
        load_configuration(file, ENVIRONMENT)
    except ConfigurationError as error:
        return error.lines or ("an error without a line",)
    return ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"[" * 10_000,
        b"a = " + b"[" * 10_000,
        b"a." * 5_000 + b"b = 1",
        b"sources = 1" * 1_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_an_odd_file_is_one_line_and_exit_code_2(folder: Path, content: bytes) -> None:
    file = folder / "odd.toml"
    file.write_bytes(content)
    result = CliRunner().invoke(application, ["check", "--config", str(file)])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"{file}: ")
