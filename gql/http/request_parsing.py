"""A GraphQL-over-HTTP request read from a body or a query string. What is malformed is refused with 400."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from graphql import GraphQLError

from gql.configuration.settings import LimitSettings
from gql.errors import ErrorCode, request_error
from gql.execution.call import GraphQLRequest
from gql.execution.document_limits import check_json_depth, too_complex

__all__ = ["read_body", "read_query_string"]


_SINGLE: Final = msgspec.json.Decoder(GraphQLRequest)
_BATCH: Final = msgspec.json.Decoder(list[GraphQLRequest])
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any] | None)
_PARAMETERS: Final = ("query", "operationName", "variables", "extensions", "documentId")
_MOST_PARAMETERS: Final = 50


def read_body(body: bytes, limits: LimitSettings) -> GraphQLRequest | list[GraphQLRequest]:
    """Returns the request in a JSON body, or the batch of them where batching is configured.

    Raises GraphQLError naming what is wrong: an HTTP status of 400, whatever the body is.
    """
    try:
        if body.lstrip()[:1] == b"[":
            return _batch(body, limits)
        request = _SINGLE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _malformed("the body", error) from None
    _check(request, body, limits)
    return request


def read_query_string(query_string: bytes, limits: LimitSettings) -> GraphQLRequest:
    """Returns the request in the query string of a GET. Raises GraphQLError naming the parameter (400)."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except ValueError:
        raise _bad("the query string: expected percent-encoded UTF-8") from None
    known = [(name, value) for name, value in pairs if name in _PARAMETERS]
    given = dict(known)
    if len(given) < len(known):
        twice = next(name for name in _PARAMETERS if [each for each, _ in known].count(name) > 1)
        raise _bad(f"{twice}: expected once in the query string")
    request = GraphQLRequest(
        query=given.get("query"),
        operation_name=given.get("operationName") or None,
        variables=_json_parameter("variables", given),
        extensions=_json_parameter("extensions", given),
        document_id=given.get("documentId"),
    )
    _check(request, query_string, limits)
    return request


def _batch(body: bytes, limits: LimitSettings) -> list[GraphQLRequest]:
    if limits.batch == 1:
        raise _bad("the body: expected a JSON object; batching is off (server.limits.batch)")
    batch = _BATCH.decode(body)
    if not batch:
        raise _bad("the body: expected at least one operation in the batch")
    if len(batch) > limits.batch:
        raise too_complex("batch", f"the batch has {len(batch):,} operations", limits.batch)
    for request in batch:
        _check(request, body, limits)
    return batch


def _check(request: GraphQLRequest, raw: bytes, limits: LimitSettings) -> None:
    if request.query is None and request.persisted_id() is None:
        raise _bad("query: expected the text of a GraphQL document")
    if request.query is not None and request.document_id is not None:
        raise _bad("documentId: expected no query beside it")
    if request.document_id is not None and request.apollo_id() not in (None, request.document_id):
        raise _bad("documentId: expected no other extensions.persistedQuery.sha256Hash beside it")
    # Few brackets cannot nest deeply: the walk is for the rare body that has many.
    if raw.count(b"{") + raw.count(b"[") + raw.count(b"%") > limits.json_depth:
        for nested in (request.variables, request.extensions):
            check_json_depth(nested or {}, limits)


def _json_parameter(name: str, given: dict[str, str]) -> dict[str, Any] | None:
    text = given.get(name)
    if not text:
        return None
    try:
        decoded: dict[str, Any] | None = _OBJECT.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise _malformed(name, error) from None
    return decoded


def _malformed(where: str, error: Exception) -> GraphQLError:
    """A refusal that names the member when there is one: `variables: Expected `object | null`, got `str``."""
    if isinstance(error, msgspec.ValidationError):
        reason, _, path = str(error).partition(" - at `$")
        member = path.rstrip("`").lstrip(".")
        return _bad(f"{member or where}: {reason[:1].lower()}{reason[1:]}")
    if isinstance(error, RecursionError):
        return _bad(f"{where}: expected JSON that is not nested this deeply")
    return _bad(f"{where}: expected JSON in UTF-8")


def _bad(message: str) -> GraphQLError:
    return request_error(ErrorCode.BAD_USER_INPUT, message)
