"""Validation beyond graphql-core's: what `introspection = false` closes, and which argument a bad literal was for."""

from __future__ import annotations

from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    Node,
    NoSchemaIntrospectionCustomRule,
    ObjectFieldNode,
    ValidationRule,
    Visitor,
    print_ast,
    specified_rules,
    visit,
)

__all__ = ["naming_its_argument", "rules"]


class NoServiceRule(ValidationRule):
    """`_service { sdl }` tells the whole schema as introspection does: both are closed together."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value == "_service":
            self.report_error(
                GraphQLError(
                    "_service: the schema is not told here; `contactgraph schema --federation` prints it", [node]
                )
            )


def rules(*, introspection: bool) -> tuple[type[ValidationRule], ...]:
    """Returns the rules that a document has to keep."""
    closed = () if introspection else (NoSchemaIntrospectionCustomRule, NoServiceRule)
    return (*specified_rules, *closed)


def naming_its_argument(error: GraphQLError, document: DocumentNode) -> GraphQLError:
    """Returns the error about a literal with the name of the argument or input field that it was given for.

    Other errors are returned as they are: graphql-core's words name the field, variable or argument.
    """
    node = error.nodes[0] if error.nodes else None
    if node is None:
        return error
    finder = _Holder(node)
    visit(document, finder)
    if finder.name is None or f"'{finder.name}" in error.message:
        return error
    return GraphQLError(
        f"{finder.name}: {error.message}",
        nodes=error.nodes,
        original_error=error.original_error,
        extensions={**(error.extensions or {}), "argument": finder.name},
    )


class _Holder(Visitor):
    """Finds the innermost argument or input field that holds a value."""

    def __init__(self, value: Node) -> None:
        super().__init__()
        self._value = value
        self._text = print_ast(value)
        self._open: list[str] = []
        self.name: str | None = None

    def enter(self, node: Any, *_: Any) -> None:
        if isinstance(node, ArgumentNode | ObjectFieldNode):
            self._open.append(node.name.value)
        # Validation has a copy, without a place in the document, of a value that may hold variables.
        same = print_ast(node) == self._text if self._value.loc is None else node is self._value
        if same and self._open and self.name is None:
            self.name = self._open[-1]

    def leave(self, node: Any, *_: Any) -> None:
        if isinstance(node, ArgumentNode | ObjectFieldNode):
            self._open.pop()
