"""Which page of a connection is asked for: Relay's four arguments (DESIGN.md 6)."""

from __future__ import annotations

import msgspec

from resolvers.model.errors import BadUserInput

DEFAULT_SIZE = 25
MAX_SIZE = 100


class CheckedPage(msgspec.Struct, frozen=True):
    """Which page is wanted: its size and direction."""

    size: int
    forward: bool


class PageArguments(msgspec.Struct, frozen=True):
    """Relay's four. `first` and `last` are None when not given; 25 applies when neither is."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def checked(self) -> CheckedPage:
        """Returns the page's size and direction. Raises BadUserInput naming the argument."""
        if self.first is not None and self.last is not None:
            raise BadUserInput("last", "give either first or last, not both")
        for argument, value in (("first", self.first), ("last", self.last)):
            if value is not None and not 0 <= value <= MAX_SIZE:
                raise BadUserInput(argument, f"expected 0 to {MAX_SIZE}, got {value}")
        if self.last is not None:
            return CheckedPage(self.last, False)
        return CheckedPage(DEFAULT_SIZE if self.first is None else self.first, True)
