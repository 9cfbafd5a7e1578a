"""Work that several fields of one operation need and one of them starts: the others wait for the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, TypeVar

from resolvers.request.operation import Operation
from resolvers.request.sharing import shared

T = TypeVar("T")


async def once(operation: Operation, key: Hashable, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Returns what `start` gives, started at most once a key and operation. What it raises reaches everyone.

    A waiter that is cancelled leaves the others alone.
    """
    task: asyncio.Task[T] | None = operation.memo.get(key)
    if task is None:
        task = operation.memo[key] = asyncio.get_running_loop().create_task(start())
    return await shared(task)
