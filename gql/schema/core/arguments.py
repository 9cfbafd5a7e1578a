"""Arguments that several fields take, with their descriptions."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry import UNSET

from resolvers.model.records import SourceErrorPolicy
from resolvers.paging.arguments import PageArguments

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many, from the beginning or after `after`: 0 to 100. 25 without `last`."),
]
After: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="Only what comes after this cursor. It has to be one of the same query."),
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="How many, from the end or before `before`: 0 to 100. The order stays the same."),
]
Before: TypeAlias = Annotated[
    str | None,
    strawberry.argument(description="Only what comes before this cursor. It has to be one of the same query."),
]
Sources: TypeAlias = Annotated[
    list[str] | None,
    strawberry.argument(description="The names of the sources to ask; all that there are when omitted."),
]
OnSourceError: TypeAlias = Annotated[
    SourceErrorPolicy,
    strawberry.argument(description="What a failing source does to the answer."),
]


def page_arguments(first: int | None, after: str | None, last: int | None, before: str | None) -> PageArguments:
    """Returns Relay's four, None for what was not given. They are judged by the resolvers."""
    return PageArguments(given(first), given(after), given(last), given(before))


def names(sources: list[str] | None) -> tuple[str, ...] | None:
    """Returns the source names, None for all."""
    chosen = given(sources)
    return None if chosen is None else tuple(chosen)


def given(value: Any) -> Any:
    """Returns the argument, None when it was omitted: for these null says the same."""
    return None if value is UNSET else value
