"""Asking a fake in process, as its API's client would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from providers.apis.fakes import DEMO_CREDENTIAL, FakeApp

Parameters = Mapping[str, Any] | list[tuple[str, Any]]


def client(app: FakeApp, authorization: str = f"Bearer {DEMO_CREDENTIAL}") -> httpx.AsyncClient:
    """Returns a client of the application; close it or use it as a context manager."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://fake", headers={"Authorization": authorization})


async def get(app: FakeApp, path: str, parameters: Parameters | None = None) -> httpx.Response:
    """Returns the answer to one GET."""
    async with client(app) as asking:
        return await asking.get(path, params=parameters)


async def post(app: FakeApp, path: str, body: Any) -> httpx.Response:
    """Returns the answer to one POST of JSON."""
    async with client(app) as asking:
        return await asking.post(path, json=body)
