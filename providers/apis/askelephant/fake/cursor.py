"""AskElephant's cursors: opaque, per page, and by the switch of one of three kinds (trap 3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from providers.fake_kit.errors import ApiError
from providers.fake_kit.matching import id_key, moment
from providers.fake_kit.store import Row, Store
from providers.fake_kit.switches import Switches

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list request asks for: the limit, the order, and a key of search and filters."""

    limit: int
    descending: bool
    conditions: Hashable

    @property
    def fingerprint(self) -> str:
        """A short text that differs when any of the three does."""
        return hashlib.sha256(repr((self.limit, self.descending, self.conditions)).encode()).hexdigest()[:16]


def write(listing: Listing, last: Row, stop: int, call: int, switches: Switches) -> str:
    """Returns the cursor of the page behind `last`, which ends at index `stop`; `call` numbers the request."""
    content: dict[str, str | int] = {"call": call}
    if switches.cursors == "offset":
        content.update(offset=stop, query=listing.fingerprint)
    else:
        content["id"] = str(last["id"])
        if switches.cursors == "keyset":
            content["updated_at"] = str(last.get("updated_at"))
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def start_of(cursor: str, listing: Listing, rows: Sequence[Row], store: Store, call: int, switches: Switches) -> int:
    """Returns the index in `rows` at which the cursor's page begins.

    Raises ApiError for a cursor that is none, has expired, or (offset kind) came from another request.
    """
    try:
        content = json.loads(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
        issued = int(content["call"])
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise _refused("cursor is malformed", switches) from error
    if switches.cursor_lifetime is not None and call - issued > switches.cursor_lifetime:
        raise _refused("cursor has expired", switches)
    if "offset" in content:
        if content["query"] != listing.fingerprint:
            raise _refused("cursor belongs to another limit, order, search or filter", switches)
        return int(content["offset"])
    last = store.remembered(content.get("id", ""))
    if last is None:
        raise _refused("cursor points to no contact", switches)
    if "updated_at" in content:
        last = {**last, "updated_at": content["updated_at"]}
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) // 2
        if _comes_after(rows[middle], last, listing.descending, store, switches):
            high = middle
        else:
            low = middle + 1
    return low


def updated(row: Row, switches: Switches) -> tuple[bool, datetime]:
    """Returns the sort key of updated_at, missing ones where the switch says."""
    value = moment(row.get("updated_at"))
    return (value is not None) is (switches.missing_order == "smallest"), value or _LONG_AGO


def _comes_after(row: Row, last: Row, descending: bool, store: Store, switches: Switches) -> bool:
    here, there = updated(row, switches), updated(last, switches)
    if here != there:
        return (here < there) if descending else (here > there)
    if switches.ties == "insertion":
        return store.ordinal(row["id"]) > store.ordinal(last["id"])
    before, after = id_key(last["id"]), id_key(row["id"])
    return after > before if switches.ties == "id_asc" else after < before


def _refused(message: str, switches: Switches) -> ApiError:
    return ApiError(switches.validation_status, message, field="cursor", code="invalid_cursor")
