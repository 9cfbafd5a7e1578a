"""The gateway over fakes, all on loopback sockets and each in a thread of its own; its client is plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from gql.configuration.file import load_configuration
from gql.http.app import create_app
from providers.apis.fakes import FAKES, Call, FakeApp, ServerThread

TOKEN = "a-token-of-the-tests"
CLIENT_SECONDS = 30.0
"""How long a test waits for an answer; far more than any takes."""


class Service:
    """The running gateway: what it is asked over HTTP, and what it then asked of the fakes, by source name."""

    def __init__(self, fakes: Mapping[str, FakeApp], client: httpx.Client) -> None:
        self.fakes = fakes
        self.client = client

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer to an operation, errors included. The fakes' calls begin anew with it."""
        for fake in self.fakes.values():
            fake.calls.clear()
        response = self.client.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code == httpx.codes.OK, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer without errors."""
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def refusal(self, query: str, **variables: Any) -> dict[str, Any]:
        """The only error of an operation that the client got wrong, whether before it ran or while it did."""
        for fake in self.fakes.values():
            fake.calls.clear()
        response = self.client.post("/graphql", json={"query": query, "variables": variables})
        (error,) = response.json()["errors"]
        refused: dict[str, Any] = error
        return refused

    def calls(self, name: str) -> list[Call]:
        """What the latest operation asked of a source."""
        return self.fakes[name].calls

    def counts(self) -> dict[str, int]:
        """How many requests the latest operation sent to each source that got any."""
        return {name: len(fake.calls) for name, fake in self.fakes.items() if fake.calls}


@contextmanager
def serving(folder: Path, rows: Mapping[str, Any], **settings: str | float) -> Iterator[Service]:
    """The gateway over a fake a source, by a configuration file in `folder`.

    `rows` are each fake's people, by its provider's name, which is the source's as well. Nothing is cached and
    nothing asked again, unless `settings`, which are those of every source, say so.
    """
    fakes = {name: FAKES[name](people, token=TOKEN) for name, people in rows.items()}
    with ExitStack() as servers:
        urls = {name: servers.enter_context(ServerThread(fake)) for name, fake in fakes.items()}
        file = folder / "contactgraph.toml"
        file.write_text(configuration_text(urls, settings))
        configuration = load_configuration(file, {"SOURCE_TOKEN": TOKEN})
        url = servers.enter_context(ServerThread(create_app(configuration)))
        yield Service(fakes, servers.enter_context(httpx.Client(base_url=url, timeout=CLIENT_SECONDS)))


def configuration_text(urls: Mapping[str, str], settings: Mapping[str, str | float] | None = None) -> str:
    """A configuration file of one source a provider, by the servers' URLs; its token is in SOURCE_TOKEN."""
    return "\n\n".join(
        _table({"name": name, "provider": name, "base_url": url, **(settings or {})}) for name, url in urls.items()
    )


def _table(keys: Mapping[str, str | float]) -> str:
    table = {"token_env": "SOURCE_TOKEN", "cache_ttl": 0, "retries": 0, **keys}
    # TOML writes texts and numbers as JSON does.
    return "\n".join(["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())])
