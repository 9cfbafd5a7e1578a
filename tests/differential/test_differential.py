"""The short form of `python -m tests.differential`: the same worlds every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.differential.walks import scenario


@pytest.mark.parametrize("seed", range(1, 25))
async def test_walks_keep_the_laws(seed: int, tmp_path: Path) -> None:
    assert await scenario(seed, tmp_path) >= 4
