"""What the API pages leave open, as switches, and the faults a test can order.

Every switch can be set when a fake is made and changed while it runs (`app.state.switches`). The defaults are the
plainest reading of the reference pages; each docstring line says which page or trap leaves the point open.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

DEMO_NOW = datetime(2026, 11, 21, tzinfo=UTC)
"""The moment the made-up data ends at; "recent" is judged from here, so that answers never depend on the clock."""

RetryAfterForm = Literal["seconds", "date", "absent"]
FaultKind = Literal[
    "status",
    "rate_limit",
    "html",
    "html_200",
    "redirect",
    "hang",
    "slow",
    "truncated",
    "reset",
    "error_200",
    "null_rows",
    "wrong_type",
    "wrong_row",
    "huge",
    "gzip",
    "gzip_bomb",
    "unknown_encoding",
]


@dataclass
class Fault:
    """One thing that goes wrong for the next `times` calls.

    - status: `status` with the API's own error body; rate_limit: 429 with `Retry-After` as `retry_after` says.
    - html: `status` (502 makes sense) with a proxy's HTML page; html_200: the same page with 200.
    - redirect: 302 to another host.
    - hang: no answer until the client goes away; slow: half the body, `seconds`, the other half.
    - truncated: valid HTTP, half the JSON; reset: the announced length never arrives.
    - error_200: status 200 with `{"success": false, "error": …, "data": null}`; null_rows: the true answer, the rows
      null.
    - wrong_type: the envelope's rows are a number; wrong_row: the first row's fields are all lists.
    - huge: the true answer after `size` bytes of white space; gzip: the true answer compressed;
      gzip_bomb: `size` bytes of white space and the true answer, compressed; unknown_encoding: a coding nobody knows.
    """

    kind: FaultKind
    times: int = 1
    path: str = ""
    """Only calls whose path starts with this are hit, and only those count."""
    status: int = 500
    retry_after: RetryAfterForm = "seconds"
    seconds: float = 1.0
    size: int = 12_000_000


@dataclass
class Switches:
    """The open points of the four APIs, as this fake decides them."""

    # -------- every API
    strict: bool = True
    """An unknown parameter, filter, operator or body key is a 400 instead of being ignored."""
    latency: float = 0.0
    """Seconds before every answer."""
    faults: list[Fault] = field(default_factory=list)
    """What goes wrong next; the first one that fits a call is used and counted down. See `fail`."""
    rate_limit_every: int | None = None
    """Every so many-th call is answered 429."""
    rate_limit_form: RetryAfterForm = "seconds"
    rate_limit_seconds: float = 1.0
    whole_word_search: bool = False
    """Search matches whole words instead of parts of words (trap 2)."""
    ids: Literal["native", "int", "str"] = "native"
    """Numeric ids as the page shows them, as numbers, or as strings (WA.cr and AutoKonnect)."""
    ties: Literal["id_asc", "id_desc", "insertion"] = "id_asc"
    """What orders rows whose sort keys are equal."""
    missing_order: Literal["smallest", "largest"] = "smallest"
    """Where a missing sort key stands: as the smallest value (MySQL) or as the largest (PostgreSQL)."""
    range_ends: Literal["inclusive", "exclusive"] = "inclusive"
    """Whether a range includes its ends where the page does not say (Tether's ranges, WA.cr's between)."""
    now: datetime = DEMO_NOW
    """What "the last two hours" is counted from."""

    # -------- paging by number: Tether, WA.cr, AutoKonnect
    past_end: Literal["empty", "404", "last"] = "empty"
    """A page past the end (trap 12). Stage buckets are empty also under "404"."""
    max_page_size: int | None = None
    """Largest page; None means the documented one (100 for AskElephant and WA.cr, none for the others)."""
    oversize: Literal["lower", "error"] | None = None
    """A larger page size is silently lowered, or refused. None: refused where it is larger than documented, but for
    AskElephant, whose page says "capped"; lowered to a `max_page_size` that was set here."""
    reported_size: Literal["actual", "requested"] = "actual"
    """Which page size the envelope speaks of after lowering."""
    total_pages: Literal["actual", "requested", "absent"] = "actual"
    """The number of pages by the real page size, by the requested one, or not said (WA.cr, AutoKonnect)."""
    default_order: Literal["created_desc", "created_asc", "updated_desc", "insertion"] = "created_desc"
    """The order of the APIs that document none (Tether, AutoKonnect)."""

    # -------- Tether
    tether_envelope: Literal["both", "data.contacts", "data", "contacts"] = "both"
    """Where GET puts the contacts (trap 5)."""
    tether_total: Literal["both", "data", "top", "absent"] = "both"
    """Where GET puts the total (trap 5)."""
    created_by: Literal["id", "object"] = "id"
    assignees: Literal["ids", "objects"] = "ids"
    buckets_under: Literal["data", "dataByStatus"] = "data"
    buckets_keyed_by: Literal["name", "id"] = "name"
    buckets_order: Literal["pipeline", "reversed"] = "pipeline"
    """In which order the stages come: the page promises none, and some JSON writers put keys like "2024" first."""
    stage_id_by_name: Literal["full", "partial", "absent"] = "full"
    """Whether stageIdByName lists all stages, only the first (as the sample does), or is missing (trap 6)."""
    pipelines_marked: bool = True
    """Whether a pipeline says that it is the active one."""
    stage_name_by_id: Literal["full", "absent"] = "full"
    tether_list_envelope: Literal["data", "bare", "named"] = "data"
    """Users under `data`, as a bare array, or under their own name."""
    assignee_matches: Literal["contact", "conversation"] = "contact"
    """Whether `assignee` looks at the contact's assignees or at those of its conversations (stage buckets page)."""
    tether_pipelines: Literal["one", "one_bare", "data", "bare", "named", "named_in_data"] = "one"
    """The form of pipelines: the type's active one as one object, under `data` (the vendor's form) or bare; a list of
    all of the type under `data`, bare, under `pipelines`, or under that in `data`."""
    missing_endpoints: frozenset[str] = frozenset()
    """Paths that this installation does not have: 404."""

    # -------- AskElephant
    cursors: Literal["keyset", "id", "offset"] = "keyset"
    """keyset: (updated_at, id); id: the id alone, as in the sample cursor (trap 3); offset: a position that is valid
    only with the limit, order, search and filters it was made with, else 400."""
    cursor_lifetime: int | None = None
    """A cursor is refused once this many further calls have come in; 0 makes every cursor expired."""
    validation_status: Literal[400, 422] = 400
    """The status of a refused parameter (trap 4)."""
    credentials: Literal["either", "api_key", "oauth"] = "either"
    """api_key: the key alone; oauth: `Bearer <token>`; either: both are taken."""

    # -------- WA.cr
    unstable_ties: bool = False
    """Rows with equal sort keys swap places from call to call unless the sort holds `id`."""
    nulls: Literal["sql", "kept"] = "sql"
    """ne and not_in drop rows without a value, as SQL does, or keep them."""
    date_only_end: Literal["midnight", "end_of_day"] = "midnight"
    """Whether `lte=2025-12-31` and the end of between stop at that day's start or include the day (trap 9)."""
    collation: Literal["casefold", "binary"] = "casefold"
    """How names are sorted and types compared."""
    fields_hide_relations: bool = False
    """Whether `fields=` also leaves out an included relation that it does not name (trap 8)."""
    single_envelope: Literal["documented", "data", "bare"] = "documented"
    """One contact under `data` (WA.cr's way) or bare (AskElephant's way); no page shows either."""

    def fail(
        self,
        kind: FaultKind,
        times: int = 1,
        *,
        path: str = "",
        status: int = 500,
        retry_after: RetryAfterForm = "seconds",
        seconds: float = 1.0,
        size: int = 12_000_000,
    ) -> None:
        """Orders a `Fault` for the next `times` calls (those whose path starts with `path`)."""
        self.faults.append(Fault(kind, times, path, status, retry_after, seconds, size))

    def take_fault(self, path: str) -> Fault | None:
        """Returns the fault that hits a call to `path`, counted down, or None."""
        for fault in self.faults:
            if fault.times > 0 and path.startswith(fault.path):
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
                return fault
        return None

    def selection_key(self) -> Hashable:
        """Returns a key of the switches that decide which rows a query finds and in which order."""
        return (
            self.whole_word_search,
            self.ties,
            self.missing_order,
            self.range_ends,
            self.now,
            self.default_order,
            self.assignee_matches,
            self.nulls,
            self.date_only_end,
            self.collation,
        )
