"""Every fault at every provider, over sockets: it costs its own source's part, that part's time-out, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import httpx
import pytest

from providers.apis.fakes import Switches
from providers.http.connection_pool import PooledTransport
from tests.faults.stack import PROVIDERS, TOKEN, Log, Stack, logged, running

TIMEOUT = 0.5
SLACK = 5.0
"""What a busy machine may take on top. A request that hangs takes longer than that."""
MOST_BYTES = 200_000

PAGE = """
query Page($first: Int, $after: String, $sources: [String!], $policy: SourceErrorPolicy! = PARTIAL) {
  contacts(first: $first, after: $after, sources: $sources, onSourceError: $policy) {
    nodes {
      id displayName firstName lastName email emails phone phones phoneE164 company status createdAt updatedAt raw
      source { name }
      tags { name }
    }
    pageInfo { hasNextPage endCursor }
    totalCount
    sources {
      source { name } status totalCount stale
      error { code message retryAfter }
      warnings { code }
    }
  }
}
"""


@dataclass(frozen=True)
class Trouble:
    """A fault and what a client is told of it. `more`: whether the list may go on when the source is back."""

    name: str
    kind: Any
    code: str
    status: int | None = None
    retry_after: tuple[float, float] | None = None
    more: bool = True
    options: dict[str, Any] = field(default_factory=dict)

    def order(self, switches: Switches) -> None:
        """Makes every call fail this way."""
        switches.fail(self.kind, 1_000, **self.options)


TROUBLES = [
    Trouble("hanging", "hang", "SOURCE_TIMEOUT"),
    Trouble("slow", "slow", "SOURCE_TIMEOUT", options={"seconds": 20.0}),
    Trouble("reset in mid-body", "reset", "SOURCE_UNAVAILABLE"),
    Trouble("truncated", "truncated", "SOURCE_INVALID_RESPONSE"),
    Trouble("wrong type", "wrong_type", "SOURCE_INVALID_RESPONSE"),
    Trouble("500", "status", "SOURCE_UNAVAILABLE", 500),
    Trouble("502", "status", "SOURCE_UNAVAILABLE", 502, options={"status": 502}),
    Trouble("502 in HTML", "html", "SOURCE_UNAVAILABLE", 502, options={"status": 502}),
    Trouble("503", "status", "SOURCE_UNAVAILABLE", 503, options={"status": 503}),
    Trouble("HTML with 200", "html_200", "SOURCE_INVALID_RESPONSE", 200),
    Trouble("429 with seconds", "rate_limit", "SOURCE_RATE_LIMITED", 429, (30, 30), options={"seconds": 30.0}),
    Trouble(
        "429 with a date",
        "rate_limit",
        "SOURCE_RATE_LIMITED",
        429,
        (25, 31),
        options={"seconds": 30.0, "retry_after": "date"},
    ),
    Trouble("429 alone", "rate_limit", "SOURCE_RATE_LIMITED", 429, options={"retry_after": "absent"}),
    Trouble("oversize", "huge", "SOURCE_INVALID_RESPONSE", options={"size": 2 * MOST_BYTES}),
    Trouble("gzip bomb", "gzip_bomb", "SOURCE_INVALID_RESPONSE", options={"size": 100 * MOST_BYTES}),
    Trouble("unknown encoding", "unknown_encoding", "SOURCE_INVALID_RESPONSE"),
    Trouble("redirect elsewhere", "redirect", "SOURCE_INVALID_RESPONSE", 302),
    Trouble("400", "status", "SOURCE_BAD_REQUEST", 400, options={"status": 400}),
    Trouble("401", "status", "SOURCE_UNAUTHENTICATED", 401, more=False, options={"status": 401}),
    Trouble("403", "status", "SOURCE_FORBIDDEN", 403, more=False, options={"status": 403}),
]
OF_THE_UPSTREAM = ("127.0.0.1", "ordered by the test", "too many requests", "Bad Gateway", "elsewhere.example", TOKEN)

ONE_OF_A_KIND = [
    trouble
    for trouble in TROUBLES
    if trouble.name in ("hanging", "reset in mid-body", "truncated", "500", "429 with seconds", "400", "401")
]

every_trouble = pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
every_kind_of_trouble = pytest.mark.parametrize("trouble", ONE_OF_A_KIND, ids=lambda trouble: trouble.name)
every_provider = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Stack, httpx.Client]]:
    # The circuit is out of this: with it, a fault's second test would not ask the source any more.
    with running(
        timeout=TIMEOUT,
        connect_timeout=TIMEOUT,
        max_response_bytes=MOST_BYTES,
        cache_ttl=0.0,
        circuit_failures=0,
        retries=1,
    ) as made:
        yield made


@pytest.fixture
def stack(service: tuple[Stack, httpx.Client]) -> Iterator[Stack]:
    made, _ = service
    made.heal()
    yield made
    made.heal()
    assert made.app.raised == []


@pytest.fixture
def client(service: tuple[Stack, httpx.Client], stack: Stack) -> httpx.Client:
    return service[1]


@pytest.fixture
def log() -> Iterator[Log]:
    with logged() as made:
        yield made
    assert made.faults() == []


def ask(client: httpx.Client, query: str = PAGE, **variables: Any) -> dict[str, Any]:
    """The answer's JSON; it came, in time, and tells nothing of the upstream."""
    began = monotonic()
    response = client.post("/graphql", json={"query": query, "variables": variables})
    assert monotonic() - began < TIMEOUT + SLACK
    assert response.status_code == 200
    for text in OF_THE_UPSTREAM:
        assert text not in response.text
    body: dict[str, Any] = response.json()
    return body


def healthy(client: httpx.Client, **variables: Any) -> dict[str, Any]:
    body = ask(client, **variables)
    assert "errors" not in body
    assert {part["status"] for part in body["data"]["contacts"]["sources"]} == {"OK"}
    connection: dict[str, Any] = body["data"]["contacts"]
    return connection


def others(provider: str) -> list[str]:
    return [name for name in PROVIDERS if name != provider]


def judge(error: dict[str, Any], trouble: Trouble, provider: str, path: list[Any]) -> None:
    """An entry of `errors` says where, what, who, and what is known besides."""
    assert error["path"] == path
    assert error["message"].startswith(provider)
    extensions = dict(error["extensions"])
    retry_after = extensions.pop("retryAfter", None)
    extensions.pop("requestId", None)
    expected = {"code": trouble.code, "source": provider}
    assert extensions == (expected if trouble.status is None else {**expected, "status": trouble.status})
    judge_wait(retry_after, trouble)


def judge_wait(seconds: float | None, trouble: Trouble) -> None:
    if trouble.retry_after is None:
        assert seconds is None
    else:
        least, most = trouble.retry_after
        assert seconds is not None
        assert least <= seconds <= most


def slice_of(connection: dict[str, Any], provider: str) -> dict[str, Any]:
    (found,) = [part for part in connection["sources"] if part["source"]["name"] == provider]
    assert isinstance(found, dict)
    return found


@every_provider
@every_trouble
def test_a_source_that_fails_fails_alone(
    stack: Stack, client: httpx.Client, log: Log, provider: str, trouble: Trouble
) -> None:
    alone = healthy(client, first=20, sources=others(provider))
    trouble.order(stack.fakes[provider].switches)

    body = ask(client, first=20)

    connection = body["data"]["contacts"]
    assert connection["nodes"] == alone["nodes"]
    assert len(connection["nodes"]) == 20
    for name in others(provider):
        assert slice_of(connection, name) == slice_of(alone, name)
    failed = slice_of(connection, provider)
    assert (failed["status"], failed["error"]["code"], failed["totalCount"]) == ("FAILED", trouble.code, None)
    judge_wait(failed["error"]["retryAfter"], trouble)
    (error,) = body["errors"]
    judge(error, trouble, provider, ["contacts"])
    assert error["message"] == failed["error"]["message"]
    assert connection["totalCount"] is None
    assert stack.calls(provider) >= 1


@every_trouble
def test_only_what_may_pass_is_asked_again(client: httpx.Client, stack: Stack, trouble: Trouble) -> None:
    fake = stack.fakes["wacr"]
    trouble.order(fake.switches)
    ask(client, first=5, sources=["wacr"])
    repeated = trouble.name in ("reset in mid-body", "502", "502 in HTML", "503", "429 alone")
    assert (stack.calls("wacr") > 1) == repeated
    assert stack.calls("wacr") <= 2


@every_provider
@every_kind_of_trouble
def test_the_list_goes_on_where_the_source_was_when_it_is_back(
    stack: Stack, client: httpx.Client, provider: str, trouble: Trouble
) -> None:
    whole = healthy(client, first=12)
    start = healthy(client, first=4)["pageInfo"]["endCursor"]
    trouble.order(stack.fakes[provider].switches)
    without = ask(client, first=3, after=start)["data"]["contacts"]
    assert provider not in {node["source"]["name"] for node in without["nodes"]}
    stack.heal()
    with_it = healthy(client, first=8, after=without["pageInfo"]["endCursor"], sources=None)
    passed = [node for node in whole["nodes"][4:] if node["source"]["name"] == provider]
    back = [node for node in with_it["nodes"] if node["source"]["name"] == provider]
    assert back[: len(passed)] == passed
    assert passed


@every_kind_of_trouble
def test_alone_it_makes_the_field_null_on_the_first_page_and_keeps_the_place_on_a_later_one(
    stack: Stack, client: httpx.Client, trouble: Trouble
) -> None:
    first = healthy(client, first=5, sources=["autokonnect"])
    trouble.order(stack.fakes["autokonnect"].switches)

    body = ask(client, first=5, sources=["autokonnect"])
    assert body["data"] == {"contacts": None}
    judge(body["errors"][0], trouble, "autokonnect", ["contacts"])

    # The source itself is to answer again, also where it has asked for time.
    stack.forget_waits()
    cursor = first["pageInfo"]["endCursor"]
    body = ask(client, first=5, sources=["autokonnect"], after=cursor)
    assert body["data"]["contacts"]["nodes"] == []
    assert body["data"]["contacts"]["pageInfo"] == {"hasNextPage": True, "endCursor": cursor}
    judge(body["errors"][0], trouble, "autokonnect", ["contacts"])


@every_kind_of_trouble
def test_whether_the_list_may_go_on_depends_on_the_failure(
    stack: Stack, client: httpx.Client, trouble: Trouble
) -> None:
    # AutoKonnect's 34 contacts fit on a page; what could follow is Tether's alone.
    trouble.order(stack.fakes["tether"].switches)
    body = ask(client, first=50, sources=["tether", "autokonnect"])
    assert len(body["data"]["contacts"]["nodes"]) == 34
    assert body["data"]["contacts"]["pageInfo"]["hasNextPage"] is trouble.more


@every_provider
def test_the_client_chooses_how_it_is_told(stack: Stack, client: httpx.Client, provider: str) -> None:
    stack.fakes[provider].switches.fail("status", 1_000)
    body = ask(client, first=20, policy="SLICES_ONLY")
    assert "errors" not in body
    assert slice_of(body["data"]["contacts"], provider)["error"]["code"] == "SOURCE_UNAVAILABLE"
    assert len(body["data"]["contacts"]["nodes"]) == 20
    body = ask(client, first=20, policy="FAIL")
    assert body["data"] == {"contacts": None}
    assert [error["extensions"]["source"] for error in body["errors"]] == [provider]


@every_kind_of_trouble
def test_all_sources_together_cost_the_time_of_one(stack: Stack, client: httpx.Client, trouble: Trouble) -> None:
    for provider in PROVIDERS:
        trouble.order(stack.fakes[provider].switches)
    body = ask(client, first=20)
    assert body["data"] == {"contacts": None}
    assert [error["extensions"]["source"] for error in body["errors"]] == list(PROVIDERS)
    for provider, error in zip(PROVIDERS, body["errors"], strict=True):
        judge(error, trouble, provider, ["contacts"])


@every_provider
def test_gzip_simply_works(stack: Stack, client: httpx.Client, provider: str) -> None:
    plain = healthy(client, first=20)["nodes"]
    stack.fakes[provider].switches.fail("gzip", 1_000)
    assert healthy(client, first=20)["nodes"] == plain
    assert stack.fakes[provider].switches.faults[0].times < 1_000


@every_provider
def test_an_answer_that_comes_late_but_in_time_is_an_answer(stack: Stack, client: httpx.Client, provider: str) -> None:
    plain = healthy(client, first=20)["nodes"]
    stack.fakes[provider].switches.fail("slow", 1_000, seconds=0.05)
    assert healthy(client, first=20)["nodes"] == plain


@every_provider
def test_a_row_that_cannot_be_read_costs_a_row(stack: Stack, client: httpx.Client, provider: str) -> None:
    plain = healthy(client, first=20)
    stack.fakes[provider].switches.fail("wrong_row", 1)
    connection = ask(client, first=20)["data"]["contacts"]
    lost = next(node for node in plain["nodes"] if node["source"]["name"] == provider)
    kept = {node["id"]: node for node in connection["nodes"]}
    assert [node["id"] for node in plain["nodes"] if node["id"] not in kept] == [lost["id"]]
    assert all(kept[node["id"]] == node for node in plain["nodes"] if node is not lost)
    assert slice_of(connection, provider)["status"] == "PARTIAL"
    assert [warning["code"] for warning in slice_of(connection, provider)["warnings"]] == ["SOURCE_INVALID_RESPONSE"]


# Questions other than a list


@pytest.fixture(scope="module")
def contact_ids(service: tuple[Stack, httpx.Client]) -> dict[str, str]:
    """A contact's id a source."""
    nodes = healthy(service[1], first=4)["nodes"]
    return {node["source"]["name"]: node["id"] for node in nodes}


def look_up_code(trouble: Trouble) -> str | None:
    """400 and 404 to a look-up mean that there is no such contact (trap 4)."""
    return None if trouble.name == "400" else trouble.code


@every_provider
@every_kind_of_trouble
def test_a_look_up_that_fails_spoils_no_other(
    stack: Stack, client: httpx.Client, contact_ids: dict[str, str], log: Log, provider: str, trouble: Trouble
) -> None:
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on Contact { displayName raw } } }"
    asked = [contact_ids[name] for name in PROVIDERS]
    plain = ask(client, query, ids=asked)["data"]["nodes"]
    assert [node["id"] for node in plain] == asked
    trouble.order(stack.fakes[provider].switches)
    body = ask(client, query, ids=asked)
    place = PROVIDERS.index(provider)
    assert body["data"]["nodes"] == [*plain[:place], None, *plain[place + 1 :]]
    if provider in ("askelephant", "wacr") and look_up_code(trouble) is None:
        assert "errors" not in body
    else:
        (error,) = body["errors"]
        judge(error, trouble, provider, ["nodes", place])


@pytest.mark.parametrize(
    ("provider", "query"),
    [
        ("wacr", "{ found: tags(first: 50) { nodes { name source { name } } sources { status error { code } } } }"),
        (
            "autokonnect",
            "{ found: tags(first: 50) { nodes { name source { name } } sources { status error { code } } } }",
        ),
        ("tether", "{ found: pipelineStages { nodes { name source { name } } sources { status error { code } } } }"),
    ],
)
@every_kind_of_trouble
def test_tags_and_stages_fail_as_alone_as_contacts(
    stack: Stack, client: httpx.Client, log: Log, provider: str, query: str, trouble: Trouble
) -> None:
    plain = ask(client, query)["data"]["found"]["nodes"]
    trouble.order(stack.fakes[provider].switches)
    body = ask(client, query)
    (error,) = body["errors"]
    judge(error, trouble, provider, ["found"])
    rest = [node for node in plain if node["source"]["name"] != provider]
    if rest:
        assert body["data"]["found"]["nodes"] == rest
        codes = [part["error"]["code"] for part in body["data"]["found"]["sources"] if part["error"] is not None]
        assert codes == [trouble.code]
    else:
        assert body["data"]["found"] is None


@every_provider
@every_kind_of_trouble
def test_matching_a_person_never_raises(
    stack: Stack, client: httpx.Client, log: Log, provider: str, trouble: Trouble
) -> None:
    query = """
    query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Contact {
      matches { id }
      person { contacts { id } sources { source { name } status error { code } } }
    } } }
    """
    asker = "wacr" if provider != "wacr" else "askelephant"
    page = healthy(client, first=3, sources=[asker])
    trouble.order(stack.fakes[provider].switches)
    body = ask(client, query, ids=[node["id"] for node in page["nodes"] if node["email"]])
    assert "errors" not in body
    assert body["data"]["nodes"]
    for node in body["data"]["nodes"]:
        parts = {part["source"]["name"]: part for part in node["person"]["sources"]}
        assert parts[provider]["status"] == "FAILED"
        assert parts[provider]["error"]["code"] == trouble.code


# What a source that keeps failing costs


def test_a_single_failure_that_may_pass_is_not_seen_by_the_client() -> None:
    with running(cache_ttl=0.0) as (stack, client):
        plain = healthy(client, first=20)["nodes"]
        for provider in PROVIDERS:
            for kind, options in (("reset", {}), ("status", {"status": 502}), ("status", {"status": 503})):
                stack.fakes[provider].switches.fail(kind, 1, **options)  # type: ignore[arg-type]
                assert healthy(client, first=20)["nodes"] == plain
                assert stack.fakes[provider].switches.faults == []


def test_an_open_circuit_spares_the_source_and_closes_when_it_is_back() -> None:
    health = '{ source(name: "wacr") { health { circuit lastError { code } } } }'
    with running(timeout=TIMEOUT, cache_ttl=0.0, circuit_failures=3, circuit_cooldown=0.4, retries=0) as (
        stack,
        client,
    ):
        stack.fakes["wacr"].switches.fail("status", 1_000)
        for _ in range(3):
            ask(client, first=8)
        asked = stack.calls("wacr")
        body = ask(client, first=8)
        assert stack.calls("wacr") == asked
        (error,) = body["errors"]
        assert error["extensions"]["code"] == "SOURCE_UNAVAILABLE"
        assert 0 < error["extensions"]["retryAfter"] <= 0.4
        assert len(body["data"]["contacts"]["nodes"]) == 8
        shown = ask(client, health)["data"]["source"]["health"]
        assert shown["circuit"] in ("OPEN", "HALF_OPEN")
        assert shown["lastError"] == {"code": "SOURCE_UNAVAILABLE"}
        stack.heal()
        until = monotonic() + SLACK
        while "errors" in ask(client, first=8):
            assert monotonic() < until
        healthy(client, first=8)
        assert ask(client, health)["data"]["source"]["health"]["circuit"] == "CLOSED"


@pytest.mark.parametrize(
    "trouble", [each for each in TROUBLES if each.name in ("truncated", "wrong type", "gzip bomb")]
)
def test_an_answer_that_is_none_is_not_given_again_by_the_cache(trouble: Trouble) -> None:
    with running(cache_ttl=60.0) as (stack, client):
        trouble.order(stack.fakes["tether"].switches)
        assert "errors" in ask(client, first=8)
        stack.heal()
        healthy(client, first=8)
        asked = stack.calls("tether")
        assert asked > 0
        healthy(client, first=8)
        assert stack.calls("tether") == asked


@pytest.mark.parametrize("kind", ["gzip_bomb", "unknown_encoding"])
def test_an_answer_that_cannot_be_unpacked_leaves_no_connection_behind(kind: Any) -> None:
    with running(cache_ttl=0.0, max_response_bytes=MOST_BYTES) as (stack, client):
        transport = stack.gateway.sources["tether"]._upstream.transport
        assert isinstance(transport, PooledTransport)
        healthy(client, first=8)
        usual = transport.open_connections
        stack.fakes["tether"].switches.fail(kind, 10)
        for _ in range(10):
            assert "errors" in ask(client, first=8)
        assert transport.open_connections <= usual
