"""What AskElephant's list can do: its reference page "List contacts" (GET /v2/contacts)."""

from __future__ import annotations

from providers.spi.capabilities import Capabilities, FilterRow, OrderRow, Paging, Strength
from providers.spi.query import Operator, OrderField

PAGE = "AskElephant API v2, List contacts"

# "Supports up to 20 objects", "supports only CRM objects with object_type=contact" (List contacts).
MAX_CRM_ASSOCIATIONS = 20
CRM_OBJECT_TYPE = "contact"
CRM_ASSOCIATIONS = "askElephant.crmAssociations"

CAPABILITIES = Capabilities(
    paging=Paging.CURSOR,
    filters=(
        FilterRow(
            field="updatedAt",
            # "strictly after", "at or after", "strictly before", "at or before": the ends are documented.
            operators=(Operator.GT, Operator.GTE, Operator.LT, Operator.LTE),
            strength=Strength.EXACT,
            slot="updated_at",
            link=f"{PAGE}: filter[updated_at]",
        ),
        FilterRow(
            field=CRM_ASSOCIATIONS,
            operators=(Operator.EQ,),
            strength=Strength.EXACT,
            slot="crm_associations",
            link=f"{PAGE}: filter[crm_associations][eq]",
            required=True,
        ),
    ),
    orders=(OrderRow(OrderField.UPDATED_AT, f"{PAGE}: order_by"),),
    multi_key=False,
    search="Matches the full name and the e-mail addresses. Not phone numbers, descriptions or companies.",
    total=False,
    lookup=True,
    backward=True,
    max_page_size=100,
    link=PAGE,
    own_filter="askElephant",
    lacks=frozenset({"company", "status", "stage", "tag", "ownerId", "assigneeId"}),
    email_search=True,
    phone_search=False,
    default_order=(OrderField.UPDATED_AT, True),
)
