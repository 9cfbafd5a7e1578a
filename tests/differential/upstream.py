"""Four small servers by the pages of the four APIs, with lies that can be told: one application a source.

They know what the gateway may send by those pages and refuse the rest. Their rows are changed between two pages.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.differential.people import Person, found_by, instant

MAXIMUM = {"tether": None, "askelephant": 100, "wacr": 100, "autokonnect": None}


class Lies:
    """What a source lies about. `total` is added to what it counts; `smaller` is the largest page it really gives.

    `fails`: the share of answers that are a failure instead, of the kinds in `kinds`. `past_end`: what a page beyond
    the last one is. `offsets`: a cursor is a number of rows.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self.rng = rng or random.Random(0)
        self.total = 0
        self.smaller: int | None = None
        self.fails = 0.0
        self.kinds: tuple[str, ...] = ()
        self.past_end = "empty"
        self.offsets = False


class Upstream(Starlette):
    """One source: `rows` in the API's own order, the newest first."""

    def __init__(self, source: str, rows: list[Person]) -> None:
        self.source = source
        self.rows = rows
        self.lies = Lies()
        self.calls = 0
        answer: Callable[[Request], Any] = getattr(self, f"_{source}")
        path = {"tether": "/api/contacts", "autokonnect": "/api/v1/contacts"}.get(source, "/v2/contacts")
        super().__init__(routes=[Route(path, self._or_failure(answer), methods=["GET"])])

    def _or_failure(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            self.calls += 1
            lies = self.lies
            if lies.fails and lies.rng.random() < lies.fails:
                return _failure(lies.rng.choice(lies.kinds))
            answered: Response = answer(request)
            return answered

        return endpoint

    # ---------------------------------------------------------------- the four APIs

    def _tether(self, request: Request) -> Response:
        given = _known(request, {"page", "size", "ownerFilter", "dateRange", "search"})
        if given.get("ownerFilter") != "all":
            return JSONResponse({"error": "only one's own contacts"}, 400)
        rows = self._searched(self.rows, given)
        if "dateRange" in given:
            span = json.loads(given["dateRange"])
            start, end = instant(span["start"]), instant(span["end"])
            rows = [row for row in rows if start <= row["created"] <= end]
        page, size = int(given.get("page", "1")), int(given.get("size", "50"))
        shown, found = self._page(rows, page, size)
        if shown is None:
            return JSONResponse({"error": "no such page"}, 404)
        contacts = [
            _without_none(
                {
                    "_id": row["id"],
                    "firstName": row["first"],
                    "lastName": row["last"],
                    "phoneNumber": row["phone"],
                    "email": row["email"],
                    "createdAt": _text(row["created"]),
                    "updatedAt": _text(row["updated"]),
                }
            )
            for row in shown
        ]
        data = {"contacts": contacts, "total": found, "page": page, "size": size}
        return JSONResponse({"success": True, "data": data, "meta": {}})

    def _autokonnect(self, request: Request) -> Response:
        given = _known(request, {"page", "limit", "search"})
        page, size = int(given.get("page", "1")), int(given.get("limit", "10"))
        shown, found = self._page(self._searched(self.rows, given), page, size)
        if shown is None:
            return JSONResponse({"error": "no such page"}, 404)
        data = [
            {
                "id": row["id"],
                "first_name": row["first"],
                "last_name": row["last"],
                "email": row["email"],
                "phone_number": row["phone"],
                "phone_number_lid": None,
                "profile_picture": None,
                "created_at": _text(row["created"]),
                "updated_at": _text(row["updated"]),
                "tags": [],
            }
            for row in shown
        ]
        pages = -(-found // size)
        return JSONResponse({"data": data, "currentPage": page, "totalPages": pages, "totalRecords": found})

    def _wacr(self, request: Request) -> Response:
        given = dict(request.query_params.multi_items())
        rows = self._searched(self.rows, given)
        fields = {"id": lambda row: int(row["id"]), "created_at": lambda row: row["created"]}
        fields |= {"updated_at": lambda row: row["updated"]}
        for name, value in given.items():
            if name.startswith("filter[created_at]["):
                operator = name.removeprefix("filter[created_at][").removesuffix("]")
                rows = [row for row in rows if _compares(operator, row["created"], instant(value))]
            elif name not in ("page", "per_page", "sort", "search", "include"):
                return JSONResponse({"success": False, "message": f"unknown {name}"}, 400)
        for key in reversed([each for each in given.get("sort", "id").split(",") if each]):
            if key.removeprefix("-") not in fields:
                return JSONResponse({"success": False, "message": f"cannot sort by {key}"}, 400)
            rows = sorted(rows, key=fields[key.removeprefix("-")], reverse=key.startswith("-"))
        page, size = int(given.get("page", "1")), int(given.get("per_page", "15"))
        if size > 100:
            return JSONResponse({"success": False, "message": "per_page is too large"}, 422)
        shown, found = self._page(rows, page, size)
        if shown is None:
            return JSONResponse({"success": False, "message": "no such page"}, 404)
        data = [
            {
                "id": int(row["id"]),
                "tenant_id": 1,
                "firstname": row["first"] or "",
                "lastname": row["last"] or "",
                "company": row["company"],
                "type": "lead",
                "email": row["email"],
                "phone": row["phone"],
                "group_id": [],
                "created_at": _text(row["created"]),
                "updated_at": _text(row["updated"]),
            }
            for row in shown
        ]
        pagination = {"total": found, "count": len(data), "per_page": size, "current_page": page}
        return JSONResponse({"success": True, "data": data, "meta": {"pagination": pagination}})

    def _askelephant(self, request: Request) -> Response:
        given = dict(request.query_params.multi_items())
        rows = self._searched(self.rows, given)
        for name, value in given.items():
            if name.startswith("filter[updated_at]["):
                operator = name.removeprefix("filter[updated_at][").removesuffix("]")
                rows = [row for row in rows if _compares(operator, row["updated"], instant(value))]
            elif name not in ("limit", "cursor", "order_by", "search"):
                return JSONResponse({"type": "about:blank", "status": 400, "title": f"unknown {name}"}, 400)
        descending = given.get("order_by", "updated_at:desc") == "updated_at:desc"
        rows = sorted(rows, key=lambda row: (row["updated"], row["id"]), reverse=descending)
        limit = int(given.get("limit", "25"))
        if not 1 <= limit <= 100:
            return JSONResponse({"status": 422, "title": "limit"}, 422)
        start = 0
        if "cursor" in given:
            token = json.loads(base64.urlsafe_b64decode(given["cursor"]))
            if self.lies.offsets:
                start = token["offset"]
            else:
                last = (instant(token["at"]), token["id"])
                passed = [
                    ((row["updated"], row["id"]) >= last if descending else (row["updated"], row["id"]) <= last)
                    for row in rows
                ]
                start = sum(passed)
        largest = min(limit, self.lies.smaller or limit)
        shown = rows[start : start + largest]
        more = start + largest < len(rows)
        following = None
        if more:
            token = {"at": _text(shown[-1]["updated"]), "id": shown[-1]["id"], "offset": start + largest}
            following = base64.urlsafe_b64encode(json.dumps(token).encode()).decode()
        data = [
            {
                "object": "contact",
                "id": row["id"],
                "first_name": row["first"],
                "last_name": row["last"],
                "emails": [{"email": row["email"], "is_primary": True}] if row["email"] else [],
                "phone_numbers": [{"phone_number": row["phone"], "is_primary": True}] if row["phone"] else [],
                "created_at": _text(row["created"]),
                "updated_at": _text(row["updated"]),
            }
            for row in shown
        ]
        return JSONResponse({"object": "list", "data": data, "has_more": more, "next_cursor": following})

    # ---------------------------------------------------------------- what they share

    def _searched(self, rows: list[Person], given: dict[str, str]) -> list[Person]:
        search = given.get("search")
        return [row for row in rows if not search or found_by(self.source, search, row)]

    def _page(self, rows: list[Person], page: int, size: int) -> tuple[list[Person] | None, int]:
        """Returns the rows of a page, None for one that is not there, and the total that is told."""
        size = min(size, self.lies.smaller or size)
        start = (page - 1) * size
        told = max(0, len(rows) + self.lies.total)
        if start >= len(rows) and page > 1:
            if self.lies.past_end == "404":
                return None, told
            if self.lies.past_end == "last":
                start = max(0, (len(rows) - 1) // size * size)
        return rows[start : start + size], told


def _known(request: Request, names: set[str]) -> dict[str, str]:
    given = dict(request.query_params.multi_items())
    if unknown := given.keys() - names:
        raise AssertionError(f"the gateway sent {unknown}")
    return given


def _failure(kind: str) -> Response:
    match kind:
        case "503":
            return Response("<html>busy</html>", 503, {"content-type": "text/html"})
        case "error in 200":
            return JSONResponse({"success": False, "error": "Internal error", "data": None})
        case "404":
            return JSONResponse({"error": "not found"}, 404)
        case _:
            return JSONResponse({"error": "broken"}, 500)


def _compares(operator: str, found: datetime, operand: datetime) -> bool:
    return {"gt": found > operand, "gte": found >= operand, "lt": found < operand, "lte": found <= operand}[operator]


def _text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_none(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
