"""The way from the arguments of `contacts` to an upstream request: which files and folders it enters.

    python -m tests.support.way

Counts the calls between modules of this project while one question for the first page of one source is put and until
its request leaves, in the order in which they happen. A return is an entry into a place that was
entered before and left.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from providers.source import Source
from tests.support.made_rows import made_rows
from tests.support.world import World

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("gql", "resolvers", "providers")


class Way(NamedTuple):
    """The places in the order in which they were entered."""

    entered: list[str]

    @property
    def places(self) -> int:
        return len(set(self.entered))

    @property
    def returns(self) -> int:
        return len(self.entered) - self.places


class _Left(Exception):
    """The request is on its way out: what follows is not counted."""


def _entered(place_of: Callable[[Path], str]) -> list[str]:
    places: list[str] = []

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        path = Path(frame.f_code.co_filename)
        if not path.is_relative_to(PROJECT) or path.relative_to(PROJECT).parts[0] not in ROOMS:
            return
        if frame.f_code.co_name in ("<lambda>", "<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>", "__init__"):
            return
        place = place_of(path.relative_to(PROJECT))
        if not places or places[-1] != place:
            places.append(place)

    async def leave(*_: Any, **__: Any) -> Any:
        sys.setprofile(None)
        raise _Left

    async def ask() -> None:
        world = World({"wacr": made_rows("wacr", 40)})
        await world.page(first=5)  # what is made once is made
        original, Source.send = Source.send, leave  # type: ignore[method-assign]
        sys.setprofile(profile)
        try:
            await world.page(first=5)
        except _Left:
            pass
        finally:
            sys.setprofile(None)
            Source.send = original  # type: ignore[method-assign]

    asyncio.run(ask())
    return places


def files() -> Way:
    """Returns the way by files."""
    return Way(_entered(str))


def folders() -> Way:
    """Returns the way by folders."""
    return Way(_entered(lambda path: str(path.parent)))


if __name__ == "__main__":
    for name, way in (("files", files()), ("folders", folders())):
        print(f"{name}: {way.places} entered, {way.returns} returns")  # noqa: T201
        print("   " + " > ".join(way.entered))  # noqa: T201
