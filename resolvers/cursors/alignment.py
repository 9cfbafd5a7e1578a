"""Where a place in a list lies now, by the records that stood around it (DESIGN.md 6, "Drift").

A record that was updated may have moved to another place, and then it says nothing of where the others stand. Of all
explanations of what is found, the one that needs the fewest insertions, deletions and moves counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# What it costs to hold that a record moved: one that was updated meanwhile, one of which that is not known, one that
# was not. A row that came or went costs `_ROW`.
_CHANGED = 1
_ROW = 100
_UNKNOWN = 2 * _ROW
_UNCHANGED = 20 * _ROW


class Anchor(NamedTuple):
    """A record that stood near the place. `offset` is where it stood, counted from the place on: -1 is the last
    record in front of it, 0 the first behind it. `position` is its index now, None where it was not found.
    `changed`: whether it was updated meanwhile; None: not known."""

    offset: int
    position: int | None
    changed: bool | None


class Alignment(NamedTuple):
    """`place` is the index now. `kept` is the offset of the record that it was found by, None for none. `surplus` is
    how many rows more are around it than this explains. `certain`: no other place is as likely."""

    place: int
    kept: int | None
    surplus: int
    certain: bool


class _Node(NamedTuple):
    offset: int
    position: int
    cost: int


def aligned(
    anchors: Sequence[Anchor], index: int, old_total: int | None, total: int | None, *, forward: bool
) -> Alignment | None:
    """Returns where the place `index` lies now, None when none of its anchors was found.

    `anchors` are in the list's order. Of two equally likely places the one counts by which nothing is lost: forward
    the earlier one, backward the later one.
    """
    found = [
        _Node(anchor.offset, anchor.position, _cost_of_moving(anchor.changed))
        for anchor in anchors
        if anchor.position is not None
    ]
    if not found:
        return None
    missing = [anchor.offset for anchor in anchors if anchor.position is None]
    start = _Node(-index - 1, -1, 0)
    end = None if old_total is None or total is None else _Node(max(0, old_total - index), total, 0)
    nodes: list[_Node | None] = [start, *found, end]
    explained = _Explained(found, missing)
    count = len(nodes)
    to: list[float] = [0.0] + [float("inf")] * (count - 1)
    for at in range(1, count):
        to[at] = min(to[earlier] + explained.cost(nodes[earlier], nodes[at]) for earlier in range(at))
    after: list[float] = [float("inf")] * (count - 1) + [0.0]
    for at in range(count - 2, -1, -1):
        after[at] = min(after[later] + explained.cost(nodes[at], nodes[later]) for later in range(at + 1, count))
    split = 1 + sum(1 for node in found if node.offset < 0)
    best: dict[int, tuple[float, Alignment]] = {}
    for before in range(split):
        for behind in range(split, count):
            cost = to[before] + explained.cost(nodes[before], nodes[behind]) + after[behind]
            made = _between(nodes[before], nodes[behind], start, end, anchors, index, explained, forward=forward)
            if made.place not in best or cost < best[made.place][0]:
                best[made.place] = cost, made
    least = min(cost for cost, _ in best.values())
    likely = [made for cost, made in best.values() if cost == least]
    chosen = (min if forward else max)(likely, key=lambda made: made.place)
    return chosen._replace(certain=chosen.certain and len(likely) == 1)


def _cost_of_moving(changed: bool | None) -> int:
    if changed is None:
        return _UNKNOWN
    return _CHANGED if changed else _UNCHANGED


class _Explained:
    """What it takes to explain the rows between two records that kept their order."""

    def __init__(self, found: Sequence[_Node], missing: Sequence[int]) -> None:
        self._found = found
        self._missing = missing

    def cost(self, before: _Node | None, behind: _Node | None) -> float:
        assert before is not None
        moved = sum(
            node.cost
            for node in self._found
            if before.offset < node.offset and (behind is None or node.offset < behind.offset)
        )
        if behind is None:
            return moved
        if behind.position <= before.position:
            return float("inf")
        return moved + _ROW * abs(self.surplus(before, behind))

    def surplus(self, before: _Node, behind: _Node) -> int:
        """Returns how many rows more stand between two records than did, without those that are known to have moved
        there or away; missing records may be gone."""
        held = behind.offset - before.offset - 1
        now = behind.position - before.position - 1
        for node in self._found:
            held -= before.offset < node.offset < behind.offset
            now -= before.position < node.position < behind.position
        gone = sum(1 for offset in self._missing if before.offset < offset < behind.offset)
        return now - held if now > held else min(0, now - (held - gone))


def _between(
    before: _Node | None,
    behind: _Node | None,
    start: _Node,
    end: _Node | None,
    anchors: Sequence[Anchor],
    index: int,
    explained: _Explained,
    *,
    forward: bool,
) -> Alignment:
    """Returns the place between the two records that kept their order, or the list's ends."""
    assert before is not None
    surplus = 0 if behind is None else explained.surplus(before, behind)
    by_follower = behind is not None and behind is not end
    if by_follower and behind is not None and (before is start or behind.offset + 1 < -1 - before.offset):
        return Alignment(behind.position, behind.offset, surplus, certain=True)
    if before is not start:
        return Alignment(before.position + 1, before.offset, surplus, certain=True)
    # All of them moved: the others stand as many places further in front, or behind.
    positions = sorted(anchor.position for anchor in anchors if anchor.position is not None)
    total = -1 if end is None else end.position
    # What is updated goes to one end of the list.
    together = positions[-1] - positions[0] == len(positions) - 1 and (positions[0] == 0 or positions[-1] == total - 1)
    whole = surplus == 0 and together and len(positions) == len(anchors) and end is not None
    if forward or end is None:
        place = max(0, index - sum(1 for anchor in anchors if anchor.offset < 0))
        for position in positions:
            place += position <= place
    else:
        behind_it = max(0, end.offset - sum(1 for anchor in anchors if anchor.offset >= 0))
        place = max(0, end.position - behind_it)
        for position in reversed(positions):
            place -= position >= place
    return Alignment(max(0, place), None, surplus, certain=whole)
