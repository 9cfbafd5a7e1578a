"""GraphiQL in a browser that reaches no other host, over what `contactgraph demo` starts.

The browser is the machine's own Chromium; without one these tests skip. Its resolver knows no name, so whatever the
page needs has to come from the server under test.
"""

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

CONTACTGRAPH = Path(sys.executable).with_name("contactgraph")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
START_SECONDS = 60.0
SHOW_MILLISECONDS = 30_000.0
expect.set_options(timeout=SHOW_MILLISECONDS)
RUN = "Execute query (Ctrl-Enter)"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)")


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(address: str, demo: subprocess.Popen[bytes]) -> None:
    """Returns when /readyz answers 200; fails when the demo ends before that or START_SECONDS pass."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert demo.poll() is None, f"the demo ended with exit code {demo.returncode}"
        try:
            if httpx.get(f"{address}/readyz").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        time.sleep(0.1)
    pytest.fail(f"the demo was not ready within {START_SECONDS:.0f} s")


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The origin of a running demo, ended by its process when the module's tests are done."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen([CONTACTGRAPH, "demo", "--port", str(port)], stdout=subprocess.DEVNULL) as demo:
        try:
            wait_until_ready(address, demo)
            yield address
        finally:
            demo.terminate()


@pytest.fixture
def requested() -> list[str]:
    """The addresses that the page asked for, its workers' included, in order; filled by `console`."""
    return []


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: errors in scripts, refusals of the Content-Security-Policy, failed requests."""
    return []


@pytest.fixture
def console(origin: str, requested: list[str], complaints: list[str]) -> Iterator[Page]:
    """GraphiQL as a browser shows it that has never been here, when its editor has appeared."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.on("request", lambda request: requested.append(request.url))
        page.on("requestfailed", lambda request: complaints.append(f"{request.url}: {request.failure}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.set_default_timeout(SHOW_MILLISECONDS)
        page.goto(f"{origin}/graphql", wait_until="networkidle")
        expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()
        yield page
        browser.close()


def test_the_first_query_shows_contacts_of_all_four_sources(console: Page) -> None:
    with console.expect_response(lambda response: "query Contacts" in (response.request.post_data or "")) as answered:
        console.get_by_label(RUN).click()

    answer = answered.value.json()

    assert "errors" not in answer
    slices = answer["data"]["contacts"]["sources"]
    assert [slice_["status"] for slice_ in slices] == ["OK"] * 4
    counted = {slice_["source"]["name"]: slice_["totalCount"] is not None for slice_ in slices}
    assert counted == {"tether": True, "askelephant": False, "wacr": True, "autokonnect": True}
    providers = {edge["node"]["source"]["provider"] for edge in answer["data"]["contacts"]["edges"]}
    assert providers == {"tether", "askelephant", "wacr", "autokonnect"}
    first = answer["data"]["contacts"]["edges"][0]["node"]
    expect(console.locator(".graphiql-response")).to_contain_text(first["id"])


def test_the_second_tab_explains_what_each_source_was_asked(console: Page) -> None:
    console.get_by_role("tab", name="Explained").click()
    with console.expect_response(lambda response: "query Explained" in (response.request.post_data or "")) as answered:
        console.get_by_label(RUN).click()

    answer = answered.value.json()

    assert "errors" not in answer
    assert len(answer["extensions"]["plan"]) == 4


def test_the_editor_checks_a_query_against_the_schema_in_its_worker(console: Page) -> None:
    expect(console.locator(".graphiql-query-editor .squiggly-error")).to_have_count(0)

    console.get_by_text("totalCount", exact=True).first.click()
    console.keyboard.press("End")
    console.keyboard.type(" noSuchField ")

    expect(console.locator(".graphiql-query-editor .squiggly-error")).to_have_count(1)


def test_the_explorer_describes_the_schema(console: Page) -> None:
    console.get_by_label("Show Documentation Explorer").click()
    console.get_by_role("link", name="Query", exact=True).click()

    expect(console.locator(".graphiql-doc-explorer-title")).to_have_text("Query")
    expect(console.get_by_role("link", name="contacts", exact=True)).to_be_visible()


def test_everything_comes_from_the_server_itself(
    console: Page, origin: str, requested: list[str], complaints: list[str]
) -> None:
    console.get_by_label(RUN).click()
    console.wait_for_load_state("networkidle")

    assert {url for url in requested if not url.startswith(f"{origin}/graphql")} == set()
    assert len([url for url in requested if re.search(r"/graphql/assets/\w+\.worker-[^/]+\.js$", url)]) >= 3
    assert complaints == []
