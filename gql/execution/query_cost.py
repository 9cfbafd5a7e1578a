"""What an operation may cost, counted before it is executed (docs/operations.md, "Cost").

The unit is about one object of the answer. An object costs 1 and what is selected of it; a connection costs that
once for every record it may return (the larger of `first` and `last`, 25 without, never more than 100), so that
nested connections multiply. A list without paging counts as five objects, a list of ids as many as there are ids. On
top of that come `READING` for a filter or an order, which may make a source read its records, and the weights of
`WEIGHTS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
)
from graphql.type import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, get_nullable_type

from gql.errors import ErrorCode, request_error
from resolvers.paging.arguments import DEFAULT_SIZE, MAX_SIZE

__all__ = ["Cost", "operation_cost"]

LIST_LENGTH: Final = 5
READING: Final = 50
WEIGHTS: Final[Mapping[tuple[str, str], int]] = {
    ("Contact", "matches"): 30,
    ("Contact", "person"): 30,
    ("Query", "person"): 30,
}
"""Calls of sources that one of these makes, and what they take."""

LOOK_UP: Final = 10
"""One call for each of a router's representations, of which there may be any number."""

INTROSPECTION: Final[Mapping[str, int]] = {"__schema": 8_000, "__type": 1_000, "_service": 8_000}
"""An answer that tells the schema is long and made without any source, in one piece."""

_SEARCHES: Final = frozenset({("Contact", "matches"), ("Contact", "person")})

_PAGE_ARGUMENTS: Final = ("first", "last")
_READING_ARGUMENTS: Final = ("filter", "orderBy")
_ID_ARGUMENTS: Final = ("ids", "representations")


class _Given(msgspec.Struct, frozen=True):
    """What an argument is given: a number, None for null, or what a variable says where there is one."""

    literal: int | None
    variable: str | None = None

    def number(self, variables: Mapping[str, Any]) -> int | None:
        if self.variable is None:
            return self.literal
        given = variables.get(self.variable, self.literal)
        if isinstance(given, list):
            # Not capped: `nodes` refuses more than a page, a router's representations may be more.
            return len(given)
        # `Int` takes 100.0 for 100. Of anything else that is no number the executor says what is wrong.
        if isinstance(given, int | float) and not isinstance(given, bool):
            return int(min(max(0, given), MAX_SIZE))
        return None


class _Count(msgspec.Struct, frozen=True):
    """How often something is returned: the largest number that the arguments are given, `fixed` when all are null."""

    fixed: int
    arguments: tuple[_Given, ...] = ()

    def value(self, variables: Mapping[str, Any]) -> int:
        numbers = (each.number(variables) for each in self.arguments)
        return max((number for number in numbers if number is not None), default=self.fixed)


class Cost(msgspec.Struct, frozen=True, eq=False):
    """A cost that may depend on variables. Shared between places: fragments are counted once."""

    fixed: int = 0
    parts: tuple[tuple[_Count, Cost], ...] = ()

    def total(self, variables: Mapping[str, Any]) -> int:
        """Returns the cost with these (uncoerced) variables."""
        return self.fixed if not self.parts else self._total(variables, {})

    def _total(self, variables: Mapping[str, Any], known: dict[int, int]) -> int:
        total = known.get(id(self))
        if total is None:
            total = self.fixed + sum(
                count.value(variables) * each._total(variables, known) for count, each in self.parts
            )
            known[id(self)] = total
        return total


class _Selected(NamedTuple):
    """The cost of a selection: once, and once for each record of the connection it stands in.

    `search` is the name of a field anywhere in it that searches the other sources for a contact.
    """

    once: Cost
    each: Cost
    search: str | None = None


_NOTHING: Final = Cost()


def operation_cost(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> Cost:
    """Returns the cost of an operation of a valid document.

    Raises QUERY_TOO_COMPLEX for `matches` or `person` below one of them: each would search for all that the other
    found.
    """
    root = schema.get_root_type(operation.operation)
    defaults = {each.variable.name.value: each for each in operation.variable_definitions or ()}
    return _Counter(schema, fragments, defaults).selection(root, operation.selection_set).once if root else _NOTHING


class _Counter:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, VariableDefinitionNode],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._known: dict[str, _Selected] = {}

    def selection(self, parent: GraphQLNamedType, selection_set: SelectionSetNode) -> _Selected:
        once: list[tuple[_Count, Cost]] = []
        each: list[tuple[_Count, Cost]] = []
        search: str | None = None
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                of_records = _is_connection(parent) and node.name.value in ("edges", "nodes")
                cost, found = self._field(parent, node)
                search = search or found
                (each if of_records else once).append((_Count(1), cost))
                continue
            selected = self._fragment(parent, node)
            search = search or selected.search
            once.append((_Count(1), selected.once))
            each.append((_Count(1), selected.each))
        return _Selected(_sum(once), _sum(each), search)

    def _fragment(self, parent: GraphQLNamedType, node: SelectionNode) -> _Selected:
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            narrowed = self._schema.get_type(condition.name.value) if condition else parent
            return self.selection(narrowed or parent, node.selection_set)
        name = cast(FragmentSpreadNode, node).name.value
        if name not in self._known:
            definition = self._fragments[name]
            narrowed = self._schema.get_type(definition.type_condition.name.value)
            self._known[name] = self.selection(narrowed or parent, definition.selection_set)
        return self._known[name]

    def _field(self, parent: GraphQLNamedType, node: FieldNode) -> tuple[Cost, str | None]:
        """The cost of a field, and the name of what in it searches the other sources."""
        name = node.name.value
        if name in INTROSPECTION:
            return Cost(INTROSPECTION[name]), None
        definition = parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
        if definition is None or is_leaf_type(get_named_type(definition.type)):
            return _NOTHING, None
        type_ = get_named_type(definition.type)
        selected = self.selection(type_, node.selection_set) if node.selection_set else _Selected(_NOTHING, _NOTHING)
        search = selected.search
        if (parent.name, name) in _SEARCHES:
            if search is not None:
                raise _searches_within(name, search)
            search = name
        return self._of(parent, node, definition, selected), search

    def _of(self, parent: GraphQLNamedType, node: FieldNode, definition: GraphQLField, selected: _Selected) -> Cost:
        name = node.name.value
        if _is_connection(get_named_type(definition.type)):
            return _sum(
                [
                    (_Count(1 + self._reading(node)), Cost(1)),
                    (_Count(1), selected.once),
                    (self._length(definition, node, _PAGE_ARGUMENTS, DEFAULT_SIZE), selected.each),
                ]
            )
        if _is_connection(parent) and name == "edges":
            return selected.once
        one = _sum([(_Count(1 + (LOOK_UP if name == "_entities" else 0)), Cost(1)), (_Count(1), selected.once)])
        length = _Count(1)
        if is_list_type(get_nullable_type(definition.type)) and not (_is_connection(parent) and name == "nodes"):
            length = self._length(definition, node, _ID_ARGUMENTS, LIST_LENGTH)
        return _sum([(_Count(WEIGHTS.get((parent.name, name), 0)), Cost(1)), (length, one)])

    def _reading(self, node: FieldNode) -> int:
        given = (_argument(node, name) for name in _READING_ARGUMENTS)
        return READING if any(value is not None for value in given) else 0

    def _length(self, definition: GraphQLField, node: FieldNode, names: Sequence[str], default: int) -> _Count:
        """What these arguments say; of `first` and `last` both count, either may turn out to be null."""
        values = [_argument(node, name) for name in names if name in definition.args]
        given = [self._given(value) for value in values if value is not None]
        if any(each.variable is not None for each in given):
            return _Count(default, tuple(given))
        return _Count(max((each.literal for each in given if each.literal is not None), default=default))

    def _given(self, value: ValueNode) -> _Given:
        if isinstance(value, VariableNode):
            definition = self._variables.get(value.name.value)
            default = definition.default_value if definition else None
            return _Given(self._given(default).literal if default else None, value.name.value)
        if isinstance(value, NullValueNode):
            return _Given(None)
        if isinstance(value, ListValueNode):
            return _Given(len(value.values))
        # A literal of twenty digits is text until somebody makes it a number.
        if isinstance(value, IntValueNode):
            return _Given(0 if value.value.startswith("-") else min(int(value.value[:9]), MAX_SIZE))
        # One value stands for a list of it.
        return _Given(1)


def _searches_within(outer: str, inner: str) -> GraphQLError:
    return request_error(
        ErrorCode.QUERY_TOO_COMPLEX,
        f"{inner}: is asked for inside {outer}; each of the contacts found would be searched for again"
        " (no setting). Ask for it in an operation of its own, by the ids found",
    )


def _argument(node: FieldNode, name: str) -> ValueNode | None:
    """The value of an argument; None when it is not given, or null."""
    found = next((each.value for each in node.arguments or () if each.name.value == name), None)
    return None if isinstance(found, NullValueNode) else found


def _is_connection(type_: GraphQLNamedType) -> bool:
    return type_.name.endswith("Connection")


def _sum(parts: list[tuple[_Count, Cost]]) -> Cost:
    """The parts as one cost, folded as far as no variable is in the way."""
    fixed = 0
    open_: list[tuple[_Count, Cost]] = []
    for count, each in parts:
        if not count.arguments and not each.parts:
            fixed += count.fixed * each.fixed
        elif count.arguments or count.fixed:
            open_.append((count, each))
    return Cost(fixed, tuple(open_))
