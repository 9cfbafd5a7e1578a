"""AskElephant public API v2: GET /v2/contacts (askelephant-list-contacts.txt) and GET /v2/contacts/{id}."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from operator import ge, gt, le, lt

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from providers.apis.askelephant.fake import cursor as askelephant_cursor
from providers.apis.askelephant.fake.cursor import Listing
from providers.apis.askelephant.fake.rows import contact_rows
from providers.fake_kit.errors import ApiError
from providers.fake_kit.made_up.people import DEFAULT_SEED, DemoPeople, records_of
from providers.fake_kit.matching import found, moment, ordered, text
from providers.fake_kit.paging import page_size
from providers.fake_kit.parameters import Parameters
from providers.fake_kit.server import DEMO_CREDENTIAL, FakeApp, bearer, json_answer
from providers.fake_kit.store import Row, Store
from providers.fake_kit.switches import Switches

API_VERSION = "2026-06-01"
DEFAULT_LIMIT = 25
LARGEST_LIMIT = 100
MOST_ASSOCIATIONS = 20

_ORDERS = {"updated_at:desc": True, "updated_at:asc": False}
_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_ASSOCIATIONS = "filter[crm_associations][eq]"
_INDEXED = re.compile(r"filter\[crm_associations\]\[eq\]\[(\d{1,3})\]\[(id|object_type)\]")
_KNOWN = frozenset(
    ["limit", "cursor", "search", "order_by", _ASSOCIATIONS, *(f"filter[updated_at][{op}]" for op in _COMPARISONS)]
)
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
}


def askelephant_app(
    people: DemoPeople | Sequence[Row] | int | None = None,
    *,
    token: str = DEMO_CREDENTIAL,
    switches: Switches | None = None,
) -> AskElephantFake:
    """Returns a fake AskElephant; `people` as for the other fakes.

    `token` is taken alone (an API key) and after `Bearer` (an OAuth token), unless `Switches.credentials` says one.
    """
    rows = (
        list(people) if isinstance(people, Sequence) else contact_rows(records_of("askelephant", people), DEFAULT_SEED)
    )
    return AskElephantFake(rows, token, switches)


class AskElephantFake(FakeApp):
    """A fake AskElephant."""

    def __init__(self, rows: Sequence[Row], token: str, switches: Switches | None) -> None:
        self._token = token
        super().__init__(
            [
                Route("/v2/contacts", self._list, methods=["GET"]),
                Route("/v2/contacts/{id}", self._one, methods=["GET"]),
            ],
            store=Store(rows),
            switches=switches,
            errors=self._problem,
            accepts=self._accepted,
            headers={"X-Api-Version": API_VERSION},
        )

    # ---------------------------------------------------------------- endpoints

    async def _list(self, request: Request) -> Response:
        parameters = self.parameters(request)
        status = self.switches.validation_status
        plain = Parameters([pair for pair in parameters.pairs if not _INDEXED.fullmatch(pair[0])])
        plain.refuse_unknown(_KNOWN, strict=self.switches.strict, status=status)
        asked = parameters.number("limit", DEFAULT_LIMIT, status=status)
        limit = page_size(asked, "limit", self.switches, LARGEST_LIMIT, status=status, capped=True)
        order = parameters.text("order_by") or "updated_at:desc"
        if order not in _ORDERS:
            raise self._refused("order_by", "must be updated_at:desc or updated_at:asc")
        search = parameters.text("search")
        bounds = self._bounds(parameters)
        associated = self._associated(parameters)
        listing = Listing(limit, _ORDERS[order], (search, bounds, associated))
        rows = self._selected(search, bounds, associated, listing.descending)
        cursor = parameters.text("cursor")
        call = len(self.calls)
        start = askelephant_cursor.start_of(cursor, listing, rows, self.store, call, self.switches) if cursor else 0
        page = rows[start : start + limit]
        has_more = start + limit < len(rows)
        following = None
        if has_more:
            following = askelephant_cursor.write(listing, page[-1], start + limit, call, self.switches)
        return json_answer({"object": "list", "data": page, "has_more": has_more, "next_cursor": following})

    async def _one(self, request: Request) -> Response:
        row = self.store.get(request.path_params["id"])
        if row is None:
            raise ApiError(404, "no such contact", code="not_found")
        self.parameters(request).refuse_unknown((), strict=self.switches.strict)
        tag = f'"{hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:24]}"'
        sent = [value.strip().removeprefix("W/") for value in request.headers.get("if-none-match", "").split(",")]
        if tag in sent or "*" in sent:
            return Response(status_code=304, headers={"ETag": tag})
        return json_answer({"data": row} if self.switches.single_envelope == "data" else row, headers={"ETag": tag})

    # ---------------------------------------------------------------- what is asked

    def _bounds(self, parameters: Parameters) -> tuple[tuple[str, datetime], ...]:
        bounds: list[tuple[str, datetime]] = []
        for operator in _COMPARISONS:
            name = f"filter[updated_at][{operator}]"
            value = parameters.text(name)
            if not value:
                continue
            bound = moment(value)
            # "the provided ISO-8601 UTC timestamp": a date alone or another offset is none
            if (
                bound is None
                or "T" not in value
                or not value.endswith(("Z", "+00:00"))
                or bound.utcoffset() != timedelta()
            ):
                raise self._refused(name, "must be an ISO-8601 UTC timestamp")
            bounds.append((operator, bound))
        return tuple(bounds)

    def _associated(self, parameters: Parameters) -> frozenset[str]:
        """Returns the CRM ids asked for, from the JSON array and the indexed form alike; empty when none was sent."""
        sent: list[object] = []
        written = parameters.text(_ASSOCIATIONS)
        if written:
            try:
                decoded = json.loads(written)
            except ValueError:
                decoded = None
            if not isinstance(decoded, list):
                raise self._refused(_ASSOCIATIONS, "must be a JSON array of objects")
            sent = decoded
        indexed: dict[int, dict[str, str]] = {}
        for name, value in parameters.pairs:
            match = _INDEXED.fullmatch(name)
            if match:
                indexed.setdefault(int(match[1]), {})[match[2]] = value
        sent += indexed.values()
        if len(sent) > MOST_ASSOCIATIONS:
            raise self._refused(_ASSOCIATIONS, f"supports up to {MOST_ASSOCIATIONS} objects")
        for item in sent:
            if not isinstance(item, dict) or set(item) != {"id", "object_type"} or item["object_type"] != "contact":
                raise self._refused(_ASSOCIATIONS, "needs id and object_type=contact")
        return frozenset(str(item["id"]) for item in sent if isinstance(item, dict))

    def _selected(
        self, search: str, bounds: tuple[tuple[str, datetime], ...], associated: frozenset[str], descending: bool
    ) -> list[Row]:
        switches = self.switches

        def wanted(row: Row) -> bool:
            updated = moment(row.get("updated_at"))
            return (
                all(updated is not None and _COMPARISONS[operator](updated, bound) for operator, bound in bounds)
                and (not associated or str((row.get("crm_association") or {}).get("id")) in associated)
                and (not search or found(search, _searched(row), whole_word=switches.whole_word_search))
            )

        def select() -> list[Row]:
            return ordered(
                filter(wanted, self.store.rows),
                [(lambda row: moment(row.get("updated_at")), descending)],
                id_field="id",
                ties=switches.ties,
                missing=switches.missing_order,
            )

        return self.store.view((search, bounds, associated, descending, switches.selection_key()), select)

    # ---------------------------------------------------------------- refusals

    def _accepted(self, header: str | None) -> bool:
        kinds = self.switches.credentials
        return (kinds != "oauth" and header == self._token) or (kinds != "api_key" and bearer(self._token)(header))

    def _refused(self, field: str, message: str) -> ApiError:
        return ApiError(self.switches.validation_status, f"{field} {message}", field=field, code="invalid")

    def _problem(self, error: ApiError) -> Response:
        title = _TITLES.get(error.status, "Error")
        content: Row = {
            "type": f"https://errors.example.com/{title.lower().replace(' ', '-')}",
            "title": title,
            "status": error.status,
            "detail": error.message,
            "request_id": f"req_{len(self.calls):08d}",
        }
        if error.field is not None:
            content["errors"] = [{"field": error.field, "code": error.code, "message": error.message}]
        headers = {"WWW-Authenticate": 'Bearer realm="askelephant"'} if error.status == 401 else {}
        body = json.dumps(content, ensure_ascii=False)
        return Response(body, error.status, headers, media_type="application/problem+json")


def _searched(row: Row) -> list[str]:
    """Returns the full name and the e-mail addresses: the page names nothing else."""
    name = f"{text(row.get('first_name'))} {text(row.get('last_name'))}".strip()
    emails = row.get("emails")
    addresses = (
        [text(entry.get("email")) for entry in emails if isinstance(entry, dict)] if isinstance(emails, list) else []
    )
    return [name, *addresses]
