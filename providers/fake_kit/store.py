"""The rows of one fake, changeable between calls, with remembered selections."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar, cast

Row = dict[str, Any]
"""A contact (user, group, …) in the API's own wire form. Rows are never changed in place."""

T = TypeVar("T")

_REMEMBERED_VIEWS = 64


class Store:
    """Rows by id, in insertion order.

    A test inserts, updates and deletes between two calls to make pages drift (DESIGN.md 6). What a query selects
    is remembered until the next change, so that a walk through many pages sorts once.
    """

    def __init__(self, rows: Iterable[Row], id_field: str = "id") -> None:
        self.id_field = id_field
        self._rows: dict[str, Row] = {}
        self._ordinals: dict[str, int] = {}
        self._next_ordinal = 0
        self._first_ordinal = 0
        self._deleted: dict[str, Row] = {}
        self._views: OrderedDict[Hashable, object] = OrderedDict()
        for row in rows:
            self.insert(row)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> list[Row]:
        """All rows, in insertion order."""
        return list(self._rows.values())

    @property
    def ids(self) -> list[str]:
        """The ids of all rows as text, in insertion order."""
        return list(self._rows)

    def get(self, row_id: str | int) -> Row | None:
        """Returns the row, or None when there is none (any more)."""
        return self._rows.get(str(row_id))

    def remembered(self, row_id: str | int) -> Row | None:
        """Returns the row, also a deleted one as it last was, or None when it never existed."""
        return self._rows.get(str(row_id)) or self._deleted.get(str(row_id))

    def ordinal(self, row_id: str | int) -> int:
        """Returns a number that grows in insertion order; deleted rows keep theirs. Raises KeyError for unknown ids."""
        return self._ordinals[str(row_id)]

    def insert(self, row: Row, *, first: bool = False) -> None:
        """Adds a row behind all others, or in front of them. Raises ValueError for an id that is taken."""
        row_id = str(row[self.id_field])
        if row_id in self._rows:
            raise ValueError(f"there is a row {row_id} already")
        self._deleted.pop(row_id, None)
        if first:
            self._first_ordinal -= 1
            self._ordinals[row_id] = self._first_ordinal
            self._rows = {row_id: row, **self._rows}
        else:
            self._ordinals[row_id] = self._next_ordinal
            self._next_ordinal += 1
            self._rows[row_id] = row
        self._views.clear()

    def update(self, row_id: str | int, changes: Mapping[str, Any], *, drop: Iterable[str] = ()) -> None:
        """Replaces fields of a row and takes the `drop`ped ones away. Raises KeyError for an unknown id."""
        row = {**self._rows[str(row_id)], **changes}
        for name in drop:
            row.pop(name, None)
        self._rows[str(row_id)] = row
        self._views.clear()

    def delete(self, row_id: str | int) -> Row:
        """Takes a row away and returns it. Raises KeyError for an unknown id."""
        row = self._rows.pop(str(row_id))
        self._deleted[str(row_id)] = row
        self._views.clear()
        return row

    def view(self, key: Hashable, build: Callable[[], T]) -> T:
        """Returns what `build` makes, remembered under `key` until the rows change."""
        if key in self._views:
            self._views.move_to_end(key)
            return cast(T, self._views[key])
        made = build()
        self._views[key] = made
        if len(self._views) > _REMEMBERED_VIEWS:
            self._views.popitem(last=False)
        return made
