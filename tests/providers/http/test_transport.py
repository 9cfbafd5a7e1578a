"""The HTTP/1.1 client under the sources, against a server that misbehaves on purpose, and its httpx counterpart."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import ssl
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.http.connection import MAX_HEAD_BYTES, MAX_HEADERS
from providers.http.connection_pool import PooledTransport
from providers.http.httpx_transport import HttpxTransport
from providers.http.proxy import environment_proxy
from providers.http.transport import (
    Answer,
    BodyTooLarge,
    ConnectFailed,
    ConnectionLost,
    Headers,
    Limits,
    MalformedAnswer,
    Origin,
    TimedOut,
    origin_of,
)
from providers.http.urls import Unaddressable, redirected, target
from providers.spi.request import Request
from tests.support.scripted_server import ScriptedServer, Then, ok, scripted

LIMITS = Limits(connect_timeout=5.0, read_timeout=5.0, max_bytes=100_000)
HEADERS: Headers = (("Accept", "application/json"),)


@pytest.fixture
async def pool() -> AsyncIterator[PooledTransport]:
    transport = PooledTransport()
    yield transport
    await transport.aclose()


async def ask(
    transport: PooledTransport | HttpxTransport,
    server: ScriptedServer,
    method: str = "GET",
    path: str = "/things",
    body: bytes | None = None,
    limits: Limits = LIMITS,
    ca_file: str | None = None,
    within: float = 5.0,
) -> Answer:
    deadline = asyncio.get_running_loop().time() + within
    return await transport.send(origin_of(server.base_url, ca_file), method, path, HEADERS, body, limits, deadline)


# ---------------------------------------------------------------- what goes out


async def test_a_request_is_written_once_with_host_and_headers(pool: PooledTransport) -> None:
    async with scripted([ok()]) as server:
        await ask(pool, server, path="/v2/contacts?page=1")
        host = server.base_url.removeprefix("http://")
        assert server.requests == [
            f"GET /v2/contacts?page=1 HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n".encode()
        ]


async def test_a_body_goes_out_with_its_length(pool: PooledTransport) -> None:
    async with scripted([ok()]) as server:
        await ask(pool, server, "POST", body=b'{"search":"\xc3\xa9"}')
        assert server.requests[0].endswith(b'\r\nContent-Length: 15\r\n\r\n{"search":"\xc3\xa9"}')


def test_brackets_and_other_marks_are_encoded_exactly_once() -> None:
    request = Request(
        "GET", "/v2/contacts", (("filter[created_at][gte]", "2026-01-01T00:00:00+02:00"), ("q", "a b%5B&é"))
    )
    assert target("/api", request) == (
        "/api/v2/contacts?filter%5Bcreated_at%5D%5Bgte%5D=2026-01-01T00%3A00%3A00%2B02%3A00&q=a%20b%255B%26%C3%A9"
    )


def test_an_id_that_is_already_encoded_stays_as_it_is() -> None:
    assert target("", Request("GET", "/v2/contacts/a%2Fb")) == "/v2/contacts/a%2Fb"


@pytest.mark.parametrize("path", ["/v2/contacts/..", "/v2/./contacts", "/v2/contacts/%2e%2E"])
def test_a_path_with_a_dot_segment_is_refused(path: str) -> None:
    with pytest.raises(Unaddressable, match="dot segment"):
        target("", Request("GET", path))


def test_line_breaks_and_spaces_in_a_path_cannot_leave_the_request_line() -> None:
    assert target("", Request("GET", "/a b\r\nX: y?z#f")) == "/a%20b%0D%0AX:%20y%3Fz%23f"


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(Unaddressable, match="surrogate"):
        target("", Request("GET", "/a", (("q", "\ud800"),)))


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/v2/contacts/", "/v2/contacts/"),
        ("?page=2", "/v2/contacts?page=2"),
        ("http://api.example.com/other?a=%5B1%5D", "/other?a=%5B1%5D"),
        ("http://api.example.com:80/other", "/other"),
        ("http://elsewhere.example.com/v2/contacts", None),
        ("https://api.example.com/v2/contacts", None),
        ("http://api.example.com:8080/", None),
        ("//elsewhere.example.com/", None),
        ("http://[", None),
        ("ftp://api.example.com/", None),
    ],
)
def test_a_redirect_leads_only_inside_its_origin(location: str, leads_to: str | None) -> None:
    assert redirected(origin_of("http://api.example.com"), "/v2/contacts", location) == leads_to


def test_an_origin_knows_its_authority() -> None:
    assert origin_of("https://api.example.com/base").authority == "api.example.com"
    assert origin_of("http://api.example.com:8080").authority == "api.example.com:8080"
    assert origin_of("http://[::1]:8080").authority == "[::1]:8080"
    assert origin_of("https://bücher.example").host == "xn--bcher-kva.example"


# ---------------------------------------------------------------- what comes back


async def test_an_answer_has_status_lower_case_headers_and_body(pool: PooledTransport) -> None:
    async with scripted([ok(b'{"a":1}', "X-Api-Version: 7", "X-Twice: a", "X-Twice: b", "X-Empty:")]) as server:
        answer = await ask(pool, server)
    assert (answer.status, answer.body) == (200, b'{"a":1}')
    assert answer.headers["x-api-version"] == "7"
    assert answer.headers["x-twice"] == "a, b"
    assert answer.headers["x-empty"] == ""


async def test_an_answer_may_come_byte_by_byte(pool: PooledTransport) -> None:
    async with scripted([bytes([byte]) for byte in ok(b'{"a":1}', "X-Api-Version: 7")]) as server:
        answer = await ask(pool, server)
    assert (answer.body, answer.headers["x-api-version"]) == (b'{"a":1}', "7")


async def test_chunks_are_joined_and_trailers_ignored(pool: PooledTransport) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Real: 1\r\n\r\n"
    body = b"3\r\n[1,\r\n2;note=x\r\n2]\r\n0\r\nX-Real: 2\r\n\r\n"
    async with scripted([head, body], [ok()]) as server:
        answer = await ask(pool, server)
        await ask(pool, server)
        assert server.connections == 1
    assert (answer.body, answer.headers["x-real"]) == (b"[1,2]", "1")


async def test_a_body_without_length_ends_with_the_connection(pool: PooledTransport) -> None:
    async with scripted([b"HTTP/1.1 200 OK\r\n\r\n[1,", b"2]", Then.CLOSE]) as server:
        assert (await ask(pool, server)).body == b"[1,2]"


async def test_interim_answers_are_passed_over(pool: PooledTransport) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
    async with scripted([b"HTTP/1.1 100 Continue\r\n\r\n", interim, ok(b"[]")]) as server:
        answer = await ask(pool, server)
    assert (answer.status, answer.body) == (200, b"[]")
    assert "x-early" not in answer.headers


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_an_answer_without_body_is_complete_at_once(pool: PooledTransport, status: str) -> None:
    async with scripted([f"HTTP/1.1 {status}\r\nETag: x\r\n\r\n".encode()], [ok()]) as server:
        assert (await ask(pool, server)).body == b""
        await ask(pool, server)
        assert server.connections == 1


async def test_the_answer_to_head_has_no_body_whatever_its_length_says(pool: PooledTransport) -> None:
    async with scripted([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"]) as server:
        answer = await ask(pool, server, "HEAD")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "5000")


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"[1,2]")),
        ("x-gzip", gzip.compress(b"[1,") + gzip.compress(b"2]")),
        ("deflate", zlib.compress(b"[1,2]")),
        ("deflate", zlib.compress(b"[1,2]", wbits=-15)),
        ("identity", b"[1,2]"),
    ],
)
async def test_known_codings_are_undone(pool: PooledTransport, coding: str, packed: bytes) -> None:
    async with scripted([ok(packed, f"Content-Encoding: {coding}")]) as server:
        assert (await ask(pool, server)).body == b"[1,2]"


# ---------------------------------------------------------------- what is refused


async def test_a_decompression_bomb_is_stopped_at_the_limit(pool: PooledTransport) -> None:
    bomb = gzip.compress(b" " * 5_000_000)
    assert len(bomb) < LIMITS.max_bytes
    async with scripted([ok(bomb, "Content-Encoding: gzip")]) as server:
        with pytest.raises(BodyTooLarge, match="100000 bytes"):
            await ask(pool, server)


async def test_a_body_of_exactly_the_limit_is_taken(pool: PooledTransport) -> None:
    body = b" " * LIMITS.max_bytes
    async with scripted([ok(body)], [ok(gzip.compress(body), "Content-Encoding: gzip")]) as server:
        assert len((await ask(pool, server)).body) == LIMITS.max_bytes
        assert len((await ask(pool, server)).body) == LIMITS.max_bytes


@pytest.mark.parametrize(
    "steps",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n", Then.HANG],
        [b"HTTP/1.1 200 OK\r\n\r\n", b" " * 100_001, Then.HANG],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"186a1\r\n" + b" " * 100_001, Then.HANG],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 1_000_000, Then.HANG],
    ],
    ids=["announced", "until the end", "in one chunk", "in a chunk's extension"],
)
async def test_a_body_over_the_limit_is_not_read_to_its_end(pool: PooledTransport, steps: list[Any]) -> None:
    async with scripted(steps) as server:
        with pytest.raises(BodyTooLarge):
            await ask(pool, server)
        await server.ended.wait()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"garbage\r\n\r\n", "an answer in HTTP/1.1"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "an answer in HTTP/1.1"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nx", "an answer in HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n[]", "an answer in HTTP/1.1"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "an answer in HTTP/1.1",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxx", "plain or in chunks"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * (MAX_HEAD_BYTES + 1), "headers of at most"),
        (b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 3_000, "interim answers"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", "at most 200 headers"),
        (ok(b"[]", "Content-Encoding: br"), "plain or compressed with gzip"),
        (ok(b"[]", "Content-Encoding: gzip"), "can be decompressed"),
        (ok(gzip.compress(b"[1,2]")[:-4], "Content-Encoding: gzip"), "compression is complete"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_not_an_http_answer_is_malformed(pool: PooledTransport, answer: bytes, expected: str) -> None:
    async with scripted([answer, Then.HANG]) as server:
        with pytest.raises(MalformedAnswer, match=expected):
            await ask(pool, server)


@pytest.mark.parametrize("end", [Then.CLOSE, Then.RESET])
@pytest.mark.parametrize(
    "begun",
    [
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n",
    ],
)
async def test_an_answer_that_breaks_off_is_lost_and_not_asked_again(
    pool: PooledTransport, begun: bytes, end: Then
) -> None:
    async with scripted([begun, end], [ok()]) as server:
        with pytest.raises(ConnectionLost) as raised:
            await ask(pool, server)
        assert len(server.requests) == 1
    assert isinstance(raised.value, ConnectionLost)


# ---------------------------------------------------------------- connections


async def test_a_connection_is_used_again(pool: PooledTransport) -> None:
    async with scripted([ok(b"[1]")], [ok(b"[2]")]) as server:
        assert (await ask(pool, server)).body == b"[1]"
        assert (await ask(pool, server)).body == b"[2]"
        assert server.connections == 1
        assert pool.open_connections == 1


@pytest.mark.parametrize(
    "answer",
    [ok(b"[]", "Connection: close"), b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n[]"],
    ids=["Connection: close", "HTTP/1.0"],
)
async def test_a_connection_that_is_to_be_closed_is_not_used_again(pool: PooledTransport, answer: bytes) -> None:
    async with scripted([answer], [ok()]) as server:
        await ask(pool, server)
        await ask(pool, server)
        assert server.connections == 2


async def test_a_kept_connection_that_was_closed_unanswered_is_replaced(pool: PooledTransport) -> None:
    async with scripted([ok(b"[1]")], [Then.CLOSE], [ok(b"[2]")]) as server:
        await ask(pool, server)
        assert (await ask(pool, server)).body == b"[2]"
        assert (len(server.requests), server.connections) == (3, 2)


async def test_a_kept_connection_that_breaks_off_in_its_answer_is_not_replaced(pool: PooledTransport) -> None:
    async with scripted([ok(b"[1]")], [b"HTTP/1.1 200", Then.CLOSE], [ok(b"[2]")]) as server:
        await ask(pool, server)
        with pytest.raises(ConnectionLost):
            await ask(pool, server)
        assert len(server.requests) == 2


async def test_a_new_connection_that_is_closed_unanswered_is_not_tried_again(pool: PooledTransport) -> None:
    async with scripted([Then.CLOSE], [ok()]) as server:
        with pytest.raises(ConnectionLost):
            await ask(pool, server)
        assert len(server.requests) == 1


@pytest.mark.parametrize("surplus", [ok(b"[666]"), b"xx"])
async def test_an_answer_nobody_asked_for_is_never_taken(pool: PooledTransport, surplus: bytes) -> None:
    async with scripted([ok(b"[1]") + surplus], [ok(b"[2]")]) as server:
        assert (await ask(pool, server)).body == b"[1]"
        assert (await ask(pool, server)).body == b"[2]"
        assert server.connections == 2


async def test_bytes_that_come_while_a_connection_is_idle_end_it(pool: PooledTransport) -> None:
    later = asyncio.Event()
    async with scripted([ok(b"[1]"), later, ok(b"[666]"), Then.HANG], [ok(b"[2]")]) as server:
        assert (await ask(pool, server)).body == b"[1]"
        later.set()
        await asyncio.wait_for(server.ended.wait(), 5)
        assert (await ask(pool, server)).body == b"[2]"
        assert server.connections == 2


async def test_idle_connections_are_closed_after_their_time() -> None:
    pool = PooledTransport(idle_seconds=0.01)
    async with scripted([ok()]) as server:
        await ask(pool, server)
        await server.ended.wait()
        await asyncio.sleep(0)
        assert pool.open_connections == 0


async def test_no_more_idle_connections_are_kept_than_allowed() -> None:
    pool = PooledTransport(max_idle=1)
    async with scripted([ok()], [ok()], [ok()]) as server:
        await asyncio.gather(*(ask(pool, server) for _ in range(3)))
        await server.ended.wait()
        await asyncio.sleep(0.01)
        assert pool.open_connections == 1
    await pool.aclose()
    assert pool.open_connections == 0


async def test_concurrent_calls_each_get_their_own_answer(pool: PooledTransport) -> None:
    handlers: list[asyncio.Task[None] | None] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        while line := await reader.readline():
            if line.startswith(b"GET"):
                await asyncio.sleep(0)
                writer.write(ok(line.split()[1]))
        writer.close()

    listening = await asyncio.start_server(echo, "127.0.0.1", 0)
    server = ScriptedServer([], f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    for _ in range(3):
        answers = await asyncio.gather(*(ask(pool, server, path=f"/{number}") for number in range(20)))
        assert [answer.body for answer in answers] == [f"/{number}".encode() for number in range(20)]
    listening.close()
    await pool.aclose()
    assert len(handlers) <= 20
    await asyncio.gather(*(handler for handler in handlers if handler is not None), return_exceptions=True)


# ---------------------------------------------------------------- time


async def test_a_server_that_says_nothing_costs_the_deadline(pool: PooledTransport) -> None:
    async with scripted([Then.HANG]) as server:
        with pytest.raises(TimedOut) as raised:
            await ask(pool, server, within=0.05)
        await server.ended.wait()
    assert raised.value.phase == "total"
    assert pool.open_connections == 0


async def test_silence_within_an_answer_costs_the_read_timeout(pool: PooledTransport) -> None:
    async with scripted([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", Then.HANG]) as server:
        with pytest.raises(TimedOut) as raised:
            await ask(pool, server, limits=Limits(5.0, 0.05, 100_000))
    assert raised.value.phase == "read"


async def test_a_connection_that_is_not_made_costs_the_connect_timeout(
    pool: PooledTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*arguments: object, **options: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
    with pytest.raises(TimedOut) as raised:
        await ask(pool, ScriptedServer([], "http://127.0.0.1:9"), limits=Limits(0.01, 5.0, 1_000))
    assert raised.value.phase == "connect"


async def test_a_cancelled_call_closes_its_connection(pool: PooledTransport) -> None:
    async with scripted([b"HTTP/1.1 200 OK\r\n", Then.HANG]) as server:
        call = asyncio.create_task(ask(pool, server))
        await server.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await server.ended.wait()
    assert pool.open_connections == 0


async def test_closing_the_transport_ends_calls_under_way(pool: PooledTransport) -> None:
    async with scripted([Then.HANG]) as server:
        call = asyncio.create_task(ask(pool, server))
        await server.asked.wait()
        await pool.aclose()
        with pytest.raises(ConnectionLost):
            await call
    assert pool.open_connections == 0


# ---------------------------------------------------------------- not connecting


async def test_a_refused_connection_says_so_without_an_address(pool: PooledTransport) -> None:
    async with scripted() as server:
        pass
    with pytest.raises(ConnectFailed) as raised:
        await ask(pool, server)
    assert (str(raised.value), raised.value.lasting) == ("connection refused", False)


async def test_an_unknown_host_says_so(pool: PooledTransport) -> None:
    with pytest.raises(ConnectFailed, match="its host name is not known"):
        await ask(pool, ScriptedServer([], "http://nowhere.invalid"))


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def served_by(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_tls_works_with_a_trusted_certificate(pool: PooledTransport, certificate: Path) -> None:
    async with scripted([ok(b"[1]")], [ok(b"[2]")], tls=served_by(certificate)) as server:
        assert (await ask(pool, server, ca_file=str(certificate))).body == b"[1]"
        assert (await ask(pool, server, ca_file=str(certificate))).body == b"[2]"
        assert server.connections == 1


async def test_a_certificate_that_nobody_trusts_is_refused_for_good(pool: PooledTransport, certificate: Path) -> None:
    async with scripted([ok()], tls=served_by(certificate)) as server:
        with pytest.raises(ConnectFailed, match="certificate is not trusted") as raised:
            await ask(pool, server)
        assert server.requests == []
    assert raised.value.lasting is True


async def test_a_certificate_of_another_host_is_refused(pool: PooledTransport, certificate: Path) -> None:
    async with scripted([ok()], tls=served_by(certificate)) as server:
        server.base_url = server.base_url.replace("127.0.0.1", "localhost")
        with pytest.raises(ConnectFailed, match="certificate is not trusted"):
            await ask(pool, server, ca_file=str(certificate))
        assert server.requests == []


# ---------------------------------------------------------------- proxies


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        ("https://a.example.com", {}, None),
        ("https://a.example.com", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://a.example.com", {"https_proxy": "p:1"}, "http://p:1"),
        ("http://a.example.com", {"HTTPS_PROXY": "http://p:1"}, None),
        ("http://a.example.com", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("http://a.example.com", {"ALL_PROXY": "http://p:1", "NO_PROXY": "b.org, example.com"}, None),
        ("http://a.example.com", {"ALL_PROXY": "http://p:1", "NO_PROXY": ".example.com:80"}, None),
        ("http://a.example.com", {"ALL_PROXY": "http://p:1", "NO_PROXY": "ample.com,example.com:81"}, "http://p:1"),
        ("http://a.example.com", {"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ("http://127.0.0.1:8080", {"ALL_PROXY": "http://p:1"}, None),
        ("http://localhost", {"ALL_PROXY": "http://p:1"}, None),
    ],
)
def test_the_environments_proxy_is_for_other_machines(url: str, environ: dict[str, str], proxy: str | None) -> None:
    assert environment_proxy(origin_of(url), environ) == proxy


# ---------------------------------------------------------------- over httpx


def over(handler: Any) -> HttpxTransport:
    return HttpxTransport(httpx.MockTransport(handler))


SOMEWHERE = ScriptedServer([], "http://api.example.com")


async def test_over_httpx_the_target_goes_out_as_written() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[1], headers={"X-Api-Version": "7"})

    answer = await ask(over(handler), SOMEWHERE, "POST", "/a?f%5Bx%5D=a%2Fb", b"{}")
    assert (answer.status, answer.body, answer.headers["x-api-version"]) == (200, b"[1]", "7")
    assert seen[0].url.raw_path == b"/a?f%5Bx%5D=a%2Fb"
    assert (seen[0].content, seen[0].headers["host"]) == (b"{}", "api.example.com")
    assert seen[0].headers["accept"] == "application/json"


async def test_over_httpx_bodies_are_limited_before_and_after_decompression() -> None:
    def large(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b" " * 100_001)

    def bomb(_: httpx.Request) -> httpx.Response:
        stream = httpx.ByteStream(gzip.compress(b" " * 100_001))
        return httpx.Response(200, stream=stream, headers={"Content-Encoding": "gzip"})

    for handler in (large, bomb):
        with pytest.raises(BodyTooLarge):
            await ask(over(handler), SOMEWHERE)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (httpx.ConnectTimeout("x"), TimedOut, "connect"),
        (httpx.ReadTimeout("x"), TimedOut, "read"),
        (httpx.ConnectError("10.0.0.1 refused"), ConnectFailed, "no connection"),
        (httpx.ProxyError("10.0.0.1: 407"), ConnectFailed, "its proxy refused"),
        (httpx.ReadError("x"), ConnectionLost, "the connection was closed before the answer was complete"),
        (httpx.RemoteProtocolError("x"), ConnectionLost, "the connection was closed before the answer was complete"),
    ],
)
async def test_httpx_errors_become_the_transports(error: httpx.HTTPError, kind: type[Exception], text: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(kind) as raised:
        await ask(over(handler), SOMEWHERE)
    assert str(raised.value) == text


async def test_over_httpx_the_deadline_holds() -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimedOut) as raised:
        await ask(over(handler), SOMEWHERE, within=0.01)
    assert raised.value.phase == "total"


def test_an_origin_needs_a_scheme_and_a_host() -> None:
    assert origin_of("HTTPS://API.example.com") == Origin("https", "api.example.com", 443)
    for url in ("ftp://a", "/path", "http://"):
        with pytest.raises(ValueError, match="expected an http or https URL with a host"):
            origin_of(url)
