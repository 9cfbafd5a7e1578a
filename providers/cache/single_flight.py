"""Equal questions at one time are asked once, and everybody who waits gets the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _Flight(Generic[T]):
    __slots__ = ("detached", "task", "waiters")

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.waiters = 0
        self.detached = False


class SingleFlight(Generic[K, T]):
    """Runs at most one coroutine a key at a time.

    A waiter that is cancelled leaves the others alone; when the last one is gone, the work is cancelled.
    What the work raises reaches every waiter.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._flights)

    async def run(self, key: K, start: Callable[[], Coroutine[Any, Any, T]], deadline: float | None) -> tuple[T, bool]:
        """Returns the result and whether this call started the work.

        Raises what the work raises, and TimeoutError when it is not done by `deadline` (the loop's clock).
        """
        flight = self._flights.get(key)
        started = flight is None
        if flight is None:
            flight = self._launch(key, start)
        flight.waiters += 1
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(flight.task), started
        finally:
            flight.waiters -= 1
            if flight.waiters == 0 and not flight.detached and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()

    def detach(self, key: K, start: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Starts the work for nobody in particular, unless it is under way; its failure is nobody's either."""
        if key not in self._flights:
            self._launch(key, start).detached = True

    async def aclose(self) -> None:
        """Cancels all work."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _launch(self, key: K, start: Callable[[], Coroutine[Any, Any, T]]) -> _Flight[T]:
        flight = _Flight(asyncio.get_running_loop().create_task(start()))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda task: self._landed(key, flight, task))
        return flight

    def _landed(self, key: K, flight: _Flight[T], task: asyncio.Task[T]) -> None:
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()  # looked at, so that a flight without waiters is not reported as unhandled

    def _forget(self, key: K, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
