"""The command line as other people's scripts use it: real processes, real sockets, exit codes and what is printed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import pytest
from graphql import build_schema

from gql.http.authentication import hash_key
from providers.apis.fakes import DEMO_CREDENTIAL, FAKES, FakeApp, ServerThread

COMMAND = (sys.executable, "-c", "from gql.cli.commands import main; main()")
PROJECT = Path(__file__).resolve().parents[3]
START_SECONDS = 60.0
STOP_SECONDS = 20.0
ANSI = re.compile(r"\x1b\[")
FIRST_QUERY = """
    query($first: Int) {
      contacts(first: $first) { nodes { id displayName source { name } } sources { source { name } status } }
    }
    """


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(PROJECT), "SALES_TOKEN": DEMO_CREDENTIAL, **more}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        env=environment(**variables),
        timeout=START_SECONDS,
        check=False,
    )


class Running(NamedTuple):
    """A server of the command line: its process, the address it printed, and the files that hold its output."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path
    log: Path


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[Running]:
    with TemporaryDirectory() as folder:
        output, log = Path(folder, "output"), Path(folder, "log")
        with output.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                [*COMMAND, *arguments], stdout=stdout, stderr=stderr, env=environment(**variables)
            )
        try:
            yield Running(process, printed_address(process, output, log), output, log)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def printed_address(process: subprocess.Popen[bytes], output: Path, log: Path) -> str:
    """The address in the first line, as soon as the server has printed it."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = re.search(r"http://\S+/graphql$", output.read_text("utf-8"), re.MULTILINE)
        if found:
            return found[0]
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.05)
    pytest.fail(f"no address after {START_SECONDS:.0f} s: {log.read_text('utf-8')}")


def stop(server: Running, with_signal: signal.Signals = signal.SIGTERM) -> tuple[int, list[str], str]:
    """Ends the server and returns its exit code, the lines that it printed, and its log."""
    server.process.send_signal(with_signal)
    code = server.process.wait(timeout=STOP_SECONDS)
    return code, server.output.read_text("utf-8").splitlines(), server.log.read_text("utf-8")


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(url.replace("/graphql", "/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass  # its workers do not answer yet
        time.sleep(0.05)
    pytest.fail(f"{url} was not ready in {START_SECONDS:.0f} s")


def ask(url: str, query: str, variables: Mapping[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    body = {"query": query, "variables": variables}
    answer: dict[str, Any] = httpx.post(url, json=body, headers=headers, timeout=30).json()
    return answer


@pytest.fixture(scope="module")
def tether() -> Iterator[tuple[FakeApp, str]]:
    fake = FAKES["tether"](60)
    with ServerThread(fake) as base_url:
        yield fake, base_url


def configuration(folder: Path, base_url: str, more: str = "") -> str:
    file = folder / "contactgraph.toml"
    file.write_text(
        f"""
        [[sources]]
        name = "sales"
        provider = "tether"
        base_url = "{base_url}"
        token_env = "SALES_TOKEN"
        {more}
        """
    )
    return str(file)


# demo


def test_the_demo_answers_with_contacts_of_all_four_sources_and_ends_when_it_is_told_to() -> None:
    with running("demo", "--port", "0") as server:
        answer = ask(server.url, FIRST_QUERY, {"first": 8})
        explained = ask(server.url, FIRST_QUERY, {"first": 4}, **{"X-Contactgraph-Explain": "1"})
        code, output, log = stop(server)
    assert "errors" not in answer
    assert {node["source"]["name"] for node in answer["data"]["contacts"]["nodes"]} == set(FAKES)
    assert {each["status"] for each in answer["data"]["contacts"]["sources"]} == {"OK"}
    assert {each["source"] for each in explained["extensions"]["plan"]} == set(FAKES)
    assert code == 0
    assert output[0] == f"contactgraph answers at {server.url}"
    assert [line.split()[0] for line in output[1:]] == list(FAKES)
    assert not ANSI.search("".join(output))
    assert log == ""


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("demo", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert done.stdout == ""


# serve


def test_serve_answers_for_the_sources_of_its_file(tmp_path: Path, tether: tuple[FakeApp, str]) -> None:
    file = configuration(tmp_path, tether[1])
    with running("serve", "--config", file, "--port", "0") as server:
        answer = ask(server.url, FIRST_QUERY, {"first": 3})
        metrics = httpx.get(server.url.replace("/graphql", "/metrics")).text
        code, output, log = stop(server)
    assert [node["source"]["name"] for node in answer["data"]["contacts"]["nodes"]] == ["sales"] * 3
    assert 'contactgraph_upstream_calls_total{source="sales",status="OK"} 1.0' in metrics
    assert output[1].split() == ["sales", "tether", tether[1], "token", "from", "SALES_TOKEN"]
    assert (code, log) == (0, "")


def test_several_workers_answer_as_one(tmp_path: Path, tether: tuple[FakeApp, str]) -> None:
    file = configuration(tmp_path, tether[1])
    with running("serve", "--config", file, "--port", "0", "--workers", "2") as server:
        wait_until_ready(server.url)
        first = ask(server.url, "{ contacts(first: 5) { nodes { id } pageInfo { endCursor } } }")["data"]["contacts"]
        after = "query($c: String) { contacts(first: 5, after: $c) { nodes { id } } }"
        pages = [ask(server.url, after, {"c": first["pageInfo"]["endCursor"]}) for _ in range(8)]
        code, _, log = stop(server)
    second, *others = [[node["id"] for node in page["data"]["contacts"]["nodes"]] for page in pages]
    assert others == [second] * 7
    assert len({*second, *(node["id"] for node in first["nodes"])}) == 10
    assert (code, log) == (0, "")


def test_the_open_circuit_of_a_worker_that_died_is_forgotten(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    more = "retries = 0\ncircuit_failures = 1\ncircuit_cooldown = 3600"
    file = configuration(tmp_path, nowhere, more)
    counters = tmp_path / "counters"
    counters.mkdir()
    with running("serve", "--config", file, "--port", "0", "--workers", "2", TMPDIR=str(counters)) as server:
        wait_until_ready(server.url)
        with httpx.Client() as one_worker:
            one_worker.post(server.url, json={"query": "{ contacts { nodes { id } } }"})
            assert open_circuits(one_worker, server.url) == 1
        # The other worker may have a gauge as well; it says 0.
        gauges = list(counters.glob("*/gauge_live*.db"))
        for gauge in gauges:
            os.kill(int(gauge.stem.rpartition("_")[2]), signal.SIGKILL)
        deadline = time.monotonic() + START_SECONDS
        while any(gauge.exists() for gauge in gauges) and time.monotonic() < deadline:
            time.sleep(0.05)
        wait_until_ready(server.url)
        with httpx.Client() as another:
            assert open_circuits(another, server.url) == 0
            counted = metrics(another, server.url)
        code, _, _ = stop(server)
    assert 'contactgraph_upstream_calls_total{source="sales",status="SOURCE_UNAVAILABLE"} 1.0' in counted
    assert code == 0


def metrics(client: httpx.Client, url: str) -> list[str]:
    return client.get(url.replace("/graphql", "/metrics")).text.splitlines()


def open_circuits(client: httpx.Client, url: str) -> float:
    (line,) = (each for each in metrics(client, url) if each.startswith("contactgraph_circuit_open{"))
    return float(line.rpartition(" ")[2])


def test_a_request_under_way_is_answered_before_the_server_ends(tmp_path: Path, tether: tuple[FakeApp, str]) -> None:
    fake, base_url = tether
    file = configuration(tmp_path, base_url, "cache_ttl = 0")
    with running("serve", "--config", file, "--port", "0") as server:
        ask(server.url, FIRST_QUERY, {"first": 1})
        before = len(fake.calls)
        fake.switches.latency = 1.0
        try:
            asking = subprocess.Popen(
                [sys.executable, "-c", _ASK, server.url], stdout=subprocess.PIPE, text=True, env=environment()
            )
            while len(fake.calls) == before:
                time.sleep(0.01)
            code, _, _ = stop(server)
            printed, _ = asking.communicate(timeout=STOP_SECONDS)
        finally:
            fake.switches.latency = 0.0
    assert printed == "200\n"
    assert code == 0


_ASK = """
import sys, httpx
print(httpx.post(sys.argv[1], json={"query": "{ contacts(first: 2) { nodes { id } } }"}, timeout=30).status_code)
"""


def test_interrupting_the_server_ends_it_without_a_traceback(tmp_path: Path, tether: tuple[FakeApp, str]) -> None:
    with running("serve", "--config", configuration(tmp_path, tether[1]), "--port", "0") as server:
        wait_until_ready(server.url)
        code, _, log = stop(server, signal.SIGINT)
    assert (code, log) == (0, "")


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_mistake_in_the_file_is_one_line_and_exit_code_2(tmp_path: Path, command: str) -> None:
    file = configuration(tmp_path, "ftp://127.0.0.1")
    done = run(command, "--config", file)
    expected = 'sources[0].base_url = "ftp://127.0.0.1": expected an http or https URL with a host'
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{file}: {expected}\n"


@pytest.mark.parametrize("command", ["serve", "check"])
def test_a_missing_file_is_one_line_and_exit_code_2(tmp_path: Path, command: str) -> None:
    done = run(command, "--config", str(tmp_path / "none.toml"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path / 'none.toml'}: cannot be read: No such file or directory\n"


def test_a_credential_that_is_not_set_is_named_by_its_variable(tmp_path: Path) -> None:
    done = run("serve", "--config", configuration(tmp_path, "http://127.0.0.1:9"), SALES_TOKEN="")
    assert done.returncode == 2
    assert 'sources[0].token_env = "SALES_TOKEN"' in done.stderr


def test_without_authentication_it_listens_on_loopback_alone(tmp_path: Path) -> None:
    done = run("serve", "--config", configuration(tmp_path, "http://127.0.0.1:9"), "--host", "0.0.0.0")
    assert done.returncode == 2
    assert 'server.host = "0.0.0.0": expected a loopback address' in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_large_head_is_refused_before_anybody_is_asked_who_they_are(
    tmp_path: Path, tether: tuple[FakeApp, str]
) -> None:
    file = configuration(
        tmp_path,
        tether[1],
        '[server.auth]\nmode = "api_keys"\n'
        + f"""
        [[server.auth.keys]]
        name = "somebody"
        hash = "{hash_key("a key")}"
        """,
    )
    with running("serve", "--config", file, "--port", "0") as server:
        address = httpx.URL(server.url)
        assert address.port is not None
        with socket.create_connection((address.host, address.port), timeout=STOP_SECONDS) as connection:
            connection.sendall(b"GET /graphql HTTP/1.1\r\nHost: x\r\n" + b"X: aaaaaaaaaaaaaaa\r\n" * 50_000 + b"\r\n")
            with connection.makefile("rb") as answer:
                whole = answer.read()
        alive = httpx.get(server.url.replace("/graphql", "/healthz")).status_code
        code, _, log = stop(server)
    assert whole.startswith(b"HTTP/1.1 431 ")
    assert whole.endswith(b"the request's head is too large; the limit is 200 lines\n")
    assert (alive, code, log) == (200, 0, "")


# check


def test_check_tells_what_works_and_what_does_not(tmp_path: Path, tether: tuple[FakeApp, str]) -> None:
    fake, base_url = tether
    other = f"""
        [[sources]]
        name = "gone"
        provider = "wacr"
        base_url = "http://127.0.0.1:9"
        token_env = "SALES_TOKEN"
        retries = 0
        [[sources]]
        name = "theirs"
        provider = "autokonnect"
        base_url = "{base_url}"
        token_header = "X-Their-Token"
        """
    before = len(fake.calls)
    done = run("check", "--config", configuration(tmp_path, base_url, other))
    rows = {name: line for line in done.stdout.splitlines() for name in ("sales", "gone", "theirs") if name in line}
    assert done.returncode == 1
    assert " works " in rows["sales"]
    assert "60 contacts" in rows["sales"]
    assert " fails " in rows["gone"]
    assert "SOURCE_UNAVAILABLE" in rows["gone"]
    assert " not asked " in rows["theirs"]
    assert "needs a caller" in rows["theirs"]
    assert len(fake.calls) == before + 1
    assert not ANSI.search(done.stdout)
    assert DEMO_CREDENTIAL not in done.stderr


def test_check_says_when_a_credential_is_refused(tmp_path: Path, tether: tuple[FakeApp, str]) -> None:
    wrong = "planted-credential-4711"
    done = run("check", "--config", configuration(tmp_path, tether[1]), SALES_TOKEN=wrong)
    assert done.returncode == 1
    assert "SOURCE_UNAUTHENTICATED" in done.stdout
    assert wrong not in done.stdout + done.stderr


def test_check_is_content_when_everything_works(tmp_path: Path, tether: tuple[FakeApp, str]) -> None:
    done = run("check", "--config", configuration(tmp_path, tether[1]))
    assert (done.returncode, done.stderr) == (0, "")


# schema and key


def test_schema_prints_what_any_tool_loads(tmp_path: Path) -> None:
    printed = run("schema")
    assert printed.returncode == 0
    assert build_schema(printed.stdout).query_type is not None
    assert run("schema", "--out", str(tmp_path / "schema.graphql")).stdout == ""
    assert (tmp_path / "schema.graphql").read_text("utf-8") == printed.stdout


def test_schema_prints_the_subgraph() -> None:
    printed = run("schema", "--federation").stdout
    assert "https://specs.apollo.dev/federation/v2.9" in printed
    assert '@key(fields: "id")' in printed


def test_a_schema_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    done = run("schema", "--out", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path}: cannot be written: Is a directory\n"


def test_key_makes_a_key_and_its_hash() -> None:
    printed = run("key").stdout
    assert re.fullmatch(r"key:  cg_\S{43}\nhash: sha256:[0-9a-f]{64}\n", printed)


@pytest.mark.parametrize(
    "arguments", [("serve",), ("serve", "--config", "x", "--port", "http"), ("demo", "--port", "70000"), ("dance",)]
)
def test_wrong_arguments_are_exit_code_2_without_a_traceback(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Usage:" in done.stderr
