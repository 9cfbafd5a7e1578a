"""Ten thousand keep-alive clients on one worker: does each get its answers, and how much memory does the gateway take?

    python -m bench.whole_stack.many_clients [--clients 10000] [--rounds 3] [--report FILE]

The clients are in this process, the gateway is a process of its own; each needs an open file a client, so the limit on
open files is raised as far as this user may, and fewer clients are made where that is not enough. In every round all
clients ask at once over the connection that each of them keeps. Ends with 1 unless every answer was the right one.
--report replaces what stands between the two `clients` markers of a file, unless an answer was wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

from bench.report import machine, put
from providers.apis.fakes import DEMO_CREDENTIAL, FAKES, ServerThread

CONFIGURATION = """
[[sources]]
name = "wacr"
provider = "wacr"
base_url = "{url}"
token_env = "BENCH_TOKEN"
"""
QUERY = {"query": "{ contacts(first: 10) { nodes { id displayName email } sources { status } } }"}
START_SECONDS = 60.0
ROUND_SECONDS = 300.0
CONNECTING_AT_ONCE = 200
"""Fewer than the gateway's backlog, so that no connection has to be tried again."""
OTHER_FILES = 200
"""What a process has open beside its connections, generously."""


class Gateway(NamedTuple):
    """The gateway's process and port."""

    process: subprocess.Popen[str]
    port: int

    def megabytes(self) -> float:
        """Returns its resident memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1_000


def room_for(clients: int) -> int:
    """Raises the limit on open files, of this process and those that it starts, and returns how many clients fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = clients + OTHER_FILES
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return clients if limit >= wanted else max(limit - OTHER_FILES, 1)


@contextmanager
def gateway() -> Iterator[Gateway]:
    """Runs one worker over a fake WA.cr, until the block is left."""
    command = [sys.executable, "-c", "from gql.cli.commands import main; main()", "serve", "--port", "0", "--config"]
    with TemporaryDirectory() as folder, ServerThread(FAKES["wacr"](1_000)) as url:
        file = Path(folder, "contactgraph.toml")
        file.write_text(CONFIGURATION.format(url=url))
        environment = {**os.environ, "BENCH_TOKEN": DEMO_CREDENTIAL}
        process = subprocess.Popen([*command, str(file)], env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
            assert found is not None, f"the gateway did not start: {line!r}"
            yield Gateway(process, int(found[1]))
        finally:
            process.terminate()
            process.wait(START_SECONDS)
            process.stdout.close()


class Client(asyncio.Protocol):
    """One connection that is kept, and one question at a time."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._body_begins = 0
        self._whole = -1
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self) -> asyncio.Future[bytes]:
        """Sends the question; the future has the answer's body, or ConnectionError."""
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            self._answer.set_exception(ConnectionError("the connection was not kept"))
        else:
            self._transport.write(self._request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._whole < 0 and b"\r\n\r\n" in self._received:
            head, _, _ = self._received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if length is None or not head.startswith(b"HTTP/1.1 200 "):
                self._end(ConnectionError(head.decode("latin-1").splitlines()[0]))
                return
            self._body_begins = len(head) + 4
            self._whole = self._body_begins + int(length[1])
        if 0 <= self._whole <= len(self._received) and self._answer is not None and not self._answer.done():
            self._answer.set_result(self._received[self._body_begins : self._whole])
            self._received, self._whole = b"", -1

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectionError("the connection was lost"))

    def close(self) -> None:
        """Ends the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, error: ConnectionError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


async def connect(count: int, port: int) -> list[Client]:
    """Returns so many connected clients, fewer where the gateway refuses some."""
    body = json.dumps(QUERY).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    request = head.encode() + body
    clients: list[Client] = []
    for first in range(0, count, CONNECTING_AT_ONCE):
        made = await asyncio.gather(
            *(
                loop.create_connection(lambda: Client(request), "127.0.0.1", port)
                for _ in range(first, min(first + CONNECTING_AT_ONCE, count))
            ),
            return_exceptions=True,
        )
        clients += [each[1] for each in made if not isinstance(each, BaseException)]
    return clients


class Measured(NamedTuple):
    """Whether every client got the right answer every time, and the worker's memory in MB."""

    right: bool
    before: float
    connected: float
    rounds: list[float]

    def table(self, count: int) -> str:
        """Returns the memory as a Markdown table: before, connected, after the first round and after the last."""
        last = len(self.rounds)
        lines = [
            f"{datetime.now(UTC).date()}; {machine()}.",
            "",
            "| the worker's resident memory | MB |",
            "| --- | ---: |",
            f"| before the first client | {self.before:.0f} |",
            f"| {count:,} connected, idle | {self.connected:.0f} |",
        ]
        lines += [f"| after round {number} | {self.rounds[number - 1]:.0f} |" for number in sorted({1, last})]
        return "\n".join(lines)


async def measure(served: Gateway, count: int, rounds: int) -> Measured:
    """Prints a line a round, and returns what was seen."""
    before = served.megabytes()
    print(f"{count} clients, {before:.0f} MB before the first")
    began = monotonic()
    clients = await connect(count, served.port)
    connected = served.megabytes()
    print(f"connected {len(clients)} in {monotonic() - began:.1f} s, {connected:.0f} MB")
    memory: list[float] = []
    first = await clients[0].ask()
    expected = json.loads(first)["data"]["contacts"]
    right = len(clients) == count and len(expected["nodes"]) == 10 and expected["sources"] == [{"status": "OK"}]
    for number in range(1, rounds + 1):
        began = monotonic()
        async with asyncio.timeout(ROUND_SECONDS):
            answers = await asyncio.gather(*(client.ask() for client in clients), return_exceptions=True)
        seconds = monotonic() - began
        good = sum(answer == first for answer in answers)
        failures = {repr(answer) for answer in answers if isinstance(answer, BaseException)}
        memory.append(served.megabytes())
        print(
            f"round {number}: {good} of {count} right in {seconds:.1f} s, {memory[-1]:.0f} MB",
            *sorted(failures)[:3],
        )
        right = right and good == count
    for client in clients:
        client.close()
    return Measured(right, before, connected, memory)


def main() -> None:
    """Measures, and exits."""
    parser = argparse.ArgumentParser(description="Keep-alive clients on one worker.")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path, help="a file that has the two `clients` markers")
    asked = parser.parse_args()
    if asked.rounds < 1:
        parser.error("--rounds: expected at least 1")
    count = room_for(asked.clients)
    if count < asked.clients:
        print(f"the limit on open files leaves room for {count} clients")
    with gateway() as served:
        measured = asyncio.run(measure(served, count, asked.rounds))
    if asked.report is not None and measured.right:
        put(asked.report, "clients", measured.table(count))
    sys.exit(not measured.right)


if __name__ == "__main__":
    main()
