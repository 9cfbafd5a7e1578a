"""The exported schema against the contract, its descriptions, its printing and the registry of projections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_introspection_query,
    graphql_sync,
    is_introspection_type,
    is_specified_scalar_type,
    print_ast,
)

from gql.projection.records import registry
from gql.schema.schema import GRAPHQL_SCHEMA
from gql.schema.sdl import api_sdl, federation_sdl

CONTRACT = Path(__file__).with_name("contract.graphql")
COMMITTED = Path(__file__).resolve().parents[3] / "schema.graphql"


def statements(schema: GraphQLSchema) -> set[str]:
    """Everything that a schema promises, one line each, descriptions aside."""
    return {line for each in own_types(schema) for line in _of_type(each)}


def own_types(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    return [
        each
        for each in schema.type_map.values()
        if not is_introspection_type(each) and not is_specified_scalar_type(each)
    ]


def _of_type(each: GraphQLNamedType) -> Iterator[str]:
    yield f"{type(each).__name__} {each.name}"
    if isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
        yield from (f"{each.name} implements {interface.name}" for interface in each.interfaces)
        for name, field in each.fields.items():
            yield f"{each.name}.{name}: {field.type}"
            for argument_name, argument in field.args.items():
                yield f"{each.name}.{name}({argument_name}: {argument.type}{_default(argument)})"
    elif isinstance(each, GraphQLInputObjectType):
        yield from (f"{each.name}.{name}: {field.type}{_default(field)}" for name, field in each.fields.items())
    elif isinstance(each, GraphQLEnumType):
        yield from (f"{each.name}.{name}" for name in each.values)
    elif isinstance(each, GraphQLUnionType):
        yield from (f"{each.name} = {member.name}" for member in each.types)


def _default(value: GraphQLArgument | GraphQLInputField) -> str:
    node = value.ast_node
    default = None if node is None else node.default_value
    return "" if default is None else f" = {print_ast(default)}"


def introspected(schema: GraphQLSchema) -> dict[str, Any]:
    """The public types as introspection describes them, descriptions and defaults included."""
    result = graphql_sync(schema, get_introspection_query(input_value_deprecation=True))
    assert result.errors is None
    assert result.data is not None
    types = {each["name"]: each for each in result.data["__schema"]["types"]}
    for each in types.values():
        each["fields"] = [field for field in each["fields"] or () if not field["name"].startswith("_")]
        for of_type in ("possibleTypes", "interfaces"):
            each[of_type] = sorted(named["name"] for named in each[of_type] or ())
    return {name: each for name, each in types.items() if not (name.startswith("_") or "__" in name)}


@pytest.fixture(scope="module")
def exported() -> GraphQLSchema:
    return build_schema(api_sdl())


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text("utf-8"))


def test_the_exported_schema_holds_everything_in_the_contract(exported: GraphQLSchema, contract: GraphQLSchema) -> None:
    assert statements(contract) - statements(exported) == set()


def test_an_optional_input_has_no_default_that_reads_as_null() -> None:
    assert "= null" not in api_sdl()


def test_what_the_contract_lists_is_seen_by_the_comparison(contract: GraphQLSchema) -> None:
    promised = statements(contract)
    assert "Query.contacts(onSourceError: SourceErrorPolicy! = PARTIAL)" in promised
    assert 'AskElephantCrmAssociation.objectType: String! = "contact"' in promised
    assert "ContactDetails = WacrContact" in promised
    assert "SourceErrorCode.PAGE_DRIFT" in promised
    assert "Contact implements Node" in promised
    assert len(promised) > 400


def test_what_may_be_null_says_when_it_is(exported: GraphQLSchema) -> None:
    unexplained = [
        f"{each.name}.{name}"
        for each in own_types(exported)
        if isinstance(each, GraphQLObjectType) and "null" not in (each.description or "")
        for name, field in each.fields.items()
        if not isinstance(field.type, GraphQLNonNull) and "null" not in (field.description or "").casefold()
    ]
    assert unexplained == []


def test_everything_in_the_schema_has_a_description(exported: GraphQLSchema) -> None:
    silent: list[str] = []
    for each in own_types(exported):
        if not each.description:
            silent.append(each.name)
        if isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in each.fields.items():
                silent.extend([f"{each.name}.{name}"] if not field.description else [])
                silent.extend(f"{each.name}.{name}({key})" for key, arg in field.args.items() if not arg.description)
        elif isinstance(each, GraphQLInputObjectType):
            silent.extend(f"{each.name}.{name}" for name, field in each.fields.items() if not field.description)
        elif isinstance(each, GraphQLEnumType):
            silent.extend(f"{each.name}.{name}" for name, value in each.values.items() if not value.description)
    assert silent == []


def test_the_api_schema_shows_nothing_of_the_federation_machinery() -> None:
    text = api_sdl()
    for machinery in ("_entities", "_service", "_Any", "_Entity", "_Service", "@key", "@link", "@shareable"):
        assert machinery not in text


def test_what_is_printed_is_what_is_executed(exported: GraphQLSchema) -> None:
    assert introspected(exported) == introspected(GRAPHQL_SCHEMA)


def test_query_stands_first_and_the_other_types_by_name() -> None:
    names = [
        line.split()[1]
        for line in api_sdl().splitlines()
        if line.startswith(("type ", "input ", "enum ", "interface ", "union ", "scalar "))
    ]
    assert names[0] == "Query"
    assert names[1:] == sorted(names[1:])


def test_the_subgraph_schema_declares_its_version_keys_and_shared_fields() -> None:
    text = federation_sdl()
    assert 'url: "https://specs.apollo.dev/federation/v2.9"' in text
    assert 'type Contact implements Node @key(fields: "id") @key(fields: "nativeId source { name }") {' in text
    for name in ("Tag", "PipelineStage", "Source"):
        assert f'type {name} implements Node @key(fields: "id") {{' in text
    assert 'type User implements Node @key(fields: "id") @shareable {' in text
    assert "type PageInfo @shareable {" in text
    assert text.count("): Node @shareable") == 1
    assert text.count("): [Node]! @shareable") == 1


def test_every_projection_is_of_a_type_and_a_field_that_exist() -> None:
    registry({}).check(GRAPHQL_SCHEMA)


def test_the_committed_schema_is_the_exported_one() -> None:
    assert COMMITTED.read_text("utf-8") == api_sdl(), "run: contactgraph schema --out schema.graphql"
