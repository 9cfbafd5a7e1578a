"""Every error a client sees: its code and extensions (DESIGN.md 8), and nothing internal."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from graphql import GraphQLError

from providers.spi.budget import BudgetExceeded, Counter, DeadlinePassed
from providers.spi.errors import SourceError
from resolvers.model.errors import BadUserInput

logger = logging.getLogger(__name__)


class ErrorCode(StrEnum):
    """The values of `extensions.code` besides those of SourceErrorCode."""

    BAD_USER_INPUT = "BAD_USER_INPUT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"
    PERSISTED_DOCUMENT_NOT_FOUND = "PERSISTED_DOCUMENT_NOT_FOUND"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"


def source_extensions(error: SourceError) -> dict[str, Any]:
    """Returns `extensions` of a source's failure. `retryAfter` is in seconds; what is unknown is left out."""
    extensions: dict[str, Any] = {"code": error.code.value, "source": error.source}
    if error.status is not None:
        extensions["status"] = error.status
    if error.retry_after is not None:
        extensions["retryAfter"] = error.retry_after
    if error.request_id is not None:
        extensions["requestId"] = error.request_id
    return extensions


def request_error(code: ErrorCode, message: str, **extensions: Any) -> GraphQLError:
    """Returns an error for the request as a whole."""
    return GraphQLError(message, extensions={"code": code.value, **extensions})


def public_errors(errors: Iterable[GraphQLError] | None, beside: Sequence[GraphQLError] = ()) -> list[GraphQLError]:
    """Returns the errors to answer with: those of the execution as `public` has them, then those beside the data."""
    return [*(public(error) for error in errors or ()), *beside]


def public(error: GraphQLError) -> GraphQLError:
    """Returns the error as a client may see it.

    The client's own mistakes, found by graphql-core or here, are BAD_USER_INPUT; a source's failure has its code; an
    operation that uses more than it may is QUERY_TOO_COMPLEX; anything else is masked and logged under the id that the
    client gets as `extensions.errorId`.
    """
    cause = _cause(error)
    match cause:
        case BadUserInput():
            return _with(error, str(cause), {"code": ErrorCode.BAD_USER_INPUT.value, "argument": cause.argument})
        case SourceError():
            return _with(error, cause.message, source_extensions(cause))
        case BudgetExceeded():
            return _with(error, *over_budget(cause))
        case DeadlinePassed():
            setting = "server.limits.request_timeout"
            extensions = {"code": ErrorCode.QUERY_TOO_COMPLEX.value, "setting": setting}
            return _with(error, f"{cause} ({setting})", extensions)
        case None:
            if "code" in (error.extensions or {}):
                return error
            # graphql-core's own words about the document, its variables or arguments
            return _with(error, error.message, {**(error.extensions or {}), "code": ErrorCode.BAD_USER_INPUT.value})
    error_id = secrets.token_hex(8)
    where = ".".join(str(key) for key in error.path or ())
    logger.error("internal error %s at %s", error_id, where or "the request", exc_info=cause)
    return _with(
        error,
        f"Internal server error; the operator finds it in the log as {error_id}.",
        {"code": ErrorCode.INTERNAL_SERVER_ERROR.value, "errorId": error_id},
    )


_USED = {
    Counter.UPSTREAM_CALLS: "calls of sources",
    Counter.ROWS: "rows read from sources",
    Counter.EVALUATIONS: "conditions judged on records",
    Counter.OBJECTS: "objects made",
    Counter.ANSWER_BYTES: "bytes of the answer",
}


def over_budget(error: BudgetExceeded) -> tuple[str, dict[str, Any]]:
    """Returns the message and the extensions about what an operation used too much of."""
    setting = f"server.limits.{error.counter.value}"
    message = f"the operation came to {error.used:,} {_USED[error.counter]}; the limit is {error.limit:,} ({setting})"
    code = ErrorCode.QUERY_TOO_COMPLEX.value
    return message, {"code": code, "setting": setting, "limit": error.limit, "used": error.used}


def _cause(error: GraphQLError) -> Exception | None:
    """Returns what was raised, None when graphql-core itself (or a GraphQLError of ours) says it."""
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _with(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        original_error=error.original_error,
        extensions=extensions,
    )
