"""Keys of what one operation keeps: each says of which type that is."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Key(msgspec.Struct, Generic[T], frozen=True):
    """Under which name, and of what, an operation keeps a value of type T. One name stands for one type."""

    name: str
    of: tuple[Hashable, ...] = ()
