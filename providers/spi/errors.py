"""Why a source could not answer: one short tree, retriable or final (DESIGN.md 8).

    SourceError
    ├── Retriable
    │   ├── SourceUnavailable       connection refused or reset, 5xx, or our own circuit is open
    │   ├── SourceTimeout           connect, read, total or the request's own deadline; no free place until then
    │   └── SourceRateLimited       429, or our own rate_limit leaves no room
    └── Final
        ├── SourceUnauthenticated   401, or there is no credential that could be sent
        ├── SourceForbidden         403
        ├── SourceBadRequest        400, 404, 422 and other refusals of what was asked
        ├── SourceInvalidResponse   an answer that is not what the API's page describes
        ├── SortNotSupported        an order that can be made neither there nor here
        └── ScanLimitExceeded       what has to be read to its end, or until it is found, is longer than scan_limit

Which of them are repeated is `providers.resilience.retry`'s to say, by what happened on the wire; whether a source that
failed keeps `hasNextPage` true is `resolvers.paging.federated_page`'s, by the code.
Messages are for clients: they name the source and the remedy, never an address, a body or a credential.
"""

from __future__ import annotations

from enum import StrEnum


class SourceErrorCode(StrEnum):
    """The codes of the public enum of the same name (contract.graphql)."""

    SOURCE_UNAUTHENTICATED = "SOURCE_UNAUTHENTICATED"
    SOURCE_FORBIDDEN = "SOURCE_FORBIDDEN"
    SOURCE_BAD_REQUEST = "SOURCE_BAD_REQUEST"
    SOURCE_RATE_LIMITED = "SOURCE_RATE_LIMITED"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    SOURCE_TIMEOUT = "SOURCE_TIMEOUT"
    SOURCE_INVALID_RESPONSE = "SOURCE_INVALID_RESPONSE"
    SORT_NOT_SUPPORTED = "SORT_NOT_SUPPORTED"
    SORT_INEXACT = "SORT_INEXACT"
    SCAN_LIMIT_EXCEEDED = "SCAN_LIMIT_EXCEEDED"
    SEARCH_INCOMPLETE = "SEARCH_INCOMPLETE"
    MATCH_INCOMPLETE = "MATCH_INCOMPLETE"
    PAGE_DRIFT = "PAGE_DRIFT"


class SourceError(Exception):
    """A source's failure as a client may see it.

    `message` is public. `status` is the upstream's HTTP status, `retry_after` is in seconds,
    `request_id` is the upstream's own id of the failed request; each None when unknown. `calls` is how many exchanges
    were tried, with retries and redirects.
    """

    code: SourceErrorCode

    def __init__(
        self,
        source: str,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.source = source
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id
        self.calls = 0

    def without_traceback(self) -> SourceError:
        """Returns the same failure to be kept: without the frames and the cause that this one holds alive."""
        return type(self)(
            self.source,
            self.message,
            status=self.status,
            retry_after=self.retry_after,
            request_id=self.request_id,
        )


class Retriable(SourceError):
    """May go away by itself: a kept answer may be given instead (`stale_if_error`)."""


class Final(SourceError):
    """Asked the same again now, the source would say the same: no kept answer is given instead."""


class SourceUnavailable(Retriable):
    code = SourceErrorCode.SOURCE_UNAVAILABLE


class SourceTimeout(Retriable):
    code = SourceErrorCode.SOURCE_TIMEOUT


class SourceRateLimited(Retriable):
    code = SourceErrorCode.SOURCE_RATE_LIMITED


class SourceUnauthenticated(Final):
    code = SourceErrorCode.SOURCE_UNAUTHENTICATED


class SourceForbidden(Final):
    code = SourceErrorCode.SOURCE_FORBIDDEN


class SourceBadRequest(Final):
    code = SourceErrorCode.SOURCE_BAD_REQUEST


class SourceInvalidResponse(Final):
    code = SourceErrorCode.SOURCE_INVALID_RESPONSE


class SortNotSupported(Final):
    code = SourceErrorCode.SORT_NOT_SUPPORTED


class ScanLimitExceeded(Final):
    """Reading came to the source's scan_limit before it found its record, or the end that it needs."""

    code = SourceErrorCode.SCAN_LIMIT_EXCEEDED
