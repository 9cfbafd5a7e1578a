"""What the worst requests cost: CPU, and how long another client waits meanwhile. Prints a table, the worst first.

The gateway and the fakes that it asks are in one process and on one event loop: their time is in the figures too. The
other client asks for `/healthz` all the time; a wait is from one answer to the next.
"""

from __future__ import annotations

import argparse
import asyncio
from time import perf_counter, process_time
from typing import NamedTuple

from bench.worst.requests import REQUESTS, WorstRequest
from bench.worst.stage import Stage, open_stage

_PAUSE = 0.002


class _Measured(NamedTuple):
    name: str
    cpu: float
    wait: float
    answer: str


class _OtherClient:
    """Asks for `/healthz` until it is cancelled, and keeps its longest wait in seconds."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.longest = 0.0

    async def run(self) -> None:
        before = perf_counter()
        while True:
            await asyncio.sleep(_PAUSE)
            await self._stage.client.get("/healthz")
            now = perf_counter()
            self.longest = max(self.longest, now - before - _PAUSE)
            before = now


async def _measured(request: WorstRequest) -> _Measured:
    async with open_stage(request.world) as stage:
        other = _OtherClient(stage)
        task = asyncio.create_task(other.run())
        await asyncio.sleep(0.05)
        other.longest = 0.0
        began = process_time()
        answer, size, _ = await stage.ask(request)
        cpu = process_time() - began
        await asyncio.sleep(4 * _PAUSE)
        task.cancel()
    errors = answer.get("errors")
    told = errors[0]["extensions"].get("setting", errors[0]["extensions"]["code"]) if errors else f"{size:,} bytes"
    return _Measured(request.name, cpu, other.longest, told)


async def _all(names: str) -> list[_Measured]:
    return [await _measured(request) for request in REQUESTS if names in request.name]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="requests whose name has this in it")
    parser.add_argument("--worst", type=int, default=10, help="how many of the worst to print; 0: all")
    arguments = parser.parse_args()
    found = sorted(asyncio.run(_all(arguments.only)), key=lambda each: max(each.cpu, 3 * each.wait), reverse=True)
    print("| request | CPU, s | longest wait, s | answer |")
    print("| --- | ---: | ---: | --- |")
    for each in found[: arguments.worst or None]:
        print(f"| {each.name} | {each.cpu:.2f} | {each.wait:.2f} | {each.answer} |")


if __name__ == "__main__":
    main()
