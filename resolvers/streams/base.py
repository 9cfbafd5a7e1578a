"""What every stream is: one source's contacts in one direction, read as far as somebody needs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Protocol, get_args

from providers.spi.budget import BudgetExceeded, Counter
from providers.spi.errors import SourceErrorCode
from providers.spi.page import BadRow
from providers.spi.record import ContactRecord
from providers.spi.request import Response
from resolvers.cursors.bookmarks import Bookmark
from resolvers.cursors.codec import malformed
from resolvers.model.errors import BadUserInput
from resolvers.model.records import ErrorRecord
from resolvers.planning.phone_numbers import e164
from resolvers.planning.plan import SourcePlan
from resolvers.request.operation import Operation

# Reading a phone number takes as long as so many comparisons.
_NUMBER_WORK = 50


class Bounds:
    """Between which two edges a stream reads. The edge of `own` sources belongs to this source.

    `after` and `before` stand right after a record of this source (None: at its start); with
    `excludes_bookmark_record` the record before `before` is the cursor's own edge and no longer wanted.
    `bounded_after`, `bounded_before` say which of them were given at all.
    """

    __slots__ = ("after", "before", "bounded_after", "bounded_before", "excludes_bookmark_record")

    def __init__(
        self,
        after: Bookmark | None = None,
        before: Bookmark | None = None,
        *,
        excludes_bookmark_record: bool = False,
        bounded_after: bool = False,
        bounded_before: bool = False,
    ) -> None:
        self.after = after
        self.before = before
        self.excludes_bookmark_record = excludes_bookmark_record
        self.bounded_after = bounded_after
        self.bounded_before = bounded_before

    @property
    def empty(self) -> bool:
        """Whether nothing can stand between the edges: `before` is the list's start, or the place of `after`."""
        if not self.bounded_before:
            return False
        after, before = self.after, self.before
        if before is None:
            return True
        return after is not None and after.last is not None and after.last == before.last


def _check_kinds(bounds: Bounds, kinds: tuple[type[Bookmark], ...]) -> None:
    """Raises BadUserInput for a bookmark of another kind of stream, which only a forged cursor has."""
    for argument, bookmark in (("after", bounds.after), ("before", bounds.before)):
        if bookmark is not None and not isinstance(bookmark, kinds):
            raise malformed(argument)


class Open(Protocol):
    """What opens one source's list between two places, to be read forward or backward."""

    def __call__(self, bounds: Bounds, *, forward: bool) -> Stream: ...


class Stream(ABC):
    """Contacts of one source that hold, in reading order: forward, or backward from the end.

    `items` grows with `fill`. `ended`: nothing follows them. `stopped`: the scan limit was reached first.
    `total` is the source's own count, None when it says none. `scanned` counts rows read. `BOOKMARKS` are the kinds of
    bookmark it goes on from. `edge` is the record next to the first one read, on the page before, where that was read
    again: the order is watched from it on.
    """

    # Any, unless a kind of stream says which.
    BOOKMARKS: ClassVar[tuple[type[Bookmark], ...]] = get_args(Bookmark)

    def __init__(self, operation: Operation, plan: SourcePlan, bounds: Bounds, *, forward: bool) -> None:
        self.operation = operation
        self.plan = plan
        self.source = plan.source
        self.bounds = bounds
        self.forward = forward
        self.items: list[ContactRecord] = []
        _check_kinds(bounds, self.BOOKMARKS)
        self.ended = bounds.empty
        self.stopped = False
        self.scanned = 0
        self.total: int | None = None
        self.edge: ContactRecord | None = None
        self.stale = False
        self.fetched_at: float | None = None
        self.warnings: dict[SourceErrorCode, ErrorRecord] = {}
        # What `judge` found, by the records' identity, and why it ended before the last one.
        self._verdicts: dict[int, bool] = {}
        self._unjudged: BudgetExceeded | BadUserInput | None = None
        self._phones_read = False
        if plan.single_fields:
            self.warn(
                SourceErrorCode.SEARCH_INCOMPLETE,
                "looks for the text in each field by itself: contacts that have its words in several, as a first and a "
                "last name, are not found",
            )

    @abstractmethod
    async def fill(self, count: int) -> None:
        """Reads until there are `count` items, or the stream ended or stopped. Raises SourceError."""

    async def find_end(self) -> int | None:
        """Returns the length of a list that is read backward from its end; None when only `items`, which are all of
        it then, tell how many hold. Raises SourceError."""
        await self.fill(1)
        return None

    @abstractmethod
    def bookmark_after(self, item: int) -> Bookmark:
        """Returns the bookmark right after an item, in the list's own direction."""

    @abstractmethod
    def bookmark_before(self, item: int) -> Bookmark | None:
        """Returns the bookmark right before an item, in the list's own direction; None at the list's start."""

    @abstractmethod
    def base_bookmark(self) -> Bookmark | None:
        """Returns where the reading began, mended when the list had moved."""

    def end_bookmark(self) -> Bookmark | None:
        """Returns where reading stopped, in the list's own direction: behind the last item (backward, before it), or
        beyond rows that were passed over."""
        if not self.items:
            return self.base_bookmark()
        return self.bookmark_after(len(self.items) - 1) if self.forward else self.bookmark_before(len(self.items) - 1)

    @property
    def scan_limit(self) -> int:
        return self.source.settings.scan_limit

    @property
    def count(self) -> int | None:
        """How many contacts of the whole list hold: exact, or None (DESIGN.md 6, "Totals")."""
        if SourceErrorCode.SEARCH_INCOMPLETE in self.warnings:
            return None
        if self.plan.residual is None and self.total is not None:
            return self.total
        whole = self.ended and not self.bounds.bounded_after and not self.bounds.bounded_before
        return len(self.items) if whole and not self.warnings else None

    def warn(self, code: SourceErrorCode, message: str) -> None:
        self.warnings.setdefault(code, ErrorRecord(code, f"{self.source.name}: {message}"))

    def met(self, responses: Sequence[Response], bad: Sequence[BadRow]) -> None:
        """Takes note of how the answers came and of rows that could not be read."""
        for response in responses:
            self.stale = self.stale or response.stale
            if response.failure is not None:
                self.warnings.setdefault(response.failure.code, ErrorRecord.of(response.failure))
            self.fetched_at = min(self.fetched_at or response.fetched_at, response.fetched_at)
        if bad:
            named = ", ".join(row.native_id or f"row {row.index}" for row in bad[:10])
            more = f" and {len(bad) - 10} more" if len(bad) > 10 else ""
            self.warn(
                SourceErrorCode.SOURCE_INVALID_RESPONSE,
                f"left out what could not be read: {named}{more} ({bad[0].reason})",
            )

    async def judge(self, records: Iterable[ContactRecord | None]) -> None:
        """Judges records for `holds`, counted by the conditions that each is held against; gives way to other tasks
        every few milliseconds. From one on that it may not judge, or that does not tell, `holds` refuses.
        """
        residual = self.plan.residual
        if residual is None:
            return
        budget, weight = self.operation.budget, self.plan.weight
        verdicts = self._verdicts = {}
        if self.plan.phones and not self._phones_read:
            await self._read_phones()
        for record in records:
            if record is None:
                continue
            try:
                budget.spend(Counter.EVALUATIONS, weight)
                verdicts[id(record)] = residual(record)
            except (BudgetExceeded, BadUserInput) as error:
                # Whether the stretch reaches this record is not known here.
                self._unjudged = error
                return
            if budget.work(weight):
                await budget.give_way()

    async def _read_phones(self) -> None:
        """Reads the filter's numbers in turns with other tasks; what judges by them finds them read (`e164`)."""
        budget, region = self.operation.budget, self.source.record.default_region
        for phone in self.plan.phones:
            budget.spend(Counter.EVALUATIONS, _NUMBER_WORK)
            e164(phone, region)
            if budget.work(_NUMBER_WORK):
                await budget.give_way()
        self._phones_read = True

    def holds(self, record: ContactRecord) -> bool:
        """Returns whether a record that was judged holds. Raises BudgetExceeded, or BadUserInput, for one that
        was left out."""
        if self.plan.residual is None:
            return True
        verdict = self._verdicts.get(id(record))
        if verdict is None:
            if self._unjudged is not None:
                raise self._unjudged
            raise RuntimeError("a record is asked about that was not judged")
        return verdict

    def drifted(self) -> None:
        """Says that a place could not be found again."""
        self.warn(
            SourceErrorCode.PAGE_DRIFT,
            "the list moved between two pages and none of the last eight contacts is left to go on from",
        )

    def stop_at_limit(self) -> None:
        self.stopped = True
        self.warn(
            SourceErrorCode.SCAN_LIMIT_EXCEEDED,
            f"read {self.scanned} records for this page and stopped; ask on with endCursor, or raise scan_limit",
        )

    def stop_at_budget(self, error: BudgetExceeded) -> None:
        """Ends the reading where it stands: the operation may use no more."""
        self.stopped = True
        self.warn(
            SourceErrorCode.SCAN_LIMIT_EXCEEDED,
            f"the operation may not use more than {error.limit:,} {error.counter.value} (server.limits."
            f"{error.counter.value}); what was read until then is given: ask on with endCursor, or ask for less",
        )

    @property
    def fetched(self) -> datetime | None:
        return None if self.fetched_at is None else datetime.fromtimestamp(self.fetched_at, UTC)
