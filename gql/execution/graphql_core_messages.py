"""What is told from the words of a graphql-core error, where no class or attribute tells it.

All matching on those words is here, so that one test can compare them with the installed release.
"""

from __future__ import annotations

from graphql import GraphQLError, GraphQLSyntaxError
from graphql.validation.validate import ValidationAbortedError

__all__ = ["has_too_many_tokens", "is_nested_too_deeply", "names", "validation_took_too_long", "without_suggestion"]

_TOO_MANY_TOKENS = "Syntax Error: Document contains more than"
_NESTED_TOO_DEEPLY = "Syntax Error: Document is nested too deeply"
# Errors that are too many for one answer end validation with a longer message.
_TOO_MANY_STEPS = "Validation aborted."
_SUGGESTION = " Did you mean "


def has_too_many_tokens(error: GraphQLSyntaxError) -> bool:
    """Returns whether parsing ended at the limit for tokens or comments."""
    return error.message.startswith(_TOO_MANY_TOKENS)


def is_nested_too_deeply(error: GraphQLSyntaxError) -> bool:
    """Returns whether parsing ended at graphql-core's own limit for nesting."""
    return error.message.startswith(_NESTED_TOO_DEEPLY)


def validation_took_too_long(error: GraphQLError) -> bool:
    """Returns whether validation ended here because it took too many steps, and not because it had errors enough."""
    return isinstance(error, ValidationAbortedError) and error.message == _TOO_MANY_STEPS


def without_suggestion(error: GraphQLError) -> str:
    """Returns the error's message without what may have been meant."""
    return error.message.partition(_SUGGESTION)[0]


def names(error: GraphQLError, argument: str) -> bool:
    """Returns whether the message itself names an argument or input field, between quotation marks."""
    return f"'{argument}" in error.message
