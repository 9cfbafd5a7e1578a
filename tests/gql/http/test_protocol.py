"""The head of a request over sockets: how large it may be, how long it may take, what a bad one leaves in the log."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from gql.configuration.settings import LimitSettings, ServerSettings
from gql.http.protocol import HEAD_BYTES, HEAD_LINES
from gql.http.server import _options

HOST = b"Host: x\r\n"
LINE = b"X: aaaaaaaaaaaaaaa\r\n"
TEST_SECONDS = 30.0
"""How long a test waits for an answer; far more than any takes."""
MOMENT = 0.2
"""Seconds in which a head has to be there, where that is what a test is about."""


class App:
    """Answers with the body that it was sent, after `hold` where the path asks for that. Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Scope] = []
        self.bodies: list[bytes] = []
        self.left = 0
        self.hold = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope)
        if scope["path"] == "/broken":
            raise RuntimeError("planted")
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            body += message["body"]
            more = message["more_body"]
        if scope["path"] == "/held":
            await self.hold.wait()
        self.bodies.append(body)
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})


class Client(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes, piece: int = 1 << 20) -> None:
        """Sends so many bytes at a time, each on its own way. A server that ends the connection ends the sending."""
        try:
            for start in range(0, len(data), piece):
                self.writer.write(data[start : start + piece])
                await self.writer.drain()
                await asyncio.sleep(0)
        except ConnectionError:
            pass

    async def status(self) -> int:
        """The next answer's status; what follows it is still to be read."""
        line = await asyncio.wait_for(self.reader.readline(), TEST_SECONDS)
        return int(line.split()[1])

    async def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """The next answer's status, headers and body."""
        status = await self.status()
        headers = {}
        while (line := await asyncio.wait_for(self.reader.readline(), TEST_SECONDS)) != b"\r\n":
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        body = await asyncio.wait_for(self.reader.readexactly(int(headers.get(b"content-length", 0))), TEST_SECONDS)
        return status, headers, body

    async def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        return await asyncio.wait_for(self.reader.read(), TEST_SECONDS)


class Served:
    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []

    async def client(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self._port))
        self._writers.append(client.writer)
        return client

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


@asynccontextmanager
async def serving(**limits: float) -> AsyncIterator[Served]:
    """An application behind the protocol with the settings that `contactgraph serve` gives it."""
    app = App()
    settings = ServerSettings(hosts=("x",), limits=LimitSettings.model_validate(limits))
    config = uvicorn.Config(app, **_options(settings))
    config.load()
    loop = asyncio.get_running_loop()
    state = ServerState()
    server = await loop.create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        served = Served(app, server.sockets[0].getsockname()[1])
        try:
            yield served
        finally:
            served.close()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "uvicorn.error")


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().strip() for record in caplog.records if record.name == "uvicorn.error"]


async def answered_once(served: Served) -> None:
    """Comes back when another client has its answer: what was sent before that has been read."""
    other = await served.client()
    await other.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (await other.answer())[0] == 200


def head_of(size: int, target: bytes = b"/") -> bytes:
    """A whole head of so many bytes."""
    before, after = b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"X: ", b"\r\n\r\n"
    return before + b"a" * (size - len(before) - len(after)) + after


# How large


@pytest.mark.parametrize("piece", [1 << 20, 50_000, 1_000])
async def test_a_head_may_have_so_many_bytes_however_they_come(served: Served, piece: int) -> None:
    client = await served.client()
    await client.send(head_of(HEAD_BYTES), piece)
    assert (await client.answer())[0] == 200
    await client.send(head_of(HEAD_BYTES), piece)
    assert (await client.answer())[0] == 200, "the bytes of one head are not counted for the next"
    await client.send(head_of(HEAD_BYTES + 1), piece)
    status, headers, body = await client.answer()
    assert (status, headers[b"connection"]) == (431, b"close")
    assert body.decode() == (
        "Request Header Fields Too Large: the request's head is too large; the limit is 65,536 bytes\n"
    )
    assert await client.rest() == b""
    assert len(served.app.asked) == 2


async def test_the_request_line_counts(served: Served) -> None:
    client = await served.client()
    await client.send(b"GET /?" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (await client.answer())[0] == 431
    assert served.app.asked == []


@pytest.mark.parametrize("piece", [1 << 20, 500])
async def test_a_head_may_have_so_many_lines(served: Served, piece: int) -> None:
    client = await served.client()
    await client.send(b"GET / HTTP/1.1\r\n" + HOST + LINE * (HEAD_LINES - 1) + b"\r\n", piece)
    assert (await client.answer())[0] == 200
    await client.send(b"GET / HTTP/1.1\r\n" + HOST + LINE * HEAD_LINES + b"\r\n", piece)
    status, headers, body = await client.answer()
    assert (status, headers[b"connection"]) == (431, b"close")
    assert body.endswith(b"the limit is 200 lines\n")
    assert await client.rest() == b""
    assert len(served.app.asked) == 1


async def test_a_head_without_end_is_refused_while_it_comes(served: Served) -> None:
    client = await served.client()
    await client.send(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 200_000)
    assert (await client.answer())[0] == 431
    assert await client.rest() == b""


async def test_empty_lines_before_a_request_are_counted(served: Served) -> None:
    client = await served.client()
    await client.send(b"\r\n" * (HEAD_BYTES // 2))
    assert (await client.answer())[0] == 431


async def test_a_body_is_not_counted(served: Served) -> None:
    client = await served.client()
    body = bytes(range(256)) * 4_000
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n"
    for _ in range(2):
        await client.send(head + body)
        status, _, echoed = await client.answer()
        assert status == 200
        assert echoed == body


async def test_a_body_in_chunks_is_not_counted_and_its_trailers_are_no_headers(served: Served) -> None:
    client = await served.client()
    chunks = b"".join(b"3E8\r\n" + bytes([letter]) * 1_000 + b"\r\n" for letter in range(200))
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    await client.send(head + chunks)
    await answered_once(served)
    await client.send(b"0\r\nX-API-Key: planted\r\n\r\n")
    status, _, echoed = await client.answer()
    assert status == 200
    assert echoed == b"".join(bytes([letter]) * 1_000 for letter in range(200))
    assert served.app.asked[0]["headers"] == [(b"host", b"x"), (b"transfer-encoding", b"chunked")]
    await client.send(head_of(HEAD_BYTES))
    assert (await client.answer())[0] == 200, "what is behind a body is not counted for the next head"


@pytest.mark.parametrize("endless", [b"0\r\nX: " + b"a" * 300_000, b"5;" + b"a" * 300_000], ids=["trailer", "chunk"])
async def test_what_is_around_a_body_is_bounded_too(served: Served, endless: bytes) -> None:
    client = await served.client()
    await client.send(b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n" + endless)
    assert (await client.answer())[0] == 431
    assert await client.rest() == b""
    assert (len(served.app.asked), served.app.left, served.app.bodies) == (1, 1, [])


@pytest.mark.parametrize("bad", [head_of(HEAD_BYTES * 2), b"no http\r\n\r\n"], ids=["too large", "malformed"])
async def test_a_bad_head_behind_a_good_request_leaves_that_ones_answer_whole(served: Served, bad: bytes) -> None:
    client = await served.client()
    await client.send(b"POST /held HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nfirst" + bad)
    await answered_once(served)
    served.app.hold.set()
    status, _, body = await client.answer()
    assert (status, body) == (200, b"first")
    status, headers, _ = await client.answer()
    assert (status, headers[b"connection"]) == (431 if len(bad) > HEAD_BYTES else 400, b"close")
    assert await client.rest() == b""
    assert len(served.app.asked) == 2, "the bad one is not among them"


# How long


async def test_a_head_that_does_not_come_is_408_and_idle_connections_are_left_alone() -> None:
    async with serving(request_timeout=MOMENT) as served:
        unused, used, slow = [await served.client() for _ in range(3)]
        await used.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (await used.answer())[0] == 200
        await slow.send(b"GET / HTTP/1.1\r\nHos")
        status, headers, body = await slow.answer()
        assert (status, headers[b"connection"]) == (408, b"close")
        assert body.decode() == "Request Timeout: the request's head took too long; the limit is 0.2 seconds\n"
        assert await slow.rest() == b""
        for idle in (unused, used):
            await idle.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            assert (await idle.answer())[0] == 200


async def test_a_head_that_keeps_coming_has_no_more_time() -> None:
    async with serving(request_timeout=MOMENT) as served:
        client = await served.client()
        answer = asyncio.create_task(client.answer())
        await client.send(b"GET / HTTP/1.1\r\n")
        for _ in range(HEAD_LINES - 1):
            await client.send(LINE)
            await asyncio.sleep(MOMENT / 20)
            if answer.done():
                break
        assert (await answer)[0] == 408


async def test_a_head_that_came_in_time_ends_its_deadline() -> None:
    async with serving(request_timeout=MOMENT) as served:
        client, slow = [await served.client() for _ in range(2)]
        await client.send(b"GET / HTTP/1.1\r\n")
        await answered_once(served)
        await client.send(HOST + b"\r\n")
        assert (await client.answer())[0] == 200
        await slow.send(b"GET")
        assert (await slow.answer())[0] == 408
        await client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (await client.answer())[0] == 200


async def test_a_head_that_waits_for_an_answer_before_it_is_not_late() -> None:
    async with serving(request_timeout=MOMENT) as served:
        client, slow = [await served.client() for _ in range(2)]
        await client.send(b"GET /held HTTP/1.1\r\n" + HOST + b"\r\nGET / HT")
        await slow.send(b"GET")
        assert (await slow.answer())[0] == 408
        served.app.hold.set()
        assert (await client.answer())[0] == 200
        await client.send(b"TP/1.1\r\n" + HOST + b"\r\n")
        assert (await client.answer())[0] == 200


# The log


@pytest.mark.parametrize(
    "data",
    [b"no http at all\r\n\r\n", b"GET /\xe9 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"\x16\x03\x01"],
)
async def test_what_is_no_http_is_400_and_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    client = await served.client()
    await client.send(data)
    status, headers, body = await client.answer()
    assert (status, headers[b"connection"]) == (400, b"close")
    assert body == b"Bad Request: the request is no HTTP\n"
    assert await client.rest() == b""
    assert (served.app.asked, logged(caplog)) == ([], [])


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_another_protocol_is_not_spoken_and_not_logged(
    served: Served, caplog: pytest.LogCaptureFixture, protocol: bytes
) -> None:
    client = await served.client()
    await client.send(b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n")
    assert (await client.answer())[0] == 200
    assert logged(caplog) == []


async def test_a_fault_of_the_application_is_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    client = await served.client()
    await client.send(b"GET /broken HTTP/1.1\r\n" + HOST + b"\r\n")
    assert await client.status() == 500
    assert logged(caplog) == ["Exception in ASGI application"]


async def test_a_fault_in_reading_a_head_is_logged(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("uvicorn.protocols.http.httptools_impl.RequestResponseCycle.__init__", broken)
    client = await served.client()
    await client.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (await client.answer())[0] == 500
    assert logged(caplog) == ["a request's head could not be handled"]
