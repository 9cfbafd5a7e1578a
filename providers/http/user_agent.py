"""What this program calls itself towards the sources."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _version() -> str:
    try:
        return version("contactgraph")
    except PackageNotFoundError:
        return "dev"  # run from its source tree


USER_AGENT = f"contactgraph/{_version()}"
