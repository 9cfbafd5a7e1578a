"""One run of equal leading keys, sorted here, and the place in it that a mark stands at (DESIGN.md 5 and 6)."""

from __future__ import annotations

from typing import TypeAlias
from zlib import crc32

from providers.query import Order
from providers.record import ContactRecord
from resolvers.marks import ANCHORS, IndexMark, KeyMark, RunMark, TokenMark
from resolvers.order import in_order, key

Start: TypeAlias = IndexMark | TokenMark | KeyMark | None
RunKeys: TypeAlias = tuple[int | None, ...]

# How many records may have come in between the anchors of a mark for them to count as standing together.
_TOGETHER = 32


class SortedRun:
    """A whole run, sorted: where it starts in the source's list, its keys, its records and their checks."""

    def __init__(self, start: Start, keys: RunKeys, records: list[ContactRecord], orders: tuple[Order, ...]) -> None:
        self.start = start
        self.keys = keys
        self.records = in_order(records, orders)
        self._checks = [
            crc32(repr((record.native_id, key(record, orders))).encode()) & 0xFFFF for record in self.records
        ]

    def mark(self, offset: int) -> RunMark:
        """Returns the mark behind so many of the run's records."""
        if offset == 0:
            return RunMark(self.start, None, 0, 0, (), self.keys)
        before = tuple(self._checks[max(0, offset - ANCHORS) : offset - 1][::-1])
        return RunMark(
            self.start, self.records[offset - 1].native_id, offset, self._checks[offset - 1], before, self.keys
        )

    def place(self, mark: RunMark) -> tuple[int, bool] | None:
        """Returns how many of the records stand in front of the mark, and whether its own last one is still there;
        None when no anchor is left."""
        for index, record in enumerate(self.records):
            if record.native_id == mark.last and self._checks[index] == mark.check:
                return index + 1, True
        found = [
            (age, index + 1)
            for age, anchor in enumerate(mark.before, start=1)
            for index, check in enumerate(self._checks)
            if check == anchor
        ]
        if found:
            return _newest(found, mark.offset), False
        # All that stood in front of the mark is gone, or nothing did.
        return (0, False) if mark.offset <= (0 if mark.last is None else 1 + len(mark.before)) else None


def _newest(found: list[tuple[int, int]], offset: int) -> int:
    """Returns the place of the newest surviving anchor, from the age and place of all that may be one.

    In a long run a short hash of a record that is gone is another's by chance. Anchors stand together: those count
    that most others stand near to, and of as many the ones nearest to where the mark stood.
    """

    def together(one: tuple[int, int]) -> list[tuple[int, int]]:
        return [other for other in found if abs(sum(other) - sum(one)) <= _TOGETHER]

    def weight(one: tuple[int, int]) -> tuple[int, int]:
        return len({age for age, _ in together(one)}), -abs(sum(one) - offset)

    best = together(max(found, key=weight))
    newest = min(age for age, _ in best)
    return min((place for age, place in best if age == newest), key=lambda place: abs(place + newest - offset))
