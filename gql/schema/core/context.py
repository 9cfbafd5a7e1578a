"""What one request carries through the execution of its operation."""

from __future__ import annotations

from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLError

from resolvers.request.operation import Operation


class RequestContext:
    """GraphQL's context value, made anew for every operation.

    `operation`: the sources as this caller sees them. `errors`: located errors beside the data, to be added to the
    answer's `errors` (DESIGN.md 8). `selections`: what was found out about the document's selections; it belongs to the
    parsed document and has to be given again with it, so that a repeated document costs nothing
    (`gql.schema.core.selection`).
    """

    __slots__ = ("errors", "operation", "selections")

    def __init__(self, operation: Operation, selections: dict[Any, Any] | None = None) -> None:
        self.operation = operation
        self.errors: list[GraphQLError] = []
        self.selections: dict[Any, Any] = {} if selections is None else selections


Info: TypeAlias = strawberry.Info[RequestContext, None]
