"""Two gateways over one Redis, configured by a file as `contactgraph serve` reads it: clients see one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from gql.configuration.file import load_configuration
from gql.execution.call import Call, Caller, GraphQLRequest
from gql.execution.gateway import Gateway
from gql.http.app import open_gateway
from providers.apis.fakes import FakeApp, serve
from tests.faults.stack import TOKEN, small_fakes
from tests.support.redis_server import RedisServer, needs_redis, running_redis

pytestmark = needs_redis

PAGE = """
query Page($first: Int!, $after: String, $orderBy: [ContactOrder!]) {
  contacts(first: $first, after: $after, orderBy: $orderBy) {
    nodes { id displayName }
    pageInfo { hasNextPage endCursor }
    sources { source { name } status stale error { code retryAfter } }
  }
}
"""
BY_NAME = [{"field": "FIRST_NAME", "direction": "ASC"}]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


class Replicas(NamedTuple):
    """Gateways, and the fakes that all of them ask."""

    fakes: dict[str, FakeApp]
    gateways: list[Gateway]

    def calls(self) -> dict[str, int]:
        return {name: len(fake.calls) for name, fake in self.fakes.items()}

    async def page(self, replica: int, **variables: Any) -> dict[str, Any]:
        """A page of contacts from one of them."""
        request = GraphQLRequest(PAGE, variables={"first": 10, **variables})
        answer = msgspec.json.decode((await self.gateways[replica].answer(request, Call(Caller("any"), {}))).body)
        assert "errors" not in answer, answer["errors"]
        found: dict[str, Any] = answer["data"]["contacts"]
        return found

    async def walk(self, turns: list[int], **variables: Any) -> list[str]:
        """The ids of all contacts, page by page of these replicas in turn."""
        ids: list[str] = []
        after: str | None = None
        for turn in range(1_000):
            page = await self.page(turns[turn % len(turns)], after=after, **variables)
            assert {each["status"] for each in page["sources"]} <= {"OK", "SKIPPED"}, page["sources"]
            ids += [node["id"] for node in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return ids
        raise AssertionError("a walk without an end")


@asynccontextmanager
async def replicas(
    folder: Path, redis: RedisServer, more: str = "", only: str | None = None
) -> AsyncIterator[Replicas]:
    """Two gateways of one configuration file. `more` are lines of every source, `only` is the only source."""
    fakes = {name: fake for name, fake in small_fakes().items() if only in (None, name)}
    async with AsyncExitStack() as opened:
        urls = {name: await opened.enter_async_context(serve(fake)) for name, fake in fakes.items()}
        file = folder / "contactgraph.toml"
        file.write_text(configuration(urls, more))
        environment = {"TOKEN": TOKEN, "CURSOR_KEY": "a-key-of-the-tests", "REDIS_URL": redis.url}
        gateways = [
            await opened.enter_async_context(open_gateway(load_configuration(file, environment))) for _ in range(2)
        ]
        yield Replicas(fakes, gateways)


def configuration(urls: Mapping[str, str], more: str) -> str:
    sources = (
        f'[[sources]]\nname = "{name}"\nprovider = "{name}"\nbase_url = "{url}"\ntoken_env = "TOKEN"\n{more}\n'
        for name, url in urls.items()
    )
    server = '[server]\ncursor_key_env = "CURSOR_KEY"\n[server.cache]\nredis_url_env = "REDIS_URL"\n'
    return server + "".join(sources)


async def test_what_one_replica_was_answered_another_need_not_ask(tmp_path: Path, redis: RedisServer) -> None:
    async with replicas(tmp_path, redis, "cache_ttl = 600") as running:
        first = await running.page(0)
        asked = running.calls()
        assert await running.page(1) == first
        assert running.calls() == asked == dict.fromkeys(running.fakes, 1)


@pytest.mark.parametrize("order", [None, BY_NAME], ids=["rank order", "sorted here"])
@pytest.mark.parametrize("ttl", [0, 600])
async def test_a_walk_over_changing_replicas_is_the_walk_over_one(
    tmp_path: Path, redis: RedisServer, ttl: int, order: list[dict[str, str]] | None
) -> None:
    async with replicas(tmp_path, redis, f"cache_ttl = {ttl}") as running:
        expected = await running.walk([0], first=100, orderBy=order)
        assert len(expected) == len(set(expected)) == sum(len(fake.store.rows) for fake in running.fakes.values())
        assert await running.walk([0, 1], first=17, orderBy=order) == expected
        assert await running.walk([1, 1, 0], first=50, orderBy=order) == expected


async def test_the_rate_limit_of_a_source_is_one_for_all_replicas(tmp_path: Path, redis: RedisServer) -> None:
    async with replicas(tmp_path, redis, "cache_ttl = 0\nrate_limit = 0.01", only="wacr") as running:
        assert [each["status"] for each in (await running.page(0))["sources"]] == ["OK"]
        request = GraphQLRequest(PAGE, variables={"first": 10})
        answer = await running.gateways[1].answer(request, Call(Caller("any"), {}))
        (error,) = msgspec.json.decode(answer.body)["errors"]
        assert error["extensions"]["code"] == "SOURCE_RATE_LIMITED"
        assert 0 < error["extensions"]["retryAfter"] <= 100
        assert running.calls() == {"wacr": 1}


@pytest.mark.parametrize("how", ["stop", "hang"])
async def test_a_walk_goes_on_when_redis_goes(
    tmp_path: Path, redis: RedisServer, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with replicas(tmp_path, redis, "cache_ttl = 600\nrate_limit = 1000") as running:
        expected = await running.walk([1], first=100)
        first = await running.page(1)
        getattr(redis, how)()
        ids = [node["id"] for node in first["nodes"]]
        page = first
        while page["pageInfo"]["hasNextPage"]:
            page = await running.page(1, first=40, after=page["pageInfo"]["endCursor"])
            assert {each["status"] for each in page["sources"]} <= {"OK", "SKIPPED"}
            ids += [node["id"] for node in page["nodes"]]
        assert ids == expected
    assert caplog.text.count("Redis does not answer") == 1
    assert caplog.text.count("limits of sources hold for each process alone, answers are not kept") == 1
    assert redis.url not in caplog.text
