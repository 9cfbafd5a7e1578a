"""How the fakes' databases compare, search and sort: moments, text, ranges, orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from providers.fake_kit.store import Row, Store
from providers.fake_kit.switches import Switches

SortKey = tuple[Callable[[Row], Any], bool]
"""A function from a row to a comparable value or None, and whether larger values come first."""

_WORD = re.compile(r"[^\W_]+")


def moment(value: object) -> datetime | None:
    """Returns the moment an ISO 8601 text names (UTC unless it says otherwise), or None when it names none."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def text(value: object) -> str:
    """Returns a text value, "" for everything that is no text."""
    return value if isinstance(value, str) else ""


def found(needle: str, haystacks: Iterable[object], *, whole_word: bool) -> bool:
    """Returns whether the search text is in any of the values, ignoring case; as whole words when asked so."""
    sought = needle.casefold()
    if not whole_word:
        return any(sought in text(value).casefold() for value in haystacks)
    words = _WORD.findall(sought)
    for value in haystacks:
        present = _WORD.findall(text(value).casefold())
        if any(present[i : i + len(words)] == words for i in range(len(present) - len(words) + 1)):
            return True
    return False


def within(value: datetime | None, start: datetime | None, end: datetime | None, ends: str) -> bool:
    """Returns whether a moment lies in a range, either end open when None; `ends` is "inclusive" or "exclusive"."""
    if value is None:
        return False
    if ends == "inclusive":
        return (start is None or start <= value) and (end is None or value <= end)
    return (start is None or start < value) and (end is None or value < end)


def id_key(value: object) -> tuple[int, int, str]:
    """Returns a sort key for ids: numbers (also those in texts) by value, other texts by code point."""
    written = str(value)
    return (0, int(written), "") if written.isascii() and written.isdigit() else (1, 0, written)


def ordered(
    rows: Iterable[Row],
    keys: Sequence[SortKey],
    *,
    id_field: str,
    ties: Literal["id_asc", "id_desc", "insertion"],
    missing: Literal["smallest", "largest"],
) -> list[Row]:
    """Returns the rows sorted by the keys, then as `ties` says; `rows` come in insertion order."""
    result = list(rows)
    if ties != "insertion":
        result.sort(key=lambda row: id_key(row[id_field]), reverse=ties == "id_desc")
    present = missing == "smallest"
    for value_of, descending in reversed(keys):

        def key(row: Row, value_of: Callable[[Row], Any] = value_of) -> tuple[bool, Any]:
            value = value_of(row)
            return (value is not None) is present, 0 if value is None else value

        result.sort(key=key, reverse=descending)
    return result


def in_default_order(store: Store, rows: Iterable[Row], created: str, updated: str, switches: Switches) -> list[Row]:
    """Returns the rows as an API orders them that documents no order; `created` and `updated` name its fields."""
    keys: dict[str, list[SortKey]] = {
        "created_desc": [(lambda row: moment(row.get(created)), True)],
        "created_asc": [(lambda row: moment(row.get(created)), False)],
        "updated_desc": [(lambda row: moment(row.get(updated)), True)],
        "insertion": [],
    }
    order = switches.default_order
    ties = "insertion" if order == "insertion" else switches.ties
    return ordered(rows, keys[order], id_field=store.id_field, ties=ties, missing=switches.missing_order)


def like(pattern: str) -> re.Pattern[str]:
    """Returns SQL's `LIKE '%pattern%'` as an expression: % is any text, _ any character, case is ignored."""
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
