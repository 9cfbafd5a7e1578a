"""One GraphQL operation's view of the sources: who may be asked, with which credentials, and what was asked already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from aiodataloader import DataLoader

from providers.source import Credential, Source
from providers.spi.budget import Budget, BudgetExceeded, BudgetLimits, Counter
from providers.spi.errors import SourceError
from providers.spi.provider import InvalidAnswer
from providers.spi.record import SourceRecord
from providers.spi.request import Request, Response
from resolvers.cursors.codec import CursorCodec
from resolvers.model.errors import BadUserInput
from resolvers.request.explain import Explain
from resolvers.request.keys import Key
from resolvers.request.sharing import shared

T = TypeVar("T")
Decode = Callable[[Response, SourceRecord], Any]


class Operation:
    """Made anew for every operation: nothing in it outlives the answer or is seen by another caller.

    `sources` are those the caller may see, by name, in configuration order. `credentials` are those forwarded
    from the caller, by source name. `deadline` is on the event loop's clock. `fresh` asks past the cache. `cursors`
    reads and writes cursors with the configured key. `limits` are those of its `budget`, the defaults without.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        credentials: Mapping[str, Credential] | None = None,
        deadline: float | None = None,
        fresh: bool = False,
        explain: Explain | None = None,
        cursors: CursorCodec | None = None,
        limits: BudgetLimits | None = None,
    ) -> None:
        self.sources = sources
        self.credentials = credentials or {}
        self.deadline = deadline
        self.fresh = fresh
        self.explain = explain
        self.cursors = cursors or CursorCodec()
        self.budget = Budget(limits, deadline)
        # Why not all candidates for `matches` were looked at, which a list of contacts has no place to say.
        self.matching_over: BudgetExceeded | None = None
        self._kept: dict[Key[Any], Any] = {}
        self._started: dict[Key[Any], asyncio.Task[Any]] = {}
        # What every source has answered so far, decoded, by its name.
        self.answers: dict[str, list[Any]] = {}
        self._past_cache: set[str] = set()
        self._forgetting: dict[str, list[Callable[[], None]]] = {}
        self._loader: _Upstream | None = None

    @property
    def _upstream(self) -> _Upstream:
        if self._loader is None:
            self._loader = _Upstream(self)
        return self._loader

    def chosen(self, names: tuple[str, ...] | None) -> list[Source]:
        """Returns the sources of these names in configuration order. Raises BadUserInput for a name there is not."""
        if names is None:
            return list(self.sources.values())
        for name in names:
            if name not in self.sources:
                known = ", ".join(self.sources) or "none"
                raise BadUserInput("sources", f'no source is named "{name[:64]}"; there are: {known}')
        return [source for name, source in self.sources.items() if name in names]

    async def ask(
        self, source: Source, request: Request, decode: Callable[[Response, SourceRecord], T]
    ) -> tuple[T, Response]:
        """Returns the decoded answer and the answer itself; equal questions of one operation go out once.

        `decode` is a method of the source's provider. The answer's rows are counted for everybody who asks, who all
        look at them. Raises SourceError, BudgetExceeded.
        """
        # One waiter's cancellation must not be everybody's (aiodataloader shares the future).
        answer: tuple[T, Response] = await shared(self._upstream.load((source.name, request, decode)))
        decoded = answer[0]
        rows: int = len(decoded) if isinstance(decoded, list | tuple) else getattr(decoded, "row_count", 1)
        self.budget.spend(Counter.ROWS, rows)
        if self.budget.work(rows):
            await self.budget.give_way()
        return answer

    async def once(self, key: Key[T], start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Returns what `start` gives, started at most once a key. What it raises reaches everyone who waits.

        A waiter that is cancelled leaves the others alone.
        """
        task: asyncio.Task[T] | None = self._started.get(key)
        if task is None:
            task = self._started[key] = asyncio.get_running_loop().create_task(start())
        return await shared(task)

    def kept(self, key: Key[T], make: Callable[[], T]) -> T:
        """Returns the operation's one value of a key, made when it is first asked for."""
        found: T | None = self._kept.get(key)
        if found is None:
            found = self._kept[key] = make()
        return found

    def forget(self, source: Source) -> None:
        """Lets equal questions to a source go out again: its list changed while it was read."""
        self._upstream.forget(source.name)
        self._past_cache.add(source.name)
        for forget in self._forgetting.get(source.name, ()):
            forget()

    def on_forget(self, source: Source, forget: Callable[[], None]) -> None:
        """Has `forget` called when what a source answered is of no use any more."""
        self._forgetting.setdefault(source.name, []).append(forget)

    def close(self) -> None:
        """Ends the operation: what it holds goes at once, without waiting for the garbage collector to find its cycles.

        Calls still under way for it end by themselves.
        """
        if self._loader is not None:
            self._loader.clear_all()
            self._loader = None
        self._kept.clear()
        self._started.clear()
        self.answers.clear()
        self._forgetting.clear()


class _Upstream(DataLoader[tuple[str, Request, Decode], Any]):
    # Not batched: one REST call is one question, and a slow source must not hold up another's answer.
    batch = False

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self._operation = operation
        self._asked: set[tuple[str, Request, Decode]] = set()

    def forget(self, name: str) -> None:
        for key in [key for key in self._asked if key[0] == name]:
            self.clear(key)
            self._asked.discard(key)

    async def batch_load_fn(self, keys: list[tuple[str, Request, Decode]]) -> list[Any]:
        self._asked.update(keys)
        ((name, request, decode),) = keys
        try:
            return [await self._send(self._operation.sources[name], request, decode)]
        except Exception as error:  # noqa: BLE001  the loader hands it to everybody who waits for the key
            return [error]

    async def _send(self, source: Source, request: Request, decode: Decode) -> tuple[Any, Response]:
        operation = self._operation
        explain = operation.explain
        entry = explain.request(source.name, request) if explain is not None else None
        # A call is counted before it goes out: those that wait for their turn have to be known to the next.
        budget = operation.budget
        budget.spend(Counter.UPSTREAM_CALLS)
        try:
            response = await source.send(
                request,
                operation.credentials.get(source.name),
                deadline=operation.deadline,
                fresh=operation.fresh or source.name in operation._past_cache,
                on_attempt=entry.attempt if entry is not None else None,
            )
        except SourceError as error:
            budget.count(Counter.UPSTREAM_CALLS, error.calls - 1)
            raise
        budget.count(Counter.UPSTREAM_CALLS, response.calls - 1)
        try:
            decoded = decode(response, source.record)
        except InvalidAnswer as error:
            raise await source.rejected(request, operation.credentials.get(source.name), error) from error
        operation.answers.setdefault(source.name, []).append(decoded)
        if entry is not None:
            entry.decoded(decoded)
        return decoded, response
