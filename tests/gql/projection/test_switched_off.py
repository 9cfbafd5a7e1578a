"""Projection and cache change what an answer costs and nothing in it: four gateways over the same servers,
with and without each of the two, are asked the same questions several times; the answers are the same to the order of
their keys."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple, cast

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from providers.apis.fakes import FAKES, Call, FakeApp, ServerThread
from providers.spi.record import global_id
from tests.faults.stack import CLIENT_SECONDS, TOKEN, Stack, configured, small_fakes, source_tables, stack_of
from tests.support.demo_sockets import AGENT_ID

LONG = 600.0
"""Seconds that the cache keeps an answer where it is on: longer than the test takes."""
TIMES = 3
"""How often every question is asked. The second answer of a document is projected; from the cache, a page may be asked
for anew because another one is newer, so that all is kept and of one time by the third."""
ALWAYS = 1_000_000
CLOCK = frozenset({"fetchedAt", "lastSuccessAt", "latencyMs"})
"""Fields that tell when a source was asked and how fast it was: whether they have a value is compared, not which."""
GOOD = '["tether", "askelephant", "wacr", "autokonnect"]'

FIRST_PAGES = f"""{{
    all: contacts(first: 8, sources: {GOOD}) {{ nodes {{ id }} pageInfo {{ endCursor }} }}
    sorted: contacts(first: 5, sources: {GOOD}, orderBy: [{{ field: UPDATED_AT, direction: DESC }}]) {{
        edges {{ cursor }}
    }}
    tags(first: 3, sources: {GOOD}) {{ pageInfo {{ endCursor }} nodes {{ id }} }}
    pipelineStages(first: 2) {{ nodes {{ id contacts(first: 2) {{ pageInfo {{ endCursor }} }} }} }}
}}"""
FIELDS = """
    __typename id nativeId displayName firstName lastName email emails phone phones phoneE164 company avatarUrl status
    createdAt updatedAt
"""
DETAILS = """details {
    kind: __typename
    ... on TetherContact {
        pipelineId pipelineStageId organizationId userId leadSource origin process isBulkSms isAutopilot channelTypes
        files lastMessageAt latestMessage createdBy { id nativeId name }
    }
    ... on AskElephantContact {
        description companyId timeZone crmAssociation emailAddresses { email isPrimary }
        phoneNumbers { phoneNumber isPrimary }
    }
    ... on WacrContact {
        tenantId type statusId statusData sourceId sourceData assignedId groupIds groupsData description city isOptedOut
    }
    ... on AutokonnectContact { phoneNumberLid }
}"""
SLICES = """sources {
    source { name } status totalCount stale fetchedAt error { code message retryAfter } warnings { code message }
}"""
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"

Answer = tuple[int, str | None, Any]
Variables = Callable[[dict[str, Any]], dict[str, Any]]


class Question(NamedTuple):
    """A document, and its variables, which may hold cursors and ids of the data of FIRST_PAGES."""

    document: str
    variables: Variables = lambda first: {}


def contact_ids(first: dict[str, Any]) -> list[str]:
    """Two contacts of every good source."""
    return [node["id"] for node in first["all"]["nodes"]]


UNKNOWN = [
    global_id("Contact", "tether", "0" * 24),
    global_id("Contact", "askelephant", "cnt_nobody"),
    global_id("Contact", "nowhere", "1"),
    "no id at all",
]

QUESTIONS: Mapping[str, Question] = {
    "every plain field of a page": Question(
        f"{{ contacts(first: 40, sources: {GOOD}) {{ edges {{ cursor node {{ {FIELDS} }} }} {PAGE_INFO} }} }}"
    ),
    "details of all four types": Question(
        f"{{ contacts(first: 60, sources: {GOOD}) {{ nodes {{ id {DETAILS} source {{ id name provider }} }} }} }}"
    ),
    "the sources' own records": Question(f"{{ contacts(first: 20, sources: {GOOD}) {{ nodes {{ id raw }} }} }}"),
    "tags, stage, owner and assignees": Question(
        f"""{{ contacts(first: 40, sources: {GOOD}) {{ nodes {{
            id tags {{ id nativeId name color source {{ name }} }}
            stage {{ id name color position source {{ name }} }}
            owner {{ id nativeId name email }} assignees {{ id name }}
        }} }} }}"""
    ),
    "matches and persons": Question(
        f"""{{ contacts(first: 8, sources: {GOOD}) {{ nodes {{
            id matches(sources: ["wacr", "autokonnect"]) {{ id email phoneE164 }}
            person {{ displayName emails phones contacts {{ id }} {SLICES} }}
        }} }} }}"""
    ),
    "a person by e-mail address": Question(
        f"query ($email: String) {{ person(email: $email) {{ displayName emails contacts {{ id }} {SLICES} }} }}",
        lambda first: {"email": "Zawadi.Kariuki2574@example.org"},
    ),
    "nobody": Question('{ person(phone: "+254700000000") { displayName contacts { id } } }'),
    "a board with its contacts": Question(
        f"""{{ pipelineStages(first: 10, sources: ["tether"]) {{
            totalCount {PAGE_INFO} {SLICES}
            nodes {{ id name color position contactCount pipelineType
                contacts(first: 5) {{ totalCount {PAGE_INFO} nodes {{ id firstName stage {{ name }} {DETAILS} }} }} }}
        }} }}"""
    ),
    "a board of applications": Question(
        """query ($type: PipelineType!) { pipelineStages(pipelineType: $type, sources: ["tether"]) {
            edges { cursor node { name contacts(first: 2) { nodes { id status } } } } } }""",
        lambda first: {"type": "APPLICATION"},
    ),
    "a later page of a stage": Question(
        """query ($id: ID!, $after: String) { node(id: $id) { __typename id ... on PipelineStage {
            name contacts(first: 2, after: $after) { nodes { id } pageInfo { endCursor } } } } }""",
        lambda first: {
            "id": first["pipelineStages"]["nodes"][0]["id"],
            "after": first["pipelineStages"]["nodes"][0]["contacts"]["pageInfo"]["endCursor"],
        },
    ),
    "a contact of every source by its id": Question(
        f"""query ($ids: [ID!]!) {{ nodes(ids: $ids) {{
            __typename id ... on Contact {{ {FIELDS} raw {DETAILS} tags {{ name }} }}
        }} }}""",
        lambda first: {"ids": [*contact_ids(first), *UNKNOWN, contact_ids(first)[0]]},
    ),
    "nodes of all types": Question(
        """query ($ids: [ID!]!) { nodes(ids: $ids) {
            __typename id
            ... on Contact { displayName } ... on Tag { tag: name color contactCount createdAt }
            ... on PipelineStage { stage: name position } ... on User { user: name email }
            ... on Source { name provider }
        } }""",
        lambda first: {
            "ids": [
                first["tags"]["nodes"][0]["id"],
                global_id("Source", "wacr", "wacr"),
                AGENT_ID,
                first["pipelineStages"]["nodes"][1]["id"],
                contact_ids(first)[2],
            ]
        },
    ),
    "an unknown contact": Question(
        "query ($id: ID!) { contact(id: $id) { id } node(id: $id) { id } }", lambda first: {"id": UNKNOWN[0]}
    ),
    "how every source fared": Question(f"{{ contacts(first: 0, sources: {GOOD}) {{ totalCount {SLICES} }} }}"),
    "totals beside a failing source": Question("{ contacts { totalCount sources { status totalCount } } }"),
    "totals alone": Question('{ contacts(sources: ["tether", "wacr", "autokonnect"]) { totalCount } }'),
    "a filter": Question(
        f"""query ($filter: ContactFilter) {{ contacts(first: 15, sources: {GOOD}, filter: $filter) {{
            nodes {{ id firstName email updatedAt }} {PAGE_INFO} {SLICES}
        }} }}""",
        lambda first: {
            "filter": {
                "or": [{"firstName": {"startsWith": "a"}}, {"email": {"contains": "example.org"}}],
                "createdAt": {"gte": "2025-01-01T00:00:00Z"},
            }
        },
    ),
    "a source's own filter and search": Question(
        """{ contacts(first: 5, sources: ["wacr"], search: "an", filter: { wacr: { type: { eq: "lead" } } }) {
            nodes { id displayName details { ... on WacrContact { type } } } totalCount } }"""
    ),
    "an order by names": Question(
        f"""{{ contacts(first: 30, sources: {GOOD}, orderBy: [{{ field: LAST_NAME }}, {{ field: FIRST_NAME }}]) {{
            nodes {{ id lastName firstName }} {PAGE_INFO} }} }}"""
    ),
    "the next page": Question(
        f"""query ($after: String) {{ contacts(first: 7, after: $after, sources: {GOOD}) {{
            edges {{ cursor node {{ id }} }} {PAGE_INFO} totalCount }} }}""",
        lambda first: {"after": first["all"]["pageInfo"]["endCursor"]},
    ),
    "the page before a place in an order": Question(
        f"""query ($before: String) {{ contacts(
            last: 3, before: $before, sources: {GOOD}, orderBy: [{{ field: UPDATED_AT, direction: DESC }}]
        ) {{ edges {{ cursor node {{ id updatedAt }} }} {PAGE_INFO} }} }}""",
        lambda first: {"before": first["sorted"]["edges"][4]["cursor"]},
    ),
    "the end of the list": Question(f"{{ contacts(last: 9, sources: {GOOD}) {{ nodes {{ id }} {PAGE_INFO} }} }}"),
    "tags and their contacts": Question(
        f"""query ($after: String) {{ tags(first: 3, after: $after, sources: {GOOD}) {{
            nodes {{ id name color contactCount contacts(first: 2) {{ nodes {{ id tags {{ name }} }} }} }} {PAGE_INFO}
        }} }}""",
        lambda first: {"after": first["tags"]["pageInfo"]["endCursor"]},
    ),
    "aliases and merged fields": Question(
        f"""{{
            page: contacts(first: 3, sources: {GOOD}) {{ n: nodes {{ last: lastName who: displayName }} }}
            page: contacts(first: 3, sources: {GOOD}) {{ n: nodes {{ first: firstName last: lastName }} k: __typename }}
            one: contacts(first: 1, sources: ["wacr"]) {{ nodes {{ id }} }}
        }}"""
    ),
    "fragments": Question(
        f"""query {{ contacts(first: 12, sources: {GOOD}) {{ ...Page }} }}
        fragment Page on ContactConnection {{ nodes {{ ...Names ... on Node {{ id }} ...Names }} }}
        fragment Names on Contact {{ lastName firstName ...Where }}
        fragment Where on Contact {{ source {{ ... on Source {{ name }} }} }}"""
    ),
    "conditions that skip": Question(
        f"""query ($yes: Boolean!, $no: Boolean = false) {{ contacts(first: 6, sources: {GOOD}) {{
            nodes {{ id email @skip(if: $yes) phone @include(if: $yes) tags @include(if: $no) {{ id }}
                ... @skip(if: $no) {{ company }} raw @include(if: false) }}
        }} }}""",
        lambda first: {"yes": True},
    ),
    "the same conditions the other way round": Question(
        f"""query ($yes: Boolean!, $no: Boolean = false) {{ contacts(first: 6, sources: {GOOD}) {{
            nodes {{ id email @skip(if: $yes) phone @include(if: $yes) tags @include(if: $no) {{ id }}
                ... @skip(if: $no) {{ company }} raw @include(if: false) }}
        }} }}""",
        lambda first: {"yes": False, "no": True},
    ),
    "the sources": Question(
        """{ sources { id name provider
            capabilities { paging maxPageSize total lookup backward search filters { field operators exact } }
            contacts(first: 2, onSourceError: SLICES_ONLY) { nodes { id } sources { status } }
        } source(name: "nowhere") { id } }"""
    ),
    "a failing source and one with a bad row": Question(
        f"{{ contacts(first: 30) {{ nodes {{ {FIELDS} tags {{ name }} }} {PAGE_INFO} totalCount {SLICES} }} }}"
    ),
    "a failing source that fails the field": Question(
        '{ contacts(sources: ["wacr", "broken"], onSourceError: FAIL) { nodes { id } } sources { name } }'
    ),
    "a failing source alone": Question(f'{{ contacts(sources: ["broken"]) {{ nodes {{ id }} {SLICES} }} }}'),
    "too many at once": Question("{ contacts(first: 101) { nodes { id } } sources { name } }"),
    "a cursor of another query": Question(
        "query ($after: String) { contacts(first: 2, after: $after) { nodes { id } } }",
        lambda first: {"after": first["tags"]["pageInfo"]["endCursor"]},
    ),
    "an unknown source": Question('{ contacts(sources: ["wacr", "nowhere"]) { nodes { id } } }'),
    "an unknown field": Question("{ contacts { nodes { id surname } } }"),
    "a variable of the wrong type": Question(
        "query ($first: Int) { contacts(first: $first) { nodes { id } } }", lambda first: {"first": "many"}
    ),
    "no document": Question("{ contacts { "),
}
NOTHING_TO_PROJECT = frozenset(
    {
        "an unknown contact",
        "a failing source alone",
        "a cursor of another query",
        "an unknown source",
        "an unknown field",
        "a variable of the wrong type",
        "no document",
    }
)
"""Questions whose answers hold no object but errors'."""
REFUSED: Mapping[str, frozenset[str]] = {"a contact of every source by its id": frozenset({"askelephant", "broken"})}
"""The sources that refuse a call of the question, which is not kept; "broken" alone where nothing is said."""


class Observed(NamedTuple):
    """What one gateway did: by question, its answers, the calls that each cost, and its projected sub-trees."""

    answers: dict[str, list[Answer]]
    calls: dict[str, list[Counter[str]]]
    projected: dict[str, int]


def everything_but_the_clock(pairs: list[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """A JSON object as its members in their order."""
    return tuple((key, "some time" if key in CLOCK and value is not None else value) for key, value in pairs)


class Upstream:
    """A fake that counts what it is asked."""

    def __init__(self, fake: FakeApp) -> None:
        # AskElephant's cursors hold how many calls the fake has logged. They go into ours, so that is kept at one.
        fake.calls = cast("list[Call]", deque[Call](maxlen=1))
        self.calls = 0
        self._fake = fake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += scope["type"] == "http"
        await self._fake(scope, receive, send)


class Asking:
    """A client of one gateway, and the servers below it."""

    def __init__(self, stack: Stack, client: httpx.Client, upstreams: Mapping[str, Upstream]) -> None:
        self._stack = stack
        self._client = client
        self._upstreams = upstreams

    def post(self, document: str, variables: dict[str, Any]) -> httpx.Response:
        headers = {"Accept": "application/graphql-response+json"}
        return self._client.post("/graphql", json={"query": document, "variables": variables}, headers=headers)

    def observe(self) -> Observed:
        """Every question several times, in their order."""
        first = self.post(FIRST_PAGES, {}).json()["data"]
        observed = Observed({}, {}, {})
        for name, question in QUESTIONS.items():
            observed.answers[name], observed.calls[name] = [], []
            for _ in range(TIMES):
                before = self._asked()
                response = self.post(question.document, question.variables(first))
                body = json.loads(response.content, object_pairs_hook=everything_but_the_clock)
                observed.answers[name].append((response.status_code, response.headers.get("content-type"), body))
                observed.calls[name].append(self._asked() - before)
            plans = self._stack.gateway.documents.get(question.document).plans
            observed.projected[name] = plans.projected if plans is not None else 0
        return observed

    def _asked(self) -> Counter[str]:
        """The calls so far, by source."""
        return Counter({source: upstream.calls for source, upstream in self._upstreams.items()})


def observed(upstreams: Mapping[str, Upstream], urls: Mapping[str, str], *, projection: bool, cached: bool) -> Observed:
    """What a gateway does over the running servers, with projection and cache on or off."""
    settings = {"cache_ttl": LONG if cached else 0.0, "retries": 0, "circuit_failures": 0}
    tables = source_tables(urls, **settings)
    for table in tables:
        table["provider"] = PROVIDERS_OF.get(table["name"], table["name"])
    stack = stack_of({}, configured(tables, {"projection": projection}))
    with ServerThread(stack.app) as url, httpx.Client(base_url=url, timeout=CLIENT_SECONDS) as client:
        return Asking(stack, client, upstreams).observe()


PROVIDERS_OF = {"broken": "wacr", "sloppy": "autokonnect"}
"""Two sources more: one refuses every call, of the other one's pages the first row cannot be read."""
MODES = {
    "neither": {"projection": False, "cached": False},
    "projection": {"projection": True, "cached": False},
    "cache": {"projection": False, "cached": True},
    "both": {"projection": True, "cached": True},
}


@pytest.fixture(scope="module")
def runs() -> Mapping[str, Observed]:
    """What each gateway did, by what it has on."""
    fakes = small_fakes()
    for name, provider in PROVIDERS_OF.items():
        fakes[name] = FAKES[provider](12, token=TOKEN)
    fakes["broken"].switches.fail("status", times=ALWAYS, status=403)
    fakes["sloppy"].switches.fail("wrong_row", times=ALWAYS)
    upstreams = {name: Upstream(fake) for name, fake in fakes.items()}
    with ExitStack() as servers:
        urls = {name: servers.enter_context(ServerThread(upstream)) for name, upstream in upstreams.items()}
        return {mode: observed(upstreams, urls, **switches) for mode, switches in MODES.items()}


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("mode", MODES)
def test_an_answer_is_the_same_with_and_without(mode: str, name: str, runs: Mapping[str, Observed]) -> None:
    plain = runs["neither"].answers[name][0]
    assert runs[mode].answers[name] == [plain] * TIMES


def test_totals_beside_a_failing_source_are_told_source_by_source(runs: Mapping[str, Observed]) -> None:
    status, _, body = runs["neither"].answers["totals beside a failing source"][0]
    slices = dict(dict(dict(body)["data"])["contacts"])["sources"]
    assert status == 294
    assert [(dict(each)["status"], dict(each)["totalCount"]) for each in slices] == [
        ("OK", 40),
        ("SKIPPED", None),
        ("OK", 36),
        ("OK", 34),
        ("FAILED", None),
        ("PARTIAL", 12),
    ]


@pytest.mark.parametrize("mode", ["projection", "both"])
def test_projection_was_used_wherever_there_was_something_to_project(mode: str, runs: Mapping[str, Observed]) -> None:
    unused = {name for name, projected in runs[mode].projected.items() if not projected}
    assert unused == NOTHING_TO_PROJECT


@pytest.mark.parametrize("mode", ["neither", "cache"])
def test_nothing_is_projected_when_projection_is_off(mode: str, runs: Mapping[str, Observed]) -> None:
    assert set(runs[mode].projected.values()) == {0}


@pytest.mark.parametrize("mode", ["cache", "both"])
@pytest.mark.parametrize("name", QUESTIONS)
def test_with_the_cache_the_last_answer_costs_refused_calls_alone(
    name: str, mode: str, runs: Mapping[str, Observed]
) -> None:
    assert set(runs[mode].calls[name][-1]) <= REFUSED.get(name, {"broken"})


@pytest.mark.parametrize("mode", ["neither", "projection"])
@pytest.mark.parametrize("name", QUESTIONS)
def test_without_the_cache_every_answer_costs_what_the_first_one_did(
    name: str, mode: str, runs: Mapping[str, Observed]
) -> None:
    assert runs[mode].calls[name] == [runs["neither"].calls[name][0]] * TIMES


def test_the_cache_saves_more_than_half_of_the_calls(runs: Mapping[str, Observed]) -> None:
    calls = {
        mode: sum(sum(each.total() for each in costs) for costs in run.calls.values()) for mode, run in runs.items()
    }
    assert max(calls["cache"], calls["both"]) * 2 < min(calls["neither"], calls["projection"])


def test_the_questions_are_answered_with_contacts_of_every_source_and_with_every_kind_of_failure(
    runs: Mapping[str, Observed],
) -> None:
    answers = {name: given[0] for name, given in runs["neither"].answers.items()}
    assert {status for status, _, _ in answers.values()} == {200, 294, 400}
    text = json.dumps(list(answers.values()))
    for expected in ("TetherContact", "AskElephantContact", "WacrContact", "AutokonnectContact", "PipelineStage"):
        assert f'"{expected}"' in text
    for expected in ("SOURCE_FORBIDDEN", "SOURCE_INVALID_RESPONSE", "BAD_USER_INPUT", "PARTIAL", "FAILED", "SKIPPED"):
        assert f'"{expected}"' in text
