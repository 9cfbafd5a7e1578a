"""A source that sends the credential back in its headers: no client, log or metric is shown it."""

from __future__ import annotations

import json
import logging

import httpx
import pytest

from gql.configuration.file import read_configuration
from gql.http.app import create_app
from providers.http.credential import reveals
from tests.support.scripted_server import ok, scripted

TOKEN = "k9Fz-Qw27-planted-credential-8812"
QUERY = """{
  contacts(first: 1) { nodes { id } sources { status warnings { message } error { code message } } }
  sources { name health { apiVersion lastError { code message } } }
}"""
AFTERWARDS = "{ sources { name health { apiVersion lastError { code message } } } }"
CONFIGURATION = """
[server]
explain = true

[[sources]]
name = "sales"
provider = "wacr"
base_url = "{url}"
token_env = "SALES_TOKEN"
retries = 0
cache_ttl = 0
"""

PIECES = [TOKEN, f"v-{TOKEN}", TOKEN[4:14], TOKEN.upper(), TOKEN[-9:] + ".x"]


def refused(request_id: str) -> bytes:
    return f"HTTP/1.1 500 No\r\nX-Request-Id: {request_id}\r\nContent-Length: 0\r\n\r\n".encode()


def problem(request_id: str) -> bytes:
    body = json.dumps({"request_id": request_id}).encode()
    head = f"HTTP/1.1 400 No\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize("piece", PIECES)
async def test_what_a_source_echoes_of_the_credential_leaves_by_no_way(
    piece: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    good = ok(b'{"data":[],"meta":{"total":0}}', f"X-Api-Version: {piece}", f"X-Request-Id: {piece}")
    shown = ""
    async with scripted(*[[answer] for answer in (good, refused(piece), problem(piece))]) as server:
        configuration = read_configuration(CONFIGURATION.format(url=server.base_url))
        app = create_app(configuration.model_copy(update={"environment": {"SALES_TOKEN": TOKEN}}))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                for query in (QUERY, QUERY, QUERY, AFTERWARDS):
                    response = await client.post(
                        "/graphql", json={"query": query}, headers={"X-Contactgraph-Explain": "1"}
                    )
                    shown += f"{response.headers} {response.text}"
                shown += (await client.get("/metrics")).text
        assert len(server.requests) == 3
        assert TOKEN.encode() in server.requests[0]
    assert '"sales"' in shown
    assert "sales answered 500" in shown
    assert piece.lower() not in shown.lower()
    assert piece.lower() not in caplog.text.lower()


async def test_an_id_and_a_version_that_are_none_of_its_are_passed_on() -> None:
    good = ok(b'{"data":[],"meta":{"total":0}}', "X-Api-Version: 2026-01-beta")
    async with scripted([good], [refused("req-00000001")]) as server:
        configuration = read_configuration(CONFIGURATION.format(url=server.base_url))
        app = create_app(configuration.model_copy(update={"environment": {"SALES_TOKEN": TOKEN}}))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                shown = ""
                for query in (QUERY, QUERY, AFTERWARDS):
                    shown += (await client.post("/graphql", json={"query": query})).text
    assert "req-00000001" in shown
    assert "2026-01-beta" in shown


@pytest.mark.parametrize(
    ("text", "authorization", "found"),
    [
        ("abc", "Bearer abc", True),
        ("xABCx", "abc", True),
        ("ab", "abc", False),
        ("12345678", "Bearer 0123456789", True),
        ("1234567", "Bearer 0123456789", False),
        ("Bearer", "Bearer 0123456789", False),
        ("", "Bearer 0123456789", False),
        ("2026-01", "", False),
    ],
)
def test_a_piece_of_a_token_is_found(text: str, authorization: str, found: bool) -> None:
    assert reveals(text, authorization) is found
