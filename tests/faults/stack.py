"""The whole service on loopback sockets: four fakes, the gateway over them, and what it logs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from gql.configuration.file import Configuration
from gql.execution.gateway import Gateway
from gql.http.app import create_app, open_gateway
from providers.apis.fakes import FAKES, DemoPeople, FakeApp, ServerThread, demo_people, serve

TOKEN = "a-token-of-the-tests"
ENVIRONMENT = {"TOKEN": TOKEN}
PROVIDERS = tuple(FAKES)
CLIENT_SECONDS = 30.0
"""How long a test waits for an answer that ought to come within a second or two."""

Tables = Mapping[str, Any]


class Watched:
    """The gateway's application; keeps what it raises, which a server would log as its own failure."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.raised: list[Exception] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self.raised.append(error)
            raise


@dataclass
class Stack:
    """Running fakes by provider, and the gateway's application over them."""

    fakes: dict[str, FakeApp]
    configuration: Configuration
    app: Watched
    gateways: list[Gateway] = field(default_factory=list)

    @property
    def gateway(self) -> Gateway:
        return self.gateways[-1]

    def heal(self) -> None:
        """Ends all faults, and forgets the calls and the times that a 429 asked for."""
        for fake in self.fakes.values():
            fake.switches.faults.clear()
            fake.calls.clear()
        self.forget_waits()

    def forget_waits(self) -> None:
        """Lets every source be asked again at once: the next fault is to be met, not the end of a 429."""
        for gateway in self.gateways:
            for source in gateway.sources.values():
                source._upstream._rate_limited._waits.clear()

    def calls(self, provider: str) -> int:
        return len(self.fakes[provider].calls)


def small_fakes(people: DemoPeople | None = None) -> dict[str, FakeApp]:
    """A fake a provider, with a few dozen contacts each."""
    known = people or demo_people(40, 38, 36, 34)
    return {provider: make(known, token=TOKEN) for provider, make in FAKES.items()}


def source_tables(urls: Mapping[str, str], **settings: Any) -> list[dict[str, Any]]:
    """A `[[sources]]` table a provider, named like it. `settings` are those of all."""
    return [
        {"name": provider, "provider": provider, "base_url": url, "token_env": "TOKEN", "default_region": "KE"}
        | settings
        for provider, url in urls.items()
    ]


def configured(
    sources: list[dict[str, Any]], server: Tables | None = None, environment: Mapping[str, str] = ENVIRONMENT
) -> Configuration:
    """The configuration of these tables, as a file would give it."""
    tables = {"server": dict(server or {}), "sources": sources}
    return Configuration.from_tables(tables).model_copy(update={"environment": environment})


def stack_of(fakes: dict[str, FakeApp], configuration: Configuration) -> Stack:
    """The gateway's application over the fakes, not yet served."""
    gateways: list[Gateway] = []

    @asynccontextmanager
    async def opened(made: Configuration) -> AsyncIterator[Gateway]:
        async with open_gateway(made) as gateway:
            gateways.append(gateway)
            yield gateway

    app: Starlette = create_app(configuration, opened)
    return Stack(fakes, configuration, Watched(app), gateways)


@contextmanager
def running(
    fakes: dict[str, FakeApp] | None = None, server: Tables | None = None, **settings: Any
) -> Iterator[tuple[Stack, httpx.Client]]:
    """The service with every server in a thread of its own, and a client of it."""
    known = fakes or small_fakes()
    with ExitStack() as servers:
        urls = {provider: servers.enter_context(ServerThread(fake)) for provider, fake in known.items()}
        stack = stack_of(known, configured(source_tables(urls, **settings), server))
        url = servers.enter_context(ServerThread(stack.app))
        yield stack, servers.enter_context(httpx.Client(base_url=url, timeout=CLIENT_SECONDS))


@asynccontextmanager
async def running_here(
    fakes: dict[str, FakeApp], server: Tables | None = None, **settings: Any
) -> AsyncIterator[tuple[Stack, str]]:
    """The service in this event loop, and its URL."""
    async with AsyncExitStack() as servers:
        urls = {provider: await servers.enter_async_context(serve(fake)) for provider, fake in fakes.items()}
        stack = stack_of(fakes, configured(source_tables(urls, **settings), server))
        yield stack, await servers.enter_async_context(serve(stack.app))


class Log(logging.Handler):
    """Every record of every logger while it is entered."""

    # The clients of these tests, not the service.
    OTHERS = ("httpx", "httpcore", "hpack", "faker")

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.records: list[logging.LogRecord] = []
        self._formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(self.OTHERS):
            self.records.append(record)

    def lines(self) -> list[str]:
        """The records as they are written, tracebacks included, and with all that they carry."""
        return [f"{self._formatter.format(record)} {vars(record)!r}" for record in self.records]

    def faults(self) -> list[str]:
        """The records that tell of a fault of ours: errors and tracebacks."""
        return [
            self._formatter.format(record)
            for record in self.records
            if record.levelno >= logging.ERROR or record.exc_info
        ]


@contextmanager
def logged(level: int = logging.DEBUG) -> Iterator[Log]:
    """What is logged meanwhile, from a level on."""
    log = Log(level)
    root = logging.getLogger()
    usual = root.level
    root.addHandler(log)
    root.setLevel(level)
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(usual)
