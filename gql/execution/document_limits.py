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
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.validation.rules.overlapping_fields_can_be_merged import MAX_COMPLEXITY_BUDGET
from graphql.validation.validation_context import MAX_FRAGMENT_WORK

from gql.configuration.settings import LimitSettings
from gql.errors import ErrorCode, request_error
from gql.execution.graphql_core_messages import has_too_many_tokens, is_nested_too_deeply
from gql.execution.operands import Operands

__all__ = [
    "check_cost",
    "check_given",
    "check_json_depth",
    "check_shapes",
    "parse_within",
    "too_complex",
    "too_much_to_validate",
]


def too_complex(setting: str, found: str, limit: float) -> GraphQLError:
    """Returns the QUERY_TOO_COMPLEX error about `server.limits.<setting>`."""
    return request_error(
        ErrorCode.QUERY_TOO_COMPLEX,
        f"{found}; the limit is {limit:,} (server.limits.{setting})",
        setting=f"server.limits.{setting}",
        limit=limit,
    )


def too_much_to_validate() -> GraphQLError:
    """Returns the QUERY_TOO_COMPLEX error about graphql-core's limits for the work of validation. They are no settings.

    It says that validation was aborted, not at which limit.
    """
    return request_error(
        ErrorCode.QUERY_TOO_COMPLEX,
        "validation takes too many steps: the same fields are selected too often, or fragments spread in too many"
        f" operations; the limits are {MAX_COMPLEXITY_BUDGET:,} and {MAX_FRAGMENT_WORK:,} (no settings)",
    )


def _nested_too_deeply() -> GraphQLError:
    """The error about graphql-core's own limit, which holds for values and types too."""
    return request_error(
        ErrorCode.QUERY_TOO_COMPLEX,
        "the document is nested too deeply, fragments counted where they are spread;"
        f" the limit is {MAX_NESTING_DEPTH:,} (no setting)",
        limit=MAX_NESTING_DEPTH,
    )


def parse_within(text: str, limits: LimitSettings) -> DocumentNode:
    """Returns the parsed document. Raises GraphQLError when it is too long, or no GraphQL."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > limits.document_bytes:
        raise too_complex("document_bytes", f"the document has {size:,} bytes", limits.document_bytes)
    try:
        return parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
    except GraphQLSyntaxError as error:
        if has_too_many_tokens(error):
            raise too_complex("tokens", "the document has too many tokens", limits.tokens) from None
        if is_nested_too_deeply(error):
            raise _nested_too_deeply() from None
        raise


def check_shapes(document: DocumentNode, limits: LimitSettings) -> None:
    """Raises QUERY_TOO_COMPLEX when an operation is too deep, or has too many aliases or root fields.

    Fragments count where they are spread. The document need not be valid yet: a fragment that spreads itself, or is
    not there, counts nothing, and validation says so.
    """
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    shapes = _Shapes(fragments)
    try:
        operations = [
            shapes.of(each.selection_set) for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        spread = [shapes.of_fragment(name) for name in fragments]
    except RecursionError:
        raise _nested_too_deeply() from None
    for shape in operations:
        for setting, found, words in (
            ("depth", shape.depth, "fields are nested {:,} deep"),
            ("aliases", shape.aliases, "there are {:,} aliases"),
            ("root_fields", shape.fields, "there are {:,} fields at the root"),
        ):
            limit = getattr(limits, setting)
            if found > limit:
                raise too_complex(setting, words.format(found), limit)
    # Validation would abort without a reason.
    if any(shape.levels > MAX_NESTING_DEPTH for shape in (*operations, *spread)):
        raise _nested_too_deeply()


def check_given(given: Operands, limits: LimitSettings) -> None:
    """Raises QUERY_TOO_COMPLEX when the arguments of an operation have too many conditions, or values in lists."""
    if given.conditions > limits.conditions:
        found = f"the arguments have {given.conditions:,} conditions (a variable counts wherever it is used)"
        raise too_complex("conditions", found, limits.conditions)
    if given.operands > limits.operands:
        found = f"the arguments have {given.operands:,} values in lists (a variable counts wherever it is used)"
        raise too_complex("operands", found, limits.operands)


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
    """Of a selection set: how deep it is, how many aliases are in all of it, how many fields at its top.

    `levels` are those of selection sets, of fragments too, as graphql-core counts them.
    """

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    levels: int = 0


class _Shapes:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, _Shape] = {}

    def of(self, selection_set: SelectionSetNode) -> _Shape:
        depth = aliases = fields = levels = 0
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                # Introspection is as deep as types are wrapped; graphql-core has a rule of its own for it.
                nested = node.selection_set if not node.name.value.startswith("__") else None
                inner = self.of(nested) if nested else _Shape()
                depth = max(depth, 1 + inner.depth)
                aliases += inner.aliases + (node.alias is not None)
                fields += 1
            else:
                inner = self._spread(node)
                depth = max(depth, inner.depth)
                aliases += inner.aliases
                fields += inner.fields
            levels = max(levels, inner.levels)
        return _Shape(depth, aliases, fields, 1 + levels)

    def of_fragment(self, name: str) -> _Shape:
        """Returns the shape of what a fragment selects, an empty one when there is no such fragment."""
        known = self._known.get(name)
        if known is None:
            self._known[name] = _Shape()  # what a fragment that spreads itself finds
            definition = self._fragments.get(name)
            known = self._known[name] = self.of(definition.selection_set) if definition else _Shape()
        return known

    def _spread(self, node: Any) -> _Shape:
        if isinstance(node, FragmentSpreadNode):
            return self.of_fragment(node.name.value)
        return self.of(node.selection_set)
