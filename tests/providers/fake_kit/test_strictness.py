"""What no page documents is refused by every endpoint of every fake, by default (providers/fakes/README.md)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from providers.apis.fakes import FAKES
from tests.support.world import TOKEN

GETS = [
    ("tether", "/api/contacts"),
    ("tether", "/api/pipelines"),
    ("tether", "/api/user/list"),
    ("askelephant", "/v2/contacts"),
    ("wacr", "/v2/contacts"),
    ("wacr", "/v2/groups"),
    ("autokonnect", "/api/v1/contacts"),
    ("autokonnect", "/api/v1/contacts/tags"),
]
ODD = [
    ("tether", "/api/contacts", "page", "0"),
    ("tether", "/api/contacts", "size", "0"),
    ("tether", "/api/contacts", "dateRange", "2025"),
    ("askelephant", "/v2/contacts", "order_by", "created_at:asc"),
    ("askelephant", "/v2/contacts", "limit", "0"),
    ("askelephant", "/v2/contacts", "filter[updated_at][eq]", "2025-01-01T00:00:00Z"),
    ("wacr", "/v2/contacts", "sort", "email"),
    ("wacr", "/v2/contacts", "include", "tags"),
    ("wacr", "/v2/contacts", "fields", "ids"),
    ("wacr", "/v2/contacts", "filter[email]", "a"),
    ("wacr", "/v2/contacts", "filter[type][contains]", "a"),
    ("wacr", "/v2/groups", "sort", "id"),
    ("wacr", "/v2/groups", "sort", "color"),
    ("autokonnect", "/api/v1/contacts", "page", "0"),
    ("autokonnect", "/api/v1/contacts/tags", "limit", "x"),
]


async def refused(provider: str, method: str, path: str, **asked: Any) -> httpx.Response:
    app = FAKES[provider](5, token=TOKEN)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://fake.invalid") as client:
        return await client.request(method, path, headers={"Authorization": f"Bearer {TOKEN}"}, **asked)


@pytest.mark.parametrize(("provider", "path"), GETS)
async def test_an_undocumented_parameter_is_refused(provider: str, path: str) -> None:
    assert (await refused(provider, "GET", path)).status_code == 200
    answer = await refused(provider, "GET", path, params={"colour": "red"})
    assert (answer.status_code, "colour" in answer.text) == (400, True)


@pytest.mark.parametrize(("provider", "path", "name", "value"), ODD)
async def test_an_undocumented_value_is_refused(provider: str, path: str, name: str, value: str) -> None:
    assert (await refused(provider, "GET", path, params={name: value})).status_code in (400, 422)


@pytest.mark.parametrize("path", ["/api/contacts", "/api/contacts/status"])
async def test_an_undocumented_key_of_a_body_is_refused(path: str) -> None:
    body = {"status": "New Lead", "ownerFilter": "all"}
    assert (await refused("tether", "POST", path, json=body)).status_code == 200
    assert (await refused("tether", "POST", path, json=body | {"leadSource": "x"})).status_code == 400


@pytest.mark.parametrize("path", ["/v2/contacts", "/v2/groups"])
async def test_a_page_larger_than_documented_is_refused(path: str) -> None:
    assert (await refused("wacr", "GET", path, params={"per_page": "100"})).status_code == 200
    assert (await refused("wacr", "GET", path, params={"per_page": "101"})).status_code == 422
