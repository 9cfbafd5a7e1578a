"""What of an answer somebody selected: what is not selected is not fetched (DESIGN.md 7)."""

from __future__ import annotations

import msgspec


class Wanted(msgspec.Struct, frozen=True):
    """The selection under one connection field.

    `contacts`: anything of the contacts themselves (edges or nodes); `parts`: the contact fields selected, by their
    Python names ("tags", "status", "stage"), nested ones after a dot ("details.status_data", "tags.name").
    `cursors`: an edge's cursor; `page_info`, `total` (the connection's or a slice's), `slices`.

    `nested`: the page size of contacts that are selected inside each node, from their start and unfiltered (a
    board), None when there are none. `inside`: what is selected of them, when all of them ask for just this page
    and none for a place in it: then they can come with the list.
    """

    contacts: bool = True
    parts: frozenset[str] = frozenset()
    cursors: bool = True
    page_info: bool = True
    total: bool = True
    slices: bool = True
    nested: int | None = None
    inside: Wanted | None = None
