"""What a page is asked for: its arguments checked, and its cursors read into one place a source."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from providers.spi.query import Order
from resolvers.cursors.codec import CursorCodec, Fingerprint, Place, Position
from resolvers.paging.arguments import PageArguments


class PageRequest(msgspec.Struct, frozen=True):
    """One page of a list that several sources give together.

    `fingerprint` ties its cursors to their query. `after` and `before` are the cursors given, read; None without.
    Without `orders` the list is in the order of ranks.
    """

    arguments: PageArguments
    size: int
    forward: bool
    orders: tuple[Order, ...]
    fingerprint: Fingerprint
    after: Position | None
    before: Position | None

    def after_place(self, index: int) -> Place | None:
        """Returns where the source of this index stands by the cursor `after`; None when there is no such cursor."""
        return None if self.after is None else self.after.places[index]

    def before_place(self, index: int) -> Place | None:
        """Returns where the source of this index stands by the cursor `before`; None when there is no such cursor."""
        return None if self.before is None else self.before.places[index]

    def first_place(self, index: int) -> Place:
        """Returns where the source's part of the list begins: at `after`, or at its start."""
        return self.after_place(index) or Place()

    def excludes_bookmark_record(self, index: int, before: Place) -> bool:
        """Returns whether the record that the bookmark of `before` stands behind is no longer wanted.

        It is the cursor's own edge, or was on an earlier page already.
        """
        return before.excludes_bookmark_record or (self.before is not None and self.before.edge_source == index)


def page_request(
    arguments: PageArguments,
    orders: tuple[Order, ...],
    codec: CursorCodec,
    fingerprint: Fingerprint,
    sources: Sequence[object],
) -> PageRequest:
    """Returns the request for a page of so many sources. Raises BadUserInput naming the argument."""
    checked = arguments.checked()

    def position(argument: str, cursor: str | None) -> Position | None:
        return None if cursor is None else codec.decode(argument, cursor, fingerprint, len(sources))

    after, before = position("after", arguments.after), position("before", arguments.before)
    return PageRequest(arguments, checked.size, checked.forward, orders, fingerprint, after, before)
