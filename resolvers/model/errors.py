"""What a caller did wrong, in words for the caller (DESIGN.md 8: codes outside slices)."""

from __future__ import annotations


class BadUserInput(Exception):
    """An argument cannot be taken: BAD_USER_INPUT. `argument` is its path, e.g. "filter.createdAt.gte"."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument
        self.message = message
