"""What may be projected: the record classes that stand for GraphQL object types, and what custom scalars pass."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import GraphQLObjectType, GraphQLScalarType, GraphQLSchema

__all__ = ["Computed", "Prepared", "ProjectionRegistry", "members"]

Computed = Callable[[Any], object]
"""A pure function of a record: the value that a field's resolver would give."""


class Prepared:
    """A computed field whose value was made beforehand for just the selection that it stands in, arguments and all."""

    __slots__ = ("_value",)

    def __init__(self, value: Computed) -> None:
        self._value = value

    def __call__(self, record: Any) -> object:
        """Returns the value; raises what `value` raises where there is none."""
        return self._value(record)


class ProjectionRegistry:
    """Which record classes stand for which GraphQL object types, and which values custom scalars pass unchanged.

    Who registers a class promises that the type's `is_type_of` accepts its instances, and that every computed
    function is pure and gives what the field's resolver gives.
    """

    def __init__(self) -> None:
        self._records: dict[str, dict[type, dict[str, Computed | str]]] = {}
        self._scalars: dict[str, tuple[type, ...]] = {}

    def register(
        self, type_name: str, record_class: type, computed: Mapping[str, Computed | str] | None = None
    ) -> None:
        """Lets instances of exactly `record_class` (subclasses excluded) be projected as the object type `type_name`.

        `computed` maps names of GraphQL fields to pure functions of the record, or to the attribute that holds the
        field's value; it is for fields with a resolver. A computed field that declares arguments is projected where
        none are given, or anywhere when it is `Prepared`. Other fields are read from the attribute that Strawberry
        reads. A type may have several classes, and a class several types (in a position of an abstract type such a
        class is left to graphql-core when more than one of its types is possible there).

        Raises TypeError when the class declares no members (neither a msgspec struct nor a dataclass), ValueError
        when the pair is registered already or an attribute is no declared member.
        """
        declared = members(record_class)
        classes = self._records.setdefault(type_name, {})
        if record_class in classes:
            raise ValueError(f"{record_class.__name__} is registered for {type_name} already")
        for field_name, source in (computed or {}).items():
            if isinstance(source, str) and source not in declared:
                raise ValueError(f"{type_name}.{field_name}: {record_class.__name__} declares no member {source!r}")
        classes[record_class] = dict(computed or {})

    def scalar(self, name: str, *classes: type) -> None:
        """Lets values of exactly these classes pass the custom scalar `name` as they are; others are serialised by it.

        The scalar's own `serialize` has to return such values unchanged. A datetime passes only when its zone is
        `timezone.utc`, for that is what the encoder writes with `Z`. A scalar not named here always serialises.
        """
        self._scalars[name] = classes

    def records(self, type_name: str) -> Mapping[type, Mapping[str, Computed | str]]:
        """Returns the record classes of an object type, each with its computed fields."""
        return self._records.get(type_name, {})

    def passing(self, scalar_name: str) -> tuple[type, ...]:
        """Returns the classes whose instances a custom scalar passes as they are."""
        return self._scalars.get(scalar_name, ())

    def check(self, schema: GraphQLSchema) -> None:
        """Raises ValueError naming a registered type, computed field or scalar that the schema does not have."""
        for type_name, classes in self._records.items():
            named = schema.get_type(type_name)
            fields = named.fields if isinstance(named, GraphQLObjectType) else None
            if fields is None:
                raise ValueError(f"projection: the schema has no object type {type_name!r}")
            for field_name in sorted({name for computed in classes.values() for name in computed}):
                if field_name not in fields:
                    raise ValueError(f"projection: {type_name} has no field {field_name!r}")
        for name in self._scalars:
            found = isinstance(schema.get_type(name), GraphQLScalarType)
            if not found:
                raise ValueError(f"projection: the schema has no scalar {name!r}")


def members(record_class: type) -> frozenset[str]:
    """Returns the declared members of a record class; one that a property hides is not among them.

    Raises TypeError when the class is neither a msgspec struct nor a dataclass.
    """
    if issubclass(record_class, msgspec.Struct):
        names = record_class.__struct_fields__
    elif dataclasses.is_dataclass(record_class):
        names = tuple(field.name for field in dataclasses.fields(record_class))
    else:
        raise TypeError(f"{record_class.__name__} is neither a msgspec struct nor a dataclass")
    return frozenset(n for n in names if not isinstance(inspect.getattr_static(record_class, n, None), property))
