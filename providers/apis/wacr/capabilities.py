"""What WA.cr's list can do: its reference page "List contacts" (GET /v2/contacts).

`ne` and `not_in` drop nulls, as SQL does, so they are taken only for fields that the page's table of response fields
gives without `|null`: type, status_id, source_id and created_at, but not assigned_id.
"""

from __future__ import annotations

from providers.apis.wacr.filters import (
    digits_in_a_row,
    documented_types,
    only_integers,
    other_integers,
    part_of_type,
    some_instants,
    widened,
)
from providers.spi.capabilities import Capabilities, FilterRow, OrderRow, Paging, Strength
from providers.spi.query import Operator, OrderField

PAGE = "WA.cr APP API v2, List contacts"
FILTERS = f"{PAGE}: Filters and Operators"
SORTING = f"{PAGE}: Sorting"

_RANGE = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_EXACT = Strength.EXACT
_SUPERSET = Strength.SUPERSET


def _integer_rows(field: str, slot: str) -> tuple[FilterRow, ...]:
    """Returns the rows that every integer column has, null or not."""
    return (
        FilterRow(field, (Operator.EQ, Operator.IN), _EXACT, slot, FILTERS, only_integers),
        FilterRow(field, (*_RANGE, Operator.IS_NULL), _EXACT, slot, FILTERS),
        FilterRow(field, (Operator.BETWEEN,), _SUPERSET, slot, FILTERS, widened),
        FilterRow(field, (Operator.LIKE,), _SUPERSET, slot, FILTERS, digits_in_a_row),
    )


CAPABILITIES = Capabilities(
    paging=Paging.PAGE_NUMBER,
    filters=(
        FilterRow("createdAt", _RANGE, _EXACT, "created_at", FILTERS),
        FilterRow("assigneeId", (Operator.EQ, Operator.IN), _EXACT, "assigned_id", FILTERS, only_integers),
        FilterRow("assigneeId", (Operator.IS_NULL,), _EXACT, "assigned_id", FILTERS),
        FilterRow(
            "wacr.type",
            (Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN),
            _EXACT,
            "type",
            FILTERS,
            documented_types,
        ),
        FilterRow("wacr.type", (Operator.IS_NULL,), _EXACT, "type", FILTERS),
        FilterRow("wacr.type", (Operator.LIKE,), _SUPERSET, "type", FILTERS, part_of_type),
        *_integer_rows("wacr.statusId", "status_id"),
        FilterRow("wacr.statusId", (Operator.NE, Operator.NOT_IN), _EXACT, "status_id", FILTERS, other_integers),
        *_integer_rows("wacr.sourceId", "source_id"),
        FilterRow("wacr.sourceId", (Operator.NE, Operator.NOT_IN), _EXACT, "source_id", FILTERS, other_integers),
        *_integer_rows("wacr.assignedId", "assigned_id"),
        # "JSON contains match": of a number or of a part of the text, the page does not say.
        FilterRow("wacr.groupId", (Operator.EQ,), _SUPERSET, "group_id", FILTERS, only_integers),
        FilterRow("wacr.groupId", (Operator.LIKE,), _SUPERSET, "group_id", FILTERS, digits_in_a_row),
        FilterRow("wacr.createdAt", (Operator.EQ, Operator.NE, *_RANGE), _EXACT, "created_at", FILTERS),
        FilterRow("wacr.createdAt", (Operator.IN, Operator.NOT_IN), _EXACT, "created_at", FILTERS, some_instants),
        FilterRow("wacr.createdAt", (Operator.IS_NULL,), _EXACT, "created_at", FILTERS),
        FilterRow("wacr.createdAt", (Operator.BETWEEN,), _SUPERSET, "created_at", FILTERS, widened),
    ),
    orders=(
        OrderRow(OrderField.CREATED_AT, SORTING),
        OrderRow(OrderField.UPDATED_AT, SORTING),
        OrderRow(OrderField.FIRST_NAME, SORTING),
        OrderRow(OrderField.LAST_NAME, SORTING),
    ),
    multi_key=True,
    search="Matches a part of the first name, last name, e-mail address, phone number or company.",
    total=True,
    lookup=True,
    backward=True,
    max_page_size=100,
    link=PAGE,
    own_filter="wacr",
    lacks=frozenset({"stage", "ownerId"}),
    email_search=True,
    phone_search=True,
    single_field_search=True,
    tags=True,
    # "name, created_at and updated_at": several groups may have the same
    ordered_tags=False,
)
