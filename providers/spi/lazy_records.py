"""Records that are made from their decoded rows when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

T = TypeVar("T")


class LazyRecords(Sequence[T | None]):
    """One answer's records: a window rarely wants its whole page.

    A row is made into the same record every time. `make` may not raise: all that can go wrong with a row is found
    when it is decoded. `id_of` reads a row's native id.
    """

    __slots__ = ("_id_of", "_make", "_records", "_rows")

    def __init__(self, rows: list[Any], make: Callable[[Any, int], T], id_of: Callable[[Any], str]) -> None:
        self._rows = rows
        self._make = make
        self._id_of = id_of
        self._records: list[T | None] = [None] * len(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[T | None]:
        return iter(self[:])

    @overload
    def __getitem__(self, index: int) -> T | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[T | None]: ...
    def __getitem__(self, index: int | slice) -> T | list[T | None] | None:
        records, rows, make = self._records, self._rows, self._make
        if isinstance(index, slice):
            for each in range(*index.indices(len(rows))):
                if records[each] is None:
                    records[each] = make(rows[each], each)
            return records[index]
        record = records[index]
        if record is None:
            record = records[index] = make(rows[index], range(len(rows))[index])
        return record

    def native_ids(self) -> list[str]:
        """Returns the rows' ids; no record is made for them."""
        return [self._id_of(row) for row in self._rows]
