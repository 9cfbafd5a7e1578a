"""What an operator can watch: /metrics in Prometheus' format, and the log. Neither has ids, queries or credentials."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import stamina.instrumentation
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from providers.cache.store import Cache, StoredAnswer
from providers.resilience.health import CircuitState, SourceHealth
from providers.spi.request import Request

__all__ = [
    "CONTENT_TYPE_LATEST",
    "MULTIPROCESS_DIRECTORY",
    "AnswerOutcome",
    "CountedCache",
    "Telemetry",
    "configure_logging",
    "forget_worker",
]

AnswerOutcome: TypeAlias = Literal["ok", "partial", "refused", "failed"]
"""`partial`: data with errors beside it; `refused`: the client's mistake; `failed`: ours."""

MULTIPROCESS_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that makes prometheus_client add up the counters of several processes."""

_OUTCOMES: Final[tuple[AnswerOutcome, ...]] = ("ok", "partial", "refused", "failed")
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry:
    """The counters of one process. What others count already is taken over when somebody looks."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        requests = Histogram(
            "contactgraph_request_seconds",
            "Time from a request's headers to its answer.",
            ["outcome"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._requests = {outcome: requests.labels(outcome) for outcome in _OUTCOMES}
        self._calls = Counter(
            "contactgraph_upstream_calls",
            "Answers and failures of sources: OK or the code of the failure.",
            ["source", "status"],
            registry=self._registry,
        )
        self._cache = Counter(
            "contactgraph_upstream_cache",
            "Answers of sources looked for in the cache: found (fresh or not), or not there.",
            ["result"],
            registry=self._registry,
        )
        self._documents = Counter(
            "contactgraph_documents", "Documents found in the cache, or parsed.", ["result"], registry=self._registry
        )
        self._circuits = Gauge(
            "contactgraph_circuit_open",
            "1 while calls to the source are held back because it failed.",
            ["source"],
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._counted: dict[tuple[Counter, tuple[str, ...]], int] = {}

    def request(self, outcome: AnswerOutcome, seconds: float) -> None:
        """Notes one answered request."""
        self._requests[outcome].observe(seconds)

    def count_documents(self, hits: int, misses: int) -> None:
        """Takes over how many documents were found in the cache, and how many were parsed, since the start."""
        self._count(self._documents, ("hit",), hits)
        self._count(self._documents, ("miss",), misses)

    def count_cache(self, hits: int, misses: int) -> None:
        """Takes over how many answers of sources were found in the cache, and how many were not, since the start."""
        self._count(self._cache, ("hit",), hits)
        self._count(self._cache, ("miss",), misses)

    def count_calls(self, health: Mapping[str, SourceHealth]) -> None:
        """Takes over what the sources have counted themselves."""
        for name, source in health.items():
            for status, calls in tuple(source.calls.items()):
                self._count(self._calls, (name, status), calls)
            self._circuits.labels(name).set(source.circuit is not CircuitState.CLOSED)

    def exposition(self) -> bytes:
        """Returns the metrics of this process, or of all workers where there are several."""
        if not os.environ.get(MULTIPROCESS_DIRECTORY):
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _count(self, counter: Counter, labels: tuple[str, ...], total: int) -> None:
        known = self._counted.get((counter, labels), 0)
        counter.labels(*labels).inc(total - known)
        self._counted[counter, labels] = total


class CountedCache:
    """A cache that counts what was found in it."""

    def __init__(self, cache: Cache) -> None:
        self.secret = cache.secret
        self.hits = 0
        self.misses = 0
        self._cache = cache

    async def get(self, scope: bytes, request: Request) -> StoredAnswer | None:
        """Returns the kept answer, fresh or not."""
        answer = await self._cache.get(scope, request)
        if answer is None:
            self.misses += 1
        else:
            self.hits += 1
        return answer

    async def put(self, scope: bytes, request: Request, answer: StoredAnswer, keep: float) -> None:
        """Keeps the answer for `keep` seconds at most."""
        await self._cache.put(scope, request, answer, keep)

    async def end(self, scope: bytes, at: float, longest: float) -> None:
        """Forgets every answer to a question that the scope put by `at`."""
        await self._cache.end(scope, at, longest)

    async def aclose(self) -> None:
        """Closes the cache."""
        await self._cache.aclose()


def forget_worker(process: int) -> None:
    """Takes what a worker that has ended said about now out of the metrics; what it counted stays."""
    mark_process_dead(process)  # type: ignore[no-untyped-call]


def configure_logging(level: str) -> None:
    """Sends the log to standard error, one line a record, from `level` on."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    # Addresses with parameters, what clients were told anyway, and what a server says about itself are no news.
    for name in ("httpx", "httpcore", "asyncio", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("graphql", "strawberry.execution"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # stamina's own lines and counters name no source; calls are counted by source and outcome here.
    stamina.instrumentation.set_on_retry_hooks(())
