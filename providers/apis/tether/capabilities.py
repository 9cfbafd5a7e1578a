"""What Tether's lists can do: its pages "List contacts" (GET) and "List contacts by pipeline status buckets" (POST).

Both are /api/contacts. A row says which of the two takes the parameter when only one of them does; which one is
used is decided in `providers.apis.tether.client`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.apis.tether.filters import (
    ASSIGNEE,
    BULK_ONLY,
    CUSTOM_FILTERS,
    LAST_MESSAGE_DATE_RANGE,
    LAST_MESSAGE_TIME_RANGE,
    LEAD_SOURCE,
    MESSAGE_STATUS,
    ON_THE_RECORD,
    OWNER,
    OWNER_FILTER,
    OWNER_FILTER_USER_ID,
    PIPELINE_ID,
    PIPELINE_STAGE,
    SOURCE,
    STAGE_ID_BY_NAME,
    STAGES,
    STATUS,
    once_a_key,
    quiet_for,
    stage_by_id,
    text,
    texts,
    user_id,
    user_scope,
    widened,
)
from providers.spi.capabilities import Capabilities, FilterRow, Never, Paging, Strength
from providers.spi.query import Condition, Operator

GET_PAGE = "Tether, List contacts"
POST_PAGE = "Tether, List contacts by pipeline status buckets"

Rewrite = Callable[[Condition], Condition | Never | None]


def _own(field: str, link: str, rewrite: Rewrite | None = text, operator: Operator = Operator.EQ) -> FilterRow:
    """Returns the row of a field of TetherFilter: sent under its own name, judged here only where a contact tells."""
    slot = field.removeprefix("tether.")
    return FilterRow(field, (operator,), Strength.EXACT, slot, link, rewrite, field not in ON_THE_RECORD)


CAPABILITIES = Capabilities(
    paging=Paging.PAGE_NUMBER,
    filters=(
        FilterRow(
            field="createdAt",
            operators=(Operator.GT, Operator.GTE, Operator.LT, Operator.LTE),
            strength=Strength.SUPERSET,
            slot="dateRange",
            link=f"{GET_PAGE}: dateRange; {POST_PAGE}: createdDateRange",
            rewrite=widened,
        ),
        FilterRow(
            field="stage",
            operators=(Operator.EQ,),
            strength=Strength.EXACT,
            slot="pipelineStage",
            link=f"{GET_PAGE}: pipelineStage; {POST_PAGE}: status",
            rewrite=stage_by_id,
        ),
        FilterRow(
            field="ownerId",
            operators=(Operator.EQ,),
            # "any listed user is creator, owner, or assignee"
            strength=Strength.SUPERSET,
            slot="owner",
            link=f"{POST_PAGE}: owner",
            rewrite=user_id,
        ),
        _own(SOURCE, f"{GET_PAGE}: source; {POST_PAGE}: source"),
        _own(LEAD_SOURCE, f"{GET_PAGE}: leadSource (GET only)"),
        _own(OWNER_FILTER, f"{GET_PAGE}: ownerFilter; {POST_PAGE}: ownerFilter"),
        _own(OWNER_FILTER_USER_ID, f"{POST_PAGE}: ownerFilter", user_scope),
        _own(OWNER, f"{POST_PAGE}: owner (several: POST only)", texts, Operator.IN),
        _own(ASSIGNEE, f"{POST_PAGE}: assignee (several: POST only)", texts, Operator.IN),
        _own(STATUS, f"{GET_PAGE}: status; {POST_PAGE}: status"),
        _own(PIPELINE_STAGE, f"{GET_PAGE}: pipelineStage; {POST_PAGE}: status"),
        _own(PIPELINE_ID, f"{GET_PAGE}: pipelineId; {POST_PAGE}: pipelineId"),
        _own(STAGES, f"{POST_PAGE}: stages (POST only)", texts, Operator.IN),
        _own(STAGE_ID_BY_NAME, f"{POST_PAGE}: stageIdByName (POST only)", once_a_key),
        _own(CUSTOM_FILTERS, f"{POST_PAGE}: customFilters (POST only)", once_a_key),
        _own(BULK_ONLY, f"{POST_PAGE}: bulkOnly (POST only)", None),
        _own(MESSAGE_STATUS, f"{POST_PAGE}: messageStatus"),
        _own(LAST_MESSAGE_TIME_RANGE, f"{POST_PAGE}: lastMessageTimeRange", quiet_for),
        _own(LAST_MESSAGE_DATE_RANGE, f"{POST_PAGE}: lastMessageDateRange", None),
    ),
    orders=(),
    multi_key=False,
    search=(
        "Matches parts of the first, last and full name and of the phone number, in any case; contacts of the "
        "pipeline's stages only. Not e-mail addresses."
    ),
    total=True,
    lookup=False,
    backward=True,
    max_page_size=None,
    link=GET_PAGE,
    own_filter="tether",
    lacks=frozenset({"company", "tag"}),
    email_search=False,
    phone_search=True,
    users=True,
    buckets=True,
)

# With `search_via = "get"`: the older guide has the parameter and does not say which fields it looks at.
CAPABILITIES_WITH_GET_SEARCH = msgspec.structs.replace(
    CAPABILITIES,
    search="What Tether's older GET search matches; which fields these are is not documented.",
    phone_search=False,
)
