"""A minute of clients paging while faults come and go: nothing is answered wrongly, and nothing stays behind.

`CONTACTGRAPH_SOAK_SECONDS` sets how long (60); `make soak` runs it for ten minutes, `-m soak` it alone.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from providers.apis.fakes import FAKES, FakeApp, demo_people
from providers.fake_kit.switches import FaultKind
from tests.faults.stack import CLIENT_SECONDS, PROVIDERS, TOKEN, Stack, logged, running_here

pytestmark = pytest.mark.soak

SECONDS = float(os.environ.get("CONTACTGRAPH_SOAK_SECONDS", "60"))
ROUNDS = 3
"""What is left behind is compared from round to round: the first fills caches, which stay."""
TIMEOUT = 0.5
MAX_CONCURRENCY = 6
PAGERS, WALKERS, DESERTERS = 4, 2, 2
SETTLE_SECONDS = 20.0

BLOCKS_A_REQUEST = 0.2
"""More than that many blocks of memory a request are a leak: one would be an object that every request leaves."""
BLOCKS = 4_000
"""What caches, clients and the interpreter may hold on to besides."""
RESIDENT_BYTES = 40_000_000
"""How much the process may grow between the end of its first round and of its last."""

FAULTS: dict[FaultKind, str] = {
    "hang": "SOURCE_TIMEOUT",
    "slow": "SOURCE_TIMEOUT",
    "reset": "SOURCE_UNAVAILABLE",
    "truncated": "SOURCE_INVALID_RESPONSE",
    "wrong_type": "SOURCE_INVALID_RESPONSE",
    "status": "SOURCE_UNAVAILABLE",
    "html": "SOURCE_UNAVAILABLE",
    "html_200": "SOURCE_INVALID_RESPONSE",
    "rate_limit": "SOURCE_RATE_LIMITED",
    "redirect": "SOURCE_INVALID_RESPONSE",
    "unknown_encoding": "SOURCE_INVALID_RESPONSE",
    "huge": "SOURCE_INVALID_RESPONSE",
    "gzip_bomb": "SOURCE_INVALID_RESPONSE",
    "gzip": "OK",
}
CODES = frozenset(FAULTS.values()) - {"OK"}

LIST = """
query List($first: Int, $after: String, $sources: [String!], $orderBy: [ContactOrder!], $filter: ContactFilter) {
  contacts(first: $first, after: $after, sources: $sources, orderBy: $orderBy, filter: $filter) {
    edges { cursor node { id displayName email updatedAt raw } }
    pageInfo { hasNextPage endCursor }
    sources { source { name } status error { code } warnings { code } }
  }
}
"""
QUESTIONS: dict[str, dict[str, Any]] = {
    "all by rank": {"first": 40},
    "all by rank in small pages": {"first": 17},
    "two sources": {"first": 30, "sources": ["tether", "askelephant"]},
    "newest first": {"first": 50, "orderBy": [{"field": "UPDATED_AT", "direction": "DESC"}]},
    "by name": {"first": 50, "orderBy": [{"field": "LAST_NAME"}], "sources": ["wacr", "autokonnect"]},
    "with e-mail": {"first": 25, "filter": {"email": {"contains": "example.org"}}},
}


@dataclass
class Walk:
    """A list as it is when nothing fails: its contacts, and its pages by the cursor that each begins after."""

    contacts: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str | None, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass
class Soak:
    """The service under load. `seen` counts what was answered; `wrong` says what was wrong with it."""

    stack: Stack
    url: str
    walks: dict[str, Walk] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def ask(self, client: httpx.AsyncClient, question: str, after: str | None) -> dict[str, Any]:
        variables = {**QUESTIONS[question], "after": after}
        response = await client.post("/graphql", json={"query": LIST, "variables": variables})
        body: dict[str, Any] = response.json()
        if response.status_code != 200 or "data" not in body:
            raise AssertionError(f"{question}: {response.status_code} {response.text[:500]}")
        self.seen["requests"] += 1
        return body

    def judge(self, question: str, after: str | None, body: dict[str, Any]) -> bool:
        """Checks an answer; returns whether every source was well."""
        connection = body["data"]["contacts"]
        codes = [error["extensions"]["code"] for error in body.get("errors", [])]
        if connection is None:
            self._expect(question, bool(codes) and set(codes) <= CODES, f"null with {codes}")
            self.seen["null"] += 1
            return False
        failed = [part["error"]["code"] for part in connection["sources"] if part["status"] == "FAILED"]
        self._expect(question, sorted(failed) == sorted(codes), f"errors {codes}, slices {failed}")
        self._expect(question, set(failed) <= CODES, f"codes {failed}")
        warned = [part["warnings"] for part in connection["sources"] if part["status"] == "PARTIAL"]
        self._expect(question, warned == [], f"warnings {warned}")
        self.seen.update(failed)
        if failed:
            return False
        nodes = [edge["node"] for edge in connection["edges"]]
        expected = self.walks[question].pages.get(after)
        if expected is not None:
            self.seen["compared"] += 1
            self._expect(question, nodes == expected, f"{len(nodes)} contacts after {after}")
        return True

    def _expect(self, question: str, right: bool, otherwise: str) -> None:
        if not right:
            self.wrong.append(f"{question}: {otherwise}")

    # ------------------------------------------------------------ clients

    async def learn(self, client: httpx.AsyncClient) -> None:
        """Walks every list while nothing fails."""
        limit = monotonic() + SETTLE_SECONDS
        for question in QUESTIONS:
            walk = self.walks[question] = Walk()
            after: str | None = None
            while True:
                body = await self.ask(client, question, after)
                if "errors" in body:  # a machine too busy for the short time-out
                    assert monotonic() < limit, "the sources do not answer"
                    continue
                connection = body["data"]["contacts"]
                assert {part["status"] for part in connection["sources"]} <= {"OK", "SKIPPED"}
                walk.pages[after] = [edge["node"] for edge in connection["edges"]]
                walk.contacts += walk.pages[after]
                if not connection["pageInfo"]["hasNextPage"]:
                    break
                after = connection["pageInfo"]["endCursor"]

    async def page(self, client: httpx.AsyncClient, rng: random.Random, until: float) -> None:
        """Asks for pages anywhere in the lists."""
        while monotonic() < until:
            question = rng.choice(list(QUESTIONS))
            after = rng.choice(list(self.walks[question].pages))
            self.judge(question, after, await self.ask(client, question, after))
            await asyncio.sleep(0.005)

    async def walk(self, client: httpx.AsyncClient, rng: random.Random, until: float) -> None:
        """Walks lists from the start to the end, past every failure: each contact comes, and comes once."""
        while monotonic() < until:
            question = rng.choice(list(QUESTIONS))
            met: list[str] = []
            after: str | None = None
            while monotonic() < until:
                body = await self.ask(client, question, after)
                well = self.judge(question, after, body)
                connection = body["data"]["contacts"]
                if connection is not None:
                    met += [edge["node"]["id"] for edge in connection["edges"]]
                    if not connection["pageInfo"]["hasNextPage"]:
                        expected = [node["id"] for node in self.walks[question].contacts]
                        self._expect(question, sorted(met) == sorted(expected), f"a walk met {len(met)}")
                        self.seen["walks"] += 1
                        break
                    after = connection["pageInfo"]["endCursor"]
                await asyncio.sleep(0.005 if well else 0.05)

    async def desert(self, client: httpx.AsyncClient, rng: random.Random, until: float) -> None:
        """Asks and goes away before the answer comes."""
        while monotonic() < until:
            question = rng.choice(list(QUESTIONS))
            after = rng.choice(list(self.walks[question].pages))
            try:
                async with asyncio.timeout(rng.uniform(0.001, 0.1)):
                    await self.ask(client, question, after)
            except TimeoutError:
                self.seen["deserted"] += 1

    async def trouble(self, rng: random.Random, until: float) -> None:
        """Lets faults come and go."""
        while monotonic() < until:
            switches = self.stack.fakes[rng.choice(PROVIDERS)].switches
            if rng.random() < 0.3:
                switches.faults.clear()
            else:
                switches.fail(
                    rng.choice(list(FAULTS)),
                    rng.randint(1, 6),
                    status=rng.choice((500, 502, 503)),
                    retry_after=rng.choice(("seconds", "date", "absent")),
                    seconds=rng.choice((0.05, 0.2, 3.0)),
                    size=2_000_000,
                )
            await asyncio.sleep(rng.uniform(0.02, 0.15))
            for fake in self.stack.fakes.values():
                fake.calls.clear()

    # ------------------------------------------------------------ rounds

    async def round(self, number: int, seconds: float) -> None:
        """Load and faults for so long, then peace."""
        until = monotonic() + seconds
        rng = random.Random(number)
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=self.url, timeout=CLIENT_SECONDS, limits=limits) as client:
            clients: list[Callable[[httpx.AsyncClient, random.Random, float], Coroutine[Any, Any, None]]] = [
                *[self.page] * PAGERS,
                *[self.walk] * WALKERS,
                *[self.desert] * DESERTERS,
            ]
            async with asyncio.TaskGroup() as group:
                group.create_task(self.trouble(rng, until))
                for client_number, acting in enumerate(clients):
                    group.create_task(acting(client, random.Random(f"{number}:{client_number}"), until))
            self.stack.heal()
            await self._recovered(client)
        self.stack.heal()

    async def _recovered(self, client: httpx.AsyncClient) -> None:
        """Everything is as on the first day again, circuits included, on every page of every list."""
        limit = monotonic() + SETTLE_SECONDS
        for question, walk in self.walks.items():
            for after in walk.pages:
                while not self.judge(question, after, await self.ask(client, question, after)):
                    assert monotonic() < limit, "a source has not come back"
                    await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Left:
    """What is there when nobody asks anything."""

    tasks: int
    blocks: int
    resident: int
    requests: int


async def left(soak: Soak, tasks: int) -> Left:
    """Waits until the tasks are as many as they were, then measures."""
    limit = monotonic() + SETTLE_SECONDS
    while len(asyncio.all_tasks()) > tasks and monotonic() < limit:  # noqa: ASYNC110  nobody tells when all have ended
        await asyncio.sleep(0.1)
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0.05)
    return Left(len(asyncio.all_tasks()), sys.getallocatedblocks(), resident_bytes(), soak.seen["requests"])


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> list[str]:
    """What the process has open, sockets among it."""
    found: list[str] = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            continue  # the one that listed the directory
    return found


def sockets() -> int:
    return sum(1 for name in open_files() if name.startswith("socket:"))


def fakes() -> dict[str, FakeApp]:
    people = demo_people(260, 240, 220, 200)
    return {provider: make(people, token=TOKEN) for provider, make in FAKES.items()}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
async def test_faults_that_come_and_go_leave_nothing_wrong_and_nothing_behind() -> None:
    files_before = len(open_files())
    measured: list[Left] = []
    with logged(logging.ERROR) as log:
        async with running_here(
            fakes(),
            # Full before the first round ends: what a cache keeps is no leak.
            {"cache": {"max_bytes": 2_000_000}},
            timeout=TIMEOUT,
            connect_timeout=TIMEOUT,
            max_response_bytes=1_000_000,
            cache_ttl=0.2,
            circuit_cooldown=0.3,
            max_concurrency=MAX_CONCURRENCY,
        ) as (stack, url):
            soak = Soak(stack, url)
            async with httpx.AsyncClient(base_url=url, timeout=CLIENT_SECONDS) as client:
                await soak.learn(client)
            tasks, sockets_before = len(asyncio.all_tasks()), sockets()
            for number in range(ROUNDS):
                await soak.round(number, SECONDS / ROUNDS)
                measured.append(await left(soak, tasks))
            sockets_after = sockets()
        assert log.faults() == []

    assert soak.wrong == []
    assert stack.app.raised == []
    # It was a soak at all.
    assert set(soak.seen) >= CODES
    assert min(soak.seen[what] for what in ("compared", "walks", "deserted")) > 0

    warm, last = measured[0], measured[-1]
    assert last.tasks <= tasks
    assert last.blocks - warm.blocks < BLOCKS + BLOCKS_A_REQUEST * (last.requests - warm.requests)
    assert last.resident - warm.resident < RESIDENT_BYTES
    # While it runs, only the connections that it keeps to its sources, each with two ends here; then none.
    assert sockets_after <= sockets_before + 2 * len(PROVIDERS) * MAX_CONCURRENCY
    assert len(open_files()) <= files_before
