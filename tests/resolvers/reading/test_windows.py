"""Which pages hold a window: arithmetic, checked against counting (DESIGN.md 6, "Windows")."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolvers.reading.page_windows import window


@given(start=st.integers(0, 10**6), length=st.integers(1, 101), largest=st.integers(2, 100))
def test_a_window_is_covered_by_neighbouring_pages_of_one_size(start: int, length: int, largest: int) -> None:
    wanted = window(start, start + length, largest)
    size = wanted.pages[0].size
    assert {page.size for page in wanted.pages} == {size}
    assert size <= largest
    numbers = [page.page for page in wanted.pages]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert (numbers[0] - 1) * size <= start
    assert numbers[-1] * size >= start + length
    if length <= largest // 2:
        assert len(numbers) == 1
    if length <= largest + 1:
        assert len(numbers) <= 2


@given(start=st.integers(0, 2_000), length=st.integers(1, 50))
def test_one_page_is_the_smallest_that_holds_the_window(start: int, length: int) -> None:
    stop = start + length
    fitting = [size for size in range(1, 101) if start // size == (stop - 1) // size]
    assert window(start, stop, 100).pages[0].size == min(fitting)
