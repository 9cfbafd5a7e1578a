"""Writing and reading 100 signed cursors, each with the places of four sources."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from bench.answered import NAMES
from resolvers.cursors.bookmarks import PageNumberBookmark, PageTokenBookmark
from resolvers.cursors.codec import CursorCodec, Place, Position, fingerprint

CURSORS = 100
UPDATED = 1_780_000_000_000_000
BEFORE = (101, 20_202, 303, 40_404, 505, 60_606, 707)
CODEC = CursorCodec(b"a key of the benchmark")
FINGERPRINT = fingerprint("contacts", NAMES, ("search", "order"))


def places(number: int) -> tuple[Place, ...]:
    """Returns where the four sources stand after so many contacts of each."""
    by_number = Place(number, False, PageNumberBookmark(number, f"contact-{number:08}", BEFORE, 10_000))
    token = PageTokenBookmark(
        "eyJpZCI6MTIzNDU2fQ", 25, number % 25, f"contact-{number:08}", BEFORE, UPDATED + number, None
    )
    return by_number, Place(number, False, token), by_number, by_number


PLACES = [places(number) for number in range(CURSORS)]


def write() -> list[str]:
    """Returns a cursor a place."""
    return [CODEC.encode(FINGERPRINT, number % len(NAMES), each) for number, each in enumerate(PLACES)]


def test_write_100_cursors(benchmark: BenchmarkFixture) -> None:
    assert len(set(benchmark(write))) == CURSORS


def test_read_100_cursors(benchmark: BenchmarkFixture) -> None:
    cursors = write()

    def read() -> list[Position]:
        return [CODEC.decode("after", cursor, FINGERPRINT, len(NAMES)) for cursor in cursors]

    assert [position.places for position in benchmark(read)] == PLACES
