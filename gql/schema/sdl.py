"""The schema as text: the API schema for tools and clients, the subgraph schema for composition (DESIGN.md 10)."""

from __future__ import annotations

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
    print_type,
)

from gql.schema.schema import GRAPHQL_SCHEMA, SCHEMA

_FEDERATION_TYPES = frozenset({"FieldSet", "LinkImport", "LinkPurpose"})


def api_sdl() -> str:
    """Returns the API schema without the federation machinery; any tool loads it.

    Query comes first, then the other types by name; fields stay in their declared order, so that a change of the API
    shows in a diff where it was made.
    """
    types = sorted(
        filter(_is_public, GRAPHQL_SCHEMA.type_map.values()), key=lambda each: (each.name != "Query", each.name)
    )
    return "\n\n".join(print_type(_without_machinery(each)) for each in types) + "\n"


def federation_sdl() -> str:
    """Returns the subgraph's schema, with keys and the link to the federation version, as `_service` gives it."""
    return SCHEMA.as_str().rstrip() + "\n"


def _is_public(each: GraphQLNamedType) -> bool:
    machinery = each.name.startswith("_") or "__" in each.name or each.name in _FEDERATION_TYPES
    return not (machinery or is_introspection_type(each) or is_specified_scalar_type(each))


def _without_machinery(each: GraphQLNamedType) -> GraphQLNamedType:
    if not isinstance(each, GraphQLObjectType) or not any(name.startswith("_") for name in each.fields):
        return each
    fields = {name: field for name, field in each.fields.items() if not name.startswith("_")}
    return GraphQLObjectType(each.name, fields, each.interfaces, description=each.description)
