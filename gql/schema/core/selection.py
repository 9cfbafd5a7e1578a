"""What of a field's answer is selected, in the resolvers' words (DESIGN.md 7: what is not selected is not fetched).

Found out once for a document's field and values of @skip/@include, and kept in `RequestContext.selections`, which
belongs to the parsed document; the nodes it is keyed by live as long as that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    IntValueNode,
    NullValueNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    is_abstract_type,
    is_object_type,
)

from gql.schema.core.context import Info, RequestContext
from resolvers.model.selection import Wanted
from resolvers.paging.arguments import DEFAULT_SIZE

_DEPTH: Final = 3
"""How many names a part has at most: "details.created_by.name"."""

_CONNECTION_DEPTH: Final = _DEPTH + 2
"""Below a connection stand `edges.node` and the node's parts."""

_MAX_PLANS: Final = 1_000
"""A document has few fields with selections, but its @skip/@include variables may have many combinations."""

_INNER_CAPITAL: Final = re.compile(r"(?<!^)([A-Z])")
_NODE_PREFIXES: Final = ("nodes.", "edges.node.")
_NESTED: Final = frozenset({f"{prefix}contacts" for prefix in _NODE_PREFIXES})
_NOT_FROM_THE_START: Final = ("after", "last", "before", "search", "filter")


def wanted(info: Info) -> Wanted:
    """Returns what is selected below the connection field that is being resolved."""
    key = ("wanted", *_key(info))
    plans = info.context.selections
    known: tuple[Wanted, tuple[FieldNode, ...]] | None = plans.get(key)
    if known is None:
        selected = _collected(info, None, _CONNECTION_DEPTH)
        known = _remember(plans, key, (_wanted(selected.names), tuple(selected.nested)))
    found, nested = known
    if not nested:
        return found
    # Page sizes may be variables, so they are read for every execution.
    sizes = {_first_page(node, info.variable_values) for node in nested}
    largest = max((size for size in sizes if size is not None), default=None)
    inside = _inside(info, nested) if len(sizes) == 1 and largest else None
    if inside is not None and not inside.contacts:
        # A total alone is one record (DESIGN.md 7).
        largest = 1
    return msgspec.structs.replace(found, nested=largest, inside=inside)


def parts(info: Info, below: str = "", type_name: str | None = None) -> frozenset[str]:
    """Returns the selected fields' Python names, nested ones after a dot ("tags.name").

    `below`: of that child's own selection, e.g. "contacts". `type_name`: as selected for that type, where the
    field's type is an interface or a union.
    """
    key = ("parts", below, type_name, *_key(info))
    plans = info.context.selections
    found: frozenset[str] | None = plans.get(key)
    if found is None:
        depth = _DEPTH + below.count(".") + 1 if below else _DEPTH
        names = _collected(info, type_name, depth).names
        found = _remember(plans, key, _below(names, f"{below}.") if below else frozenset(names))
    return found


def _wanted(names: set[str]) -> Wanted:
    return Wanted(
        contacts="edges" in names or "nodes" in names,
        parts=frozenset().union(*(_below(names, prefix) for prefix in _NODE_PREFIXES)),
        cursors="edges.cursor" in names,
        page_info="page_info" in names,
        total="total_count" in names or "sources.total_count" in names,
        slices="sources" in names,
    )


def _inside(info: Info, nested: tuple[FieldNode, ...]) -> Wanted | None:
    """Returns what nested connections select, None when some need more than their first page to be answered: a
    cursor, or a policy of their own."""
    key = ("inside", *_key(info))
    plans = info.context.selections
    if key not in plans:
        collector = _Collector(info._raw_info, info.variable_values, _CONNECTION_DEPTH)
        for node in nested:
            if node.selection_set is not None:
                collector.collect(node.selection_set.selections, "", None, 1)
        found = _wanted(collector.names)
        plain = all(each.name.value == "first" for node in nested for each in node.arguments or ())
        _remember(plans, key, found if plain and not found.cursors and not found.page_info else None)
    known: Wanted | None = plans[key]
    return known


def snake_case(name: str) -> str:
    """Returns a GraphQL name as the attribute's: "phoneE164" as "phone_e164"."""
    return _INNER_CAPITAL.sub(r"_\1", name).lower()


def _key(info: Info) -> tuple[Any, ...]:
    """What a selection depends on: nodes count by identity, for their own hash walks them."""
    raw = info._raw_info
    values = info.variable_values
    conditions = _condition_names(raw, info.context)
    return (*(id(node) for node in raw.field_nodes), *(values.get(name) for name in conditions))


def _remember(plans: dict[Any, Any], key: tuple[Any, ...], value: Any) -> Any:
    if len(plans) >= _MAX_PLANS:
        plans.clear()
    plans[key] = value
    return value


def _below(names: set[str], prefix: str) -> frozenset[str]:
    return frozenset(name[len(prefix) :] for name in names if name.startswith(prefix))


def _condition_names(raw: GraphQLResolveInfo[Any], context: RequestContext) -> tuple[str, ...]:
    """The variables that @skip and @include read in the operation or in a fragment of its document."""
    key = ("conditions", id(raw.operation))
    names: tuple[str, ...] | None = context.selections.get(key)
    if names is None:
        names = _remember(context.selections, key, tuple(sorted(set(_conditions(raw)))))
    return names


def _conditions(raw: GraphQLResolveInfo[Any]) -> Iterator[str]:
    selection_sets = [raw.operation.selection_set, *(each.selection_set for each in raw.fragments.values())]
    while selection_sets:
        for selection in selection_sets.pop().selections:
            for directive in selection.directives or ():
                value = _condition(directive)
                if isinstance(value, VariableNode):
                    yield value.name.value
            nested: SelectionSetNode | None = getattr(selection, "selection_set", None)
            if nested is not None:
                selection_sets.append(nested)


def _condition(directive: DirectiveNode) -> Any:
    if directive.name.value in ("skip", "include") and directive.arguments:
        return directive.arguments[0].value
    return None


def _included(selection: SelectionNode, variables: Mapping[str, Any]) -> bool:
    for directive in selection.directives or ():
        value = _condition(directive)
        if isinstance(value, VariableNode):
            holds = bool(variables.get(value.name.value))
        elif isinstance(value, BooleanValueNode):
            holds = value.value
        else:
            continue
        if holds is (directive.name.value == "skip"):
            return False
    return True


def _first_page(node: FieldNode, variables: Mapping[str, Any]) -> int | None:
    """The page size of a nested connection that begins at its start and is not narrowed; None for any other."""
    given = {each.name.value: _argument(each.value, variables) for each in node.arguments or ()}
    if any(given.get(name) is not None for name in _NOT_FROM_THE_START):
        return None
    first = given.get("first")
    return DEFAULT_SIZE if first is None else first if isinstance(first, int) else None


def _argument(value: ValueNode, variables: Mapping[str, Any]) -> object:
    if isinstance(value, VariableNode):
        return variables.get(value.name.value)
    if isinstance(value, NullValueNode):
        return None
    return int(value.value) if isinstance(value, IntValueNode) else value


def _collected(info: Info, type_name: str | None, depth: int) -> _Collector:
    """Collects dotted names below the field. Type conditions are judged at the first level alone: further down,
    members of a union have different fields or mean the same by them."""
    collector = _Collector(info._raw_info, info.variable_values, depth)
    for node in info._raw_info.field_nodes:
        if node.selection_set is not None:
            collector.collect(node.selection_set.selections, "", type_name, 1)
    return collector


class _Collector:
    def __init__(self, raw: GraphQLResolveInfo[Any], variables: Mapping[str, Any], depth: int) -> None:
        self.names: set[str] = set()
        self.nested: list[FieldNode] = []
        self._raw = raw
        self._depth = depth
        self._variables = variables
        # Fragments that spread others twice each would take exponential time otherwise.
        self._spread: set[tuple[str, str]] = set()

    def collect(self, selections: Sequence[SelectionNode], prefix: str, type_name: str | None, level: int) -> None:
        for selection in selections:
            if not _included(selection, self._variables):
                continue
            if isinstance(selection, FieldNode):
                name = prefix + snake_case(selection.name.value)
                self.names.add(name)
                if name in _NESTED:
                    self.nested.append(selection)
                if selection.selection_set is not None and level < self._depth:
                    self.collect(selection.selection_set.selections, f"{name}.", None, level + 1)
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode | None = None
            if isinstance(selection, InlineFragmentNode):
                fragment = selection
            elif isinstance(selection, FragmentSpreadNode) and (prefix, selection.name.value) not in self._spread:
                self._spread.add((prefix, selection.name.value))
                fragment = self._raw.fragments.get(selection.name.value)
            if fragment is not None and self._applies(fragment, type_name):
                self.collect(fragment.selection_set.selections, prefix, type_name, level)

    def _applies(self, fragment: InlineFragmentNode | FragmentDefinitionNode, type_name: str | None) -> bool:
        condition = fragment.type_condition
        if type_name is None or condition is None or condition.name.value == type_name:
            return True
        schema = self._raw.schema
        abstract, concrete = schema.get_type(condition.name.value), schema.get_type(type_name)
        return is_abstract_type(abstract) and is_object_type(concrete) and schema.is_sub_type(abstract, concrete)
