"""From a request that was read to the bytes of its answer: document, limits, execution, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
from graphql import ExecutionResult, GraphQLError, OperationType

from gql.configuration.file import Configuration
from gql.errors import ErrorCode, public, public_errors, request_error
from gql.execution.admission import Admission
from gql.execution.call import Call, Caller, GraphQLRequest
from gql.execution.document_cache import Document, Documents, NamedOperation
from gql.execution.document_limits import check_cost, check_given, too_complex
from gql.projection.executor import Projection, encode
from gql.schema.core.context import RequestContext
from gql.telemetry import AnswerOutcome, CountedCache, Telemetry
from providers.source import Source
from providers.spi.budget import BudgetExceeded, Counter
from resolvers.cursors.codec import CursorCodec
from resolvers.request.explain import Explain
from resolvers.request.operation import Operation

__all__ = ["Answer", "Gateway", "MutationOverGet", "encode_errors"]

_PROJECTED_AT_ONCE: Final = 2_000
"""The cost from which an operation is projected the first time too: completing so many objects one by one takes longer
than compiling, and is one piece of work."""

GRACE: Final = 1.0
"""Seconds beyond the deadline: the sources end by it themselves, and what they sent is worth answering with."""


class MutationOverGet(Exception):
    """GET must change nothing (GraphQL over HTTP, "GET"): 405."""


class Answer(NamedTuple):
    """The JSON of an answer and the HTTP status it has as application/graphql-response+json, and as JSON."""

    body: bytes
    outcome: AnswerOutcome
    status: int = 200
    json_status: int = 200


class Gateway:
    """Executes requests over the sources. Lives as long as the process; nothing of a caller stays in it."""

    def __init__(
        self,
        configuration: Configuration,
        projection: Projection,
        sources: Mapping[str, Source],
        cache: CountedCache | None = None,
    ) -> None:
        server = configuration.server
        self._cache = cache
        self.sources = sources
        self.documents = Documents(
            projection.schema,
            server.limits,
            max_count=server.cache.documents,
            max_bytes=server.cache.document_bytes,
            max_nodes=server.cache.document_nodes,
        )
        self._limits = server.limits
        self._budget_limits = server.limits.budget
        self._admission = Admission()
        self._persisted = configuration.documents
        self._persisted_only = server.documents.only
        self._projection = projection
        key = configuration.cursor_key
        self._cursors = CursorCodec(key.get_secret_value().encode() if key is not None else None)
        self._visible: dict[frozenset[str] | None, Mapping[str, Source]] = {None: sources}

    def collect(self, telemetry: Telemetry) -> None:
        """Brings the metrics up to date."""
        telemetry.count_documents(self.documents.hits, self.documents.misses)
        telemetry.count_calls({name: source.health for name, source in self.sources.items()})
        if self._cache is not None:
            telemetry.count_cache(self._cache.hits, self._cache.misses)

    async def answer(self, request: GraphQLRequest, call: Call) -> Answer:
        """Returns the answer to one operation, whatever comes of it. Raises MutationOverGet."""
        deadline = asyncio.get_running_loop().time() + self._limits.request_timeout
        try:
            text = self._text(request)
            document = self.documents.known(text)
            if document is None:
                async with asyncio.timeout_at(deadline):
                    document = await self.documents.prepared(text)
            if call.get and _changes_something(document, request.operation_name):
                raise MutationOverGet
            if document.errors:
                return _refusal([public(error) for error in document.errors])
            named = document.operation(request.operation_name)
            variables = request.variables or {}
            check_given(named.given.total(variables), self._limits)
            cost = named.cost.total(variables)
            check_cost(cost, self._limits)
        except GraphQLError as error:
            return _refusal([public(error)])
        except TimeoutError:
            return self._too_late()
        try:
            async with asyncio.timeout_at(deadline + GRACE):
                return await self._execute(document, named, request, call, cost, deadline)
        except TimeoutError:
            return self._too_late()
        except BudgetExceeded as exceeded:
            return _refusal([public(GraphQLError("", original_error=exceeded))])
        except Exception as error:  # noqa: BLE001  a fault of ours, which the client must not see
            return Answer(encode_errors([public(GraphQLError("", original_error=error))]), "failed", 500, 500)

    def _too_late(self) -> Answer:
        seconds = self._limits.request_timeout
        error = too_complex("request_timeout", "the operation took too long (seconds)", seconds)
        return Answer(encode_errors([error]), "failed", status=503)

    async def _execute(
        self,
        document: Document,
        named: NamedOperation,
        request: GraphQLRequest,
        call: Call,
        cost: int,
        deadline: float,
    ) -> Answer:
        operation = Operation(
            self._sources_of(call.caller),
            credentials=call.credentials,
            deadline=deadline,
            fresh=call.fresh,
            explain=Explain() if call.explain else None,
            cursors=self._cursors,
            limits=self._budget_limits,
        )
        context = RequestContext(operation, document.selections)
        try:
            async with self._admission:
                return await self._executed(document, named, request, context, cost)
        finally:
            operation.close()

    async def _executed(
        self, document: Document, named: NamedOperation, request: GraphQLRequest, context: RequestContext, cost: int
    ) -> Answer:
        assert document.plans is not None, "a document without errors has plans"
        explain = context.operation.explain
        result = await self._projection.execute(
            document.plans,
            context_value=context,
            variable_values=request.variables,
            operation_name=named.name,
            hide_suggestions=not self._limits.introspection,
            budget=context.operation.budget,
            at_once=cost >= _PROJECTED_AT_ONCE,
        )
        errors = public_errors(result.errors, context.errors) if result.errors or context.errors else None
        if result.data is None and errors and all(error.path is None for error in errors):
            return _refusal(errors)
        extensions = None if explain is None else {"plan": explain.document(), "cost": cost}
        body = encode(ExecutionResult(result.data, errors, extensions))
        budget = context.operation.budget
        if len(body) > budget.limit(Counter.ANSWER_BYTES):
            raise BudgetExceeded(Counter.ANSWER_BYTES, len(body), budget.limit(Counter.ANSWER_BYTES))
        if not errors:
            return Answer(body, "ok")
        failed = any(_code(error) == ErrorCode.INTERNAL_SERVER_ERROR for error in errors)
        # "Partial success" of the draft (GraphQL over HTTP, application/graphql-response+json): data and errors.
        return Answer(body, "failed" if failed else "partial", status=294)

    def _text(self, request: GraphQLRequest) -> str:
        """The document's text. Raises GraphQLError when it is not known, or not allowed."""
        if request.query is not None:
            if self._persisted_only:
                raise request_error(
                    ErrorCode.FORBIDDEN,
                    "query: expected the documentId of a persisted document (server.documents.only)",
                )
            return request.query
        text = self._persisted.get(request.persisted_id() or "")
        if text is None:
            # Apollo's clients know the situation by this message.
            raise request_error(ErrorCode.PERSISTED_DOCUMENT_NOT_FOUND, "PersistedQueryNotFound")
        return text

    def _sources_of(self, caller: Caller) -> Mapping[str, Source]:
        """The sources that a caller may see, in configuration order."""
        visible = self._visible.get(caller.sources)
        if visible is None:
            names = caller.sources or frozenset()
            visible = {name: source for name, source in self.sources.items() if name in names}
            # Claims are written by the issuer, so there are few combinations; still, they are not ours to bound.
            if len(self._visible) < _MOST_COMBINATIONS:
                self._visible[caller.sources] = visible
        return visible


_MOST_COMBINATIONS: Final = 1_000


def encode_errors(errors: list[GraphQLError]) -> bytes:
    """Returns the JSON of an answer without `data`: nothing was executed."""
    return msgspec.json.encode({"errors": [error.formatted for error in errors]})


def _refusal(errors: list[GraphQLError]) -> Answer:
    return Answer(encode_errors(errors), "refused", status=400)


def _changes_something(document: Document, name: str | None) -> bool:
    selected = [each for each in document.operations if name is None or each.name == name]
    return any(each.type is not OperationType.QUERY for each in selected)


def _code(error: GraphQLError) -> Any:
    return (error.extensions or {}).get("code")
