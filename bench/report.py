"""Where figures go: between two markers of a page, with the machine they were measured on beside them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def machine() -> str:
    """Returns what of the machine figures depend on first, e.g. "2 cores, Python 3.11": nothing that names it."""
    return f"{os.cpu_count()} cores, Python {sys.version_info.major}.{sys.version_info.minor}"


def put(file: Path, marker: str, text: str) -> None:
    """Puts the text between `<!-- marker -->` and `<!-- /marker -->`. Raises SystemExit when the file has no such."""
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    head, found, rest = file.read_text("utf-8").partition(begin)
    _, ended, tail = rest.partition(end)
    if not found or not ended:
        raise SystemExit(f"{file}: expected the markers {begin} and {end}")
    file.write_text(f"{head}{begin}\n{text}\n{end}{tail}", "utf-8")
