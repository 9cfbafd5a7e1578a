"""Operations wait for each other while the processor is busy, and for no source (gql.execution.admission).

The clocks are the tests' own: how busy a processor is says the test, not the machine that it runs on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gql.execution.admission import Admission

LEAST = 4
LOOK_EVERY = 0.01


class Machine:
    """A wall clock and a processor; what is to be done later is done when the test lets time pass."""

    def __init__(self) -> None:
        self.wall = 100.0
        self.processor = 10.0
        self.planned: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.planned.append((self.wall + seconds, call))

    async def passes(self, seconds: float, *, busy: float) -> None:
        """Lets time pass, of which the processor was busy a share of `busy`; then everybody who can goes on."""
        self.wall += seconds
        self.processor += seconds * busy
        due = [call for at, call in self.planned if at <= self.wall + 1e-9]
        self.planned = [each for each in self.planned if each[0] > self.wall + 1e-9]
        for call in due:
            call()
        await settled()


async def settled() -> None:
    """Lets every task run as far as it comes."""
    for _ in range(20):
        await asyncio.sleep(0)


class Operations:
    """Operations that stay inside until they are let out, and note how many there are and in which order they came."""

    def __init__(self) -> None:
        self.machine = Machine()
        machine = self.machine
        self.admission = Admission(wall=lambda: machine.wall, processor=lambda: machine.processor, later=machine.later)
        self.order: list[int] = []
        self.inside: dict[int, asyncio.Event] = {}

    async def make(self, number: int) -> None:
        async with self.admission:
            self.order.append(number)
            out = self.inside[number] = asyncio.Event()
            await out.wait()
            del self.inside[number]

    async def begin(self, numbers: range) -> list[asyncio.Task[None]]:
        tasks = [asyncio.ensure_future(self.make(number)) for number in numbers]
        await settled()
        return tasks

    async def let_out(self, count: int) -> None:
        for out in list(self.inside.values())[:count]:
            out.set()
        await settled()

    async def finish(self, tasks: list[asyncio.Task[None]]) -> None:
        while self.inside:
            await self.let_out(len(self.inside))
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def operations() -> Operations:
    return Operations()


async def test_while_there_is_work_to_do_operations_beyond_a_few_wait_in_order(operations: Operations) -> None:
    tasks = await operations.begin(range(40))
    for left in range(40, LEAST, -1):
        assert len(operations.inside) == min(LEAST, left)
        await operations.machine.passes(LOOK_EVERY, busy=1.0)
        assert len(operations.inside) == min(LEAST, left)
        await operations.let_out(1)
    await operations.finish(tasks)
    assert operations.order == list(range(40))


async def test_operations_that_wait_for_their_sources_hold_nobody_up(operations: Operations) -> None:
    tasks = await operations.begin(range(40))
    looks = 0
    while len(operations.inside) < 40:
        before = len(operations.inside)
        await operations.machine.passes(LOOK_EVERY, busy=0.0)
        looks += 1
        assert len(operations.inside) > before
    assert looks == 4, "the width doubles: 4, 8, 16, 32, 64"
    await operations.finish(tasks)
    assert operations.order == list(range(40))


async def test_the_width_goes_back_when_the_processor_is_busy_again(operations: Operations) -> None:
    tasks = await operations.begin(range(60))
    await operations.machine.passes(LOOK_EVERY, busy=0.0)
    await operations.machine.passes(LOOK_EVERY, busy=0.0)
    assert len(operations.inside) == 16
    for _ in range(20):
        await operations.machine.passes(LOOK_EVERY, busy=1.0)
    assert len(operations.inside) == 16, "who is inside stays"
    await operations.let_out(13)
    assert len(operations.inside) == LEAST
    await operations.finish(tasks)


async def test_time_that_a_neighbour_took_is_no_reason_to_wait(operations: Operations) -> None:
    tasks = await operations.begin(range(40))
    # Half of the time went to somebody else: as far as these clocks tell, half of it is left.
    await operations.machine.passes(LOOK_EVERY, busy=0.5)
    assert len(operations.inside) == LEAST + LEAST // 2
    await operations.finish(tasks)


async def test_an_operation_that_goes_away_while_it_waits_leaves_its_turn_to_the_next(operations: Operations) -> None:
    tasks = await operations.begin(range(20))
    for task in tasks[5:15]:
        task.cancel()
    await settled()
    await operations.finish(tasks)
    assert operations.order == [*range(5), *range(15, 20)]
    # All turns were given back: as many as ever come in at once.
    again = await operations.begin(range(10))
    assert len(operations.inside) == LEAST
    await operations.finish(again)


async def test_a_turn_that_comes_with_the_operations_end_is_the_next_ones(operations: Operations) -> None:
    tasks = await operations.begin(range(LEAST + 2))
    # The place is given away in the turn in which the one that gets it is cancelled.
    operations.inside[0].set()
    await asyncio.sleep(0)
    tasks[LEAST].cancel()
    await settled()
    assert set(operations.inside) == {1, 2, 3, LEAST + 1}
    await operations.finish(tasks)
    again = await operations.begin(range(10))
    assert len(operations.inside) == LEAST
    await operations.finish(again)


async def test_an_operation_that_fails_gives_its_place_back(operations: Operations) -> None:
    async def failing() -> None:
        async with operations.admission:
            raise ValueError("broken")

    failed = await asyncio.gather(*(failing() for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in failed} == {ValueError}
    tasks = await operations.begin(range(10))
    assert len(operations.inside) == LEAST
    await operations.finish(tasks)


async def test_the_loops_own_clocks_are_the_default() -> None:
    admission = Admission()
    entered: list[int] = []

    async def make(number: int) -> None:
        async with admission:
            entered.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(make(number) for number in range(30)))
    assert entered == list(range(30))
