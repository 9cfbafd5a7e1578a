"""How many conditions and operands an operation gives, known before any argument is converted.

A condition is an input field that has a value: one comparison of a filter, one key of an order. An operand is one
value in a list: of `in`, of `ids`, one of the router's representations. What a variable holds counts wherever the
variable is used, because it is converted, and judged, there once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

__all__ = ["Given", "Operands", "given_in"]

_OPAQUE: Final = frozenset({"representations"})
"""Arguments whose objects are no filters: each is one operand."""


class Operands(NamedTuple):
    """How much is given."""

    conditions: int = 0
    operands: int = 0


class _Use(NamedTuple):
    """A variable in a place: `opaque` where its objects are operands."""

    variable: str
    opaque: bool


class Given(msgspec.Struct, frozen=True, eq=False):
    """What an operation gives: literals, and how often each variable is used.

    `defaults` are the literals that stand for variables without a value.
    """

    literal: Operands = Operands()
    uses: tuple[tuple[_Use, int], ...] = ()
    defaults: Mapping[str, Operands] = {}

    def total(self, variables: Mapping[str, Any]) -> Operands:
        """Returns what is given with these (uncoerced) variables. Each is walked once, however often it is used."""
        conditions, operands = self.literal
        for (name, opaque), count in self.uses:
            value = variables.get(name, self)
            if value is self:
                found = self.defaults.get(name, Operands())
            elif not isinstance(value, list | dict):
                continue
            elif opaque:
                found = Operands(0, len(value) if isinstance(value, list) else 1)
            else:
                found = _of_json(value)
            conditions += count * found.conditions
            operands += count * found.operands
        return Operands(conditions, operands)


def given_in(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Given:
    """Returns what an operation of a valid document gives. Fragments count wherever they are spread."""
    found = _Reader(fragments).selection(operation.selection_set)
    conditions = found.pop(_CONDITIONS, 0)
    operands = found.pop(_OPERANDS, 0)
    defaults = {
        each.variable.name.value: _of_literal(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    return Given(Operands(conditions, operands), tuple(found.items()), defaults)  # type: ignore[arg-type]


_CONDITIONS: Final = "conditions"
_OPERANDS: Final = "operands"


class _Reader:
    """Counts by `_CONDITIONS`, `_OPERANDS` and the uses of variables. Every fragment is read once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Counter[str | _Use]] = {}

    def selection(self, selection_set: SelectionSetNode) -> Counter[str | _Use]:
        found: Counter[str | _Use] = Counter()
        for node in selection_set.selections:
            if isinstance(node, FragmentSpreadNode):
                found.update(self._fragment(node.name.value))
                continue
            if isinstance(node, FieldNode):
                for argument in node.arguments or ():
                    _count(argument.value, found, opaque=argument.name.value in _OPAQUE)
            nested: SelectionSetNode | None = getattr(node, "selection_set", None)
            if nested is not None:
                found.update(self.selection(nested))
        return found

    def _fragment(self, name: str) -> Counter[str | _Use]:
        if name not in self._known:
            self._known[name] = self.selection(self._fragments[name].selection_set)
        return self._known[name]


def _of_literal(node: ValueNode) -> Operands:
    found: Counter[str | _Use] = Counter()
    _count(node, found, opaque=False)
    return Operands(found[_CONDITIONS], found[_OPERANDS])


def _count(node: ValueNode, found: Counter[str | _Use], *, opaque: bool) -> None:
    """Counts what a value gives. Nesting is bounded by the parser."""
    if isinstance(node, VariableNode):
        found[_Use(node.name.value, opaque)] += 1
    elif isinstance(node, ListValueNode):
        for each in node.values:
            if opaque or not isinstance(each, ObjectValueNode | ListValueNode):
                found[_OPERANDS] += 1
            if not opaque or isinstance(each, VariableNode):
                _count(each, found, opaque=opaque)
    elif isinstance(node, ObjectValueNode):
        if opaque:
            found[_OPERANDS] += 1
            return
        if not node.fields:
            found[_CONDITIONS] += 1
        for field in node.fields:
            if not _branches(field.value):
                found[_CONDITIONS] += 1
            _count(field.value, found, opaque=False)


def _branches(node: ValueNode) -> bool:
    """Whether a field's value has conditions of its own in it."""
    if isinstance(node, ListValueNode):
        return any(isinstance(each, ObjectValueNode) for each in node.values)
    return isinstance(node, ObjectValueNode)


def _of_json(value: Any) -> Operands:
    """The same of a variable's value, without recursion."""
    conditions = operands = 0
    waiting = [value]
    while waiting:
        each = waiting.pop()
        nested = list(_nested(each))
        if isinstance(each, list):
            operands += len(each) - len(nested)
        else:
            conditions += sum(not _has_objects(inner) for inner in each.values()) if each else 1
        waiting += nested
    return Operands(conditions, operands)


def _nested(value: Any) -> Iterator[Any]:
    return (each for each in (value.values() if isinstance(value, dict) else value) if isinstance(each, dict | list))


def _has_objects(value: Any) -> bool:
    if isinstance(value, list):
        return any(isinstance(each, dict) for each in value)
    return isinstance(value, dict)
