"""The form of a provider's capability table: plain data, readable without running anything.

The tables decide what is pushed down, are published as `Source.capabilities`, make the table in docs/, and are
what the conformance suite judges a provider by.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from providers.spi.query import Condition, Operator, OrderField


class Paging(StrEnum):
    """How a list is paged: any page by its number and size, or each by a cursor from the page before."""

    PAGE_NUMBER = "PAGE_NUMBER"
    CURSOR = "CURSOR"


class Strength(StrEnum):
    """EXACT: the source returns just the rows that hold. SUPERSET: all of them and perhaps others."""

    EXACT = "EXACT"
    SUPERSET = "SUPERSET"


class Never(msgspec.Struct, frozen=True):
    """A rewrite's answer for a condition that no record of the source can meet, e.g. a word as a numeric id."""


NEVER = Never()


class FilterRow(msgspec.Struct, frozen=True):
    """One filterable field.

    `field`: as in `Condition.field`. `slot`: the upstream parameter; conditions of one slot share it (see
    `providers.spi.pushdown.take`). `rewrite` gives the condition as it may be sent, None when this value must stay
    here, or NEVER. `required`: the condition cannot be judged on a record, so it is pushed or refused.
    """

    field: str
    operators: tuple[Operator, ...]
    strength: Strength
    slot: str
    link: str
    rewrite: Callable[[Condition], Condition | Never | None] | None = None
    required: bool = False


class OrderRow(msgspec.Struct, frozen=True):
    """One sortable field. `text` sorts follow the source's own collation: pushed only where it is known to be ours."""

    field: OrderField
    link: str


class Capabilities(msgspec.Struct, frozen=True):
    """What one provider's API can do.

    `max_page_size`: the documented largest page, None when the page does not say (then `default_max_page_size`
    applies). `orders` with `multi_key` may be combined. `total`: lists say how many there are. `lookup`: one
    contact by id in one call. `search`: in words, which fields and how; None when there is no search.
    `lacks`: filter fields that no record of this API has, so that a filter on them needs no reading.
    `phone_search`, `email_search`: whether the search covers them (matching persons). `single_field_search`: a text is
    looked for in each field by itself, so that a first and a last name together find nobody. `own_filter`: the name of
    the provider's own input in ContactFilter. `buckets`: stages of a pipeline in one call.
    """

    paging: Paging
    filters: tuple[FilterRow, ...]
    orders: tuple[OrderRow, ...]
    multi_key: bool
    search: str | None
    total: bool
    lookup: bool
    backward: bool
    max_page_size: int | None
    link: str
    default_max_page_size: int = 100
    own_filter: str | None = None
    lacks: frozenset[str] = frozenset()
    email_search: bool = False
    phone_search: bool = False
    single_field_search: bool = False
    tags: bool = False
    # whether no two tags share a place in the order that the list of tags is asked for in
    ordered_tags: bool = True
    users: bool = False
    buckets: bool = False
    # what a list is sorted by when no order is asked for; None: the source does not say
    default_order: tuple[OrderField, bool] | None = None
