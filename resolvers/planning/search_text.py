"""The text that callers hand on to the sources' own searches."""

from __future__ import annotations

from resolvers.model.errors import BadUserInput

MAX_SEARCH = 500


def searched(search: str | None) -> str | None:
    """Returns what to search for, None for nothing. Raises BadUserInput.

    A source is sent no longer text: it would refuse the request or break off, for everybody's account of it.
    """
    if search is not None and len(search) > MAX_SEARCH:
        raise BadUserInput("search", f"expected at most {MAX_SEARCH} characters, got {len(search)}")
    return search or None
