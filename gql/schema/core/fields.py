"""Where Strawberry's typing and ours meet: resolvers return records, types declare (DESIGN.md 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry


def field(resolver: Callable[..., Any], *, description: str, shareable: bool = False) -> Any:
    """Returns a field with a resolver.

    The field's GraphQL type is the annotation in the class; the resolver's own says which record it returns.
    `shareable`: other subgraphs may resolve the field as well (Apollo Federation's @shareable).
    """
    if shareable:
        return strawberry.federation.field(resolver=resolver, description=description, shareable=True)
    return strawberry.field(resolver=resolver, description=description)


def instances_of(*record_classes: type) -> Callable[[object, object], bool]:
    """Returns a type's `is_type_of`: without it Strawberry rejects records under interfaces and unions.

    The decorator reads it from the class, so it has to stand in the class body.
    """

    def is_type_of(value: object, _info: object) -> bool:
        return isinstance(value, record_classes)

    return is_type_of
