"""Tether's filters: the fields of TetherFilter, and what of a value may be sent (contract.graphql, buckets page).

A rewrite returns the condition as it may be sent, None when this value must be judged on the records, and NEVER when
no record can meet it. A value that no request can say is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import msgspec

from providers.spi.capabilities import NEVER, Never
from providers.spi.provider import FilterRefused
from providers.spi.query import Condition, Operator

SOURCE = "tether.source"
LEAD_SOURCE = "tether.leadSource"
OWNER_FILTER = "tether.ownerFilter"
OWNER_FILTER_USER_ID = "tether.ownerFilterUserId"
OWNER = "tether.owner"
ASSIGNEE = "tether.assignee"
STATUS = "tether.status"
PIPELINE_STAGE = "tether.pipelineStage"
PIPELINE_ID = "tether.pipelineId"
STAGES = "tether.stages"
CUSTOM_FILTERS = "tether.customFilters"
STAGE_ID_BY_NAME = "tether.stageIdByName"
BULK_ONLY = "tether.bulkOnly"
MESSAGE_STATUS = "tether.messageStatus"
LAST_MESSAGE_TIME_RANGE = "tether.lastMessageTimeRange"
LAST_MESSAGE_DATE_RANGE = "tether.lastMessageDateRange"

# What a contact tells of itself, so that a second value of one may be judged here; the others only Tether can judge.
ON_THE_RECORD = frozenset({SOURCE, LEAD_SOURCE, STATUS, PIPELINE_STAGE, PIPELINE_ID, OWNER})

# The words that `ownerFilter` takes beside a user's id (buckets page).
OWNER_SCOPES = ("my", "all", "team", "unassigned")

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_SECOND = timedelta(seconds=1)
_FIRST_INSTANT = datetime.min.replace(tzinfo=UTC)
_LAST_INSTANT = datetime.max.replace(tzinfo=UTC)


def is_object_id(text: object) -> bool:
    """Returns whether this is one of Tether's ids: 24 hex digits (docs/TRAPS.md)."""
    return isinstance(text, str) and _OBJECT_ID.fullmatch(text) is not None


def widened(condition: Condition) -> Condition | None:
    """Returns the bound a second further out: whether the range's ends belong to it is not documented."""
    bound = condition.value
    if not isinstance(bound, datetime):
        return None
    if condition.operator in (Operator.GT, Operator.GTE):
        wider = bound - _SECOND if bound - _FIRST_INSTANT > _SECOND else _FIRST_INSTANT
    else:
        wider = bound + _SECOND if _LAST_INSTANT - bound > _SECOND else _LAST_INSTANT
    return msgspec.structs.replace(condition, value=wider)


def stage_by_id(condition: Condition) -> Condition | None:
    """Returns a stage's id; a name stays here, for it changes with the stage and is compared by case there (trap 6)."""
    return condition if is_object_id(condition.value) else None


def user_id(condition: Condition) -> Condition | None:
    """Returns a user's id; an empty one stays here."""
    return condition if condition.value else None


def text(condition: Condition) -> Condition | Never:
    """Returns a text. No record has an empty one (DESIGN.md 3), and sent it would count as no filter at all."""
    return condition if condition.value else NEVER


def user_scope(condition: Condition) -> Condition | Never:
    """Returns a user's id for `ownerFilter`, which would read one of its own words as that scope."""
    return NEVER if condition.value in ("", *OWNER_SCOPES) else condition


def texts(condition: Condition) -> Condition | Never:
    """Returns the list without repetitions and empty texts; nobody is in an empty one (DESIGN.md 4, `in: []`)."""
    listed = condition.value if isinstance(condition.value, tuple) else ()
    wanted = tuple(dict.fromkeys(item for item in listed if item))
    return msgspec.structs.replace(condition, value=wanted) if wanted else NEVER


def once_a_key(condition: Condition) -> Condition:
    """Returns the condition on a map. Raises FilterRefused for two values of one key."""
    pairs = condition.value if isinstance(condition.value, tuple) else ()
    keys = [pair[0] for pair in pairs if isinstance(pair, tuple)]
    repeated = next((key for index, key in enumerate(keys) if key in keys[:index]), None)
    if repeated is not None:
        raise FilterRefused(f'{condition.field}: the key "{repeated}" stands there twice; Tether takes one value a key')
    return condition


def quiet_for(condition: Condition) -> Condition:
    """Returns the time without messages. Raises FilterRefused for one that is no time."""
    match condition.value:
        case (int(value), str()) if value >= 1:
            return condition
    raise FilterRefused(f"{LAST_MESSAGE_TIME_RANGE}.value: expected 1 or more")
