"""Which pages of a page-number list hold a window of it (DESIGN.md 6, "Windows"): arithmetic only."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from providers.spi.provider import PageNumber


class Window(msgspec.Struct, frozen=True):
    """Rows `start` to before `stop` of a list, counted from 0, and the neighbouring pages of one size with them."""

    start: int
    stop: int
    pages: tuple[PageNumber, ...]


@lru_cache(maxsize=8_192)
def window(start: int, stop: int, largest: int, smallest: int = 1) -> Window:
    """Returns the fewest pages that hold the rows, and among those the smallest page size.

    One page exists whenever stop - start is at most half the largest size; two always suffice while it is at
    most `largest` + 1. `start` < `stop`; `smallest` is 1 unless the source ignores small sizes.
    """
    length = stop - start
    size = _holding(start, stop, min(max(length, smallest), largest), largest)
    if size is None:
        # The smallest size that holds the rows in as few pages as any size up to the largest can.
        fewest = min((stop - 1) // s - start // s for s in (largest, max(largest - 1, smallest)))
        low = max(smallest, min(largest, -(-length // (fewest + 1))))
        size = next((s for s in range(low, largest + 1) if (stop - 1) // s - start // s <= fewest), largest)
    first, last = start // size, (stop - 1) // size
    return Window(start, stop, tuple(PageNumber(page + 1, size) for page in range(first, last + 1)))


def _holding(start: int, stop: int, low: int, largest: int) -> int | None:
    for size in range(low, largest + 1):
        if start // size == (stop - 1) // size and size >= stop - start:
            return size
    return None
