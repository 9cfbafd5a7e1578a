"""Finding a place in a page-number list again when rows came, went or moved meanwhile (DESIGN.md 6, "Drift")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from providers.spi.record import ContactRecord
from resolvers.cursors.alignment import Alignment, Anchor, aligned
from resolvers.cursors.anchors import (
    ANCHORS,
    NO_VERSION,
    Trail,
    changed,
    row_id,
    short_hash,
    trail_of,
    updated,
    version,
)
from resolvers.cursors.bookmarks import PageNumberBookmark
from resolvers.reading.paged_list import Rows

# How many rows are read at most to look for the last record further on.
_FURTHER = 100


class ReadWindows:
    """Windows of one list that were read, each with the index of its first row; the latest is asked first."""

    def __init__(self, start: int, rows: Rows[ContactRecord]) -> None:
        self._windows = {start: rows}

    def add(self, start: int, rows: Rows[ContactRecord]) -> None:
        self._windows.pop(start, None)
        self._windows[start] = rows

    def at(self, index: int) -> str | None:
        """Returns the id of a row, "" for an unreadable one, None for one that was not read."""
        for start, rows in reversed(self._windows.items()):
            if 0 <= index - start < len(rows.records):
                return row_id(rows.records[index - start])
        return None

    def trail(self, indexes: range) -> Trail:
        """Returns the hashes and versions of these rows, up to the first one that was not read."""
        found: list[tuple[int, bytes]] = []
        for place in indexes:
            window = next((each for each in reversed(self._windows.items()) if _holds(each, place)), None)
            if window is None:
                break
            found.append(trail_of(window[1].records[place - window[0]]))
        return tuple(found)

    def reaching(self, index: int) -> tuple[int, Rows[ContactRecord]]:
        """Returns the window that holds the most rows from an index on."""

        def behind(window: tuple[int, Rows[ContactRecord]]) -> int:
            start, rows = window
            return len(rows.records) - (index - start) if start <= index <= start + len(rows.records) else -1

        return max(self._windows.items(), key=behind)

    def anchors(self, bookmark: PageNumberBookmark) -> list[Anchor]:
        """Returns the bookmark's anchors in the list's order, with where they are now."""
        stood = list(enumerate(bookmark.following)) + [(-1 - age, each) for age, each in enumerate(bookmark.behind)]
        wanted = {anchor for _, (anchor, _) in stood}
        places: dict[int, tuple[int, bytes]] = {}
        for start, rows in self._windows.items():
            for index, record in enumerate(rows.records, start=start):
                if record is not None and (hashed := short_hash(record.native_id)) in wanted:
                    places[hashed] = index, version(updated(record))
        found: list[Anchor] = []
        for offset, (anchor, then) in sorted(stood, key=lambda each: each[0]):
            position, now = places.get(anchor, (None, NO_VERSION))
            found.append(Anchor(offset, position, changed(then, now)))
        return found

    def elsewhere(self, bookmark: PageNumberBookmark, near: range) -> set[int]:
        """Returns the hashes of the bookmark's anchors that were found outside of a stretch."""
        by_offset = {-1 - age: anchor for age, (anchor, _) in enumerate(bookmark.behind)}
        by_offset |= {age: anchor for age, (anchor, _) in enumerate(bookmark.following)}
        return {
            by_offset[anchor.offset]
            for anchor in self.anchors(bookmark)
            if anchor.position is not None and anchor.position not in near
        }


class Found(NamedTuple):
    """The index that a bookmark stands at now; not `certain` where something else may be true."""

    place: int
    certain: bool


async def find_place(
    bookmark: PageNumberBookmark,
    windows: ReadWindows,
    read: Callable[[int, int], Awaitable[Rows[ContactRecord]]],
    total: Callable[[], int | None],
    largest: int,
    count: int,
    *,
    forward: bool,
) -> Found:
    """Returns the index that the bookmark stands at now, by what most of its anchors say.

    Two more calls as a rule, whose rows are added to the windows; a stretch more where the list grew or shrank and the
    last record is not among them.
    `total` tells the list's length now, `largest` is its largest page, `count` how many rows are wanted from the place
    on. Raises SourceError.
    """

    def look() -> tuple[Found | None, Alignment | None]:
        anchors = windows.anchors(bookmark)
        last = next((anchor for anchor in anchors if anchor.offset == -1), None)
        if last is not None and last.position is not None and last.changed is False:
            # It was not updated, so it has not moved.
            return Found(last.position + 1, certain=True), None
        made = aligned(anchors, bookmark.index, bookmark.total, total(), forward=forward)
        if made is None or made.surplus or not made.certain:
            return None, made
        # All is explained by what came and went elsewhere.
        known = bookmark.total is not None and total() is not None and made.kept is not None
        return (Found(made.place, certain=True) if known else None), made

    sure, made = look()
    if sure is not None and made is None:
        return sure
    change = _change(bookmark, total())
    # Where the total's change puts it, with all anchors and, forward, the page behind it.
    guess = max(0, bookmark.index + change)
    low = max(0, guess - ANCHORS)
    windows.add(low, await read(low, guess + (count if forward else len(bookmark.ahead)) + 1))
    sure, made = look()
    if sure is not None:
        return sure
    # What changed stands before the place or behind it: it lies between the old index and the guess. A large page
    # around it, of the size that has it nearest to the middle.
    middle = bookmark.index + (change // 2 if abs(change) < largest else 0)
    middle = max(0, made.place if made is not None and made.kept is not None else middle)
    size = max(range(max(1, largest // 2), largest + 1), key=lambda s: min(middle % s, s - 1 - middle % s))
    low = middle - middle % size
    windows.add(low, await read(low, low + size))
    sure, made = look()
    if sure is not None:
        return sure
    start, stop = _unread(bookmark, windows, made, change)
    if start < stop:
        windows.add(start, await read(start, stop))
        sure, made = look()
        if sure is not None:
            return sure
    if made is not None:
        return Found(made.place, made.certain)
    return _without_anchors(bookmark, total(), forward=forward)


def _holds(window: tuple[int, Rows[ContactRecord]], place: int) -> bool:
    return 0 <= place - window[0] < len(window[1].records)


def _change(bookmark: PageNumberBookmark, total: int | None) -> int:
    return 0 if total is None or bookmark.total is None else total - bookmark.total


def _unread(bookmark: PageNumberBookmark, windows: ReadWindows, made: Alignment | None, change: int) -> tuple[int, int]:
    """Returns the rows among which the last record may stand where an older one was found at most; none where the
    list is no longer than that explains."""
    if made is not None and made.kept is not None:
        # There are more rows behind an older anchor than there were.
        more = made.kept < -1 and made.surplus > 0
        start, stop = made.place, made.place + (made.surplus - made.kept if more else 0)
    else:
        start = max(0, bookmark.index + min(0, change) - ANCHORS)
        stop = bookmark.index + max(0, change) + 1 if change else start
    stop = min(stop, start + _FURTHER)
    first, rows = windows.reaching(start)
    return (start, start) if first <= start and first + len(rows.records) >= stop else (start, stop)


def _without_anchors(bookmark: PageNumberBookmark, total: int | None, *, forward: bool) -> Found:
    """Returns the place of a bookmark whose anchors are all gone, so that nothing is lost."""
    gone = len(bookmark.behind)
    if bookmark.last is not None and bookmark.index == gone:
        # All that stood in front of the bookmark is gone.
        return Found(0, certain=True)
    if forward or total is None or bookmark.total is None:
        return Found(max(0, bookmark.index - gone), certain=False)
    left = max(0, bookmark.total - bookmark.index - len(bookmark.ahead))
    # With nothing left behind the bookmark all that is there stands in front of it.
    return Found(max(0, total - left), certain=not left)


def stands(bookmark: PageNumberBookmark, start: int, rows: Rows[ContactRecord]) -> bool:
    """Whether the rows, which begin at index `start`, show the bookmark's place as it was. An unreadable row may be
    it."""
    if bookmark.last is not None and bookmark.index:
        offset = bookmark.index - 1 - start
        return 0 <= offset < len(rows.records) and row_id(rows.records[offset]) in (bookmark.last, "")
    if bookmark.ahead:
        offset = bookmark.index - start
        if not 0 <= offset < len(rows.records):
            return False
        row = row_id(rows.records[offset])
        return row == "" or short_hash(row) == bookmark.ahead[0]
    return True
