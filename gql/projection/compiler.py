"""Generates the functions that project records: one per object type, record class and selection."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NoReturn, cast

import msgspec
from graphql import (
    Executor,
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import is_awaitable
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField

from gql.projection.budget import CURRENT
from gql.projection.registry import Computed, Prepared, ProjectionRegistry, members

__all__ = ["CONDITIONS", "PlanKey", "ProjectionCompiler", "Projector", "Refused", "plan_key"]

Projector = Callable[[Any], Any]
"""Completes a value; raises anything when the value is unusual."""

PlanKey = tuple[object, ...]

CONDITIONS: Final = frozenset({"skip", "include"})
"""The directives whose effect `collect_subfields` has worked in."""

_DEFINITION: Final = "strawberry-definition"
_LARGEST: Final = sys.float_info.max
_BUILT_IN_TESTS: Final[Mapping[object, str]] = {
    GraphQLString: "{v}.__class__ is str",
    GraphQLID: "{v}.__class__ is str",
    GraphQLBoolean: "{v}.__class__ is bool",
    GraphQLInt: "{v}.__class__ is int and -2147483648 <= {v} <= 2147483647",
    GraphQLFloat: f"{{v}}.__class__ is float and {-_LARGEST!r} <= {{v}} <= {_LARGEST!r}",  # false for NaN
}


class Refused(Exception):
    """A selection cannot be projected; the message says which field and why."""


class _Bail(Exception):
    """A value is unusual: graphql-core completes the sub-tree."""


def _bail() -> NoReturn:
    raise _Bail


def plan_key(return_type: object, details: FieldDetailsList) -> PlanKey:
    """Returns what a plan depends on. Nodes count by identity: their hash walks them, and their document keeps them."""
    if len(details) == 1:
        return (return_type, id(details[0].node))
    return (return_type, *[id(each.node) for each in details])


class ProjectionCompiler:
    """Compiles selections of one operation, with graphql-core's own `collect_subfields`.

    `objects` keeps the projectors of every (type, selection), or why it has none, `weights` how many objects one value
    of it has; both are shared by the plans of a document. `refuse` is told why the records of one possible type are
    left out of a plan for an abstract type.
    """

    def __init__(
        self,
        executor: Executor[Any],
        registry: ProjectionRegistry,
        objects: dict[PlanKey, dict[type, Projector] | str],
        weights: dict[PlanKey, int],
        *,
        structs: bool,
        refuse: Callable[[str], None],
    ) -> None:
        self._executor = executor
        self._registry = registry
        self._objects = objects
        self._weights = weights
        self._structs = structs
        self._refuse = refuse

    def plan(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> Projector:
        """Returns a function that completes a non-null value of this type and selection. Raises Refused."""
        names: dict[str, object] = {"bail": _bail}
        return _function(["def project(v):", f" return {self._completed(return_type, details, 'v', names)}"], names)

    def _completed(self, type_: GraphQLOutputType, details: FieldDetailsList, v: str, names: dict[str, object]) -> str:
        """Returns an expression that completes the local `v`, a value of a non-null position."""
        if is_list_type(type_):
            item = f"{v}_"
            completed = self._completed(_nullable(type_.of_type), details, item, names)
            if not is_non_null_type(type_.of_type):
                completed = f"None if {item} is None else {completed}"
            # Tags and the like are mostly empty lists, and a comprehension is a call.
            # Its objects are counted before they are made.
            weight = self._weight(type_.of_type, details)
            some = f"{v} and {_bind(names, CURRENT.objects)}({v}, {weight})" if weight else v
            items = f"([{completed} for {item} in {v}] if {some} else [])"
            return f"({items} if {v}.__class__ is list or {v}.__class__ is tuple else bail())"
        if is_leaf_type(type_):
            test, passed = self._leaf(type_, v, names)
            return f"({passed} if {test} else {_bind(names, _coercion(type_))}({v}))"
        if isinstance(type_, GraphQLObjectType):
            projectors = self._object(type_, details)
        else:
            projectors = self._abstract(cast(GraphQLAbstractType, type_), details)
        if len(projectors) == 1:
            return f"{_bind(names, *projectors.values())}({v})"
        return f"{_bind(names, projectors)}[{v}.__class__]({v})"

    def _statement(self, type_: GraphQLOutputType, details: FieldDetailsList, v: str, names: dict[str, object]) -> str:
        """Returns a statement that completes the local `v`, the value of a field of this type."""
        inner = _nullable(type_)
        if is_leaf_type(inner):
            test, passed = self._leaf(inner, v, names)
            if passed == v:
                usual = test if is_non_null_type(type_) else f"{test} or {v} is None"
                return f" if not ({usual}): {v} = {_bind(names, _coercion(inner))}({v})"
        guard = "" if is_non_null_type(type_) else f"if {v} is not None: "
        return f" {guard}{v} = {self._completed(inner, details, v, names)}"

    def _leaf(self, type_: GraphQLLeafType, v: str, names: dict[str, object]) -> tuple[str, str]:
        """Returns a test for the usual values of a leaf type, and the expression that completes one of them."""
        if isinstance(type_, GraphQLEnumType):
            definition = type_.extensions.get(_DEFINITION)
            if not isinstance(definition, StrawberryEnumDefinition) or not issubclass(definition.wrapped_cls, Enum):
                return "False", v
            by_member = {member.name: type_.coerce_output_value(member) for member in definition.wrapped_cls}
            test = f"{v}.__class__ is {_bind(names, definition.wrapped_cls)}"
            return test, f"{_bind(names, by_member)}[{v}._name_]"
        if type_ in _BUILT_IN_TESTS:
            return _BUILT_IN_TESTS[type_].format(v=v), v
        passing = set(self._registry.passing(type_.name))
        tests = []
        if datetime in passing:
            tests.append(f"{v}.__class__ is {_bind(names, datetime)} and {v}.tzinfo is {_bind(names, UTC)}")
        if msgspec.Raw in passing:
            return f"{v}.__class__ is {_bind(names, msgspec.Raw)}", f"{_bind(names, CURRENT.written)}({v})"
        if passing - {datetime}:
            tests.append(f"{v}.__class__ in {_bind(names, frozenset(passing - {datetime}))}")
        return " or ".join(tests) or "False", v

    def _weight(self, type_: GraphQLOutputType, details: FieldDetailsList) -> int:
        """Returns how many objects one value of a type has at most; those in lists are counted list by list."""
        named = get_named_type(type_)
        if is_list_type(_nullable(type_)) or is_leaf_type(named):
            return 0
        if isinstance(named, GraphQLObjectType):
            types = [named]
        else:
            types = self._executor.schema.get_possible_types(cast(GraphQLAbstractType, named))
        return max((self._weights.get(plan_key(each, details), 1) for each in types), default=1)

    def _abstract(self, type_: GraphQLAbstractType, details: FieldDetailsList) -> dict[type, Projector]:
        """Returns the projectors of every record class that can stand for one possible type, and for one alone."""
        possible = self._executor.schema.get_possible_types(type_)
        claims = [record_class for each in possible for record_class in self._registry.records(each.name)]
        projectors: dict[type, Projector] = {}
        for each in possible:
            try:
                projected = self._object(each, details)
            except Refused as refused:  # only its own records are left to graphql-core
                self._refuse(str(refused))
            else:
                projectors |= {cls: projector for cls, projector in projected.items() if claims.count(cls) == 1}
        if not projectors:
            raise Refused(f"{type_.name}: none of its types can be projected")
        return projectors

    def _object(self, type_: GraphQLObjectType, details: FieldDetailsList) -> dict[type, Projector]:
        """Returns a projector for every record class of an object type that has what is selected. Raises Refused."""
        key = plan_key(type_, details)
        known = self._objects.get(key)
        if known is None:
            try:
                known = self._compiled(type_, details)
            except Refused as refused:
                known = str(refused)
            self._objects[key] = known
        if isinstance(known, str):
            raise Refused(known)
        return known

    def _compiled(self, type_: GraphQLObjectType, details: FieldDetailsList) -> dict[type, Projector]:
        if any(each.defer_usage is not None or each.fragment_variable_values is not None for each in details):
            raise Refused(f"{type_.name}: selected through @defer or a fragment with arguments")
        grouped, new_defer_usages, _ = self._executor.collect_subfields(type_, details)
        if new_defer_usages:
            raise Refused(f"{type_.name}: a part is deferred")
        projectors: dict[type, Projector] = {}
        self._weights[plan_key(type_, details)] = 1
        reasons: dict[str, None] = {}
        for record_class, computed in self._registry.records(type_.name).items():
            try:
                projectors[record_class] = self._projector(type_, record_class, computed, grouped)
            except Refused as refused:
                reasons[str(refused)] = None
        fields = type_.fields
        self._weights[plan_key(type_, details)] += sum(
            self._weight(fields[each[0].node.name.value].type, each)
            for each in grouped.values()
            if each[0].node.name.value in fields
        )
        if not projectors:
            raise Refused("; ".join(reasons) or f"{type_.name}: no record class is registered")
        return projectors

    def _projector(
        self,
        type_: GraphQLObjectType,
        record_class: type,
        computed: Mapping[str, Projector | str],
        grouped: Mapping[str, FieldDetailsList],
    ) -> Projector:
        names: dict[str, object] = {"bail": _bail, "Record": record_class}
        lines = ["def project(r):", " if r.__class__ is not Record: bail()"]
        completed: list[str] = []
        for index, details in enumerate(grouped.values()):
            field_name = details[0].node.name.value
            where = f"{type_.name}.{field_name}"
            if any(d.name.value not in CONDITIONS for each in details for d in each.node.directives or ()):
                raise Refused(f"{where}: has a directive")
            if field_name == "__typename":
                completed.append(repr(type_.name))
                continue
            field = type_.fields[field_name]
            source = computed.get(field_name)
            if field.args and not _answered(source, details):
                raise Refused(f"{where}: has arguments")
            if source is None:
                source = _attribute(where, field, record_class)
            v = f"v{index}"
            lines.append(f" {v} = r.{source}" if isinstance(source, str) else f" {v} = {_bind(names, source)}(r)")
            lines.append(self._statement(field.type, details, v, names))
            completed.append(v)
        if self._structs:
            lines.append(f" return {_bind(names, _answer_class(tuple(grouped)))}({', '.join(completed)})")
        else:
            pairs = (f"{name!r}: {value}" for name, value in zip(grouped, completed, strict=True))
            lines.append(f" return {{{', '.join(pairs)}}}")
        return _function(lines, names)


def _answered(source: Computed | str | None, details: FieldDetailsList) -> bool:
    """Returns whether a field that declares arguments has a value for those that are given."""
    if isinstance(source, Prepared):
        return True
    return source is not None and not any(each.node.arguments for each in details)


def _attribute(where: str, field: GraphQLField, record_class: type) -> str:
    """Returns the declared member of the class that Strawberry would read for this field. Raises Refused."""
    definition = field.extensions.get(_DEFINITION)
    if not isinstance(definition, StrawberryField) or not getattr(field.resolve, "_is_default", False):
        raise Refused(f"{where}: has its own resolver")
    if not definition.is_basic_field:
        raise Refused(f"{where}: has field extensions or permissions")
    if definition.default_resolver is not getattr:
        raise Refused(f"{where}: is not read with getattr")
    if definition.python_name not in members(record_class):
        raise Refused(f"{where}: {record_class.__name__} declares no member {definition.python_name!r}")
    return definition.python_name


def _coercion(type_: GraphQLLeafType) -> Callable[[object], object]:
    """Returns graphql-core's completion of a leaf, giving up where a field error or an awaitable would come of it."""

    def coerce(value: object) -> object:
        if value is None or value is Undefined or isinstance(value, Exception) or is_awaitable(value):
            raise _Bail
        completed = type_.coerce_output_value(value)
        if completed is None or completed is Undefined:
            raise _Bail
        return completed

    return coerce


def _nullable(type_: GraphQLOutputType) -> GraphQLOutputType:
    return cast(GraphQLOutputType, type_.of_type) if is_non_null_type(type_) else type_


def _bind(names: dict[str, object], value: object) -> str:
    """Gives a value a name in the namespace of a generated function."""
    name = f"k{len(names)}"
    names[name] = value
    return name


def _function(lines: Sequence[str], names: dict[str, object]) -> Projector:
    """Returns the function `project` of this source, which holds nothing of a client's text but quoted names."""
    exec(compile("\n".join(lines), "<projection>", "exec"), names)  # noqa: S102  see the docstring
    return cast(Projector, names["project"])


@functools.lru_cache(maxsize=1024)
def _answer_class(response_names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Returns a struct that is encoded with these keys in this order. Its names are made up: keys may be keywords."""
    fields = [f"v{index}" for index in range(len(response_names))]
    return msgspec.defstruct("Answer", fields, rename=dict(zip(fields, response_names, strict=True)), gc=False)
