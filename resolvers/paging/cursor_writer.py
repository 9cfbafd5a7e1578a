"""Writes a page's cursors: one an edge, and the page's start and end (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Sequence

from resolvers.cursors.codec import NO_EDGE, CursorCodec, Place
from resolvers.paging.direction import Direction
from resolvers.paging.merge import Part


def stopped_beyond_page(part: Part) -> bool:
    """Returns whether a part was read beyond the page's items up to a limit, and can go on from there."""
    stream = part.stream
    return stream is not None and part.error is None and stream.stopped and part.taken == len(stream.items)


class CursorWriter:
    """The cursors of one page that has been read.

    `items` are its edges in the list's own direction. Nothing is worked out until it is asked for.
    """

    def __init__(
        self, codec: CursorCodec, direction: Direction, parts: Sequence[Part], items: Sequence[tuple[Part, int]]
    ) -> None:
        self._encode = codec.encode
        self._direction = direction
        self._fingerprint = direction.request.fingerprint
        self._parts = parts
        self._items = items

    def edges(self) -> list[str]:
        """Returns every edge's cursor. An edge moves only its own source's place on."""
        places = self._before_page()
        emitted = [0] * len(self._parts)
        cursors: list[str] = []
        for part, item in self._items:
            index = part.index
            emitted[index] += 1
            places[index] = self._direction.place_after(part, item, emitted[index])
            cursors.append(self._encode(self._fingerprint, index, places))
        return cursors

    def ends(self, edges: Sequence[str], *, has_next: bool, has_previous: bool) -> tuple[str | None, str | None]:
        """Returns the page's start and end cursor. `edges` are the cursors of all edges where they were written.

        Where reading stopped at a limit, the cursor in reading direction stands there, beyond the page's edges.
        """
        beyond = self._beyond(has_next if self._direction.forward else has_previous)
        if self._direction.forward:
            start = edges[0] if edges else self._first_edge()
            return start, beyond or (edges[-1] if edges else self._last_edge())
        start = beyond or (edges[0] if edges else self._first_edge())
        if not self._items:
            return start, self._direction.request.arguments.before if has_next else None
        return start, edges[-1] if edges else self._last_edge()

    def _before_page(self) -> list[Place]:
        return [self._direction.place_before_page(part) for part in self._parts]

    def _after_page(self) -> list[Place]:
        """Returns where every part stands after the page's last item."""
        way = self._direction
        return [
            way.place_after(part, way.last_item(part), part.taken) if part.taken else way.place_before_page(part)
            for part in self._parts
        ]

    def _first_edge(self) -> str | None:
        if not self._items:
            return None
        part, item = self._items[0]
        places = self._before_page()
        places[part.index] = self._direction.place_after(part, item, 1)
        return self._encode(self._fingerprint, part.index, places)

    def _last_edge(self) -> str | None:
        if not self._items:
            return None
        return self._encode(self._fingerprint, self._items[-1][0].index, self._after_page())

    def _beyond(self, more: bool) -> str | None:
        """Returns a cursor for where reading stopped, beyond the page's edges; None when the last one is as good.

        `more` when there are records beyond the page in reading direction.
        """
        stopped = [part for part in self._parts if stopped_beyond_page(part)]
        if not stopped and (self._items or not more):
            return None
        places = self._after_page() if self._direction.forward else self._before_page()
        for part in stopped:
            assert part.stream is not None
            bookmark = part.stream.end_bookmark()
            if part.taken or bookmark != part.stream.base_bookmark():
                places[part.index] = Place(places[part.index].rank, bookmark=bookmark)
        return self._encode(self._fingerprint, NO_EDGE, places)
