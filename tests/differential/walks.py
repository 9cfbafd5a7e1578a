"""Random questions to a gateway over lying sources, walked through page by page over HTTP, and the laws that hold."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx

from gql.configuration.file import load_configuration
from gql.http.app import create_app
from providers.fake_kit.serving import serve
from tests.differential.people import EPOCH, Person, found_by, holds, in_order, made
from tests.differential.upstream import Lies, Upstream

SOURCES = ("tether", "askelephant", "wacr", "autokonnect")
TOKEN = "a-token-of-the-tests"
# A failure of one of these codes ends a source's part for good (README, "Failure").
FOR_GOOD = {"SORT_NOT_SUPPORTED", "SCAN_LIMIT_EXCEEDED", "SOURCE_UNAUTHENTICATED", "SOURCE_FORBIDDEN"}
MOST_PAGES = 900
MOST_CALLS_A_PAGE = 400

DOCUMENT = """
query($first: Int, $after: String, $last: Int, $before: String, $search: String, $filter: ContactFilter,
      $orderBy: [ContactOrder!]) {
  contacts(first: $first, after: $after, last: $last, before: $before, search: $search, filter: $filter,
           orderBy: $orderBy, onSourceError: SLICES_ONLY) {
    edges { cursor node { nativeId firstName lastName email createdAt updatedAt source { name } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
    sources { source { name } status error { code } warnings { code message } }
  }
}
"""


class Broken(AssertionError):
    """A law does not hold; the text says which, for which walk."""


class World:
    """The four sources and a fresh gateway over them, on loopback sockets."""

    def __init__(self, upstream: dict[str, Upstream], client: httpx.AsyncClient) -> None:
        self.upstream = upstream
        self.client = client
        self.inserted = 0

    @property
    def calls(self) -> int:
        return sum(each.calls for each in self.upstream.values())

    def people(self) -> dict[tuple[str, str], Person]:
        return {(name, row["id"]): dict(row) for name, each in self.upstream.items() for row in each.rows}


@asynccontextmanager
async def world(rng: random.Random, folder: Any, most: int = 70) -> AsyncIterator[World]:
    """Gives a fresh gateway over sources of random sizes, each of which tells the truth."""
    async with AsyncExitStack() as stack:
        upstream: dict[str, Upstream] = {}
        tables: list[str] = []
        for name in SOURCES:
            rows = [made(name, number, rng) for number in range(1, 1 + rng.randrange(most))]
            rows.sort(key=lambda row: (row["created"], row["id"]), reverse=True)
            upstream[name] = Upstream(name, rows)
            url = await stack.enter_async_context(serve(upstream[name]))
            more = 'search_via = "get"\n' if name == "tether" else ""
            tables.append(
                f'[[sources]]\nname = "{name}"\nprovider = "{name}"\nbase_url = "{url}"\ntoken_env = "T"\n'
                f"cache_ttl = 0\nretries = 0\ncircuit_failures = 0\nmax_page_size = {rng.choice([10, 25, 100])}\n{more}"
            )
        file = folder / f"world-{rng.randrange(10**12)}.toml"
        file.write_text("\n".join(tables))
        app = create_app(load_configuration(file, {"T": TOKEN}))
        base = await stack.enter_async_context(serve(app))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=base, timeout=60))
        yield World(upstream, client)


class Question:
    """What is asked: the arguments but the page's, and what they mean."""

    def __init__(self, rng: random.Random) -> None:
        self.search = rng.choice(["a", "ot", "z", "@example", "7", "mary"]) if rng.random() < 0.25 else None
        self.filter = filters(rng, 2) if rng.random() < 0.5 else None
        fields = rng.sample(["CREATED_AT", "UPDATED_AT", "FIRST_NAME", "LAST_NAME"], rng.choice([0, 0, 1, 1, 2]))
        self.orders = [(field, rng.random() < 0.5) for field in fields]

    def variables(self) -> dict[str, Any]:
        order = [{"field": field, "direction": "DESC" if descending else "ASC"} for field, descending in self.orders]
        return {"search": self.search, "filter": self.filter, "orderBy": order or None}

    def wants(self, source: str, person: Person) -> bool:
        if self.search is not None and not found_by(source, self.search, person):
            return False
        return self.filter is None or holds(self.filter, person)

    def __repr__(self) -> str:
        return f"search={self.search!r} filter={self.filter!r} orders={self.orders!r}"


def filters(rng: random.Random, depth: int) -> dict[str, Any]:
    """Returns a random ContactFilter."""
    if depth and rng.random() < 0.4:
        kind = rng.choice(["and", "or", "not"])
        if kind == "not":
            return {"not": filters(rng, depth - 1)}
        return {kind: [filters(rng, depth - 1) for _ in range(rng.randrange(1, 4))]}
    field = rng.choice(["createdAt", "updatedAt", "email", "firstName", "lastName", "displayName", "company"])
    if field in ("createdAt", "updatedAt"):
        moment = EPOCH + timedelta(minutes=rng.randrange(4_000))
        return {field: {rng.choice(["gt", "gte", "lt", "lte"]): moment.isoformat().replace("+00:00", "Z")}}
    text = rng.choice(["a", "Ann", "baker", "OTIENO", "strasse", "é", "p1", "acme"])
    operator = rng.choice(["eq", "ne", "in", "notIn", "contains", "startsWith", "isNull"])
    value: Any = rng.random() < 0.5 if operator == "isNull" else text
    return {field: {operator: [text, "Zoë"] if operator in ("in", "notIn") else value}}


class Walk:
    """One walk, and what is known of the rows while it goes on."""

    def __init__(self, at: World, question: Question, rng: random.Random, *, forward: bool, sizes: list[int]) -> None:
        self.world = at
        self.question = question
        self.rng = rng
        self.forward = forward
        self.sizes = sizes
        self.mutates = 0.0
        start = at.people()
        self.stayed = {key for key, person in start.items() if question.wants(key[0], person)}
        self.ever = set(start)
        self.touched: set[tuple[str, str]] = set()
        self.found: list[tuple[str, str]] = []
        self.said: dict[str, set[str]] = {name: set() for name in SOURCES}
        self.failed: dict[str, set[str]] = {name: set() for name in SOURCES}
        self.lying = any(_lies(each.lies) for each in at.upstream.values())

    async def go(self) -> Walk:
        """Walks to the end. Raises Broken."""
        cursor: str | None = None
        for number in range(MOST_PAGES):
            size = self.sizes[number % len(self.sizes)]
            page = await self._page(size, cursor)
            if page is not None:
                info = page["pageInfo"]
                keys = [(edge["node"]["source"]["name"], edge["node"]["nativeId"]) for edge in page["edges"]]
                self.found = self.found + keys if self.forward else keys + self.found
                more = info["hasNextPage"] if self.forward else info["hasPreviousPage"]
                if not more:
                    self.judge({each["source"]["name"]: each for each in page["sources"]})
                    return self
                following = info["endCursor"] if self.forward else info["startCursor"]
                self.insist(following is not None, "more is promised and no cursor given")
                cursor = following
            if self.mutates and self.rng.random() < self.mutates:
                self.mutate()
        raise self.broken(f"no end after {MOST_PAGES} pages; {len(self.found)} found")

    async def _page(self, size: int, cursor: str | None) -> dict[str, Any] | None:
        names = ("first", "after") if self.forward else ("last", "before")
        variables = {**self.question.variables(), names[0]: size, names[1]: cursor}
        before = self.world.calls
        response = await self.world.client.post("/graphql", json={"query": DOCUMENT, "variables": variables})
        answer = response.json()
        self.insist(response.status_code == httpx.codes.OK, f"{response.status_code}: {answer}")
        page: dict[str, Any] | None = answer.get("data", {}).get("contacts")
        if page is None:
            self.insist(self.failing, f"no connection although no source fails: {answer.get('errors')}")
            return None
        self.insist("errors" not in answer, f"errors beside a connection: {answer.get('errors')}")
        if not self.concurrent:
            self.insist(self.world.calls - before <= MOST_CALLS_A_PAGE, f"{self.world.calls - before} calls for a page")
        self.insist(len(page["edges"]) <= size, f"{len(page['edges'])} contacts on a page of {size}")
        for each in page["sources"]:
            name = each["source"]["name"]
            self.said[name] |= {warning["code"] for warning in each["warnings"]}
            if each["error"] is not None:
                self.failed[name].add(each["error"]["code"])
                self.insist(self.failing or each["error"]["code"] in FOR_GOOD, f"{name} failed: {each['error']}")
        if not self.mutates:
            self._judge_page(page)
        return page

    concurrent = False

    @property
    def failing(self) -> bool:
        return any(each.lies.fails for each in self.world.upstream.values())

    def _judge_page(self, page: dict[str, Any]) -> None:
        people = self.world.people()
        keys = [(edge["node"]["source"]["name"], edge["node"]["nativeId"]) for edge in page["edges"]]
        for key in keys:
            self.insist(key in people and self.question.wants(key[0], people[key]), f"{key} is not wanted")
        inexact = {name for name, codes in self.said.items() if "SORT_INEXACT" in codes}
        shown = [people[key] for key in keys if key[0] not in inexact]
        for before, after in pairwise(shown):
            self.insist(in_order(before, after, self.question.orders), f"{before} stands before {after}")
        total = page["totalCount"]
        if total is not None and not self.lying:
            wanted = sum(self.question.wants(name, person) for (name, _), person in people.items())
            self.insist(total == wanted, f"totalCount {total} for {wanted}")

    def judge(self, last: dict[str, Any]) -> None:
        """Raises Broken unless everybody who stayed came once and nobody came who should not."""
        counts = Counter(self.found)
        for key, count in counts.items():
            self.insist(key in self.ever, f"{key} was never there")
            drifted = "PAGE_DRIFT" in self.said[key[0]]
            self.insist(count == 1 or key in self.touched or drifted, f"{key} came {count} times")
        for key in self.stayed:
            if key in counts:
                continue
            said = self.said[key[0]]
            error = last[key[0]]["error"]
            for_good = error is not None and error["code"] in FOR_GOOD
            invalid = "SOURCE_INVALID_RESPONSE" in said and "404" in self.world.upstream[key[0]].lies.kinds
            self.insist("PAGE_DRIFT" in said or for_good or invalid, f"{key} is lost, and nothing says so")

    # ---------------------------------------------------------------- rows that move

    def mutate(self) -> None:
        """Inserts, deletes or touches a few rows of a source."""
        name = self.rng.choice(SOURCES)
        rows = self.world.upstream[name].rows
        for _ in range(self.rng.randrange(1, 4)):
            kind = self.rng.choice(["insert", "delete", "touch"])
            if kind == "insert":
                self._insert(name, rows)
            elif rows:
                self._delete_or_touch(kind, name, rows)

    def _insert(self, name: str, rows: list[Person]) -> None:
        self.world.inserted += 1
        number = 1_000 + self.world.inserted
        person = made(name, number, self.rng)
        place = next((at for at, row in enumerate(rows) if row["created"] <= person["created"]), len(rows))
        rows.insert(place, person)
        self.ever.add((name, person["id"]))

    def _delete_or_touch(self, kind: str, name: str, rows: list[Person]) -> None:
        at = self.rng.randrange(len(rows))
        key = (name, rows[at]["id"])
        self.stayed.discard(key)
        if kind == "delete":
            del rows[at]
        else:
            self.touched.add(key)
            rows[at] = {**rows[at], "updated": EPOCH + timedelta(days=40, minutes=self._later())}

    def _later(self) -> int:
        self.world.inserted += 1
        return self.world.inserted

    # ---------------------------------------------------------------- what is said when a law is broken

    def insist(self, held: object, what: str) -> None:
        if not held:
            raise self.broken(what)

    def broken(self, what: str) -> Broken:
        way = "forward" if self.forward else "backward"
        lies = {name: vars(each.lies) for name, each in self.world.upstream.items() if _lies(each.lies)}
        for each in lies.values():
            each.pop("rng", None)
        sizes = {name: len(each.rows) for name, each in self.world.upstream.items()}
        return Broken(
            f"{what}\n  {way} by {self.sizes}, {self.question!r}\n  rows {sizes}, lies {lies}, said {self.said}"
        )


def _lies(lies: Lies) -> bool:
    return bool(lies.total or lies.smaller or lies.fails)


async def scenario(seed: int, folder: Any) -> int:
    """Runs the walks of one seed and returns how many there were. Raises Broken."""
    rng = random.Random(seed)
    async with world(rng, folder) as at:
        for each in at.upstream.values():
            each.lies = Lies(random.Random(rng.random()))
            each.lies.past_end = rng.choice(["empty", "empty", "404", "last"])
            each.lies.offsets = rng.random() < 0.3
        kind = rng.choice(["honest", "moving", "moving", "lying", "failing", "smaller", "together"])
        liar = at.upstream[rng.choice(SOURCES)].lies
        if kind == "lying":
            liar.total = rng.choice([-1, 1])
        elif kind == "failing":
            liar.fails, liar.kinds = rng.choice([0.2, 0.5]), ("503", "error in 200", "500")
            if rng.random() < 0.3:
                liar.kinds = ("404",)
        if kind == "smaller" or (kind == "together" and rng.random() < 0.7):
            liar.smaller = rng.choice([1, 3, 7, 20])
        if kind == "moving" and rng.random() < 0.3:
            liar.total = rng.choice([-1, 1])
        if kind == "together":
            walks = [_walk(at, rng) for _ in range(4)]
            for each in walks:
                each.concurrent = True
            await asyncio.gather(*(each.go() for each in walks))
            return len(walks)
        count = 5
        for _ in range(count):
            walk = _walk(at, rng)
            walk.mutates = 0.6 if kind == "moving" else 0.0
            await walk.go()
            if kind == "honest":
                other = Walk(at, walk.question, rng, forward=rng.random() < 0.5, sizes=[100])
                await other.go()
                walk.insist(other.found == walk.found, "a walk in other pages gives another list")
                count += 1
        return count


def _walk(at: World, rng: random.Random) -> Walk:
    sizes = [rng.choice([1, 3, 7, 10, 13, 25, 40, 100]) for _ in range(rng.randrange(1, 4))]
    return Walk(at, Question(rng), rng, forward=rng.random() < 0.6, sizes=sizes)
