"""Waiting for work that others may wait for too."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

T = TypeVar("T")


async def shared(work: asyncio.Future[T]) -> T:
    """Returns what the work gives; what it raises reaches everyone who waits.

    A waiter that is cancelled leaves the others alone. When all of them are, a failure is nobody's: it is looked at
    here, else asyncio reports it with a traceback when the future is collected.
    """
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # A shield that was cancelled does not look at what became of the work (asyncio.shield).
        work.add_done_callback(_looked_at)
        raise


def _looked_at(work: asyncio.Future[Any]) -> None:
    if not work.cancelled():
        work.exception()
