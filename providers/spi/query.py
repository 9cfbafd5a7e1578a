"""The words in which a question is put to a provider: conditions, orders, and one upstream list query.

A filter is a tree of `And`, `Or`, `Not` and `Condition`. A provider only ever sees the conditions it took
(`providers.spi.pushdown`); what each operator means on a record is written once, in `resolvers.planning.predicate`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec


class Operator(StrEnum):
    """Operators by their GraphQL names (contract.graphql). LIKE and BETWEEN are WA.cr's own."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "notIn"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    IS_NULL = "isNull"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    LIKE = "like"
    BETWEEN = "between"


Value: TypeAlias = str | int | bool | float | datetime | tuple["Value", ...] | None


class Condition(msgspec.Struct, frozen=True):
    """One operator on one field.

    `field` is the GraphQL name: a common one ("createdAt") or, for a provider's own filter, the provider's
    input name before it ("wacr.statusId", "tether.leadSource"). `value` is an instant in UTC, a text, a number,
    a truth value or a tuple of these.
    """

    field: str
    operator: Operator
    value: Value


class And(msgspec.Struct, frozen=True):
    """All of `items` hold; none at all: always true."""

    items: tuple[Filter, ...]


class Or(msgspec.Struct, frozen=True):
    """Any of `items` holds; none at all: never true."""

    items: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True):
    """`item` does not hold: plain negation, also where a value is missing."""

    item: Filter


Filter: TypeAlias = Condition | And | Or | Not


class OrderField(StrEnum):
    """What contacts can be sorted by; values are the public enum's names."""

    CREATED_AT = "CREATED_AT"
    UPDATED_AT = "UPDATED_AT"
    FIRST_NAME = "FIRST_NAME"
    LAST_NAME = "LAST_NAME"

    @property
    def is_date(self) -> bool:
        return self is OrderField.CREATED_AT or self is OrderField.UPDATED_AT


class Order(msgspec.Struct, frozen=True):
    """One sort key."""

    field: OrderField
    descending: bool = False


class ListQuery(msgspec.Struct, frozen=True):
    """What one source's list is asked for, whatever the page.

    `conditions` and `orders` are those the provider took; `parts` names the record fields somebody wants
    ("tags", "status", "details.status_data"), so that relations are included only then (DESIGN.md 7).
    """

    conditions: tuple[Condition, ...] = ()
    search: str | None = None
    orders: tuple[Order, ...] = ()
    parts: frozenset[str] = frozenset()
