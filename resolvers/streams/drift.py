"""Finding a place in a page-number list again when rows were inserted or deleted meanwhile (DESIGN.md 6, "Drift")."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from providers.record import ContactRecord
from resolvers.marks import ANCHORS, IndexMark, nearest, short_hash
from resolvers.rows import Rows


class ReadWindows:
    """Windows of one list that were read, each with the index of its first row; the latest is asked first."""

    def __init__(self, start: int, rows: Rows[ContactRecord]) -> None:
        self._windows = {start: rows}

    def add(self, start: int, rows: Rows[ContactRecord]) -> None:
        self._windows[start] = rows

    def at(self, index: int) -> str | None:
        """Returns the id of a row, "" for an unreadable one, None for one that was not read."""
        for start, rows in reversed(self._windows.items()):
            if 0 <= index - start < len(rows.records):
                return row_id(rows.records[index - start])
        return None

    def hashes(self, indexes: range) -> tuple[int, ...]:
        """Returns the hashes of these rows, as far as they were read."""
        return tuple(short_hash(row) for index in indexes if (row := self.at(index)))

    def reaching(self, index: int) -> tuple[int, Rows[ContactRecord]]:
        """Returns the window that holds the most rows from an index on."""

        def behind(window: tuple[int, Rows[ContactRecord]]) -> int:
            start, rows = window
            return len(rows.records) - (index - start) if start <= index <= start + len(rows.records) else -1

        return max(self._windows.items(), key=behind)

    def find(self, mark: IndexMark) -> tuple[int, int] | None:
        """Returns the index that the mark stands at by the nearest anchor in any window, and that one's age."""
        best: tuple[int, int] | None = None
        for start, rows in self._windows.items():
            found = nearest([row_id(record) for record in rows.records], mark)
            if found is not None and (best is None or found[1] <= best[1]):
                best = start + found[0], found[1]
        return best


async def find_place(
    mark: IndexMark,
    windows: ReadWindows,
    read: Callable[[int, int], Awaitable[Rows[ContactRecord]]],
    total: int | None,
    largest: int,
    count: int,
    *,
    forward: bool,
) -> int | None:
    """Returns the index that the mark stands at now by its nearest anchor, None when none is left.

    Two more calls at most, whose rows are added to the windows. `total` is the list's length now, `largest` its
    largest page, `count` how many rows are wanted from the place on. Raises SourceError.
    """
    found = windows.find(mark)
    change = 0 if total is None or mark.total is None else total - mark.total
    if found is None or found[1] > 0:
        # Where the total's change puts it, with all anchors and, forward, the page behind it.
        guess = max(0, mark.index + change)
        low = max(0, guess - ANCHORS)
        windows.add(low, await read(low, guess + (count if forward else len(mark.ahead)) + 1))
        found = windows.find(mark)
    if found is None or found[1] > 0:
        # What changed stands before the place or behind it: it lies between the old index and the guess. A large
        # page around it, of the size that has it nearest to the middle.
        middle = mark.index + (change // 2 if abs(change) < largest else 0)
        middle = max(0, found[0] if found is not None else middle)
        size = max(range(max(1, largest // 2), largest + 1), key=lambda s: min(middle % s, s - 1 - middle % s))
        low = middle - middle % size
        windows.add(low, await read(low, low + size))
        found = windows.find(mark)
    if found is not None:
        return found[0]
    if mark.last is not None and mark.index == 1 + len(mark.before):
        # All that stood in front of the mark is gone.
        return 0
    all_behind = mark.total is not None and mark.total - mark.index == len(mark.ahead)
    return total if all_behind and not forward else None


def stands(mark: IndexMark, start: int, rows: Rows[ContactRecord]) -> bool:
    """Whether the rows, which begin at index `start`, show the mark's place as it was. An unreadable row may be it."""
    if mark.last is not None and mark.index:
        offset = mark.index - 1 - start
        return 0 <= offset < len(rows.records) and row_id(rows.records[offset]) in (mark.last, "")
    if mark.ahead:
        offset = mark.index - start
        if not 0 <= offset < len(rows.records):
            return False
        row = row_id(rows.records[offset])
        return row == "" or short_hash(row) == mark.ahead[0]
    return True


def filled_up(hashes: tuple[int, ...], older: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the hashes with the older ones behind them that are not among them."""
    return (*hashes, *(anchor for anchor in older if anchor not in hashes))


def row_id(record: ContactRecord | None) -> str:
    """Returns a row's id, "" for an unreadable one."""
    return "" if record is None else record.native_id
