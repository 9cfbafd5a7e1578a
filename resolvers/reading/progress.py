"""The proof that a loop that reads a source's list advances or ends, whatever the source answers."""

from __future__ import annotations

from collections.abc import Hashable

from providers.spi.errors import SourceInvalidResponse

# How many answers in a row may bring no row. A source that filters its pages afterwards may give some empty ones.
MOST_EMPTY = 50


class Progress:
    """Watches one loop over the answers of one source (`name`)."""

    __slots__ = ("_empty", "_name", "_read", "_visited")

    def __init__(self, name: str) -> None:
        self._name = name
        self._read = -1
        self._empty = 0
        self._visited: set[Hashable] = set()

    def check(self, read: int, place: Hashable = None) -> None:
        """Takes note of where the loop stands before it asks again: how many rows it has read, and from where it goes
        on.

        Raises SourceInvalidResponse when it has stood there before, and when too many answers in a row brought no row.
        """
        if read > self._read:
            self._read, self._empty = read, 0
            self._visited.clear()
        else:
            self._empty += 1
        if place in self._visited or self._empty > MOST_EMPTY:
            raise no_progress(self._name)
        self._visited.add(place)


class Tokens:
    """The page tokens of one chain of pages. A chain in which one comes again never ends."""

    __slots__ = ("_name", "_progress", "_visited")

    def __init__(self, name: str) -> None:
        self._name = name
        self._progress = Progress(name)
        self._visited: set[str] = set()

    def check(self, read: int, token: str | None) -> None:
        """Takes note of the token that is asked for next, after so many rows. Raises SourceInvalidResponse."""
        self._progress.check(read, token)
        if token is None:
            return
        if token in self._visited:
            raise SourceInvalidResponse(
                self._name, f"{self._name} gave the same cursor again; expected the next page's"
            )
        self._visited.add(token)


def no_progress(name: str) -> SourceInvalidResponse:
    """Returns the error for a source whose answers neither go on nor end."""
    return SourceInvalidResponse(
        name, f"{name} gives neither further records nor an end of its list; expected one of the two"
    )
