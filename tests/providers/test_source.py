"""A configured source: how it is opened, whose credential goes out, and what its health says."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from providers.http.connection_pool import PooledTransport
from providers.http.credential import Credential
from providers.http.httpx_transport import HttpxTransport
from providers.open_sources import SourceConfigurationError, open_sources
from providers.registry import PROVIDERS
from providers.resilience.circuit_breaker import CircuitState
from providers.settings import SourceSettings
from providers.source import Source
from providers.spi.capabilities import Capabilities
from providers.spi.errors import (
    SourceBadRequest,
    SourceError,
    SourceErrorCode,
    SourceInvalidResponse,
    SourceUnauthenticated,
)
from providers.spi.provider import InvalidAnswer, Provider
from providers.spi.record import SourceRecord
from providers.spi.request import Request
from tests.support.scripted_server import Then, ok, scripted

TOKEN = "s3cret-t0ken"
LIST = Request("GET", "/v2/contacts")
GOOD = httpx.Response(200, json={"data": []}, headers={"X-Api-Version": "2026-01"})


def settings(**changed: Any) -> SourceSettings:
    values: dict[str, Any] = {
        "name": "sales",
        "provider": "wacr",
        "base_url": "http://api.example.com/crm/",
        "cache_ttl": 0.0,
        "retries": 0,
        **changed,
    }
    if "token_header" not in values:
        values.setdefault("token_env", "SALES_TOKEN")
    return SourceSettings(**values)


class Recorded:
    """An httpx transport that keeps what came and answers with `reply`."""

    def __init__(self, reply: httpx.Response = GOOD) -> None:
        self.requests: list[httpx.Request] = []
        self.reply = reply
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.reply.status_code, headers=self.reply.headers, content=self.reply.content)


def opened(recorded: Recorded, **changed: Any) -> Source:
    (source,) = open_sources([settings(**changed)], {"SALES_TOKEN": TOKEN}, transport=recorded.transport)
    return source


async def asked(source: Source, credential: Credential | None = None, request: Request = LIST) -> None:
    await source.send(request, credential, deadline=None)


# ---------------------------------------------------------------- credentials


@pytest.mark.parametrize(("scheme", "sent"), [("bearer", f"Bearer {TOKEN}"), ("raw", TOKEN)])
async def test_the_environments_token_goes_out_in_the_scheme_of_the_source(scheme: str, sent: str) -> None:
    recorded = Recorded()
    await asked(opened(recorded, auth_scheme=scheme))
    assert recorded.requests[0].headers["authorization"] == sent


async def test_what_goes_out_with_every_request() -> None:
    recorded = Recorded()
    question = Request("POST", "/contacts", (("filter[a]", "1"),), b"{}")
    await asked(opened(recorded), request=question)
    (request,) = recorded.requests
    assert request.url.raw_path == b"/crm/contacts?filter%5Ba%5D=1"
    assert {name: request.headers[name] for name in ("accept", "accept-encoding", "content-type")} == {
        "accept": "application/json",
        "accept-encoding": "gzip",
        "content-type": "application/json",
    }
    assert request.headers["user-agent"].startswith("contactgraph/")


async def test_a_callers_token_goes_out_for_that_caller_alone() -> None:
    recorded = Recorded()
    source = opened(recorded, token_header="X-Sales-Token")
    await asyncio.gather(*(asked(source, Credential(f"token-{number}")) for number in range(3)))
    assert sorted(request.headers["authorization"] for request in recorded.requests) == [
        "Bearer token-0",
        "Bearer token-1",
        "Bearer token-2",
    ]


async def test_a_forwarded_bearer_header_is_not_prefixed_twice() -> None:
    recorded = Recorded()
    await asked(opened(recorded, token_header="Authorization"), Credential("bearer abc"))
    assert recorded.requests[0].headers["authorization"] == "bearer abc"


async def test_a_missing_callers_token_names_the_header_and_costs_no_call() -> None:
    recorded = Recorded()
    with pytest.raises(SourceUnauthenticated) as raised:
        await asked(opened(recorded, token_header="X-Sales-Token"))
    assert raised.value.message == "sales needs a credential; send the header X-Sales-Token"
    assert recorded.requests == []


async def test_a_refused_callers_token_names_the_header() -> None:
    recorded = Recorded(httpx.Response(401))
    with pytest.raises(SourceUnauthenticated) as raised:
        await asked(opened(recorded, token_header="X-Sales-Token"), Credential("wrong"))
    assert raised.value.message == "sales refused the credential (401); check the header X-Sales-Token"


@pytest.mark.parametrize("token", ["", "a\r\nX-Evil: 1", "a\nb", "a\0b", "tökén", " ", "a "])
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ValueError, match="expected a token of visible ASCII") as raised:
        Credential(token)
    assert str(raised.value) == "expected a token of visible ASCII characters, without line breaks"


def test_a_credential_does_not_show_itself() -> None:
    credential = Credential(TOKEN)
    source = opened(Recorded())
    for text in (repr(credential), str(credential), f"{credential}", repr([credential]), repr(source)):
        assert TOKEN not in text
    assert repr(credential) == "Credential(***)"
    assert (credential == Credential(TOKEN), credential == Credential("other")) == (True, False)


async def test_a_credential_is_in_no_error_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    for reply in (
        httpx.Response(401, text=TOKEN),
        httpx.Response(503),
        httpx.Response(302),
        httpx.Response(200, text=TOKEN),
    ):
        source = opened(Recorded(reply), circuit_failures=1, retries=1)
        for _ in range(2):
            with pytest.raises(SourceError) as raised:
                await asked(source)
            texts += [str(raised.value), repr(raised.value), str(source.health.last_error)]
    assert texts
    assert TOKEN not in "".join(texts) + caplog.text


# ---------------------------------------------------------------- page sizes


@pytest.mark.parametrize(
    ("configured", "documented", "largest"),
    [(None, 100, 100), (50, 100, 50), (500, 100, 100), (None, None, 40), (500, None, 500)],
)
def test_the_largest_page_is_the_setting_within_what_is_documented(
    configured: int | None, documented: int | None, largest: int
) -> None:
    made = settings(max_page_size=configured)
    provider: Any = PROVIDERS["wacr"](made)
    table: Capabilities = provider.capabilities
    provider.capabilities = msgspec.structs.replace(table, max_page_size=documented, default_max_page_size=40)
    fitted: Provider = provider
    source = Source(made, fitted, SourceRecord("id", "sales", "wacr"), Recorded().transport)
    assert source.max_page_size == largest


# ---------------------------------------------------------------- opening


def test_sources_open_in_their_order_with_their_records() -> None:
    sources = open_sources(
        [settings(), settings(name="support", provider="tether", default_region="KE")], {"SALES_TOKEN": TOKEN}
    )
    assert [(source.name, source.record.provider, source.record.default_region) for source in sources] == [
        ("sales", "wacr", None),
        ("support", "tether", "KE"),
    ]
    assert sources[0].record.id != sources[1].record.id


@pytest.mark.parametrize(
    ("changed", "environ", "message"),
    [
        (
            {},
            {},
            "source 'sales': token_env: the environment variable 'SALES_TOKEN' is not set; expected it to hold the",
        ),
        ({}, {"SALES_TOKEN": ""}, "source 'sales': token_env: the environment variable 'SALES_TOKEN' is not set"),
        (
            {},
            {"SALES_TOKEN": f"{TOKEN}\n"},
            "source 'sales': token_env: the environment variable 'SALES_TOKEN': expected a token of visible ASCII",
        ),
        (
            {"provider": "nope"},
            {"SALES_TOKEN": TOKEN},
            "source 'sales': provider: 'nope' is unknown; expected one of ask",
        ),
        ({"ca_file": "nowhere.pem"}, {"SALES_TOKEN": TOKEN}, "source 'sales': ca_file: 'nowhere.pem' cannot be read"),
        (
            {"proxy": f"gopher://u:{TOKEN}@p"},
            {"SALES_TOKEN": TOKEN},
            "source 'sales': proxy: the proxy's URL cannot be used",
        ),
    ],
)
def test_a_source_that_cannot_be_opened_says_which_key_and_why(
    changed: dict[str, Any], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(SourceConfigurationError) as raised:
        open_sources([settings(**changed)], environ)
    assert str(raised.value).startswith(message)
    assert TOKEN not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_name_is_used_once() -> None:
    with pytest.raises(SourceConfigurationError, match="'sales' is used twice"):
        open_sources([settings(), settings()], {"SALES_TOKEN": TOKEN})


def test_a_file_that_holds_no_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    with pytest.raises(SourceConfigurationError, match="ca_file"):
        open_sources([settings(ca_file=str(tmp_path / "ca.pem"))], {"SALES_TOKEN": TOKEN})


@pytest.mark.parametrize(
    ("changed", "environ", "kind"),
    [
        ({}, {}, PooledTransport),
        ({"proxy": "http://user:pw@proxy.example.com:3128"}, {}, HttpxTransport),
        ({}, {"HTTP_PROXY": "http://proxy.example.com:3128"}, HttpxTransport),
        ({"base_url": "http://127.0.0.1:8000"}, {"HTTP_PROXY": "http://proxy.example.com:3128"}, PooledTransport),
    ],
)
def test_a_proxy_is_used_where_one_is_asked_for(
    changed: dict[str, Any], environ: dict[str, str], kind: type[object]
) -> None:
    (source,) = open_sources([settings(**changed)], {"SALES_TOKEN": TOKEN, **environ})
    assert type(source._upstream.transport) is kind


async def test_a_request_goes_through_the_proxy() -> None:
    async with scripted([ok(b'{"data":[]}'), Then.CLOSE]) as proxy:
        (source,) = open_sources([settings(proxy=proxy.base_url)], {"SALES_TOKEN": TOKEN})
        await asked(source)
        assert proxy.requests[0].startswith(b"GET http://api.example.com/crm/v2/contacts HTTP/1.1\r\n")
        await source.aclose()


def test_a_proxys_password_is_not_in_the_settings_repr() -> None:
    assert TOKEN not in repr(settings(proxy=f"http://user:{TOKEN}@proxy"))


async def test_an_opened_source_asks_over_its_own_connections() -> None:
    async with scripted([ok(b'{"data":[]}')]) as server:
        (source,) = open_sources([settings(base_url=f"{server.base_url}/crm")], {"SALES_TOKEN": TOKEN})
        response = await source.send(LIST, None, deadline=None)
        await source.aclose()
    assert (response.status, response.body, response.stale, response.cache_hit) == (200, b'{"data":[]}', False, False)
    assert server.requests[0].startswith(b"GET /crm/v2/contacts HTTP/1.1\r\n")
    assert f"\r\nAuthorization: Bearer {TOKEN}\r\n".encode() in server.requests[0]


# ---------------------------------------------------------------- health


class Clock:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watched(recorded: Recorded, clock: Clock) -> Source:
    made = settings()
    record = SourceRecord("id", "sales", "wacr")
    credential = Credential(TOKEN)
    return Source(made, PROVIDERS["wacr"](made), record, recorded.transport, credential=credential, clock=clock)


def test_a_source_that_was_never_asked_has_nothing_to_tell(clock: Clock) -> None:
    health = watched(Recorded(), clock).health
    assert (health.circuit, health.last_success_at, health.last_error) == (CircuitState.CLOSED, None, None)
    assert (health.rate_limited_until, health.latency_ms, health.api_version) == (None, None, None)


async def test_health_knows_the_last_success_its_version_and_the_latency(clock: Clock) -> None:
    source = watched(Recorded(), clock)
    await asked(source)
    health = source.health
    assert (health.last_success_at, health.api_version) == (datetime(2026, 11, 21, 12, tzinfo=UTC), "2026-01")
    assert health.latency_ms is not None
    assert health.latency_ms > 0
    assert health.calls == {"OK": 1}


async def test_health_knows_until_when_the_source_is_rate_limited(clock: Clock) -> None:
    recorded = Recorded(httpx.Response(429, headers={"Retry-After": "90", "X-Request-Id": "r1"}))
    source = watched(recorded, clock)
    with pytest.raises(SourceError):
        await asked(source)
    error = source.health.last_error
    assert error is not None
    assert (error.code, error.message, error.status, error.retry_after, error.request_id) == (
        SourceErrorCode.SOURCE_RATE_LIMITED,
        "sales answered 429; retry in 90 s",
        429,
        90.0,
        "r1",
    )
    assert source.health.rate_limited_until == datetime(2026, 11, 21, 12, 1, 30, tzinfo=UTC)
    clock.now += 91
    assert source.health.rate_limited_until is None


@pytest.mark.parametrize("status", [404, 410])
async def test_that_something_is_not_there_is_no_failure_where_it_may_be_missing(clock: Clock, status: int) -> None:
    source = watched(Recorded(httpx.Response(status)), clock)
    looked_up = Request("GET", "/v2/contacts/7", may_be_missing=True)
    with pytest.raises(SourceBadRequest):
        await source.send(looked_up, None, deadline=None)
    assert source.health.last_error is None
    with pytest.raises(SourceBadRequest):
        await source.send(Request("GET", "/v2/contacts"), None, deadline=None)
    assert source.health.last_error is not None
    assert source.health.last_error.status == status


async def test_a_success_ends_the_rate_limit_and_keeps_the_last_error(clock: Clock) -> None:
    recorded = Recorded(httpx.Response(429, headers={"Retry-After": "90"}))
    source = watched(recorded, clock)
    with pytest.raises(SourceError):
        await asked(source)
    recorded.reply = GOOD
    # Its time is over by the clock of calls, and not yet by the one of health.
    source._upstream._rate_limited.clock = lambda: time.monotonic() + 91
    await asked(source)
    assert source.health.rate_limited_until is None
    assert source.health.last_error is not None
    assert source.health.calls == {"OK": 1, "SOURCE_RATE_LIMITED": 1}


def test_an_answer_the_decoder_refuses_is_the_sources_invalid_response(clock: Clock) -> None:
    source = watched(Recorded(), clock)
    failure = source.invalid(InvalidAnswer("expected data to be a list"))
    assert isinstance(failure, SourceInvalidResponse)
    assert (failure.message, failure.source) == ("sales: expected data to be a list", "sales")
    assert source.health.last_error is not None
    assert source.health.last_error.code is SourceErrorCode.SOURCE_INVALID_RESPONSE


async def test_an_id_that_no_url_can_hold_is_not_found_and_not_asked() -> None:
    recorded = Recorded()
    with pytest.raises(SourceBadRequest) as raised:
        await asked(opened(recorded), request=Request("GET", "/v2/contacts/.."))
    assert raised.value.status == 404
    assert recorded.requests == []
