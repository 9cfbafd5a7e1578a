"""AskElephant's requests (GET /v2/contacts, GET /v2/contacts/{id}) and which filters they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from providers.apis.askelephant.capabilities import (
    CAPABILITIES,
    CRM_ASSOCIATIONS,
    CRM_OBJECT_TYPE,
    MAX_CRM_ASSOCIATIONS,
)
from providers.apis.askelephant.decode import AskElephantDetails, contact, contacts_page, details
from providers.spi.capabilities import Capabilities
from providers.spi.instants import utc_text
from providers.spi.page import Page
from providers.spi.provider import FilterRefused, PageAt, Provider, Token
from providers.spi.pushdown import PushDown, take
from providers.spi.query import Condition, ListQuery, OrderField
from providers.spi.record import ContactRecord, SourceRecord
from providers.spi.request import Request, Response

CONTACTS = "/v2/contacts"
MAX_LIMIT = 100


class AskElephant(Provider):
    """AskElephant's public API v2: cursor paging, newest change first, no total."""

    capabilities: Capabilities = CAPABILITIES

    def push_down(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        """Splits the conditions. Raises FilterRefused for CRM associations that cannot be asked in one request."""
        conditions = tuple(dict.fromkeys(conditions))
        associations = [condition for condition in conditions if condition.field == CRM_ASSOCIATIONS]
        if len(associations) > 1:
            raise FilterRefused(f"{CRM_ASSOCIATIONS}: AskElephant takes one list a request; ask for them apart")
        for condition in associations:
            _associations(condition)
        return take(CAPABILITIES, conditions)

    def contacts_request(self, query: ListQuery, at: PageAt) -> Request:
        """Returns the request for one page.

        The order is always spelled out, and limit, order, search and filters go with every cursor: nothing says
        that a cursor holds them (trap 3). The limit never exceeds 100 (trap 4).
        """
        if not isinstance(at, Token):
            raise TypeError("AskElephant pages by cursor")
        params = [("limit", str(min(at.limit, MAX_LIMIT))), ("order_by", _order_by(query))]
        if at.token is not None:
            params.append(("cursor", at.token))
        if query.search:
            params.append(("search", query.search))
        for condition in query.conditions:
            params.extend(_filter(condition))
        return Request("GET", CONTACTS, tuple(params))

    def contacts_page(self, response: Response, source: SourceRecord) -> Page:
        """Returns the decoded page. Raises InvalidAnswer."""
        return contacts_page(response.body, source)

    def contact_request(self, native_id: str, parts: frozenset[str]) -> Request | None:
        """Returns the request for one contact: the id is one percent-encoded path segment.

        None for what cannot be a segment: dots alone would be taken for a step in the path.
        """
        if native_id in ("", ".", ".."):
            return None
        return Request("GET", f"{CONTACTS}/{quote(native_id, safe='')}", may_be_missing=True)

    def contact(self, response: Response, source: SourceRecord) -> ContactRecord:
        """Returns the looked-up contact. Raises InvalidAnswer."""
        return contact(response.body, source)

    def own_values(self, record: ContactRecord, field: str) -> Sequence[object]:
        """Raises FilterRefused: which CRM objects a contact belongs to is known to AskElephant alone."""
        raise FilterRefused(f"{field}: only AskElephant itself can tell; it may not stand under `or` or `not`")

    def details(self, record: ContactRecord) -> AskElephantDetails:
        """Returns what only AskElephant has."""
        return details(record)


def _order_by(query: ListQuery) -> str:
    # The documented default is spelled out too, so that every request of a chain of cursors says the same.
    ascending = any(order.field is OrderField.UPDATED_AT and not order.descending for order in query.orders[:1])
    return "updated_at:asc" if ascending else "updated_at:desc"


def _filter(condition: Condition) -> Iterator[tuple[str, str]]:
    if condition.field == CRM_ASSOCIATIONS:
        # The indexed form is the one that the page's examples show; it also takes a JSON array as text.
        for index, (native_id, object_type) in enumerate(_associations(condition)):
            name = f"filter[crm_associations][eq][{index}]"
            yield f"{name}[id]", native_id
            yield f"{name}[object_type]", object_type
    elif isinstance(condition.value, datetime):
        yield f"filter[updated_at][{condition.operator}]", utc_text(condition.value)
    else:
        raise TypeError(f"{condition.field}.{condition.operator} was not taken by push_down")


def _associations(condition: Condition) -> list[tuple[str, str]]:
    """Returns the wanted (id, object type) pairs. Raises FilterRefused for what the page rules out."""
    value = condition.value if isinstance(condition.value, tuple) else ()
    if not 1 <= len(value) <= MAX_CRM_ASSOCIATIONS:
        raise FilterRefused(f"{CRM_ASSOCIATIONS}: expected 1 to {MAX_CRM_ASSOCIATIONS} associations, got {len(value)}")
    pairs: list[tuple[str, str]] = []
    for index, pair in enumerate(value):
        match pair:
            case (str(native_id), str(object_type)) if native_id and object_type == CRM_OBJECT_TYPE:
                pairs.append((native_id, object_type))
            case (str(native_id), str()) if native_id:
                raise FilterRefused(
                    f'{CRM_ASSOCIATIONS}[{index}].objectType: AskElephant takes "{CRM_OBJECT_TYPE}" alone'
                )
            case _:
                raise FilterRefused(f"{CRM_ASSOCIATIONS}[{index}].id: expected the id of a CRM object")
    return pairs
