"""What a document may be, judged before anything is executed. Every refusal names its setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)

from gql.failures import ErrorCode, request_error
from gql.settings import LimitSettings

__all__ = ["check_cost", "check_json_depth", "check_shapes", "parse_within", "too_complex"]


def too_complex(setting: str, found: str, limit: float) -> GraphQLError:
    """Returns the QUERY_TOO_COMPLEX error about `server.limits.<setting>`."""
    return request_error(
        ErrorCode.QUERY_TOO_COMPLEX,
        f"{found}; the limit is {limit:,} (server.limits.{setting})",
        setting=f"server.limits.{setting}",
        limit=limit,
    )


def parse_within(text: str, limits: LimitSettings) -> DocumentNode:
    """Returns the parsed document. Raises GraphQLError when it is too long, or no GraphQL."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > limits.document_bytes:
        raise too_complex("document_bytes", f"the document has {size:,} bytes", limits.document_bytes)
    try:
        return parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
    except GraphQLSyntaxError as error:
        if error.message.startswith("Syntax Error: Document contains more than"):
            raise too_complex("tokens", "the document has too many tokens", limits.tokens) from None
        raise


def check_shapes(document: DocumentNode, limits: LimitSettings) -> None:
    """Raises QUERY_TOO_COMPLEX when an operation is too deep, or has too many aliases or root fields.

    Fragments count where they are spread. The document need not be valid yet: a fragment that spreads itself, or is
    not there, counts nothing, and validation says so.
    """
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    shapes = _Shapes(fragments)
    for operation in document.definitions:
        if not isinstance(operation, OperationDefinitionNode):
            continue
        shape = shapes.of(operation.selection_set)
        for setting, found, words in (
            ("depth", shape.depth, "fields are nested {:,} deep"),
            ("aliases", shape.aliases, "there are {:,} aliases"),
            ("root_fields", shape.fields, "there are {:,} fields at the root"),
        ):
            limit = getattr(limits, setting)
            if found > limit:
                raise too_complex(setting, words.format(found), limit)


def check_cost(cost: int, limits: LimitSettings) -> None:
    """Raises QUERY_TOO_COMPLEX when the cost is over the limit."""
    if cost > limits.cost:
        raise too_complex("cost", f"the operation may cost {cost:,} (page sizes multiply when nested)", limits.cost)


def check_json_depth(value: Mapping[str, Any], limits: LimitSettings) -> None:
    """Raises QUERY_TOO_COMPLEX when JSON is nested too deeply; `value` itself is at depth 1."""
    level: list[Any] = [value]
    for _ in range(limits.json_depth):
        level = [inner for outer in level for inner in _inner(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise too_complex("json_depth", "the JSON of the request is nested too deeply", limits.json_depth)


def _inner(value: Any) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value)


class _Shape(NamedTuple):
    """Of a selection set: how deep it is, how many aliases are in all of it, how many fields at its top."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0


class _Shapes:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, _Shape] = {}

    def of(self, selection_set: SelectionSetNode) -> _Shape:
        depth = aliases = fields = 0
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                # Introspection is as deep as types are wrapped; graphql-core has a rule of its own for it.
                nested = node.selection_set if not node.name.value.startswith("__") else None
                inner = self.of(nested) if nested else _Shape()
                depth = max(depth, 1 + inner.depth)
                aliases += inner.aliases + (node.alias is not None)
                fields += 1
                continue
            inner = self._spread(node)
            depth = max(depth, inner.depth)
            aliases += inner.aliases
            fields += inner.fields
        return _Shape(depth, aliases, fields)

    def _spread(self, node: Any) -> _Shape:
        if not isinstance(node, FragmentSpreadNode):
            return self.of(node.selection_set)
        name = node.name.value
        known = self._known.get(name)
        if known is None:
            self._known[name] = _Shape()  # what a fragment that spreads itself finds
            definition = self._fragments.get(name)
            known = self._known[name] = self.of(definition.selection_set) if definition else _Shape()
        return known
