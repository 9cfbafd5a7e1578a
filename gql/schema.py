"""The schema: made once, for execution, for printing and for projection."""

from __future__ import annotations

from typing import Any, Final

import strawberry
from graphql import GraphQLSchema
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig

from gql.context import Info
from gql.federation import entities
from gql.query import Query
from gql.scalars import SCALARS
from gql.selection import parts
from gql.types.node import Node

FEDERATION_VERSION: Final = "2.9"
"""The highest that both public composers accept (DESIGN.md 10)."""


class ContactSchema(strawberry.federation.Schema):
    """Apollo Federation's schema, with `_entities` of our own."""

    async def entities_resolver(  # type: ignore[override]
        self, info: Info, representations: list[FederationAny]
    ) -> list[Any]:
        """Returns one record, None or exception for every representation."""
        return await entities(
            info.context.operation, representations, lambda type_name: parts(info, type_name=type_name)
        )


SCHEMA: Final = ContactSchema(
    query=Query,
    types=[Node],
    config=StrawberryConfig(scalar_map=SCALARS),
    federation_version=FEDERATION_VERSION,
)

GRAPHQL_SCHEMA: Final[GraphQLSchema] = SCHEMA._schema
"""What graphql-core validates and executes against. Its execution needs a RequestContext as the context value."""
