"""The Starlette application: the endpoint, GraphiQL's files, health and metrics, and what lives as long as it runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gql.configuration.file import Configuration, load_configuration
from gql.execution.gateway import Gateway
from gql.http.authentication import authenticator
from gql.http.endpoint import EXPLAIN_HEADER, GraphQLEndpoint
from gql.http.graphiql import Assets, ConsolePage
from gql.http.server import settle_memory
from gql.projection.executor import Projection
from gql.projection.records import registry
from gql.schema.schema import GRAPHQL_SCHEMA
from gql.telemetry import (
    CONTENT_TYPE_LATEST,
    MULTIPROCESS_DIRECTORY,
    CountedCache,
    Telemetry,
    configure_logging,
)
from providers.cache.store import Cache, MemoryCache
from providers.open_sources import open_sources
from providers.redis.cache import RedisCache
from providers.redis.connection import RedisLink
from providers.redis.rate_limiter import RedisLimits

__all__ = ["CONFIGURATION_FILE", "LISTENING_HOST", "OpenGateway", "create_app", "open_gateway", "worker_app"]

OpenGateway: TypeAlias = Callable[[Configuration], AbstractAsyncContextManager[Gateway]]

CONFIGURATION_FILE: Final = "CONTACTGRAPH_CONFIG"
"""The environment variable that tells a worker process where its configuration is."""

LISTENING_HOST: Final = "CONTACTGRAPH_HOST"
"""The environment variable that tells a worker process which host is listened on instead of server.host."""

_GRAPHQL: Final = "/graphql"
_ASKED_HEADERS: Final = ("Accept", "Authorization", "Cache-Control", "Content-Type", "X-API-Key")
_PREFLIGHT_SECONDS: Final = 600
_COLLECT_SECONDS: Final = 5.0
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_PAGE: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


@asynccontextmanager
async def open_gateway(configuration: Configuration) -> AsyncIterator[Gateway]:
    """Gives a gateway over the configured sources, and closes their connections afterwards."""
    link = _redis_link(configuration)
    limits = RedisLimits(link, _shared_secret(configuration)) if link is not None else None
    cache = CountedCache(_cache(configuration, link))
    opened = open_sources(
        configuration.sources,
        configuration.environment,
        cache=cache,
        shared_limits=limits.of if limits is not None else None,
    )
    sources = {source.name: source for source in opened}
    try:
        projection = Projection(GRAPHQL_SCHEMA, registry(sources), enabled=configuration.server.projection)
        yield Gateway(configuration, projection, sources, cache)
    finally:
        for source in opened:
            await source.aclose()
        await cache.aclose()
        if limits is not None:
            await limits.aclose()
        if link is not None:
            await link.aclose()


def _redis_link(configuration: Configuration) -> RedisLink | None:
    """What answers and limits are shared through, where Redis is configured."""
    url = configuration.redis_url
    return None if url is None else RedisLink.from_url(url.get_secret_value())


def _cache(configuration: Configuration, link: RedisLink | None) -> Cache:
    """Where answers of sources are kept: in Redis for several replicas, else in this process."""
    if link is None:
        return MemoryCache(configuration.server.cache.max_bytes)
    return RedisCache(link, _shared_secret(configuration))


def _shared_secret(configuration: Configuration) -> bytes:
    """What keys in Redis are made with: every replica has to come to the same ones."""
    secret = configuration.cursor_key or configuration.redis_url
    return secret.get_secret_value().encode() if secret is not None else b""


def create_app(
    configuration: Configuration,
    open_gateway: OpenGateway = open_gateway,
    *,
    started: Callable[[], None] = lambda: None,
) -> Starlette:
    """Returns the ASGI application for a configuration; its lifespan opens and closes the sources.

    `started` is called when everything is open.
    """
    server = configuration.server
    telemetry = Telemetry()
    console = ConsolePage() if server.graphiql else None
    callers = authenticator(server.auth)
    endpoint = GraphQLEndpoint(configuration, callers, telemetry, console)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_gateway(configuration) as gateway:
            collecting = asyncio.create_task(_collect(gateway, telemetry))
            endpoint.gateway = gateway
            started()
            try:
                yield
            finally:
                endpoint.gateway = None
                collecting.cancel()
                await callers.aclose()

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        if endpoint.gateway is None:
            return JSONResponse({"status": "not ready"}, 503)
        return JSONResponse({"status": "ready", "sources": len(endpoint.gateway.sources)})

    async def metrics(request: Request) -> Response:
        if endpoint.gateway is not None:
            endpoint.gateway.collect(telemetry)
        return Response(telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def root(request: Request) -> Response:
        return RedirectResponse("graphql")

    async def without_slash(request: Request) -> Response:
        return RedirectResponse("../graphql")

    routes = [
        Route(_GRAPHQL, endpoint),
        Route(f"{_GRAPHQL}/", without_slash, methods=["GET", "POST"]),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        *([Route("/metrics", metrics)] if server.telemetry.metrics else []),
        *([Mount("/graphql/assets", Assets()), Route("/", root)] if server.graphiql else []),
    ]
    layers = _middleware(configuration)
    direct: ASGIApp = endpoint
    for layer in reversed(layers):
        direct = layer.cls(direct, *layer.args, **layer.kwargs)
    return _Application(direct, routes=routes, middleware=layers, lifespan=lifespan)


class _Application(Starlette):
    """Starlette with a short way to the one route that nearly every request takes: the endpoint matches its own
    methods and answers its own failures, so routing and error pages have nothing to add there."""

    def __init__(self, direct: ASGIApp, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._direct = direct
        # Starlette's redirects name the Host that the client sent.
        self.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or runs the application's lifespan."""
        if scope["type"] == "http" and scope["path"] == _GRAPHQL and not scope.get("root_path"):
            scope["app"] = self
            await self._direct(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def worker_app() -> Starlette:
    """Returns the application of one worker process, by the file that CONTACTGRAPH_CONFIG names.

    Raises ConfigurationError; the process that starts workers has read the file before, and listens.
    """
    configuration = load_configuration(Path(os.environ[CONFIGURATION_FILE]), host=os.environ.get(LISTENING_HOST))
    configure_logging(configuration.server.telemetry.log_level)
    return create_app(configuration, started=settle_memory)


async def _collect(gateway: Gateway, telemetry: Telemetry) -> None:
    """Keeps the counters that workers share up to date: any of them may be asked for the metrics of all."""
    while os.environ.get(MULTIPROCESS_DIRECTORY):
        gateway.collect(telemetry)
        await asyncio.sleep(_COLLECT_SECONDS)


def _middleware(configuration: Configuration) -> list[Middleware]:
    layers = [Middleware(SecurityHeaders)]
    if configuration.server.origins:
        forwarded = [source.token_header for source in configuration.sources if source.token_header is not None]
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=configuration.server.origins,
                allow_methods=["GET", "POST"],
                allow_headers=[*_ASKED_HEADERS, EXPLAIN_HEADER, *forwarded],
                max_age=_PREFLIGHT_SECONDS,
            )
        )
    return layers


class SecurityHeaders:
    """Adds to every answer what keeps browsers from guessing types, framing, and telling where they came from."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                headers.extend(_SECURITY_HEADERS)
                if not any(name == b"content-security-policy" for name, _ in headers):
                    headers.append(_NO_PAGE)
            await send(message)

        await self.app(scope, receive, send_with_headers)
