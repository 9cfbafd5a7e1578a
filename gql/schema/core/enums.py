"""The public enums: those of the inner layers by their public names, with a description for every value."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final, TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from providers.resilience.health import CircuitState
from providers.spi.capabilities import Paging
from providers.spi.errors import SourceErrorCode
from providers.spi.query import OrderField
from providers.spi.record import PipelineType
from resolvers.model.records import SourceErrorPolicy, SourceStatus

E = TypeVar("E", bound=type[Enum])


class OrderDirection(StrEnum):
    """Which way a sort key runs."""

    ASC = "ASC"
    DESC = "DESC"


class TetherOwnerScope(StrEnum):
    """Tether's quick tabs (List contacts, `ownerFilter`)."""

    MY = "MY"
    ALL = "ALL"
    TEAM = "TEAM"
    UNASSIGNED = "UNASSIGNED"


class TetherMessageStatus(StrEnum):
    """Tether's `messageStatus`."""

    ALL = "ALL"
    ANSWERED = "ANSWERED"
    UNANSWERED = "UNANSWERED"


class TetherTimeUnit(StrEnum):
    """The units of Tether's `lastMessageTimeRange`."""

    HOURS = "HOURS"
    DAYS = "DAYS"


def _public(enum: E, name: str, description: str, values: dict[str, str]) -> E:
    """Registers an enum of an inner layer; raises ValueError when a member has no description, or one too many."""
    strawberry.enum(enum, name=name, description=description)
    definition: StrawberryEnumDefinition = enum.__strawberry_definition__  # type: ignore[attr-defined]
    if {value.name for value in definition.values} != values.keys():
        raise ValueError(f"{name}: every value needs exactly one description")
    for value in definition.values:
        value.description = values[value.name]
    return enum


PUBLIC_ENUMS: Final[tuple[type[Enum], ...]] = (
    _public(
        SourceStatus,
        "SourceStatus",
        "How a source fared in one connection.",
        {
            "OK": "The source answered, and what it answered is complete and in order.",
            "PARTIAL": "The source answered, but not fully; `warnings` says what is missing or inexact.",
            "FAILED": "The source did not answer; `error` says why. The other sources' records are there.",
            "SKIPPED": "The source was not asked: it is exhausted, nothing was wanted of it, or a filter excludes it.",
        },
    ),
    _public(
        SourceErrorPolicy,
        "SourceErrorPolicy",
        "What a failing source does to the answer.",
        {
            "PARTIAL": "The other sources' records come, the source's slice says FAILED, and `errors` has an entry.",
            "FAIL": "The field is null and `errors` says why.",
            "SLICES_ONLY": (
                "As PARTIAL, without the entry in `errors`: for clients that discard data when there are errors, "
                "such as Apollo Client with its default error policy. When there is no connection to hold the slices, "
                "`errors` has the entries."
            ),
        },
    ),
    _public(
        SourceErrorCode,
        "SourceErrorCode",
        "Why a source failed or answered only in part.",
        {
            "SOURCE_UNAUTHENTICATED": (
                "The source did not accept its credential (401), or the caller did not send one that could be passed "
                "on: the message names the header."
            ),
            "SOURCE_FORBIDDEN": "The source's credential does not allow this (403).",
            "SOURCE_BAD_REQUEST": "The source refused the request (400, 404, 422 and the like).",
            "SOURCE_RATE_LIMITED": "The source, or our own limit for it, allows no more calls now; see `retryAfter`.",
            "SOURCE_UNAVAILABLE": (
                "The source could not be reached or failed (5xx), or it was not asked because it kept failing (its "
                "circuit is OPEN): see `retryAfter`."
            ),
            "SOURCE_TIMEOUT": "The source did not answer in time.",
            "SOURCE_INVALID_RESPONSE": "The source's answer, or a row of it, is not what its API describes.",
            "SORT_NOT_SUPPORTED": "The order can be made neither by the source nor here, within the scan limit.",
            "SORT_INEXACT": "The source's records come in its own order, or not quite in the order asked for.",
            "SCAN_LIMIT_EXCEEDED": (
                "Reading stopped at the source's scan limit. As a warning: the page ends there, and its `endCursor` "
                "goes on from there. As an error: the source has more records than may be read to find one of them by "
                "its id, or to reach the end of a list for `last`."
            ),
            "SEARCH_INCOMPLETE": "The source's search cannot find every contact; the message says which.",
            "MATCH_INCOMPLETE": "The source cannot be searched by every e-mail address and phone number of the person.",
            "PAGE_DRIFT": "So many rows changed between two pages that contacts may be missing or come twice.",
        },
    ),
    _public(
        Paging,
        "PagingStyle",
        "How a source's API pages.",
        {
            "PAGE_NUMBER": "By page number and size: any position can be asked for.",
            "CURSOR": "By a cursor from the page before.",
        },
    ),
    _public(
        CircuitState,
        "CircuitState",
        "Whether calls to a source are let through.",
        {
            "CLOSED": "Calls go through.",
            "OPEN": "The source failed repeatedly: calls are answered with an error at once, until a pause is over.",
            "HALF_OPEN": "After the pause: a single call is let through to see whether the source is back.",
        },
    ),
    _public(
        PipelineType,
        "PipelineType",
        "Which kind of record a Tether pipeline is for.",
        {"CONTACT": "Contacts.", "APPLICATION": "Applications."},
    ),
    _public(
        OrderField,
        "ContactOrderField",
        "What contacts can be sorted by. Contacts without a value come last in both directions.",
        {
            "CREATED_AT": "When the source created the contact.",
            "UPDATED_AT": "When the source last changed the contact.",
            "FIRST_NAME": "The first name, without regard to case.",
            "LAST_NAME": "The last name, without regard to case.",
        },
    ),
    _public(
        OrderDirection,
        "OrderDirection",
        "Which way a sort key runs.",
        {"ASC": "Smallest, earliest or first in the alphabet first.", "DESC": "The other way round."},
    ),
    _public(
        TetherOwnerScope,
        "TetherOwnerScope",
        "Whose contacts Tether returns, as seen by the owner of the credential.",
        {
            "MY": "The credential's own contacts.",
            "ALL": "Everybody's contacts.",
            "TEAM": "The contacts of the credential's team.",
            "UNASSIGNED": "Contacts that nobody owns.",
        },
    ),
    _public(
        TetherMessageStatus,
        "TetherMessageStatus",
        "Whether Tether's contacts have messages.",
        {
            "ALL": "With and without messages.",
            "ANSWERED": "Contacts that have any message.",
            "UNANSWERED": "Contacts without a message.",
        },
    ),
    _public(
        TetherTimeUnit,
        "TetherTimeUnit",
        "The unit of a span of time.",
        {"HOURS": "Hours.", "DAYS": "Days of 24 hours."},
    ),
)
