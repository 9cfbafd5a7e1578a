"""`python -m tests.differential --walks 2000 --seed 1`: prints each law that is broken with its seed."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.differential.walks import Broken, scenario


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential")
    parser.add_argument("--walks", type=int, default=2_000, help="how many walks at least")
    parser.add_argument("--seed", type=int, default=1, help="the first seed; each world has one of its own")
    parser.add_argument("--only", action="store_true", help="the walks of this seed alone")
    given = parser.parse_args()
    walks, seed, broken = 0, given.seed, 0
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        while walks < given.walks:
            try:
                walks += asyncio.run(scenario(seed, Path(folder)))
            except Broken as error:
                broken += 1
                walks += 1
                print(f"seed {seed}: {error}", flush=True)  # noqa: T201
            if given.only:
                break
            seed += 1
            if seed % 50 == 0:
                print(f"{walks} walks, {broken} broken, {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
    print(f"{walks} walks, {broken} broken")  # noqa: T201
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
