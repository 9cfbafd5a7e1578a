"""A short list whose source has no order that keeps all rows apart: read whole, and ordered by id here."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from providers.spi.errors import SourceInvalidResponse
from providers.spi.record import TagRecord
from resolvers.cursors.bookmarks import PageNumberBookmark
from resolvers.reading.paged_list import PagedList, Rows

# Rows that move while they are read come twice, and others not at all: then the list is read once more.
_ATTEMPTS = 3


class WholeList:
    """A source's tags in the order of their ids, at most `limit` of them: a `RowReader`.

    A source that sorts by a name or a time may swap equal ones between two pages. Read whole, a tag that came twice
    is seen, and no place depends on the source's order. `reread` has the source itself asked from now on.
    """

    def __init__(
        self, name: str, listed: PagedList[TagRecord], size: Callable[[], int], limit: int, reread: Callable[[], None]
    ) -> None:
        self._name = name
        self._listed = listed
        self._size = size
        self._limit = limit
        self._reread = reread
        self._rows: Rows[TagRecord] | None = None

    @property
    def alone(self) -> bool | None:
        """None: there is one list alone, whose bookmarks need not say which."""
        return None

    def forget(self) -> None:
        """Has the list read anew."""
        self._rows = None

    def go_on(self, bookmark: PageNumberBookmark) -> None:
        """Does nothing: reading goes on from any bookmark alike."""

    async def read(self, start: int, stop: int, *, prove_end: bool = True) -> Rows[TagRecord]:
        """Returns the rows `start` to before `stop`. Raises SourceError, also when tags go on coming twice."""
        whole = self._rows
        if whole is None:
            whole = self._rows = await self._read_whole()
        records = whole.records[start:stop]
        bad = [
            msgspec.structs.replace(row, index=row.index - start)
            for row in whole.bad
            if start <= row.index < start + len(records)
        ]
        ended = stop >= len(whole.records)
        # Past the limit nothing is read, and that is said.
        missing = ended and (whole.missing or not whole.ended)
        return Rows(records, whole.total, ended, bad, whole.responses, missing)

    async def _read_whole(self) -> Rows[TagRecord]:
        for _ in range(_ATTEMPTS):
            whole = await self._read_once()
            ids = [tag.native_id for tag in whole.records if tag is not None]
            if len(set(ids)) == len(ids):
                return _by_id(whole)
            self._reread()
        raise SourceInvalidResponse(self._name, f"{self._name} gives the same tag on several pages")

    async def _read_once(self) -> Rows[TagRecord]:
        whole: Rows[TagRecord] = Rows([], None, True, [], [])
        while len(whole.records) < self._limit:
            start = len(whole.records)
            rows = await self._listed.read(start, min(start + self._size(), self._limit))
            whole.records += rows.records
            whole.bad += [msgspec.structs.replace(row, index=row.index + start) for row in rows.bad]
            whole.responses += rows.responses
            whole.total, whole.ended, whole.missing = rows.total, rows.ended, rows.missing
            if rows.ended or not rows.records:
                break
        return whole


def _by_id(whole: Rows[TagRecord]) -> Rows[TagRecord]:
    """Returns the rows by their ids, numbers as such, bad rows last; each bad row by its new index."""
    places = sorted(range(len(whole.records)), key=lambda place: _key(whole.records[place]))
    moved = {old: new for new, old in enumerate(places)}
    bad = [msgspec.structs.replace(row, index=moved[row.index]) for row in whole.bad]
    return msgspec.structs.replace(whole, records=[whole.records[place] for place in places], bad=bad)


def _key(tag: TagRecord | None) -> tuple[bool, int, str]:
    """Returns the sort key: digits without leading zeros by their length first are in the order of the numbers."""
    return (True, 0, "") if tag is None else (False, len(tag.native_id), tag.native_id)
