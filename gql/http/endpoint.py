"""/graphql: GraphQL over HTTP by POST and GET, without a framework's view in between (docs/operations.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Final, NamedTuple

from graphql import GraphQLError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gql.configuration.file import Configuration
from gql.errors import ErrorCode, public, request_error
from gql.execution.call import Call, GraphQLRequest
from gql.execution.document_limits import too_complex
from gql.execution.gateway import Answer, Gateway, MutationOverGet, encode_errors
from gql.http.authentication import AuthenticationUnavailable, Authenticator, Unauthenticated
from gql.http.graphiql import ConsolePage
from gql.http.media_types import GRAPHQL_RESPONSE, JSON, accepts_html, answer_type, is_utf8_json
from gql.http.request_parsing import read_body, read_query_string
from gql.telemetry import AnswerOutcome, Telemetry
from providers.source import Credential

__all__ = ["EXPLAIN_HEADER", "GraphQLEndpoint"]

EXPLAIN_HEADER: Final = "X-Contactgraph-Explain"

_ALLOW: Final = b"GET, POST, HEAD, OPTIONS"
_EXPLAIN: Final = EXPLAIN_HEADER.lower().encode()
_ALWAYS: Final = (
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept, Origin"),
)


class _Refused(Exception):
    """An answer that is not a GraphQL operation's: the status says so whatever the media type."""

    def __init__(self, status: int, error: GraphQLError, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(status)
        self.status = status
        self.error = error
        self.headers = headers


class _Http(NamedTuple):
    """A request's outside. `headers` have lower-case names; those that came twice are joined, as HTTP says."""

    method: str
    headers: Mapping[bytes, bytes]
    query_string: bytes
    receive: Receive

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")


class GraphQLEndpoint:
    """The ASGI application at /graphql. `gateway` is there while the application runs."""

    def __init__(
        self,
        configuration: Configuration,
        authenticator: Authenticator,
        telemetry: Telemetry,
        console: ConsolePage | None,
    ) -> None:
        server = configuration.server
        self.gateway: Gateway | None = None
        self._limits = server.limits
        self._explain = server.explain
        self._origins = frozenset(server.origins)
        self._authenticator = authenticator
        self._telemetry = telemetry
        self._console = console
        self._forwarded = [
            (source.name, source.token_header.lower().encode(), source.token_header)
            for source in configuration.sources
            if source.token_header is not None
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        began = perf_counter()
        http = _Http(scope["method"], _joined(scope["headers"]), scope["query_string"], receive)
        if self._wants_the_console(http):
            await self._console.response()(scope, receive, send)  # type: ignore[union-attr]
            return
        if http.method == "OPTIONS":
            await Response(status_code=204, headers={"Allow": _ALLOW.decode()})(scope, receive, send)
            return
        media_type = answer_type(http.header(b"accept"))
        outcome: AnswerOutcome = "refused"
        headers: Iterable[tuple[bytes, bytes]] = ()
        try:
            answer = await self._answer(http, media_type)
            outcome = answer.outcome
            status = answer.status if media_type == GRAPHQL_RESPONSE else answer.json_status
            body = answer.body
        except _Refused as refused:
            status, headers, body = refused.status, refused.headers, encode_errors([refused.error])
        except Exception as error:  # noqa: BLE001  a fault of ours: logged with an id, which is all the client gets
            outcome, status = "failed", 500
            body = encode_errors([public(GraphQLError("", original_error=error))])
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", f"{media_type or JSON}; charset=utf-8".encode()),
                    (b"content-length", str(len(body)).encode()),
                    *_ALWAYS,
                    *headers,
                ],
            }
        )
        await send({"type": "http.response.body", "body": b"" if http.method == "HEAD" else body})
        self._telemetry.request(outcome, perf_counter() - began)

    def _wants_the_console(self, http: _Http) -> bool:
        return (
            self._console is not None
            and http.method in ("GET", "HEAD")
            and b"query=" not in http.query_string
            and accepts_html(http.header(b"accept"))
        )

    async def _answer(self, http: _Http, media_type: str | None) -> Answer:
        if http.method not in ("GET", "HEAD", "POST"):
            raise _Refused(405, _mistake(f"expected GET or POST, not {http.method[:20]}"), (b"allow", _ALLOW))
        if media_type is None:
            raise _Refused(406, _mistake(f"Accept: expected {GRAPHQL_RESPONSE} or {JSON} to be acceptable"))
        gateway = self.gateway
        if gateway is None:
            raise _Refused(503, request_error(ErrorCode.INTERNAL_SERVER_ERROR, "the gateway is starting"))
        post = http.method == "POST"
        if post:
            _check_content(http)
        else:
            self._check_site(http)
        call = await self._call(http)
        try:
            if post:
                request = read_body(await self._body(http), self._limits)
            else:
                request = read_query_string(http.query_string, self._limits)
        except GraphQLError as error:
            raise _Refused(400, error) from None
        if isinstance(request, list):
            return await _batch(gateway, request, call)
        try:
            return await gateway.answer(request, call)
        except MutationOverGet:
            raise _Refused(405, _mistake("expected POST: GET is for queries alone"), (b"allow", b"POST")) from None

    def _check_site(self, http: _Http) -> None:
        """Refuses what another site's page makes a browser send (CSRF); a POST of JSON asks by CORS first."""
        if http.header(b"sec-fetch-site") not in ("cross-site", "same-site"):
            return
        if http.header(b"origin") not in self._origins:
            message = "this page's origin may not ask here (server.origins)"
            raise _Refused(403, request_error(ErrorCode.FORBIDDEN, message))

    async def _call(self, http: _Http) -> Call:
        try:
            caller = await self._authenticator.caller(http.headers)
        except Unauthenticated as error:
            challenge = (b"www-authenticate", error.challenge.encode("latin-1"))
            raise _Refused(401, request_error(ErrorCode.UNAUTHENTICATED, str(error)), challenge) from None
        except AuthenticationUnavailable as error:
            raise _Refused(503, request_error(ErrorCode.INTERNAL_SERVER_ERROR, str(error))) from None
        cache_control = http.header(b"cache-control").lower()
        return Call(
            caller,
            self._credentials(http) if self._forwarded else {},
            fresh="no-cache" in cache_control or "no-store" in cache_control,
            explain=self._explain and http.headers.get(_EXPLAIN) == b"1",
            get=http.method != "POST",
        )

    def _credentials(self, http: _Http) -> Mapping[str, Credential]:
        """What the caller forwards for the sources with token_header, by source name."""
        found: dict[str, Credential] = {}
        for source, lower_name, name in self._forwarded:
            value = http.header(lower_name)
            if value:
                try:
                    found[source] = Credential(value)
                except ValueError as error:
                    raise _Refused(400, _mistake(f"{name}: {error}")) from None
        return found

    async def _body(self, http: _Http) -> bytes:
        """The whole body. Refuses one over the limit without reading it."""
        limit = self._limits.body_bytes
        declared = http.header(b"content-length")
        if declared.isdigit() and int(declared[:20]) > limit:
            raise self._too_large()
        body = bytearray()
        more = True
        try:
            async with asyncio.timeout(self._limits.request_timeout):
                while more and len(body) <= limit:
                    message = await http.receive()
                    if message["type"] == "http.disconnect":
                        raise _Refused(400, _mistake("the body: the connection was closed before its end"))
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
        except TimeoutError:
            slow = too_complex("request_timeout", "the body took too long (seconds)", self._limits.request_timeout)
            raise _Refused(408, slow, (b"connection", b"close")) from None
        if len(body) > limit:
            raise self._too_large()
        return bytes(body)

    def _too_large(self) -> _Refused:
        limit = self._limits.body_bytes
        return _Refused(413, too_complex("body_bytes", "the body is too large", limit), (b"connection", b"close"))


async def _batch(gateway: Gateway, requests: list[GraphQLRequest], call: Call) -> Answer:
    answers = await asyncio.gather(*(gateway.answer(request, call) for request in requests))
    outcomes: list[AnswerOutcome] = [answer.outcome for answer in answers]
    worst = next(outcome for outcome in ("failed", "partial", "refused", "ok") if outcome in outcomes)
    return Answer(b"[" + b",".join(answer.body for answer in answers) + b"]", worst)


def _check_content(http: _Http) -> None:
    if not is_utf8_json(http.header(b"content-type")):
        # A simple content type is what a form on another site can send without asking (CSRF).
        raise _Refused(415, _mistake("Content-Type: expected application/json in UTF-8"))
    if http.header(b"content-encoding").lower() not in ("", "identity"):
        raise _Refused(415, _mistake("Content-Encoding: expected none"), (b"accept-encoding", b"identity"))


def _mistake(message: str) -> GraphQLError:
    return request_error(ErrorCode.BAD_USER_INPUT, message)


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> Mapping[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    repeated: dict[bytes, list[bytes]] = {}
    for name, value in raw:
        # The parser leaves the white space behind a value to us (RFC 9110, 5.5).
        bare = value.strip(b" \t")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(bare)
        else:
            headers[name] = bare
    for name, values in repeated.items():
        headers[name] = b", ".join(values)
    return headers
