"""Validation beyond graphql-core's: what `introspection = false` closes, and which argument a bad literal was for."""

from __future__ import annotations

from typing import Any

from graphql import (
    ArgumentNode,
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    Node,
    NoSchemaIntrospectionCustomRule,
    ObjectFieldNode,
    ScalarLeafsRule,
    ValidationRule,
    Visitor,
    print_ast,
    specified_rules,
    visit,
)
from graphql.validation.validate import ValidationAbortedError

__all__ = ["naming_its_argument", "rules", "was_aborted"]


class NoServiceRule(ValidationRule):
    """`_service { sdl }` tells the whole schema as introspection does: both are closed together."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        if node.name.value == "_service":
            self.report_error(
                GraphQLError(
                    "_service: the schema is not told here; `contactgraph schema --federation` prints it", [node]
                )
            )


class UnsuggestiveScalarLeafsRule(ScalarLeafsRule):
    """graphql-core's rule suggests a selection also when it is told to suggest nothing."""

    def report_error(self, error: GraphQLError) -> None:
        """Reports the error without what may have been meant."""
        super().report_error(GraphQLError(error.message.partition(" Did you mean ")[0], error.nodes))


def rules(*, introspection: bool) -> tuple[type[ASTValidationRule], ...]:
    """Returns the rules that a document has to keep."""
    if introspection:
        return specified_rules
    specified = (UnsuggestiveScalarLeafsRule if rule is ScalarLeafsRule else rule for rule in specified_rules)
    return (*specified, NoSchemaIntrospectionCustomRule, NoServiceRule)


def was_aborted(error: GraphQLError) -> bool:
    """Returns whether validation ended here because it took too many steps, and not because it had errors enough."""
    return isinstance(error, ValidationAbortedError) and error.message == "Validation aborted."


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
