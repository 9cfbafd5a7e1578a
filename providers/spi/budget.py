"""What one operation may use, counted while it runs and checked where the work is done.

An estimate before execution (`gql.execution.query_cost`) cannot know how many rows a source gives or how often a
condition is judged. Every counter has a limit; the counter that goes over it ends the operation, or the
connection where that can end short.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

__all__ = ["WORK_SLICE", "Budget", "BudgetExceeded", "BudgetLimits", "Counter", "DeadlinePassed"]

# How much counted work goes on without a look at the event loop: some 4,000 judged conditions, a few milliseconds.
WORK_SLICE: Final = 4_000


class Counter(StrEnum):
    """What is counted. The values are the names of the settings in `[server.limits]`."""

    UPSTREAM_CALLS = "upstream_calls"
    ROWS = "rows"
    EVALUATIONS = "evaluations"
    OBJECTS = "objects"
    ANSWER_BYTES = "answer_bytes"

    # Enum's own is a call of Python, several a row.
    __hash__ = str.__hash__


class BudgetLimits(msgspec.Struct, frozen=True):
    """The largest number of each counter an operation may reach."""

    upstream_calls: int = 1_000
    rows: int = 100_000
    evaluations: int = 1_000_000
    objects: int = 25_000
    answer_bytes: int = 10_000_000


@lru_cache(maxsize=64)
def _by_counter(limits: BudgetLimits) -> Mapping[Counter, int]:
    return {counter: getattr(limits, counter) for counter in Counter}


_DEFAULT: Final = _by_counter(BudgetLimits())
_NOTHING: Final[dict[Counter, int]] = dict.fromkeys(Counter, 0)


class BudgetExceeded(Exception):
    """An operation used more than it may of one counter."""

    def __init__(self, counter: Counter, used: int, limit: int) -> None:
        super().__init__(f"{counter}: {used:,}; the limit is {limit:,}")
        self.counter = counter
        self.used = used
        self.limit = limit


class DeadlinePassed(Exception):
    """The time for the operation was over in the middle of its work."""


class Budget:
    """The counters of one operation. Not shared between operations; shared reads are charged to each waiter.

    `deadline` is on the event loop's clock, None for none.
    """

    __slots__ = ("_limits", "_pending_work", "_used", "deadline")

    def __init__(self, limits: BudgetLimits | None = None, deadline: float | None = None) -> None:
        self._limits = _DEFAULT if limits is None else _by_counter(limits)
        self._used = _NOTHING.copy()
        self._pending_work = 0
        self.deadline = deadline

    def used(self, counter: Counter) -> int:
        """Returns how much of a counter the operation has used so far."""
        return self._used[counter]

    def limit(self, counter: Counter) -> int:
        """Returns the most that the operation may use of a counter."""
        return self._limits[counter]

    def left(self, counter: Counter) -> int:
        """Returns how much of a counter is left, never below 0."""
        return max(0, self.limit(counter) - self._used[counter])

    def spend(self, counter: Counter, amount: int = 1) -> None:
        """Counts. Raises BudgetExceeded when the counter goes over its limit; the amount is counted all the same."""
        used = self._used[counter] = self._used[counter] + amount
        if used > self._limits[counter]:
            raise BudgetExceeded(counter, used, self._limits[counter])

    def count(self, counter: Counter, amount: int) -> None:
        """Counts without refusing: of what was done already. A negative amount gives back what was not used."""
        self._used[counter] += amount

    def work(self, amount: int) -> bool:
        """Adds to the work done since the loop was last given a turn; returns whether it is time for `give_way`."""
        self._pending_work += amount
        return self._pending_work >= WORK_SLICE

    async def worked(self, amount: int) -> None:
        """Notes work that was done, and gives way when there was enough of it. Raises DeadlinePassed."""
        if self.work(amount):
            await self.give_way()

    async def give_way(self) -> None:
        """Lets other tasks run. Raises DeadlinePassed."""
        self._pending_work = 0
        await asyncio.sleep(0)
        if self.deadline is not None and asyncio.get_running_loop().time() >= self.deadline:
            raise DeadlinePassed("the operation took too long")
