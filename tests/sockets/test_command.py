"""The command line as a newcomer runs it: the demo with README's query and the console, the schema, and `check`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from gql.http.graphiql import FOLDER
from providers.apis.fakes import FAKES, FakeApp, ServerThread
from tests.gql.cli.test_command_line import PROJECT, run, running, stop
from tests.sockets.service import TOKEN, configuration_text

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
# What a page or a style sheet loads: anything with a host of its own would leave this server.
LOADED = re.compile(r"""(?:src|href)=["']?([^"'\s>]+)|url\(\s*["']?([^"')\s]+)|@import\s+["']([^"']+)""")


@pytest.fixture(scope="module")
def demo() -> Iterator[httpx.Client]:
    """A client of `contactgraph demo`, which ends with exit code 0 and an empty log when the tests are done."""
    with running("demo", "--port", "0") as server:
        with httpx.Client(base_url=server.url.removesuffix("/graphql"), timeout=30) as client:
            yield client
        code, _, log = stop(server)
    assert (code, log) == (0, "")


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[tuple[dict[str, FakeApp], Path]]:
    """Four running fakes, and a configuration file over them."""
    made = {name: make(20, token=TOKEN) for name, make in FAKES.items()}
    with ExitStack() as servers:
        urls = {name: servers.enter_context(ServerThread(fake)) for name, fake in made.items()}
        file = tmp_path / "contactgraph.toml"
        file.write_text(configuration_text(urls))
        yield made, file


def documented() -> tuple[bytes, Any]:
    """README's first query as curl sends it, and the answer that README shows."""
    readme = (PROJECT / "README.md").read_text("utf-8")
    body = re.search(r"<<'QUERY'\n(.*?)\n\s*QUERY\n", readme, re.DOTALL)
    answer = re.search(r"<!-- answer -->(.*?)<!-- /answer -->", readme, re.DOTALL)
    assert body is not None
    assert answer is not None
    return body[1].strip().encode(), json.loads(answer[1])


# ---------------------------------------------------------------- demo


def test_the_demo_gives_the_answer_that_readme_shows(demo: httpx.Client) -> None:
    query, answer = documented()
    response = demo.post("/graphql", content=query, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()) == (200, answer)
    assert {node["source"]["name"] for node in answer["data"]["contacts"]["nodes"]} == set(FAKES)


@pytest.mark.skipif(not (FOLDER / "index.html").is_file(), reason="GraphiQL is not built here (make install)")
@pytest.mark.parametrize("path", ["/", "/graphql"])
def test_a_browser_gets_the_console_and_loads_it_from_this_server_alone(demo: httpx.Client, path: str) -> None:
    page = demo.get(path, headers=HTML, follow_redirects=True)
    assert (page.status_code, page.url.path) == (200, "/graphql")
    assert page.headers["content-type"].startswith("text/html")
    assert page.text == (FOLDER / "index.html").read_text("utf-8")
    loaded = [page.url.join(link) for link in links(page.text)]
    assert {url.suffix for url in map(path_of, loaded)} >= {".js", ".css"}
    for url in loaded:
        assert (url.scheme, url.host, url.port) == (page.url.scheme, page.url.host, page.url.port)
        asset = demo.get(url)
        assert asset.status_code == 200
        if path_of(url).suffix == ".css":
            assert [link for link in links(asset.text) if re.match(r"(\w+:)?//", link)] == []


def links(text: str) -> list[str]:
    return [link for found in LOADED.findall(text) for link in found if link and not link.startswith("data:")]


def path_of(url: httpx.URL) -> Path:
    return Path(url.path)


def test_a_client_that_is_no_browser_gets_no_page(demo: httpx.Client) -> None:
    answer = demo.get("/graphql", params={"query": "{ sources { name } }"}, headers={"Accept": "application/json"})
    assert answer.json() == {"data": {"sources": [{"name": name} for name in FAKES]}}


# ---------------------------------------------------------------- schema and check


def test_the_schema_command_prints_the_committed_schema() -> None:
    printed = run("schema")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout == (PROJECT / "schema.graphql").read_text("utf-8")


def test_check_exits_with_0_when_all_four_work(fakes: tuple[dict[str, FakeApp], Path]) -> None:
    made, file = fakes
    done = run("check", "--config", str(file), SOURCE_TOKEN=TOKEN)
    assert (done.returncode, done.stderr) == (0, "")
    assert [len(fake.calls) for fake in made.values()] == [1] * 4
    assert TOKEN not in done.stdout


def test_check_exits_with_1_when_one_of_four_does_not(fakes: tuple[dict[str, FakeApp], Path]) -> None:
    made, file = fakes
    made["askelephant"].switches.fail("status", times=99, status=503)
    done = run("check", "--config", str(file), SOURCE_TOKEN=TOKEN)
    assert done.returncode == 1
    failing = [line for line in done.stdout.splitlines() if "fails" in line]
    assert len(failing) == 1
    assert "askelephant" in failing[0]
    assert done.stdout.count(" works ") == 3


def test_check_exits_with_2_when_the_file_is_wrong(fakes: tuple[dict[str, FakeApp], Path]) -> None:
    made, file = fakes
    file.write_text(file.read_text("utf-8").replace('provider = "wacr"', 'provider = "wakr"'))
    done = run("check", "--config", str(file), SOURCE_TOKEN=TOKEN)
    expected = "expected one of tether, askelephant, wacr, autokonnect; did you mean wacr?"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f'{file}: sources[2].provider = "wakr": {expected}\n'
    assert [fake.calls for fake in made.values()] == [[], [], [], []]
