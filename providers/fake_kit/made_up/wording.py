"""How an API writes what every one of them has: ids, moments, and values that are missing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from providers.fake_kit.store import Row

Missing = Literal["null", "absent", "empty"]

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def milliseconds(moment: datetime) -> str:
    """Returns 2025-08-01T10:00:00.000Z (Tether, AskElephant, AutoKonnect)."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def whole_seconds(moment: datetime) -> str:
    """Returns 2025-08-01T10:00:00.000000Z (WA.cr: its database keeps no fractions)."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000000Z"


def hex_id(rng: random.Random) -> str:
    """Returns 24 hex digits."""
    return f"{rng.getrandbits(96):024x}"


def contact_id(rng: random.Random) -> str:
    """Returns cnt_ and twenty letters and digits."""
    return "cnt_" + "".join(rng.choices(_BASE36, k=20))


def put(row: Row, name: str, value: Any, rng: random.Random, ways: Sequence[Missing]) -> None:
    """Sets a field; a value of None is written in one of the `ways` a field can be missing."""
    if value is not None:
        row[name] = value
        return
    way = rng.choice(ways)
    if way != "absent":
        row[name] = None if way == "null" else ""
