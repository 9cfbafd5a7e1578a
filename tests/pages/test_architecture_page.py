"""docs/architecture.md draws the layers that import-linter checks, in their order."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
LAYERS = {
    contract["containers"][0]: contract["layers"]
    for contract in CONTRACTS
    if contract["type"] == "layers" and "containers" in contract
}


def drawn(room: str) -> list[str]:
    """Returns the first word of each line that is drawn for a room."""
    block = re.search(rf"^    {room} .*\n((?:      .*\n)+)", PAGE, re.M)
    assert block is not None
    return [line.split()[0] for line in block[1].splitlines()]


@pytest.mark.parametrize("room", ["gql", "resolvers", "providers"])
def test_a_room_is_drawn_as_its_contract_has_it(room: str) -> None:
    layers = [[name.strip() for name in re.split(r"[|:]", layer)] for layer in LAYERS[room]]
    lines = drawn(room)
    place = {name: index for index, name in enumerate(lines)}
    named = [[name for name in layer if name in place] for layer in layers]
    # A line may stand for several doors; its first one is in `place`.
    assert all(named), [layer for layer, found in zip(layers, named, strict=True) if not found]
    order = [max(place[name] for name in found) for found in named]
    assert order == sorted(order)
    assert set(lines) <= {name for layer in layers for name in layer}


def test_what_is_named_under_where_to_look_is_there() -> None:
    table = PAGE.partition("## Where to look")[2]
    files = re.findall(r"`((?:gql|resolvers|providers)/[\w/]+(?:\.py|/))`", table)
    assert len(files) > 5
    assert [file for file in files if not (ROOT / file).exists()] == []
