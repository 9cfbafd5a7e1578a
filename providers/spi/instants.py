"""How an instant is written into a request."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_text(instant: datetime) -> str:
    """Returns ISO 8601 in UTC with Z: whole seconds when they are whole, else six decimals.

    A time without an offset is one in UTC. Always a full date and time: what a bare date would mean as the end of
    a range is not documented (trap 9).
    """
    if instant.tzinfo is not None:
        instant = instant.astimezone(UTC).replace(tzinfo=None)
    return f"{instant.isoformat()}Z"
