"""Answers that are read as one have to be of one time (DESIGN.md 6, "Drift").

The cache may give one page of a list as it was some seconds ago beside another as it is now. A row that was deleted
between the two is missed in neither: the pages do not fit together, and nothing in them shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from providers.spi.request import Response

T = TypeVar("T")
# None: a page past the end, which some answer with 404.
R = TypeVar("R", Response, Response | None)


def consistent(responses: Iterable[Response | None]) -> bool:
    """Whether answers fit together: none is from the cache, or all were under way at the same time."""
    came = [response for response in responses if response is not None]
    if not any(response.cache_hit for response in came):
        return True
    return max(response.asked_at for response in came) <= min(response.fetched_at for response in came)


async def side_by_side(
    asks: Sequence[Callable[[], Awaitable[tuple[T, R]]]], past_cache: Callable[[], None]
) -> list[tuple[T, R]]:
    """Returns the answers to questions that belong together; all are asked for again, past the cache, when what it
    gave does not fit the rest. Raises what asking raises."""
    answers = await _all(asks)
    if consistent(response for _, response in answers):
        return answers
    past_cache()
    return await _all(asks)


async def _all(asks: Sequence[Callable[[], Awaitable[tuple[T, R]]]]) -> list[tuple[T, R]]:
    tasks = [asyncio.ensure_future(ask()) for ask in asks]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
