"""WA.cr's requests (GET /v2/contacts, /v2/contacts/{id}, /v2/groups) and which filters they take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from providers.apis.wacr.capabilities import CAPABILITIES
from providers.apis.wacr.decode import WacrDetails, contact, contacts_page, details, groups_page, own_values
from providers.apis.wacr.filters import checked, id_number
from providers.spi.capabilities import Capabilities
from providers.spi.instants import utc_text
from providers.spi.page import Page, TagPage
from providers.spi.provider import PageAt, PageNumber, Provider
from providers.spi.pushdown import PushDown, row_for, take
from providers.spi.query import Condition, ListQuery, Operator, Order, OrderField, Value
from providers.spi.record import ContactRecord, SourceRecord
from providers.spi.request import Request, Response

CONTACTS = "/v2/contacts"
GROUPS = "/v2/groups"

# `filter[field]=v` is the exact match; the others are `filter[field][operator]=v` (List contacts, Operators).
_OPERATORS = {
    Operator.NE: "ne",
    Operator.IN: "in",
    Operator.NOT_IN: "not_in",
    Operator.GT: "gt",
    Operator.GTE: "gte",
    Operator.LT: "lt",
    Operator.LTE: "lte",
    Operator.BETWEEN: "between",
    Operator.LIKE: "like",
    Operator.IS_NULL: "null",
}

_SORTS = {
    OrderField.CREATED_AT: "created_at",
    OrderField.UPDATED_AT: "updated_at",
    OrderField.FIRST_NAME: "firstname",
    OrderField.LAST_NAME: "lastname",
}

# The relations, and the parts of a record that need each (DESIGN.md 7: nothing is included that nobody selected).
_INCLUDES = {
    "groups": frozenset({"tags", "details.groups_data"}),
    "source": frozenset({"details.source_data"}),
    "status": frozenset({"status", "details.status_data"}),
}


class Wacr(Provider):
    """WA.cr's APP API v2: pages by number, sorts by several keys, counts, and filters with operators."""

    capabilities: Capabilities = CAPABILITIES

    def push_down(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        """Splits the conditions. Raises FilterRefused naming an operand that is wrong."""
        return take(CAPABILITIES, tuple(dict.fromkeys(checked(condition) for condition in conditions)))

    def contacts_request(self, query: ListQuery, at: PageAt) -> Request:
        """Returns the request for one page.

        The sort always ends with the id: without a total order, equal keys may swap between pages (DESIGN.md 5).
        `fields` is never sent: it would starve `raw` (trap 8).
        """
        if not isinstance(at, PageNumber):
            raise TypeError("WA.cr pages by number")
        params = [("page", str(at.page)), ("per_page", str(at.size)), ("sort", _sort(query.orders))]
        if query.search:
            params.append(("search", query.search))
        # Sorted, so that the same question is the same request however it was put together.
        params.extend(sorted(map(_filter, query.conditions)))
        params.extend(_include(query.parts))
        return Request("GET", CONTACTS, tuple(params))

    def contacts_page(self, response: Response, source: SourceRecord) -> Page:
        """Returns the decoded page. Raises InvalidAnswer."""
        return contacts_page(response.body, source)

    def contact_request(self, native_id: str, parts: frozenset[str]) -> Request | None:
        """Returns the request for one contact, None for an id that is no integer."""
        if id_number(native_id) is None:
            return None
        return Request("GET", f"{CONTACTS}/{native_id}", tuple(_include(parts)), may_be_missing=True)

    def contact(self, response: Response, source: SourceRecord) -> ContactRecord:
        """Returns the looked-up contact. Raises InvalidAnswer."""
        return contact(response.body, source)

    def tags_request(self, at: PageNumber, search: str | None) -> Request:
        """Returns the request for one page of groups, which are this API's tags. They cannot be sorted by id."""
        params = [("page", str(at.page)), ("per_page", str(at.size)), ("sort", "created_at")]
        if search:
            params.append(("search", search))
        return Request("GET", GROUPS, tuple(params))

    def tags_page(self, response: Response, source: SourceRecord) -> TagPage:
        """Returns the decoded groups. Raises InvalidAnswer."""
        return groups_page(response.body, source)

    def tag_query(self, native_id: str, name: str) -> tuple[tuple[Condition, ...], str | None]:
        """Returns how the contacts of a group are asked for: by `filter[group_id]`."""
        return (Condition("wacr.groupId", Operator.EQ, native_id),), None

    def own_values(self, record: ContactRecord, field: str) -> Sequence[object]:
        """Returns the record's values of a WacrFilter field: ids as integers, instants in UTC; empty when missing."""
        return own_values(record, field)

    def details(self, record: ContactRecord) -> WacrDetails:
        """Returns what only WA.cr has."""
        return details(record)


def _sort(orders: Sequence[Order]) -> str:
    keys = [f"-{_SORTS[order.field]}" if order.descending else _SORTS[order.field] for order in orders]
    return ",".join([*keys, "id"])


def _include(parts: frozenset[str]) -> list[tuple[str, str]]:
    names = [name for name, needed in _INCLUDES.items() if not needed.isdisjoint(parts)]
    return [("include", ",".join(names))] if names else []


def _filter(condition: Condition) -> tuple[str, str]:
    row = row_for(CAPABILITIES, condition)
    if row is None:
        raise TypeError(f"{condition.field}.{condition.operator} was not taken by push_down")
    if condition.operator is Operator.EQ:
        return f"filter[{row.slot}]", _text(condition.value)
    return f"filter[{row.slot}][{_OPERATORS[condition.operator]}]", _text(condition.value)


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return utc_text(value) if isinstance(value, datetime) else str(value)
