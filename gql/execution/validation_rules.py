"""Validation beyond graphql-core's: what `introspection = false` closes, and which argument a bad literal was for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphql import (
    SKIP,
    ArgumentNode,
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    ListValueNode,
    Node,
    NoSchemaIntrospectionCustomRule,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    ScalarLeafsRule,
    ValidationRule,
    ValueNode,
    VariableNode,
    Visitor,
    VisitorAction,
    specified_rules,
    visit,
)

from gql.execution.graphql_core_messages import names, without_suggestion

__all__ = ["naming_their_arguments", "rules"]


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
        super().report_error(GraphQLError(without_suggestion(error), error.nodes))


def rules(*, introspection: bool) -> tuple[type[ASTValidationRule], ...]:
    """Returns the rules that a document has to keep."""
    if introspection:
        return specified_rules
    specified = (UnsuggestiveScalarLeafsRule if rule is ScalarLeafsRule else rule for rule in specified_rules)
    return (*specified, NoSchemaIntrospectionCustomRule, NoServiceRule)


def naming_their_arguments(errors: Iterable[GraphQLError], document: DocumentNode) -> tuple[GraphQLError, ...]:
    """Returns the errors, those about a literal with the name of the argument or input field that it was given for.

    Other errors are returned as they are: graphql-core's words name the field, variable or argument. The document is
    walked once for all errors.
    """
    holders = _Holders()
    visit(document, holders)
    return tuple(_naming(error, holders) for error in errors)


def _naming(error: GraphQLError, holders: _Holders) -> GraphQLError:
    name = holders.name(error.nodes[0]) if error.nodes else None
    if name is None or names(error, name):
        return error
    return GraphQLError(
        f"{name}: {error.message}",
        nodes=error.nodes,
        original_error=error.original_error,
        extensions={**(error.extensions or {}), "argument": name},
    )


class _Holders(Visitor):
    """Knows the innermost argument or input field that holds a value.

    Validation has copies, without a place in the document, of lists and objects in the place of a scalar. They are
    found by their shape; equal shapes have one number, so that every value is looked at once however deep it stands.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_node: dict[int, str] = {}
        self._shapes: dict[tuple[Any, ...], int] = {}
        self._by_shape: dict[int, str] = {}

    def enter_argument(self, node: ArgumentNode, *_: Any) -> VisitorAction:
        """Notes an argument and everything in its value."""
        self._hold(node)
        return SKIP

    def name(self, node: Node) -> str | None:
        """Returns the name of what holds a node, None when it is in no argument."""
        if node.loc is None and isinstance(node, ListValueNode | ObjectValueNode):
            return self._by_shape.get(self._shape(node, None))
        return self._by_node.get(id(node))

    def _hold(self, node: ArgumentNode | ObjectFieldNode) -> int:
        name = node.name.value
        self._by_node[id(node)] = self._by_node[id(node.name)] = name
        return self._shape(node.value, name)

    def _shape(self, node: ValueNode, holder: str | None) -> int:
        """Returns the number of a value's shape; notes its nodes where a holder is given.

        In a copy there is null for a variable in a list, and nothing for one in an object.
        """
        shape: tuple[Any, ...]
        if isinstance(node, ListValueNode):
            shape = ("list", *[self._shape(each, holder) for each in node.values])
        elif isinstance(node, ObjectValueNode):
            fields = [
                (each.name.value, self._shape(each.value, None) if holder is None else self._hold(each))
                for each in node.fields
            ]
            variables = {each.name.value for each in node.fields if isinstance(each.value, VariableNode)}
            shape = ("object", *[field for field in fields if field[0] not in variables])
        elif isinstance(node, VariableNode):
            shape = (NullValueNode.kind, None)
        else:
            shape = (node.kind, getattr(node, "value", None))
        number = self._shapes.setdefault(shape, len(self._shapes))
        if holder is not None:
            self._by_node[id(node)] = holder
            self._by_shape.setdefault(number, holder)
        return number
