"""Parsed, validated and measured documents, kept by their text: a repeated query pays for none of that again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    validate,
)

from gql.cost import Cost, operation_cost
from gql.failures import ErrorCode, request_error
from gql.limits import check_shapes, parse_within, too_much_to_validate
from gql.projection import Plans
from gql.rules import naming_its_argument, rules, was_aborted
from gql.settings import LimitSettings

__all__ = ["Document", "Documents", "NamedOperation"]

_MOST_ERRORS = 20


class NamedOperation(msgspec.Struct, frozen=True, eq=False):
    """One operation of a document. `name` is None when it has none."""

    name: str | None
    type: OperationType
    cost: Cost


class Document(msgspec.Struct, frozen=True, eq=False):
    """A document and all that is known of it.

    `errors` are why it cannot be executed, empty for a valid one. `plans` are the projection's, `selections` those
    of `gql.selection`: both belong to this parsed document.
    """

    text: str
    operations: tuple[NamedOperation, ...] = ()
    errors: tuple[GraphQLError, ...] = ()
    plans: Plans | None = None
    selections: dict[Any, Any] = {}

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


class Documents:
    """A cache of documents, least recently used out first, bounded by their number and the length of their texts."""

    def __init__(
        self, schema: GraphQLSchema, limits: LimitSettings, *, max_count: int = 1_000, max_bytes: int = 2_000_000
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._bytes = 0
        self._by_text: OrderedDict[str, Document] = OrderedDict()
        self._rules = rules(introspection=limits.introspection)
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._by_text)

    def get(self, text: str) -> Document:
        """Returns the document with this text; one that cannot be executed has `errors`."""
        document = self._by_text.get(text)
        if document is not None:
            self._by_text.move_to_end(text)
            self.hits += 1
            return document
        self.misses += 1
        document = self._prepare(text)
        self._keep(document)
        return document

    def _keep(self, document: Document) -> None:
        if len(document.text) > self._max_bytes:
            return
        self._by_text[document.text] = document
        self._bytes += len(document.text)
        while len(self._by_text) > self._max_count or self._bytes > self._max_bytes:
            text, _ = self._by_text.popitem(last=False)
            self._bytes -= len(text)

    def _prepare(self, text: str) -> Document:
        try:
            parsed = parse_within(text, self._limits)
            check_shapes(parsed, self._limits)
        except GraphQLError as error:
            return Document(text, errors=(error,))
        operations = [each for each in parsed.definitions if isinstance(each, OperationDefinitionNode)]
        types = tuple(
            NamedOperation(each.name.value if each.name else None, each.operation, Cost()) for each in operations
        )
        errors = validate(
            self._schema, parsed, self._rules, _MOST_ERRORS, hide_suggestions=not self._limits.introspection
        )
        if any(was_aborted(each) for each in errors):
            return Document(text, operations=types, errors=(too_much_to_validate(),))
        if errors:
            return Document(text, operations=types, errors=tuple(naming_its_argument(each, parsed) for each in errors))
        fragments = _fragments(parsed)
        return Document(
            text,
            operations=tuple(
                NamedOperation(known.name, known.type, operation_cost(self._schema, each, fragments))
                for known, each in zip(types, operations, strict=True)
            ),
            plans=Plans(parsed),
            selections={},
        )


def _fragments(document: DocumentNode) -> Mapping[str, FragmentDefinitionNode]:
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
