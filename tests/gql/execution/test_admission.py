"""Operations wait for each other while the processor is busy, and for no source (gql.execution.admission)."""

from __future__ import annotations

import asyncio
import time

from gql.execution.admission import Admission

LEAST = 4
# One more comes in now and then, when all that are inside end in the same turn of the event loop.
FEW = 10


def work() -> None:
    """Keeps the event loop busy for a millisecond."""
    until = time.thread_time() + 0.001
    while time.thread_time() < until:
        pass


class Operations:
    """Operations that note how many of them are in the making, and the order in which they came in."""

    def __init__(self) -> None:
        self.admission = Admission()
        self.inside = 0
        self.most = 0
        self.order: list[int] = []

    async def make(self, number: int, turns: int, *, busy: bool) -> None:
        async with self.admission:
            self.inside += 1
            self.order.append(number)
            self.most = max(self.most, self.inside)
            for _ in range(turns):
                if busy:
                    work()
                    await asyncio.sleep(0)
                else:
                    await asyncio.sleep(0.01)
            self.inside -= 1


async def test_while_there_is_work_to_do_operations_beyond_a_few_wait_in_order() -> None:
    operations = Operations()
    await asyncio.gather(*(operations.make(number, 5, busy=True) for number in range(40)))
    assert LEAST <= operations.most < FEW
    assert operations.order == list(range(40))


async def test_operations_that_wait_for_their_sources_hold_nobody_up() -> None:
    operations = Operations()
    await asyncio.gather(*(operations.make(number, 20, busy=False) for number in range(40)))
    assert operations.most == 40


async def test_an_operation_that_goes_away_while_it_waits_leaves_its_turn_to_the_next() -> None:
    operations = Operations()
    tasks = [asyncio.ensure_future(operations.make(number, 5, busy=True)) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[5:15]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [number for number, result in enumerate(done) if result is not None] == list(range(5, 15))
    assert operations.order == [*range(5), *range(15, 20)]
    # All turns were given back: as many as ever come in at once.
    operations.most = 0
    await asyncio.gather(*(operations.make(number, 3, busy=True) for number in range(10)))
    assert LEAST <= operations.most < FEW


async def test_a_turn_that_comes_with_the_operations_end_is_the_next_ones() -> None:
    operations = Operations()
    gates = [asyncio.Event() for _ in range(LEAST)]

    async def held(gate: asyncio.Event) -> None:
        async with operations.admission:
            await gate.wait()

    holders = [asyncio.ensure_future(held(gate)) for gate in gates]
    await asyncio.sleep(0)
    first, second = (asyncio.ensure_future(operations.make(number, 1, busy=True)) for number in (1, 2))
    await asyncio.sleep(0)
    gates[0].set()
    # The place is given away in the turn in which the one that gets it is cancelled.
    await holders[0]
    first.cancel()
    await asyncio.wait([first, second])
    for gate in gates:
        gate.set()
    await asyncio.gather(*holders)
    assert 2 in operations.order
    operations.most = 0
    await asyncio.gather(*(operations.make(number, 3, busy=True) for number in range(10)))
    assert LEAST <= operations.most < FEW


async def test_an_operation_that_fails_gives_its_place_back() -> None:
    operations = Operations()

    async def failing() -> None:
        async with operations.admission:
            raise ValueError("broken")

    failed = await asyncio.gather(*(failing() for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in failed} == {ValueError}
    await asyncio.gather(*(operations.make(number, 3, busy=True) for number in range(10)))
    assert LEAST <= operations.most < FEW
