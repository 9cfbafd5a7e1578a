"""How taken conditions are written: as the GET's parameters or as the members of the POST's body."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from providers.apis.tether import filters
from providers.spi.query import Condition, Operator, Value

# The ends of a range that has only one: far off, and away from the calendar's own ends, which a server's shift of
# time zone must not cross.
_LONG_AGO = datetime(1000, 1, 1, tzinfo=UTC)
_FAR_AHEAD = datetime(9000, 1, 1, tzinfo=UTC)
_ALMOST_A_MILLISECOND = timedelta(microseconds=999)

# Fields whose value is sent as it is, by their parameter.
_TEXTS = {
    filters.SOURCE: "source",
    filters.LEAD_SOURCE: "leadSource",
    filters.STATUS: "status",
    filters.PIPELINE_STAGE: "pipelineStage",
    "stage": "pipelineStage",
    filters.PIPELINE_ID: "pipelineId",
}
_LISTS = {filters.OWNER: "owner", filters.ASSIGNEE: "assignee", filters.STAGES: "stages"}


def query_parameters(conditions: tuple[Condition, ...]) -> list[tuple[str, str]]:
    """Returns the GET's parameters. `ownerFilter` is always among them: it defaults to the caller's own (trap 1)."""
    members = _members(conditions)
    if "createdDateRange" in members:
        members["dateRange"] = members.pop("createdDateRange")
    return [(name, _as_parameter(value)) for name, value in members.items()]


def body_members(conditions: tuple[Condition, ...]) -> dict[str, object]:
    """Returns the members of the POST's body. `ownerFilter` is always among them (trap 1).

    A stage is asked for as `status`, which takes its name or its id.
    """
    members = _members(conditions)
    if "pipelineStage" in members:
        members["status"] = members.pop("pipelineStage")
    return members


def _members(conditions: tuple[Condition, ...]) -> dict[str, object]:
    members: dict[str, object] = {"ownerFilter": "all"}
    for condition in conditions:
        if condition.field != "createdAt":
            name, value = _member(condition)
            members[name] = value
    if "owner" in members:
        # It overrides ownerFilter (buckets page); "all" says the same where a server would apply both.
        members["ownerFilter"] = "all"
    created = [condition for condition in conditions if condition.field == "createdAt"]
    if created:
        members["createdDateRange"] = _created(created)
    return members


def _member(condition: Condition) -> tuple[str, object]:
    field, value = condition.field, condition.value
    if field in _TEXTS:
        return _TEXTS[field], value
    if field in _LISTS:
        return _LISTS[field], value
    match field, value:
        case "ownerId", str(user):
            return "owner", (user,)
        case filters.OWNER_FILTER, str(scope):
            return "ownerFilter", scope.lower()
        case filters.OWNER_FILTER_USER_ID, str(user):
            return "ownerFilter", user
        case filters.BULK_ONLY, bool(flag):
            return "bulkOnly", flag
        case filters.MESSAGE_STATUS, str(status):
            return "messageStatus", status.lower()
        case filters.LAST_MESSAGE_TIME_RANGE, (int(number), str(unit)):
            return "lastMessageTimeRange", {"value": number, "unit": unit.lower()}
        case filters.LAST_MESSAGE_DATE_RANGE, (start, end):
            return "lastMessageDateRange", _range(start, end)
        case filters.STAGE_ID_BY_NAME, tuple(pairs):
            return "stageIdByName", {pair[0]: pair[1] for pair in pairs if isinstance(pair, tuple)}
        case filters.CUSTOM_FILTERS, tuple(pairs):
            return "customFilters", dict(_custom_filters(pairs))
    raise TypeError(f"{field}.{condition.operator} was not taken by push_down")


def _custom_filters(pairs: Iterable[Value]) -> Iterable[tuple[str, msgspec.Raw]]:
    for pair in pairs:
        match pair:
            case (str(key), str(text)):
                yield key, msgspec.Raw(text.encode())


def _created(conditions: list[Condition]) -> dict[str, str]:
    """Returns the narrowest range that holds all the bounds' ranges in common."""
    starts = [bound for condition in conditions if (bound := _bound(condition, Operator.GT, Operator.GTE))]
    ends = [bound for condition in conditions if (bound := _bound(condition, Operator.LT, Operator.LTE))]
    return _range(max(starts, default=None), min(ends, default=None))


def _bound(condition: Condition, *operators: Operator) -> datetime | None:
    value = condition.value
    return value if condition.operator in operators and isinstance(value, datetime) else None


def _range(start: Value, end: Value) -> dict[str, str]:
    first = start if isinstance(start, datetime) else _LONG_AGO
    last = end if isinstance(end, datetime) else _FAR_AHEAD
    return {"start": _milliseconds(first), "end": _milliseconds(_rounded_up(last))}


def _rounded_up(instant: datetime) -> datetime:
    # Cutting off the microseconds of an end would leave out what lies between. Past the last millisecond is nothing.
    past = datetime.max.replace(tzinfo=UTC) - instant < _ALMOST_A_MILLISECOND
    return instant if past else instant + _ALMOST_A_MILLISECOND


def _milliseconds(instant: datetime) -> str:
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _as_parameter(value: object) -> str:
    if isinstance(value, tuple):
        # GET takes one; several are asked for with POST.
        (value,) = value
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
