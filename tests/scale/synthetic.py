"""Upstreams of any size whose rows are made when they are asked for, and a gateway over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from gql.configuration.file import Configuration
from gql.execution.call import Call, Caller, GraphQLRequest
from gql.execution.gateway import Gateway
from gql.projection.executor import Projection
from gql.projection.records import registry
from gql.schema.schema import GRAPHQL_SCHEMA
from providers.cache.store import Cache
from providers.open_sources import open_sources

Row = dict[str, Any]

NEWEST = datetime(2026, 11, 1, tzinfo=UTC)
ENVIRONMENT = {"TOKEN": "a-token"}


def _instant(number: int) -> str:
    return (NEWEST - timedelta(minutes=number)).isoformat()


def _tether(number: int) -> Row:
    return {"_id": f"{number:024x}", "firstName": f"Ada{number}", "createdAt": _instant(number), "assignees": []}


def _askelephant(number: int) -> Row:
    return {"object": "contact", "id": f"cnt_{number}", "first_name": f"Ada{number}", "updated_at": _instant(number)}


def _wacr(number: int) -> Row:
    return {"id": number + 1, "firstname": f"Ada{number}", "created_at": _instant(number), "group_id": []}


def _autokonnect(number: int) -> Row:
    return {"id": str(number), "first_name": f"Ada{number}", "created_at": _instant(number), "tags": []}


class SyntheticUpstream:
    """One of the four APIs with `size` contacts, the newest first; counts calls and the rows it sent.

    While `gate` is clear, calls are held back; `most` is how many there were at once.
    """

    def __init__(self, provider: str, size: int) -> None:
        self.size = size
        self.calls = 0
        self.rows = 0
        self.under_way = 0
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._answer: Callable[[Mapping[str, str]], Row] = {
            "tether": self._tether_list,
            "askelephant": self._askelephant_list,
            "wacr": self._wacr_list,
            "autokonnect": self._autokonnect_list,
        }[provider]

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        return httpx.Response(200, content=msgspec.json.encode(self._answer(request.url.params)))

    def cost(self) -> tuple[int, int]:
        """The calls and rows since this was last asked."""
        counted = self.calls, self.rows
        self.calls = self.rows = 0
        return counted

    def _some(self, make: Callable[[int], Row], start: int, count: int, *, reverse: bool = False) -> list[Row]:
        numbers = range(start, min(start + count, self.size))
        self.rows += len(numbers)
        return [make(self.size - 1 - number if reverse else number) for number in numbers]

    def _tether_list(self, asked: Mapping[str, str]) -> Row:
        page, size = int(asked["page"]), int(asked["size"])
        rows = self._some(_tether, (page - 1) * size, size)
        return {"success": True, "data": {"contacts": rows, "total": self.size, "page": page, "size": size}}

    def _askelephant_list(self, asked: Mapping[str, str]) -> Row:
        start, limit = int(asked.get("cursor", "0")), int(asked["limit"])
        rows = self._some(_askelephant, start, limit, reverse=asked["order_by"] == "updated_at:asc")
        more = start + limit < self.size
        return {"object": "list", "data": rows, "has_more": more, "next_cursor": str(start + limit) if more else None}

    def _wacr_list(self, asked: Mapping[str, str]) -> Row:
        page, size = int(asked["page"]), int(asked["per_page"])
        rows = self._some(_wacr, (page - 1) * size, size, reverse=asked["sort"] == "created_at,id")
        numbers = {"total": self.size, "count": len(rows), "per_page": size, "current_page": page}
        return {"success": True, "data": rows, "meta": {"pagination": numbers}}

    def _autokonnect_list(self, asked: Mapping[str, str]) -> Row:
        page, size = int(asked["page"]), int(asked["limit"])
        rows = self._some(_autokonnect, (page - 1) * size, size)
        return {"data": rows, "currentPage": page, "totalPages": -(-self.size // size), "totalRecords": self.size}


def table(provider: str, name: str | None = None, **settings: Any) -> Row:
    """A `[[sources]]` table without a cache."""
    address = {"base_url": "http://upstream.example.com", "token_env": "TOKEN"}
    return {"name": name or provider, "provider": provider, "cache_ttl": 0.0, **address, **settings}


def gateway_over(
    upstream: Callable[[httpx.Request], Any],
    tables: list[Row],
    server: Mapping[str, Any] | None = None,
    cache: Cache | None = None,
) -> Gateway:
    """A gateway whose sources all ask this upstream."""
    configuration = Configuration.from_tables({"server": dict(server or {}), "sources": tables})
    transport = httpx.MockTransport(upstream)
    sources = {
        source.name: source
        for source in open_sources(configuration.sources, ENVIRONMENT, transport=transport, cache=cache)
    }
    return Gateway(configuration, Projection(GRAPHQL_SCHEMA, registry(sources)), sources)


async def ask(gateway: Gateway, query: str, caller: Caller | None = None, **variables: Any) -> Row:
    """The data of an answer without errors."""
    request = GraphQLRequest(query, variables=variables)
    body = (await gateway.answer(request, Call(caller or Caller("any"), {}))).body
    answer: Row = msgspec.json.decode(body)
    assert "errors" not in answer, answer["errors"]
    data: Row = answer["data"]
    return data
