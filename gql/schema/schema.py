"""The schema: made once, for execution, for printing and for projection."""

from __future__ import annotations

from typing import Any, Final

import strawberry
from graphql import GraphQLSchema
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig

from gql.schema.core.context import Info
from gql.schema.core.scalars import SCALARS
from gql.schema.core.selection import parts
from gql.schema.entities import entities
from gql.schema.query import Query
from gql.schema.types.node import Node

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
