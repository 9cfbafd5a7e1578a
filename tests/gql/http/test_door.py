"""The door over real sockets: what a client can do before anybody knows who it is, and without reading its answers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gql.http.unsent import UnsentBytes

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 60.0
"""How long a test waits for the server; far more than any answer takes."""
QUERY = b'{"query": "{ __typename }"}'
MEGABYTE = 1_000_000
ANSWER_BYTES = 4_400_000
UNSENT_BYTES = 128 * MEGABYTE
"""The default of `server.unsent_bytes`."""

SERVER = """
import asyncio, sys
from gql.configuration.settings import ServerSettings
from gql.http.server import address, listen, serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    # As the gateway lets a few operations in at a time (gql.execution.admission).
    async with turns:
        answer = b"x" * LARGE if scope["path"] == "/large" else scope["path"].encode() + b":" + body
        length = str(len(answer)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": answer})
        del answer
        await asyncio.sleep(0)

turns = asyncio.Semaphore(4)
listener = listen("127.0.0.1", 0)
settings = ServerSettings(unsent_bytes=UNSENT)
asyncio.run(serve(app, listener, settings, lambda: print(listener.getsockname()[1], flush=True)))
"""


@contextmanager
def served() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A small application behind the gateway's own server, in a process of its own: its port, and the process."""
    script = textwrap.dedent(SERVER).replace("LARGE", str(ANSWER_BYTES)).replace("UNSENT", str(UNSENT_BYTES))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture
def server() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    with served() as running:
        yield running


def memory(process: subprocess.Popen[str]) -> int:
    """The bytes of memory that a process has at the most had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


needs_proc = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="reads a process's memory in /proc")


def connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    connection.settimeout(SECONDS)
    return connection


def answered(connection: socket.socket, until: bytes = b"") -> bytes:
    """All that comes until the server ends the connection, or `until` is there."""
    found = b""
    while not (until and until in found):
        try:
            piece = connection.recv(65_536)
        except ConnectionError:
            break
        if not piece:
            break
        found += piece
    return found


def healthy(port: int) -> None:
    """The server still answers somebody else."""
    with connected(port) as other:
        other.sendall(b"GET /well HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert answered(other).endswith(b"/well:")


@needs_proc
def test_ten_megabytes_of_pipelined_requests_are_not_held_in_memory(
    server: tuple[int, subprocess.Popen[str]],
) -> None:
    port, process = server
    healthy(port)
    before = memory(process)
    request = b"GET /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connections = [connected(port) for _ in range(40)]
    for connection in connections:
        connection.setblocking(False)
        left = memoryview(request * (256_000 // len(request)))
        for _ in range(200):
            try:
                left = left[connection.send(left) :]
            except BlockingIOError:
                break
            if not left:
                break
    time.sleep(0.5)
    healthy(port)
    assert memory(process) - before < 20 * MEGABYTE
    for connection in connections:
        connection.close()


def test_pipelined_requests_are_answered_one_after_the_other(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, _ = server
    with connected(port) as connection:
        requests = [f"GET /{number} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" for number in range(500)]
        connection.sendall("".join(requests).encode() + b"GET /end HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        found = answered(connection, b"/end:")
    places = [found.index(f"/{number}:".encode()) for number in range(500)]
    assert places == sorted(places)


@needs_proc
def test_two_hundred_clients_that_do_not_read_cost_no_more_than_the_bound(
    server: tuple[int, subprocess.Popen[str]],
) -> None:
    port, process = server
    healthy(port)
    before = memory(process)
    connections = []
    for _ in range(200):
        connection = connected(port)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        connections.append(connection)
    healthy(port)
    grown = memory(process) - before
    assert grown < UNSENT_BYTES, f"{grown:,}"
    # Who reads gets all of its answer.
    with connected(port) as reader:
        reader.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert answered(reader).endswith(b"x" * 1_000)
    for connection in connections:
        connection.close()
    # Told to end, it would wait for those who may still read.
    process.kill()


async def test_a_connection_whose_unsent_bytes_do_not_shrink_is_aborted() -> None:
    class Connection:
        aborted = False
        left = 1_000

        def get_write_buffer_size(self) -> int:
            return self.left

        def abort(self) -> None:
            self.aborted = True

    unsent = UnsentBytes(1_000_000, stall_seconds=0.2)
    still, slow = Connection(), Connection()
    loop = asyncio.get_running_loop()
    for each in (still, slow):
        unsent.hold(each, 1_000, loop)
    for _ in range(100):
        await asyncio.sleep(0.01)
        slow.left = max(1, slow.left - 5)
        if still.aborted:
            break
    assert (still.aborted, slow.aborted) == (True, False)
    assert unsent.total == 1_000


def test_over_the_bound_the_one_that_took_nothing_for_the_longest_time_is_ended() -> None:
    class Connection:
        def __init__(self) -> None:
            self.aborted = False

        def get_write_buffer_size(self) -> int:
            return 400

        def abort(self) -> None:
            self.aborted = True

    loop = asyncio.new_event_loop()
    unsent = UnsentBytes(1_000)
    connections = [Connection() for _ in range(4)]
    for each in connections:
        unsent.hold(each, 400, loop)
    loop.close()
    assert [each.aborted for each in connections] == [True, True, False, False]
    assert unsent.total <= 1_000


UPGRADES = [
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n",
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    b"Connection: upgrade\r\nUpgrade: odd\r\n",
    b"Connection: keep-alive, Upgrade\r\nUpgrade: a/1, b/2\r\n",
]
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


# HTTP/1.0 has no chunks.
@pytest.mark.parametrize(
    ("way", "version"),
    [(way, version) for way in ("one write", "two writes") for version in (b"HTTP/1.1", b"HTTP/1.0")]
    + [("chunked", b"HTTP/1.1")],
)
@pytest.mark.parametrize("upgrade", UPGRADES)
def test_an_upgrade_is_not_taken_and_the_body_belongs_to_its_request(
    server: tuple[int, subprocess.Popen[str]], way: str, upgrade: bytes, version: bytes
) -> None:
    port, _ = server
    head = b"POST /it " + version + b"\r\nHost: 127.0.0.1\r\n" + upgrade
    if way == "chunked":
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
    else:
        head += b"Content-Length: %d\r\n\r\n" % len(SMUGGLED)
        body = SMUGGLED
    with connected(port) as connection:
        if way == "one write":
            connection.sendall(head + body)
        else:
            connection.sendall(head)
            time.sleep(0.05)
            connection.sendall(body)
        connection.shutdown(socket.SHUT_WR)
        found = answered(connection)
    assert found.count(b"HTTP/1.1 200") == 1
    assert found.endswith(b"/it:" + SMUGGLED)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_curls_offer_of_another_protocol_does_not_cost_the_body(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, _ = server
    done = subprocess.run(
        ["curl", "-s", "--http2", "-d", "the body", f"http://127.0.0.1:{port}/it"],
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout == b"/it:the body"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n", 403),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (
            b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
        (b"CONNECT a.example:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
    ],
)
def test_what_is_no_clear_request_to_this_server_is_refused(
    server: tuple[int, subprocess.Popen[str]], head: bytes, status: int
) -> None:
    port, _ = server
    with connected(port) as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        found = answered(connection)
    assert int(found.split(b" ", 2)[1]) == status
    assert b"attacker" not in found
    healthy(port)


@contextmanager
def gateway() -> Iterator[str]:
    """The demo's gateway, in processes as a user starts it: its URL."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("contactgraph")), "demo", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=SECONDS).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with gateway() as found:
        yield found


def test_the_refusal_of_a_large_body_is_read_by_a_client_that_sends_first(url: str) -> None:
    request = urllib.request.Request(
        f"{url}/graphql", data=b" " * 8_000_000, headers={"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=SECONDS)
    assert refused.value.code == 413
    assert json.loads(refused.value.read())["errors"][0]["extensions"]["setting"] == "server.limits.body_bytes"


@pytest.mark.integration
def test_the_refusal_of_a_large_body_is_read_by_nodes_fetch(url: str) -> None:
    script = f"""
        const body = Buffer.alloc(8_000_000, 32);
        const headers = {{"Content-Type": "application/json"}};
        const answer = await fetch("{url}/graphql", {{method: "POST", body, headers}});
        console.log(answer.status, JSON.stringify(await answer.json()));
    """
    done = subprocess.run(
        [str(ROOT / "console/with-node"), "node", "--input-type=module", "-e", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    status, _, answer = done.stdout.partition(" ")
    assert status == "413"
    assert json.loads(answer)["errors"][0]["extensions"]["setting"] == "server.limits.body_bytes"


def test_a_redirect_does_not_name_the_host_that_was_sent(url: str) -> None:
    port = int(url.rpartition(":")[2])
    with connected(port) as connection:
        connection.sendall(b"GET /graphql/ HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n")
        found = answered(connection)
    assert found.startswith(b"HTTP/1.1 307")
    assert b"\r\nlocation: ../graphql\r\n" in found
    assert b"localhost:1" not in found


def test_a_document_id_beside_another_hash_is_refused(url: str) -> None:
    body = {"documentId": "a", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "b"}}}
    request = urllib.request.Request(
        f"{url}/graphql", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=SECONDS)
    assert refused.value.code == 400
    (error,) = json.loads(refused.value.read())["errors"]
    assert "documentId" in error["message"]
    assert "sha256Hash" in error["message"]


CONFIGURATION = """
[[sources]]
name = "nobody"
provider = "tether"
base_url = "http://127.0.0.1:9"
token_env = "NOBODYS_TOKEN"
"""


class Load:
    """Clients that open a connection each and ask once, until they are told to stop; what became of each."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = 0
        self.refused = 0
        # Reset by the kernel: it had ended the handshake, and nobody had accepted the connection yet.
        self.reset = 0
        # Accepted, and ended without a whole answer.
        self.lost: list[bytes] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(8)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                connection = connected(self.port)
            except ConnectionError:
                self.refused += 1
                if self.refused > 20:
                    return
                continue
            with connection:
                found = b""
                try:
                    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                    while piece := connection.recv(65_536):
                        found += piece
                except ConnectionError:
                    if not found:
                        self.reset += 1
                        continue
                if found.startswith(b"HTTP/1.1 200") and b"\r\n\r\n" in found:
                    self.answered += 1
                else:
                    self.lost.append(found)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(SECONDS)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_accepted_connection_is_answered_when_the_server_is_told_to_end(workers: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = tmp_path / "contactgraph.toml"
    file.write_text(CONFIGURATION)
    command = [str(Path(sys.executable).with_name("contactgraph")), "serve", "--config", str(file)]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--workers", str(workers)],
        env={**os.environ, "NOBODYS_TOKEN": "t"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                healthz = connected(port)
                break
            except ConnectionError:
                time.sleep(0.1)
        with healthz:
            healthz.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            assert answered(healthz).startswith(b"HTTP/1.1 200")
        load = Load(port)
        while load.answered < 200:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        load.stop()
    finally:
        if process.poll() is None:
            process.kill()
    assert load.refused > 0, "it does not listen any more"
    assert load.lost == []
    # A handshake that the kernel ends after the last look into the backlog; without that look it is several.
    assert load.reset <= 2
