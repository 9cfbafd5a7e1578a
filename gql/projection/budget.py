"""Where compiled functions count what they make: they are kept with their document, an operation's budget is not."""

from __future__ import annotations

from typing import Any, Final

from providers.spi.budget import Budget, Counter

__all__ = ["CURRENT", "CurrentBudget"]


class CurrentBudget:
    """The budget that is charged now. One sub-tree is projected without a turn for anybody else, so one place will do.

    The two methods return what generated code goes on with.
    """

    __slots__ = ("budget",)

    def __init__(self) -> None:
        self.budget: Budget | None = None

    def objects(self, items: Any, weight: int) -> bool:
        """Counts a list's objects before they are made, `weight` for each item. Raises BudgetExceeded."""
        if self.budget is not None:
            self.budget.spend(Counter.OBJECTS, len(items) * weight)
        return True

    def written(self, raw: Any) -> Any:
        """Counts the bytes of a part of the answer that is there already, and returns it. Raises BudgetExceeded."""
        if self.budget is not None:
            self.budget.spend(Counter.ANSWER_BYTES, memoryview(raw).nbytes)
        return raw


CURRENT: Final = CurrentBudget()
"""Of the event loop's thread."""
