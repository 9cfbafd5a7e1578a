"""Asking a cursor list: its pages, its order by time, and the ranges by which it is entered (DESIGN.md 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from providers.source import Source
from providers.spi.errors import SourceInvalidResponse
from providers.spi.page import BadRow, Page
from providers.spi.provider import Token
from providers.spi.pushdown import row_for
from providers.spi.query import Condition, ListQuery, Operator, Order, OrderField
from providers.spi.record import ContactRecord
from providers.spi.request import Response
from resolvers.cursors.bookmarks import LONGEST_TOKEN
from resolvers.planning.plan import SourcePlan
from resolvers.planning.sort_keys import EPOCH, micros
from resolvers.reading.consistency import consistent
from resolvers.request.operation import Operation

# Shown times may be cut: the source may know them finer. Ranges by which a position is found again are wider by this.
_SLACK = timedelta(seconds=1)

# What stands for the id of a record that has moved: no source's.
MOVED = "\0"


class Chain:
    """One question to a cursor source.

    `by_time`: the list is ordered by the time it can be filtered by, so it can be entered at an instant and read from
    the other end. `descending`: the newest first.
    """

    def __init__(self, operation: Operation, plan: SourcePlan) -> None:
        self._operation = operation
        self._source = plan.source
        self._met: tuple[list[Response], list[BadRow]] = ([], [])
        # The answers since `note`.
        self._noted: list[Response] = []
        self.query = plan.query
        default = plan.source.provider.capabilities.default_order
        orders = plan.query.orders or ((Order(*default),) if default else ())
        self.by_time = len(orders) == 1 and orders[0].field is OrderField.UPDATED_AT and _takes_times(plan.source)
        self.descending = bool(orders) and orders[0].descending

    @property
    def name(self) -> str:
        """The source's name."""
        return self._source.name

    @property
    def reversed_query(self) -> ListQuery:
        """The question in the opposite order."""
        query = self.query
        orders = (Order(OrderField.UPDATED_AT, not self.descending),)
        return ListQuery(query.conditions, query.search, orders, query.parts)

    async def page(self, token: str | None, size: int, bound: int | None, *, until: int | None = None) -> Page:
        """Returns a page of the list from the instant `bound` on, up to `until`. Raises SourceError."""
        query = self.query if bound is None else _narrowed(self.query, bound, older=self.descending)
        if until is not None:
            query = _narrowed(query, until, older=not self.descending)
        return await self._ask(query, token, size)

    async def page_back(self, token: str | None, size: int, bound: int | None) -> Page:
        """Returns a page of the list in its opposite order, from the instant `bound` back. Raises SourceError."""
        query = self.reversed_query
        return await self._ask(
            query if bound is None else _narrowed(query, bound, older=not self.descending), token, size
        )

    async def _ask(self, query: ListQuery, token: str | None, size: int) -> Page:
        provider = self._source.provider
        page, response = await self._operation.ask(
            self._source, provider.contacts_request(query, Token(token, size)), provider.contacts_page
        )
        if page.next_token is not None and len(page.next_token) > LONGEST_TOKEN:
            name = self.name
            raise SourceInvalidResponse(
                name, f"{name} gave a cursor of {len(page.next_token)} characters; expected {LONGEST_TOKEN} at most"
            )
        self._met[0].append(response)
        self._met[1].extend(page.bad)
        self._noted.append(response)
        return page

    def met(self) -> tuple[list[Response], list[BadRow]]:
        """Returns the answers since the last call and their unreadable rows, for `Stream.met`."""
        met, self._met = self._met, ([], [])
        return met

    def note(self, *, with_latest: bool = False) -> None:
        """Begins to take note of answers that belong together; `with_latest`, to the one before as well."""
        self._noted = self._noted[-1:] if with_latest else []

    @property
    def consistent(self) -> bool:
        """Whether the answers noted fit together."""
        return consistent(self._noted)

    @property
    def cached(self) -> bool:
        """Whether the cache gave some of the answers noted: a cursor in it may be too old to be taken."""
        return any(answer.cache_hit for answer in self._noted)

    def past_cache(self) -> None:
        """Has the source itself asked from now on, and begins to take note anew."""
        self._operation.forget(self._source)
        self.note()

    def beyond(self, record: ContactRecord, at: int) -> bool:
        """Whether a record comes after an instant in the list's order."""
        time = instant_of(record)
        return time < at if self.descending else time > at

    def unmoved(self, records: Sequence[ContactRecord | None], at: int) -> list[str]:
        """Returns the ids of rows of the instant `at`, "" for unreadable ones, `MOVED` for those of another instant: no
        place at this one is found by them, for what was updated meanwhile has moved."""
        return ["" if record is None else record.native_id if instant_of(record) == at else MOVED for record in records]

    def short_of(self, record: ContactRecord, at: int) -> bool:
        """Whether a record comes before an instant in the list's order."""
        time = instant_of(record)
        return time > at if self.descending else time < at


def _takes_times(source: Source) -> bool:
    """Whether the source filters by `updated_at`, from an instant on and up to one."""
    capabilities = source.provider.capabilities
    return all(
        row_for(capabilities, Condition("updatedAt", operator, EPOCH)) is not None
        for operator in (Operator.GTE, Operator.LTE)
    )


def _narrowed(query: ListQuery, at: int, *, older: bool) -> ListQuery:
    """Returns the query for rows no newer (`older`) or no older than an instant, within the query's own range."""
    instant = EPOCH + timedelta(microseconds=at) + (_SLACK if older else -_SLACK)
    operator = Operator.LTE if older else Operator.GTE
    kept: list[Condition] = []
    for condition in query.conditions:
        if condition.field == "updatedAt" and condition.operator is operator:
            assert isinstance(condition.value, datetime)
            instant = min(instant, condition.value) if older else max(instant, condition.value)
        else:
            kept.append(condition)
    return ListQuery((*kept, Condition("updatedAt", operator, instant)), query.search, query.orders, query.parts)


def instant_of(record: ContactRecord) -> int:
    """Returns when a record was updated, in microseconds since the epoch; the epoch when the source does not say."""
    return micros(record.updated_at) or 0


def more_after(page: Page) -> bool:
    """Whether a page has one behind it."""
    return page.has_more and page.next_token is not None
