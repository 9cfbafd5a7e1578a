"""Paging by number, with what the pages leave open (trap 12)."""

from __future__ import annotations

from dataclasses import dataclass

from providers.fake_kit.errors import ApiError
from providers.fake_kit.switches import Switches


@dataclass(frozen=True, slots=True)
class Window:
    """One page: its number, the indexes it covers, and what the envelope says about size and number of pages."""

    page: int
    start: int
    stop: int
    reported_size: int
    total_pages: int | None
    has_more: bool


def page_size(
    asked: int,
    name: str,
    switches: Switches,
    documented_maximum: int | None,
    *,
    status: int = 400,
    capped: bool = False,
) -> int:
    """Returns the size a page really has. Raises ApiError when larger pages are refused (`Switches.oversize`).

    `capped`: the API's page says that a larger one is lowered.
    """
    maximum = documented_maximum if switches.max_page_size is None else switches.max_page_size
    if maximum is None or asked <= maximum:
        return asked
    lowered = capped or switches.max_page_size is not None
    if (switches.oversize or ("lower" if lowered else "error")) == "error":
        raise ApiError(status, f"{name} must not be greater than {maximum}", field=name, code="too_large")
    return maximum


def window(total: int, page: int, size: int, asked: int, switches: Switches, *, may_be_missing: bool = True) -> Window:
    """Returns the page of `total` rows; `size` is the real page size, `asked` the requested one.

    Raises ApiError (404) for a page past the end under that switch, unless `may_be_missing` is false.
    """
    pages = -(-total // size)
    if page > max(pages, 1):
        if switches.past_end == "404" and may_be_missing:
            raise ApiError(404, "page not found", field="page", code="not_found")
        if switches.past_end == "last":
            page = max(pages, 1)
    start = min((page - 1) * size, total)
    stop = min(start + size, total)
    said = {"actual": pages, "requested": -(-total // asked), "absent": None}
    return Window(
        page=page,
        start=start,
        stop=stop,
        reported_size=size if switches.reported_size == "actual" else asked,
        total_pages=said[switches.total_pages],
        has_more=stop < total and start < total,
    )
