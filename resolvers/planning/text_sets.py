"""Looking for any of many texts in one: by sets of the texts of a length, so that their number does not count."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["contains_any", "starts_with_any", "weight_of_any"]

# So many are looked for one by one.
_FEW = 16
# How many slices of a text are made for each length, about, in comparisons of one text with another.
_SLICES = 4


def weight_of_any(texts: Sequence[str]) -> int:
    """Returns about how many comparisons one look for any of the texts costs."""
    return len(texts) if len(texts) <= _FEW else min(len(texts), _SLICES * len({len(text) for text in texts}))


def contains_any(texts: Sequence[str]) -> Callable[[str], bool]:
    """Returns whether a text has any of the texts in it, as a function."""
    wanted = tuple(dict.fromkeys(texts))
    if len(wanted) <= _FEW:
        return lambda text: any(each in text for each in wanted)
    by_length = _by_length(wanted)

    def found(text: str) -> bool:
        size = len(text)
        for length, group in by_length:
            if length > size:
                return False
            if not group.isdisjoint([text[start : start + length] for start in range(size - length + 1)]):
                return True
        return False

    return found


def starts_with_any(texts: Sequence[str]) -> Callable[[str], bool]:
    """Returns whether a text begins with any of the texts, as a function."""
    wanted = tuple(dict.fromkeys(texts))
    if len(wanted) <= _FEW:
        return lambda text: text.startswith(wanted)
    by_length = _by_length(wanted)
    return lambda text: any(text[:length] in group for length, group in by_length)


def _by_length(texts: Sequence[str]) -> list[tuple[int, frozenset[str]]]:
    """The texts by their length, the shortest first."""
    groups: dict[int, list[str]] = {}
    for text in texts:
        groups.setdefault(len(text), []).append(text)
    return [(length, frozenset(groups[length])) for length in sorted(groups)]
