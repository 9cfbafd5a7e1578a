"""Parsed, validated and measured documents, kept by their text: a repeated query pays for none of that again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    validate,
)

from gql.configuration.settings import LimitSettings
from gql.errors import ErrorCode, request_error
from gql.execution.document_limits import check_shapes, parse_within, too_much_to_validate
from gql.execution.graphql_core_messages import validation_took_too_long
from gql.execution.operands import Given, given_in
from gql.execution.query_cost import Cost, operation_cost
from gql.execution.validation_rules import naming_their_arguments, rules
from gql.projection.executor import Plans

__all__ = ["Document", "Documents", "NamedOperation"]

_MOST_ERRORS = 20
_LONGEST_MESSAGE: Final = 1_000

INLINE: Final = 2_000
"""Characters of a document that is prepared at once, in a few milliseconds; of a longer one, in the thread."""


class NamedOperation(msgspec.Struct, frozen=True, eq=False):
    """One operation of a document. `name` is None when it has none."""

    name: str | None
    type: OperationType
    cost: Cost
    given: Given = Given()


class Document(msgspec.Struct, frozen=True, eq=False):
    """A document and all that is known of it.

    `errors` are why it cannot be executed, empty for a valid one. `plans` are the projection's, `selections` those
    of `gql.schema.core.selection`: both belong to this parsed document. `size` is the length of its text and
    of what is told of it, `nodes` the size of its syntax tree.
    """

    text: str
    operations: tuple[NamedOperation, ...] = ()
    errors: tuple[GraphQLError, ...] = ()
    plans: Plans | None = None
    selections: dict[Any, Any] = {}
    size: int = 0
    nodes: int = 0

    def operation(self, name: str | None) -> NamedOperation:
        """Returns the operation to execute. Raises GraphQLError when the name does not say which."""
        if name is None:
            if len(self.operations) != 1:
                raise request_error(
                    ErrorCode.BAD_USER_INPUT,
                    "operationName: expected the name of one of the document's operations"
                    if self.operations
                    else "query: expected a document with an operation",
                )
            return self.operations[0]
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise request_error(ErrorCode.BAD_USER_INPUT, "operationName: the document has no operation of this name")


class _Work:
    """A document that is being prepared in the thread, and how many requests wait for it."""

    __slots__ = ("document", "waiting")

    def __init__(self, document: asyncio.Future[Document]) -> None:
        self.document = document
        self.waiting = 0


class Documents:
    """A cache of documents, least recently used out first.

    It is bounded by their number, the length of their texts and the nodes of their syntax trees. Long documents are
    prepared in one thread, where the interpreter gives the event loop its turn every few milliseconds; the cache itself
    is touched by the loop alone.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: LimitSettings,
        *,
        max_count: int = 1_000,
        max_bytes: int = 2_000_000,
        max_nodes: int = 200_000,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._max_nodes = max_nodes
        self._bytes = 0
        self._nodes = 0
        self._by_text: OrderedDict[str, Document] = OrderedDict()
        self._rules = rules(introspection=limits.introspection)
        self._thread = ThreadPoolExecutor(1, "documents")
        self._under_way: dict[str, _Work] = {}
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._by_text)

    @property
    def nodes(self) -> int:
        """How many nodes of syntax trees are kept."""
        return self._nodes

    def get(self, text: str) -> Document:
        """Returns the document with this text; one that cannot be executed has `errors`."""
        document = self.known(text)
        if document is None:
            self.misses += 1
            document = self._prepare(text)
            self._keep(document)
        return document

    async def prepared(self, text: str) -> Document:
        """Returns the same without holding the event loop for long. Equal texts are prepared once.

        One that nobody waits for any more is not begun.
        """
        if len(text) <= INLINE or text in self._by_text:
            return self.get(text)
        work = self._under_way.get(text)
        if work is None:
            self.misses += 1
            future = asyncio.get_running_loop().run_in_executor(self._thread, self._prepare, text)
            work = self._under_way[text] = _Work(future)
        work.waiting += 1
        try:
            document = await asyncio.shield(work.document)
        finally:
            work.waiting -= 1
            if not work.waiting:
                del self._under_way[text]
                work.document.cancel()
        if text not in self._by_text:
            self._keep(document)
        return document

    def known(self, text: str) -> Document | None:
        """Returns the document with this text when it is kept."""
        document = self._by_text.get(text)
        if document is not None:
            self._by_text.move_to_end(text)
            self.hits += 1
        return document

    def _keep(self, document: Document) -> None:
        if document.size > self._max_bytes or document.nodes > self._max_nodes:
            return
        self._by_text[document.text] = document
        self._bytes += document.size
        self._nodes += document.nodes
        while len(self._by_text) > self._max_count or self._bytes > self._max_bytes or self._nodes > self._max_nodes:
            _, oldest = self._by_text.popitem(last=False)
            self._bytes -= oldest.size
            self._nodes -= oldest.nodes

    def _prepare(self, text: str) -> Document:
        """Reads of this object only what never changes: it may run in the thread."""
        try:
            parsed = parse_within(text, self._limits)
            check_shapes(parsed, self._limits)
        except GraphQLError as error:
            return _refused(text, [error])
        operations = [each for each in parsed.definitions if isinstance(each, OperationDefinitionNode)]
        types = tuple(
            NamedOperation(each.name.value if each.name else None, each.operation, Cost()) for each in operations
        )
        errors = validate(
            self._schema, parsed, self._rules, _MOST_ERRORS, hide_suggestions=not self._limits.introspection
        )
        if any(validation_took_too_long(each) for each in errors):
            return _refused(text, [too_much_to_validate()], types)
        if errors:
            return _refused(text, naming_their_arguments(errors, parsed), types)
        fragments = _fragments(parsed)
        try:
            costs = [operation_cost(self._schema, each, fragments) for each in operations]
        except GraphQLError as error:
            return _refused(text, [error], types)
        return Document(
            text,
            operations=tuple(
                NamedOperation(known.name, known.type, cost, given_in(each, fragments))
                for known, each, cost in zip(types, operations, costs, strict=True)
            ),
            plans=Plans(parsed),
            selections={},
            size=len(text),
            nodes=_count(parsed),
        )


def _refused(text: str, errors: Iterable[GraphQLError], operations: tuple[NamedOperation, ...] = ()) -> Document:
    """A document that is not executed: its errors as they are told, without the syntax tree that they are about."""
    told = tuple(
        GraphQLError(
            error.message
            if len(error.message) <= _LONGEST_MESSAGE
            else f"{error.message[: _LONGEST_MESSAGE - 1]}\N{HORIZONTAL ELLIPSIS}",
            source=error.source,
            positions=error.positions,
            extensions=error.extensions,
        )
        for error in errors
    )
    return Document(text, operations=operations, errors=told, size=len(text) + sum(len(each.message) for each in told))


def _count(document: DocumentNode) -> int:
    """How many nodes there are."""
    count = 0
    waiting: list[Any] = [document]
    while waiting:
        node = waiting.pop()
        count += 1
        for key in node.keys:
            value = getattr(node, key, None)
            if isinstance(value, Node):
                waiting.append(value)
            elif isinstance(value, tuple | list):
                waiting.extend(each for each in value if isinstance(each, Node))
    return count


def _fragments(document: DocumentNode) -> Mapping[str, FragmentDefinitionNode]:
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
