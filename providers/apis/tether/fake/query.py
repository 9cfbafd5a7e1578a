"""Which contacts a Tether request asks for: tether-list-contacts.txt (GET) and tether-stage-buckets.txt (POST)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from providers.fake_kit.errors import ApiError
from providers.fake_kit.matching import found, moment, text, within
from providers.fake_kit.parameters import Parameters, json_object, refuse_unknown_keys, text_list, whole_number
from providers.fake_kit.store import Row
from providers.fake_kit.switches import Switches

Range = tuple[datetime | None, datetime | None]

SCOPES = ("my", "all", "team", "unassigned")
GET_PARAMETERS = frozenset(
    {
        "page",
        "size",
        "source",
        "leadSource",
        "ownerFilter",
        "status",
        "pipelineStage",
        "pipelineId",
        "dateRange",
        "owner",
        "owner[]",
        "assignee",
        "assignee[]",
        "messageStatus",
        "lastMessageTimeRange",
        "lastMessageDateRange",
        "search",
    }
)
POST_KEYS = frozenset(
    {
        "page",
        "size",
        "search",
        "source",
        "ownerFilter",
        "owner",
        "assignee",
        "pipelineType",
        "pipelineId",
        "status",
        "dateRange",
        "createdDateRange",
        "customFilters",
        "stages",
        "stageIdByName",
        "bulkOnly",
        "messageStatus",
        "lastMessageTimeRange",
        "lastMessageDateRange",
    }
)


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """The conditions of one request, all of which a contact has to meet; hashable, so a selection is remembered."""

    owner_filter: str = "my"
    owners: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    search: str = ""
    source: str = ""
    lead_source: str = ""
    status: str = ""
    pipeline_stage: str = ""
    pipeline_id: str = ""
    created: tuple[Range, ...] = ()
    message_status: str = "all"
    quiet_for: timedelta | None = None
    messages: Range | None = None
    bulk_only: bool = False
    custom: tuple[tuple[str, str], ...] = ()
    """Custom-field keys with their values as JSON."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who asks, who is in the caller's team, and who exists at all: what the owner scopes mean."""

    caller: str
    members: frozenset[str]
    everybody: frozenset[str]


def query_of_list(parameters: Parameters) -> ContactQuery:
    """Returns the conditions of a GET. Raises ApiError (400) naming the parameter for a value that is none."""
    dates = parameters.text("dateRange")
    quiet = parameters.text("lastMessageTimeRange")
    messages = parameters.text("lastMessageDateRange")
    return ContactQuery(
        owner_filter=parameters.text("ownerFilter") or "my",
        owners=tuple(parameters.texts("owner")),
        assignees=tuple(parameters.texts("assignee")),
        search=parameters.text("search"),
        source=parameters.text("source"),
        lead_source=parameters.text("leadSource"),
        status=parameters.text("status"),
        pipeline_stage=parameters.text("pipelineStage"),
        pipeline_id=parameters.text("pipelineId"),
        created=(_range("dateRange", dates),) if dates else (),
        message_status=_message_status(parameters.text("messageStatus") or "all"),
        quiet_for=_quiet_for(quiet) if quiet else None,
        messages=_range("lastMessageDateRange", messages) if messages else None,
    )


def query_of_buckets(body: Mapping[str, Any], *, strict: bool) -> ContactQuery:
    """Returns the conditions of a POST but for its stages. Raises ApiError (400) naming the key of a wrong value."""
    refuse_unknown_keys(body, POST_KEYS, strict=strict)
    sent = {key: value for key, value in body.items() if value is not None}
    custom = json_object("customFilters", sent.get("customFilters", {}))
    applications = sent.get("pipelineType", "Contact") == "Application"
    return ContactQuery(
        owner_filter=_text(sent, "ownerFilter") or "my",
        owners=tuple(text_list("owner", sent.get("owner", []))),
        assignees=tuple(text_list("assignee", sent.get("assignee", []))),
        search=_text(sent, "search"),
        source="" if applications else _text(sent, "source"),
        created=tuple(_range(key, sent[key]) for key in ("dateRange", "createdDateRange") if key in sent),
        message_status=_message_status(_text(sent, "messageStatus") or "all"),
        quiet_for=_quiet_for(sent["lastMessageTimeRange"]) if "lastMessageTimeRange" in sent else None,
        messages=_range("lastMessageDateRange", sent["lastMessageDateRange"])
        if "lastMessageDateRange" in sent
        else None,
        bulk_only=_flag(sent, "bulkOnly"),
        custom=tuple((key, json.dumps(value)) for key, value in custom.items()),
    )


def check_scope(query: ContactQuery, team: Team, *, strict: bool) -> None:
    """Raises ApiError (400) for an ownerFilter that is neither a scope nor a user's id, when `strict`."""
    if strict and query.owner_filter not in SCOPES and query.owner_filter not in team.everybody:
        raise ApiError(400, "ownerFilter must be my, all, team, unassigned or a user id", field="ownerFilter")


def meets(row: Row, query: ContactQuery, team: Team, switches: Switches) -> bool:
    """Returns whether a contact meets all conditions."""
    return (
        _owned(row, query, team)
        and _assigned(row, query, switches)
        and all(
            not wanted or row.get(name) == wanted
            for name, wanted in (
                ("source", query.source),
                ("leadSource", query.lead_source),
                ("status", query.status),
                ("pipelineStage", query.pipeline_stage),
                ("pipelineId", query.pipeline_id),
            )
        )
        and all(within(moment(row.get("createdAt")), *span, switches.range_ends) for span in query.created)
        and _written_to(row, query, switches)
        and (not query.bulk_only or row.get("isBulkSms") is True)
        and all(_custom(row, key, json.loads(value)) for key, value in query.custom)
        and (not query.search or _found(row, query.search, switches))
    )


def _owned(row: Row, query: ContactQuery, team: Team) -> bool:
    owner, assignees = row.get("userId"), row.get("assignees") or []
    if query.owners:
        return any(user in (row.get("createdBy"), owner) or user in assignees for user in query.owners)
    if query.owner_filter == "all":
        return True
    if query.owner_filter == "unassigned":
        return not assignees
    if query.owner_filter == "team":
        return owner in team.members
    user = team.caller if query.owner_filter == "my" else query.owner_filter
    return user == owner or user in assignees


def _assigned(row: Row, query: ContactQuery, switches: Switches) -> bool:
    if not query.assignees:
        return True
    if switches.assignee_matches == "conversation":
        return (row.get("latestMessage") or {}).get("assignee") in query.assignees
    return any(user in (row.get("assignees") or []) for user in query.assignees)


def _written_to(row: Row, query: ContactQuery, switches: Switches) -> bool:
    last = moment(row.get("lastMessageTime"))
    if query.message_status != "all" and (query.message_status == "answered") != (last is not None):
        return False
    if query.quiet_for is not None and last is not None and last >= switches.now - query.quiet_for:
        return False
    return query.messages is None or within(last, *query.messages, switches.range_ends)


def _custom(row: Row, key: str, wanted: Any) -> bool:
    fields = row.get("customFields") or {}
    if key not in fields:
        return False
    if not isinstance(wanted, str):
        return bool(fields[key] == wanted)
    try:
        return re.search(wanted, str(fields[key]), re.IGNORECASE) is not None
    except re.error as error:
        raise ApiError(400, f"customFilters.{key} is no regular expression", field="customFilters") from error


def _found(row: Row, search: str, switches: Switches) -> bool:
    first, last = text(row.get("firstName")), text(row.get("lastName"))
    values = (first, last, f"{first} {last}", row.get("phoneNumber"))
    return found(search, values, whole_word=switches.whole_word_search)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise ApiError(400, f"{name} must be a string", field=name)
    return value


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ApiError(400, f"{name} must be true or false", field=name)
    return value


def _range(name: str, value: object) -> Range:
    sent = json_object(name, value)
    ends: list[datetime | None] = []
    for key in ("start", "end"):
        end = moment(sent.get(key))
        if sent.get(key) is not None and end is None:
            raise ApiError(400, f"{name}.{key} must be an ISO 8601 datetime", field=name)
        ends.append(end)
    if set(sent) - {"start", "end"} or ends == [None, None]:
        raise ApiError(400, f"{name} must hold start, end or both", field=name)
    return ends[0], ends[1]


def _quiet_for(value: object) -> timedelta:
    name = "lastMessageTimeRange"
    sent = json_object(name, value)
    number = whole_number(f"{name}.value", sent.get("value"))
    if sent.get("unit") not in ("hours", "days"):
        raise ApiError(400, f"{name}.unit must be hours or days", field=name)
    return timedelta(hours=number) if sent["unit"] == "hours" else timedelta(days=number)


def _message_status(value: str) -> str:
    if value not in ("all", "answered", "unanswered"):
        raise ApiError(400, "messageStatus must be all, answered or unanswered", field="messageStatus")
    return value
