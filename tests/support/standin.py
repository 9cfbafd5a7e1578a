"""A small schema in place of the real one: fields that do what a test of the endpoint needs, over no source."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from graphql import GraphQLResolveInfo, build_schema
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gql.configuration.file import Configuration, read_configuration
from gql.execution.gateway import Gateway
from gql.http.app import create_app
from gql.projection.executor import Projection
from gql.projection.registry import ProjectionRegistry
from gql.schema.core.context import RequestContext
from gql.schema.core.outcomes import report
from providers.open_sources import open_sources
from providers.spi.errors import SourceRateLimited
from resolvers.model.errors import BadUserInput

SECRET = "planted-credential-4711"
ENVIRONMENT = {"SALES_TOKEN": SECRET}

SOURCES = """
[[sources]]
name = "sales"
provider = "tether"
base_url = "http://127.0.0.1:9"
token_env = "SALES_TOKEN"

[[sources]]
name = "events"
provider = "wacr"
base_url = "http://127.0.0.1:9"
token_header = "X-Events-Token"
"""

SCHEMA = build_schema(
    """
    type Query {
      hello(name: String = "world"): String!
      number(value: Int!): Int
      sources: [String!]!
      credentials: [String!]!
      fresh: Boolean!
      partial: String
      refused: String
      broken: String
      brokenRoot: String!
      slow: String
      contacts(first: Int, last: Int, filter: String, orderBy: String): ContactConnection
      contact: Contact
      nodes(ids: [ID!]!): [Contact]!
      colour(wanted: Colour): String
    }
    enum Colour { RED GREEN }
    type ContactConnection { edges: [ContactEdge!]! nodes: [Contact!]! totalCount: Int pageInfo: PageInfo! }
    type PageInfo { hasNextPage: Boolean! }
    type ContactEdge { cursor: String! node: Contact! }
    type Contact { id: ID! tags: [Tag!]! matches: [Contact!]! contacts(first: Int): ContactConnection friend: Contact }
    type Tag { id: ID! contacts(first: Int, last: Int): ContactConnection }
    """
)


class _Info:
    """What `report` reads of Strawberry's info."""

    def __init__(self, info: GraphQLResolveInfo[RequestContext]) -> None:
        self._raw_info = info
        self.context = info.context


def _partial(_: object, info: GraphQLResolveInfo[RequestContext]) -> str:
    report(_Info(info), [SourceRateLimited("sales", "sales answered 429", status=429, retry_after=12.0)])  # type: ignore[arg-type]
    return "half"


def _refused(*_: object) -> None:
    raise BadUserInput("first", "expected 0 to 100, got 101")


def _broken(*_: object) -> None:
    raise RuntimeError(f"internal detail {SECRET}")


async def _slow(*_: object) -> None:
    await asyncio.sleep(60)


def _resolve(name: str, resolver: Any) -> None:
    assert SCHEMA.query_type is not None
    SCHEMA.query_type.fields[name].resolve = resolver


_resolve("hello", lambda _, info, name: f"hello {name}")
_resolve("number", lambda _, info, value: value)
_resolve("sources", lambda _, info: list(info.context.operation.sources))
_resolve("credentials", lambda _, info: [f"{k}={v.reveal()}" for k, v in info.context.operation.credentials.items()])
_resolve("fresh", lambda _, info: info.context.operation.fresh)
_resolve("partial", _partial)
_resolve("refused", _refused)
_resolve("broken", _broken)
_resolve("brokenRoot", _broken)
_resolve("slow", _slow)
_resolve("contact", lambda *_: {"id": "1"})


def configured(server: str = "", documents: Mapping[str, str] | None = None) -> Configuration:
    """Two sources, one of them with the callers' credentials, and these lines of the [server] part."""
    configuration = read_configuration(f"{server}\n{SOURCES}")
    return configuration.model_copy(update={"environment": ENVIRONMENT, "documents": documents or {}})


@asynccontextmanager
async def open_standin(configuration: Configuration) -> AsyncIterator[Gateway]:
    """A gateway that answers from the stand-in schema."""
    sources = {source.name: source for source in open_sources(configuration.sources, ENVIRONMENT)}
    yield Gateway(configuration, Projection(SCHEMA, ProjectionRegistry()), sources)
    for source in sources.values():
        await source.aclose()


def standin_app(server: str = "", documents: Mapping[str, str] | None = None) -> Starlette:
    """The application over the stand-in schema."""
    return create_app(configured(server, documents), open_standin)


def standin_client(server: str = "", documents: Mapping[str, str] | None = None) -> TestClient:
    """A client of that application; to be entered with `with`, which starts it."""
    return TestClient(standin_app(server, documents), headers={"Accept": "application/json"}, follow_redirects=False)
