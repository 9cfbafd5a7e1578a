"""Credentials are planted wherever one can stand, then searched for wherever something can be read."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from gql.configuration.file import load_configuration
from gql.http.authentication import hash_key
from providers.apis.fakes import FAKES, FakeApp, ServerThread, demo_people
from providers.fake_kit.switches import FaultKind
from providers.open_sources import open_sources
from providers.source import Credential
from providers.spi.errors import SourceError
from providers.spi.request import Request
from tests.faults.stack import CLIENT_SECONDS, Stack, logged, stack_of

SALES_TOKEN = "planted/sales+token=0815"
SUPPORT_TOKEN = "planted/support+token=0816"
CHATS_TOKEN = "planted/chats+token=0817"
ANNAS_TOKEN = "planted/annas+token=4711"
BENS_TOKEN = "planted/bens+token=4712"
WRONG_TOKEN = "planted/wrong+token=4713"
ALL_KEY = "cg_planted-key-of-who-sees-all-5001"
SOME_KEY = "cg_planted-key-of-who-sees-some-5002"
WRONG_KEY = "cg_planted-key-of-nobody-5003"
CURSOR_KEY = "planted/cursor+key=6001"
PLANTED = (
    SALES_TOKEN,
    SUPPORT_TOKEN,
    CHATS_TOKEN,
    ANNAS_TOKEN,
    BENS_TOKEN,
    WRONG_TOKEN,
    ALL_KEY,
    SOME_KEY,
    WRONG_KEY,
    CURSOR_KEY,
)
ENVIRONMENT = {
    "SALES_TOKEN": SALES_TOKEN,
    "SUPPORT_TOKEN": SUPPORT_TOKEN,
    "CHATS_TOKEN": CHATS_TOKEN,
    "CURSOR_KEY": CURSOR_KEY,
}
HEADER = "X-Events-Token"
SEEN_BY_SOME = ("sales", "events")
HIDDEN_FROM_SOME = ("support", "chats")

FILE = """
[server]
explain = true
cursor_key_env = "CURSOR_KEY"
[server.auth]
mode = "api_keys"
[[server.auth.keys]]
name = "all"
hash = "{all_hash}"
[[server.auth.keys]]
name = "some"
hash = "{some_hash}"
sources = ["sales", "events"]
[server.telemetry]
log_level = "debug"

[[sources]]
name = "sales"
provider = "tether"
base_url = "{sales}"
token_env = "SALES_TOKEN"
cache_ttl = 60
timeout = 0.5
circuit_failures = 0
retries = 1
[[sources]]
name = "support"
provider = "askelephant"
base_url = "{support}"
token_env = "SUPPORT_TOKEN"
auth_scheme = "raw"
cache_ttl = 60
timeout = 0.5
circuit_failures = 0
retries = 1
[[sources]]
name = "events"
provider = "{events_provider}"
base_url = "{events}"
token_header = "X-Events-Token"
cache_ttl = 60
timeout = 0.5
circuit_failures = 0
retries = 1
[[sources]]
name = "chats"
provider = "autokonnect"
base_url = "{chats}"
token_env = "CHATS_TOKEN"
cache_ttl = 60
timeout = 0.5
circuit_failures = 0
retries = 1
"""


class TwoAccounts:
    """An API with a database of its own for each of two credentials."""

    def __init__(self, provider: str) -> None:
        known = demo_people(90, 90, 90, 90)
        other = demo_people(80, 80, 80, 80, seed=7)
        self.annas = FAKES[provider](known, token=ANNAS_TOKEN)
        self.bens = FAKES[provider](other, token=BENS_TOKEN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        bens = scope["type"] == "http" and BENS_TOKEN.encode() in dict(scope["headers"]).get(b"authorization", b"")
        await (self.bens if bens else self.annas)(scope, receive, send)


class Service:
    """The gateway with keys, over three sources with credentials of their own and one with its callers'."""

    def __init__(self, stack: Stack, client: httpx.Client, fakes: dict[str, FakeApp], events: TwoAccounts) -> None:
        self.stack = stack
        self.client = client
        self.fakes = fakes
        self.events = events

    def everyone(self) -> list[FakeApp]:
        return [*self.fakes.values(), self.events.annas, self.events.bens]

    def post(
        self, query: str, *, key: str = ALL_KEY, token: str | None = ANNAS_TOKEN, **variables: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", "X-Contactgraph-Explain": "1"}
        if token is not None:
            headers[HEADER] = token
        return self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)

    def ask(self, query: str, **arguments: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        body = self.post(query, **arguments).json()
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data


@contextmanager
def service(folder: Path, events_provider: str = "wacr") -> Iterator[Service]:
    known = demo_people(60, 58, 90, 54)
    fakes = {
        "sales": FAKES["tether"](known, token=SALES_TOKEN),
        "support": FAKES["askelephant"](known, token=SUPPORT_TOKEN),
        "chats": FAKES["autokonnect"](known, token=CHATS_TOKEN),
    }
    events = TwoAccounts(events_provider)
    apps: dict[str, ASGIApp] = {**fakes, "events": events}
    with ExitStack() as servers:
        urls = {name: servers.enter_context(ServerThread(app)) for name, app in apps.items()}
        file = folder / "contactgraph.toml"
        hashes = {"all_hash": hash_key(ALL_KEY), "some_hash": hash_key(SOME_KEY)}
        file.write_text(FILE.format(**urls, **hashes, events_provider=events_provider))
        stack = stack_of(fakes, load_configuration(file, ENVIRONMENT))
        url = servers.enter_context(ServerThread(stack.app))
        client = servers.enter_context(httpx.Client(base_url=url, timeout=CLIENT_SECONDS))
        yield Service(stack, client, fakes, events)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("service")) as made:
        yield made


def forms(secret: str) -> set[str]:
    """A credential as it may turn up: plain, in base64 at any offset, percent-encoded, escaped, or as bytes in hex."""
    found = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], secret.encode().hex()}
    found.add("".join(f"%{byte:02x}" for byte in secret.encode()))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # Without the characters at the ends, which depend on the neighbours.
            found.add(encode(b"x" * offset + secret.encode()).decode().rstrip("=")[4:-4])
    return {form.lower() for form in found}


FORMS = {form: secret for secret in PLANTED for form in forms(secret)}


def found_in(texts: Sequence[str]) -> list[str]:
    """Which credentials stand in the texts, with where."""
    return [f"{secret} in {text[:200]!r}" for text in texts for form, secret in FORMS.items() if form in text.lower()]


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SALES_TOKEN}",
        base64.b64encode(f"user:{SALES_TOKEN}".encode()).decode(),
        base64.urlsafe_b64encode(f"Contact:{SALES_TOKEN}:1".encode()).decode(),
        f"?token={quote(SALES_TOKEN, safe='')}",
        SALES_TOKEN.encode().hex().upper(),
        json.dumps({"token": SALES_TOKEN}),
    ],
)
def test_the_search_finds_a_credential_in_every_form(text: str) -> None:
    assert found_in([text])
    assert not found_in([text[:12]])


CONTACTS = """
query ($first: Int = 10, $after: String, $sources: [String!], $search: String, $orderBy: [ContactOrder!]) {
  contacts(first: $first, after: $after, sources: $sources, search: $search, orderBy: $orderBy) {
    edges { cursor node { id displayName raw source { name } matches { id } } }
    pageInfo { hasNextPage endCursor } totalCount
    sources { source { name } status error { code message } }
  }
}
"""
HEALTH = "{ sources { name health { circuit lastError { code message } } capabilities { search } } }"
FAULTS: list[tuple[FaultKind, dict[str, Any]]] = [
    *(("status", {"status": status}) for status in (400, 401, 403, 404, 500, 503)),
    ("rate_limit", {"retry_after": "absent"}),
    ("hang", {}),
    ("reset", {}),
    ("truncated", {}),
    ("wrong_type", {}),
    ("html_200", {}),
    ("redirect", {}),
    ("unknown_encoding", {}),
]


def everything_asked(gateway: Service) -> Iterator[httpx.Response]:
    """Answers of every kind: good ones, refused ones, and those with each fault at every source."""
    client = gateway.client
    yield gateway.post(CONTACTS)
    yield gateway.post(CONTACTS, orderBy=[{"field": "CREATED_AT"}])
    yield gateway.post(CONTACTS, key=SOME_KEY, token=BENS_TOKEN)
    yield gateway.post(CONTACTS, token=None)
    yield gateway.post(CONTACTS, token=WRONG_TOKEN)
    yield gateway.post(CONTACTS, key=WRONG_KEY)
    yield gateway.post(CONTACTS, after="damaged")
    yield gateway.post(CONTACTS, sources=["nobody"])
    yield gateway.post("{ nonsense }")
    yield gateway.post(HEALTH)
    yield client.post("/graphql", json={"query": HEALTH}, headers={"X-API-Key": WRONG_KEY})
    yield client.get("/graphql", params={"query": HEALTH}, headers={"X-API-Key": ALL_KEY, HEADER: ANNAS_TOKEN})
    no_header_value = {b"X-API-Key": ALL_KEY.encode(), HEADER.encode(): ANNAS_TOKEN.encode() + b"\xe9"}
    yield client.post("/graphql", json={"query": HEALTH}, headers=no_header_value)
    yield client.post("/graphql", content=b"{", headers={"Content-Type": "application/json", "X-API-Key": ALL_KEY})
    for kind, options in FAULTS:
        for fake in gateway.everyone():
            fake.switches.fail(kind, 100, **options)
        # Not from the cache, so that every source is asked.
        headers = {
            "X-API-Key": ALL_KEY,
            HEADER: ANNAS_TOKEN,
            "X-Contactgraph-Explain": "1",
            "Cache-Control": "no-cache",
        }
        yield client.post("/graphql", json={"query": CONTACTS}, headers=headers)
        for fake in gateway.everyone():
            fake.switches.faults.clear()
        gateway.stack.forget_waits()
    yield gateway.post(HEALTH)
    for path in ("/metrics", "/healthz", "/readyz", "/", "/graphql", "/nowhere"):
        yield client.get(path, headers={"Accept": "text/html", HEADER: ANNAS_TOKEN, "X-API-Key": ALL_KEY})


def test_no_credential_is_in_any_answer_or_log_line(gateway: Service) -> None:
    with logged() as log:
        answers = list(everything_asked(gateway))
    # It was asked for in earnest: with data, with every failure, with explain and metrics.
    texts = [answer.text for answer in answers]
    codes = {
        error.get("extensions", {}).get("code")
        for answer in answers
        if "json" in answer.headers.get("content-type", "")
        for error in answer.json().get("errors", [])
    }
    assert {
        "UNAUTHENTICATED",
        "BAD_USER_INPUT",
        "SOURCE_UNAUTHENTICATED",
        "SOURCE_FORBIDDEN",
        "SOURCE_BAD_REQUEST",
        "SOURCE_RATE_LIMITED",
        "SOURCE_UNAVAILABLE",
        "SOURCE_TIMEOUT",
        "SOURCE_INVALID_RESPONSE",
    } <= codes
    assert any('"plan":[{"source":' in text for text in texts)
    assert any("contactgraph_upstream_calls_total{" in text for text in texts)
    headers = [f"{name}: {value}" for answer in answers for name, value in answer.headers.items()]
    assert found_in(texts) == []
    assert found_in(headers) == []
    assert log.records
    assert found_in(log.lines()) == []
    assert log.faults() == []
    assert gateway.stack.app.raised == []


def test_what_is_shown_of_settings_sources_and_requests_has_no_credential(gateway: Service) -> None:
    gateway.ask(CONTACTS)
    made = gateway.stack.gateway
    shown: list[object] = [
        gateway.stack.configuration,
        gateway.stack.configuration.model_dump(),
        gateway.stack.configuration.model_dump_json(),
        *gateway.stack.configuration.sources,
        made,
        vars(made),
        *made.sources.values(),
        *(vars(source) for name, source in made.sources.items() if name == "events"),
        *(source.health for source in made.sources.values()),
        *(source.health.last_error for source in made.sources.values()),
    ]
    assert found_in([text for each in shown for text in (repr(each), str(each))]) == []


async def test_no_exception_of_a_source_has_a_credential_in_its_text(tmp_path: Path) -> None:
    fake = FAKES["tether"](20, token=SALES_TOKEN)
    with ServerThread(fake) as url:
        text = FILE.format(
            sales=url,
            support=url,
            events=url,
            chats=url,
            all_hash=hash_key(ALL_KEY),
            some_hash=hash_key(SOME_KEY),
            events_provider="wacr",
        )
        (tmp_path / "contactgraph.toml").write_text(text)
        configuration = load_configuration(tmp_path / "contactgraph.toml", ENVIRONMENT)
        opened = {source.name: source for source in open_sources(configuration.sources, ENVIRONMENT)}
        try:
            texts: list[str] = []
            for kind, options in FAULTS:
                for name, credential in (("sales", None), ("events", Credential(ANNAS_TOKEN))):
                    fake.switches.fail(kind, 1, **options)
                    try:
                        await opened[name].send(Request("GET", "/api/contacts"), credential, deadline=None)
                    except SourceError as error:
                        texts += _texts_of(error)
                    fake.switches.faults.clear()
            for wrong in ("", f"{ANNAS_TOKEN}\r\nX-Evil: 1", f"{ANNAS_TOKEN}\xe9"):
                with pytest.raises(ValueError, match="expected a token") as caught:
                    Credential(wrong)
                texts += _texts_of(caught.value)
            assert len(texts) > 30
            assert found_in(texts) == []
        finally:
            for source in opened.values():
                await source.aclose()


def _texts_of(error: BaseException) -> list[str]:
    """An exception as it prints, with its traceback and everything that it was raised from."""
    record = logging.LogRecord("test", logging.ERROR, __file__, 1, "", (), (type(error), error, error.__traceback__))
    texts = [str(error), repr(error), repr(vars(error)), logging.Formatter().format(record)]
    return texts + (_texts_of(error.__cause__) if error.__cause__ is not None else [])


# Who gets what


def contacts_of(answer: dict[str, Any], source: str) -> list[dict[str, Any]]:
    nodes = [edge["node"] for edge in answer["contacts"]["edges"]]
    return [node["raw"] for node in nodes if node["source"]["name"] == source]


every_provider = pytest.mark.parametrize("provider", list(FAKES))


@every_provider
def test_callers_with_different_credentials_never_share_an_answer(tmp_path: Path, provider: str) -> None:
    with service(tmp_path, provider) as gateway:
        assert judge_sharing(gateway, {"first": 100, "sources": ["events"]}) > 0
        for variables in (
            {"orderBy": [{"field": "CREATED_AT"}]},
            {"orderBy": [{"field": "LAST_NAME", "direction": "DESC"}]},
            {"search": "a"},
        ):
            judge_sharing(gateway, {"first": 100, "sources": ["events"], **variables})


def judge_sharing(gateway: Service, asked: dict[str, Any]) -> int:
    """Asks the same for both callers: each gets what its own credential opens, once asked for and then kept.

    Returns how many calls that took for each.
    """
    annas, bens = gateway.events.annas, gateway.events.bens
    annas.calls.clear()
    bens.calls.clear()
    to_anna = gateway.ask(CONTACTS, **asked)
    calls = len(annas.calls)
    assert len(bens.calls) == 0
    to_ben = gateway.ask(CONTACTS, token=BENS_TOKEN, **asked)
    assert len(annas.calls) == calls
    assert len(bens.calls) == calls
    assert _names(contacts_of(to_anna, "events")) <= _names(annas.store.rows)
    assert _names(contacts_of(to_ben, "events")) <= _names(bens.store.rows)
    assert contacts_of(to_anna, "events") != contacts_of(to_ben, "events")
    # Each is then answered from what was kept for that caller, without a call.
    asked_of_ben = len(bens.calls)
    assert gateway.ask(CONTACTS, **asked) == to_anna
    assert gateway.ask(CONTACTS, token=BENS_TOKEN, **asked) == to_ben
    assert (len(annas.calls), len(bens.calls)) == (calls, asked_of_ben)
    # And who has none, or a wrong one, gets nothing of theirs.
    for token in (None, WRONG_TOKEN):
        body = gateway.post(CONTACTS, token=token, **asked).json()
        assert body["data"] == {"contacts": None}
        assert body["errors"][0]["extensions"]["code"] == "SOURCE_UNAUTHENTICATED"
    return calls


def _names(rows: Sequence[dict[str, Any]]) -> set[str]:
    """Something of each row that the two databases do not have in common."""
    return {
        json.dumps([row.get("createdAt") or row.get("created_at"), row.get("id") or row.get("_id")]) for row in rows
    }


@every_provider
def test_a_contact_that_one_caller_has_seen_is_not_looked_up_for_another(tmp_path: Path, provider: str) -> None:
    with service(tmp_path, provider) as gateway:
        edges = gateway.ask(CONTACTS, first=90, sources=["events"])["contacts"]["edges"]
        his = {
            edge["node"]["id"]
            for edge in gateway.ask(CONTACTS, first=80, sources=["events"], token=BENS_TOKEN)["contacts"]["edges"]
        }
        (hers, *_) = [edge["node"]["id"] for edge in edges if edge["node"]["id"] not in his]
        query = "query ($id: ID!) { node(id: $id) { id } contact(id: $id) { raw } }"
        assert gateway.ask(query, id=hers)["node"] == {"id": hers}
        assert gateway.ask(query, id=hers, token=BENS_TOKEN) == {"node": None, "contact": None}


# Keys that see some sources only


def test_a_source_somebody_may_not_see_is_in_no_answer(gateway: Service) -> None:
    everything = gateway.ask(CONTACTS, first=40)["contacts"]
    hidden_ids = [
        edge["node"]["id"] for edge in everything["edges"] if edge["node"]["source"]["name"] in HIDDEN_FROM_SOME
    ]
    assert {edge["node"]["source"]["name"] for edge in everything["edges"]} == {*SEEN_BY_SOME, *HIDDEN_FROM_SOME}
    source_ids = {node["name"]: node["id"] for node in gateway.ask("{ sources { id name } }")["sources"]}
    tags = gateway.ask("{ tags(first: 100) { nodes { id source { name } } } }")["tags"]["nodes"]
    hidden_ids += [tag["id"] for tag in tags if tag["source"]["name"] in HIDDEN_FROM_SOME]
    hidden_ids += [source_ids[name] for name in HIDDEN_FROM_SOME]
    for fake in gateway.fakes.values():
        fake.calls.clear()

    answers = [
        gateway.post(CONTACTS, key=SOME_KEY, first=100),
        gateway.post(CONTACTS, key=SOME_KEY, first=100, orderBy=[{"field": "CREATED_AT"}]),
        gateway.post(CONTACTS, key=SOME_KEY, first=100, search="a"),
        gateway.post(HEALTH, key=SOME_KEY),
        gateway.post(
            "{ tags(first: 100) { nodes { name source { name } } sources { source { name } } } }", key=SOME_KEY
        ),
        gateway.post("{ pipelineStages { nodes { name } sources { source { name } } } }", key=SOME_KEY),
        gateway.post("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", key=SOME_KEY, ids=hidden_ids[:50]),
        gateway.post(
            '{ person(phone: "+254700000100") { contacts { source { name } } sources { source { name } } } }',
            key=SOME_KEY,
        ),
    ]
    for answer in answers:
        assert "errors" not in answer.json()
        for name in HIDDEN_FROM_SOME:
            assert f'"{name}"' not in answer.text
    for name in HIDDEN_FROM_SOME:
        assert gateway.fakes[name].calls == []
    assert [node["name"] for node in answers[3].json()["data"]["sources"]] == list(SEEN_BY_SOME)
    assert set(map(json.dumps, answers[6].json()["data"]["nodes"])) == {"null"}
    plans = [entry["source"] for answer in answers for entry in answer.json()["extensions"]["plan"]]
    assert set(plans) == set(SEEN_BY_SOME)


def test_counts_are_of_the_sources_that_somebody_sees(gateway: Service) -> None:
    counted = gateway.ask("{ contacts(first: 0) { totalCount sources { totalCount } } }", key=SOME_KEY)["contacts"]
    assert counted == {"totalCount": 150, "sources": [{"totalCount": 60}, {"totalCount": 90}]}


def test_a_source_somebody_may_not_see_is_as_one_that_does_not_exist(gateway: Service) -> None:
    def told(name: str) -> str:
        return gateway.post(CONTACTS, key=SOME_KEY, sources=[name]).text.replace(name, "NAME")

    assert told("support") == told("nobody")
    assert "BAD_USER_INPUT" in told("nobody")
    assert gateway.ask('{ source(name: "support") { name } }', key=SOME_KEY) == {"source": None}
    entities = """
    { _entities(representations: [{__typename: "Contact", nativeId: "1", source: {name: "support"}}]) { __typename } }
    """
    assert gateway.post(entities, key=SOME_KEY).json()["data"] == {"_entities": [None]}


def test_a_cursor_of_somebody_who_sees_more_is_one_of_another_list(gateway: Service) -> None:
    cursor = gateway.ask(CONTACTS)["contacts"]["pageInfo"]["endCursor"]
    body = gateway.post(CONTACTS, key=SOME_KEY, after=cursor).json()
    assert body["data"] == {"contacts": None}
    (error,) = body["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}
    assert "another list of sources" in error["message"]


def test_a_cursor_of_a_hidden_source_opens_nothing(gateway: Service) -> None:
    cursor = gateway.ask(CONTACTS, sources=["support"])["contacts"]["pageInfo"]["endCursor"]
    for sources in (["support"], ["sales"], None):
        answer = gateway.post(CONTACTS, key=SOME_KEY, sources=sources, after=cursor)
        assert answer.json()["data"] == {"contacts": None}
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_an_answer_kept_for_one_key_shows_another_no_more_than_it_may_see(gateway: Service) -> None:
    gateway.ask(CONTACTS, first=40)
    some = gateway.ask(CONTACTS, key=SOME_KEY, first=40)["contacts"]
    assert {edge["node"]["source"]["name"] for edge in some["edges"]} == set(SEEN_BY_SOME)
    assert len(some["edges"]) == 40
    for edge in some["edges"]:
        assert not {base64.b64decode(match["id"]).split(b":")[1].decode() for match in edge["node"]["matches"]} & set(
            HIDDEN_FROM_SOME
        )
