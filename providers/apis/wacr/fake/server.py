"""WA.cr APP API v2: GET /v2/contacts (wacr-list-contacts.txt), GET /v2/contacts/{id} and GET /v2/groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from providers.apis.wacr.fake.query import SORTS, condition_test, conditions, is_filter, sort_fields, sort_keys
from providers.apis.wacr.fake.rows import GROUPS, SOURCES, STATUSES, contact_rows
from providers.fake_kit.errors import ApiError
from providers.fake_kit.made_up.people import DEFAULT_SEED, DemoPeople, records_of
from providers.fake_kit.matching import found, ordered
from providers.fake_kit.paging import page_size, window
from providers.fake_kit.parameters import Parameters
from providers.fake_kit.server import DEMO_CREDENTIAL, FakeApp, bearer, json_answer
from providers.fake_kit.store import Row, Store
from providers.fake_kit.switches import Switches

DEFAULT_PER_PAGE = 15
LARGEST_PER_PAGE = 100

CRITICAL_FIELDS = (
    "id",
    "tenant_id",
    "created_at",
    "updated_at",
    "type",
    "status_id",
    "source_id",
    "phone",
    "description",
    "city",
    "state",
    "zip",
    "address",
    "country_id",
    "assigned_id",
    "group_id",
    "is_opted_out",
    "firstname",
    "lastname",
    "company",
)
"""They always come, whatever `fields` says (trap 8)."""
RELATIONS = ("groups", "source", "status")

_PAGING = {"page", "per_page", "sort", "search", "q"}
_SEARCHED = ("firstname", "lastname", "email", "phone", "company")
_GROUP_SORTS = ("name", "created_at", "updated_at")


def wacr_app(
    people: DemoPeople | Sequence[Row] | int | None = None,
    *,
    token: str = DEMO_CREDENTIAL,
    switches: Switches | None = None,
    groups: Sequence[Row] = GROUPS,
    sources: Sequence[Row] = SOURCES,
    statuses: Sequence[Row] = STATUSES,
) -> WacrFake:
    """Returns a fake WA.cr; `people` as for the other fakes. Rows hold `email` and no relations."""
    rows = list(people) if isinstance(people, Sequence) else contact_rows(records_of("wacr", people), DEFAULT_SEED)
    return WacrFake(rows, token, switches, groups, sources, statuses)


class WacrFake(FakeApp):
    """A fake WA.cr; `groups` may be changed between calls like `store`."""

    def __init__(
        self,
        rows: Sequence[Row],
        token: str,
        switches: Switches | None,
        groups: Sequence[Row],
        sources: Sequence[Row],
        statuses: Sequence[Row],
    ) -> None:
        super().__init__(
            [
                Route("/v2/contacts", self._list, methods=["GET"]),
                Route("/v2/contacts/{id}", self._one, methods=["GET"]),
                Route("/v2/groups", self._groups, methods=["GET"]),
            ],
            store=Store(rows),
            switches=switches,
            errors=_error,
            accepts=bearer(token),
        )
        self.groups = Store(groups)
        self.sources = {row["id"]: row for row in sources}
        self.statuses = {row["id"]: row for row in statuses}

    # ---------------------------------------------------------------- endpoints

    async def _list(self, request: Request) -> Response:
        parameters = self.parameters(request)
        strict = self.switches.strict
        plain = Parameters([pair for pair in parameters.pairs if not is_filter(pair[0])])
        plain.refuse_unknown(_PAGING | {"include", "fields"}, strict=strict)
        wanted = conditions(parameters, strict=strict)
        tests = [condition_test(condition, self.switches) for condition in wanted]
        search = parameters.text("search") or parameters.text("q")
        sort = sort_fields(parameters.text("sort"), SORTS, strict=strict)

        def select(row: Row) -> bool:
            return all(test(row) for test in tests) and (not search or self._matches(row, search, _SEARCHED))

        rows = self._ordered(self.store, (wanted, search), select, sort)
        return self._page(rows, parameters, *self._shape(parameters))

    async def _one(self, request: Request) -> Response:
        parameters = self.parameters(request)
        parameters.refuse_unknown({"include", "fields"}, strict=self.switches.strict)
        shape = self._shape(parameters)
        row = self.store.get(request.path_params["id"])
        if row is None:
            raise ApiError(404, "Contact not found", code="not_found")
        shown = self._shown(row, *shape)
        return json_answer(shown if self.switches.single_envelope == "bare" else {"success": True, "data": shown})

    async def _groups(self, request: Request) -> Response:
        parameters = self.parameters(request)
        parameters.refuse_unknown(_PAGING - {"q"}, strict=self.switches.strict)
        search = parameters.text("search")
        sort = sort_fields(parameters.text("sort"), _GROUP_SORTS, strict=self.switches.strict)

        def select(row: Row) -> bool:
            return not search or self._matches(row, search, ("name",))

        return self._page(self._ordered(self.groups, search, select, sort), parameters)

    # ---------------------------------------------------------------- which rows

    def _matches(self, row: Row, search: str, fields: Sequence[str]) -> bool:
        return found(search, (row.get(name) for name in fields), whole_word=self.switches.whole_word_search)

    def _ordered(self, store: Store, key: Any, select: Any, sort: tuple[tuple[str, bool], ...]) -> list[Row]:
        """Returns the selected rows in order; ties are the switch's, or change from call to call."""
        switches = self.switches
        ties = switches.ties
        if switches.unstable_ties and "id" not in dict(sort):
            ties = "id_asc" if len(self.calls) % 2 else "id_desc"

        def build() -> list[Row]:
            return ordered(
                filter(select, store.rows),
                sort_keys(sort, switches),
                id_field="id",
                ties=ties,
                missing=switches.missing_order,
            )

        return store.view((key, sort, ties, switches.selection_key()), build)

    # ---------------------------------------------------------------- how they are shown

    def _shape(self, parameters: Parameters) -> tuple[frozenset[str], frozenset[str]]:
        """Returns the fields to show and the relations to include. Raises ApiError (400) for unknown ones if strict."""
        include = frozenset(parameters.texts("include"))
        asked = frozenset(parameters.texts("fields"))
        for name, given, known in (
            ("include", include, frozenset(RELATIONS)),
            ("fields", asked, frozenset([*CRITICAL_FIELDS, "email", *RELATIONS])),
        ):
            unknown = sorted(given - known)
            if unknown and self.switches.strict:
                raise ApiError(400, f"unknown {name} {unknown[0]}", field=name, code=f"unknown_{name}")
        if asked and self.switches.fields_hide_relations:
            include &= asked
        return asked, include & frozenset(RELATIONS)

    def _page(
        self,
        rows: list[Row],
        parameters: Parameters,
        fields: frozenset[str] = frozenset(),
        include: frozenset[str] = frozenset(),
    ) -> Response:
        asked = parameters.number("per_page", DEFAULT_PER_PAGE)
        size = page_size(asked, "per_page", self.switches, LARGEST_PER_PAGE, status=422)
        page = window(len(rows), parameters.number("page", 1), size, asked, self.switches)
        data = [self._shown(row, fields, include) for row in rows[page.start : page.stop]]
        pagination: Row = {
            "total": len(rows),
            "count": len(data),
            "per_page": page.reported_size,
            "current_page": page.page,
            "has_more": page.has_more,
        }
        if page.total_pages is not None:
            pagination["total_pages"] = page.total_pages
        return json_answer({"success": True, "data": data, "meta": {"pagination": pagination}})

    def _shown(self, row: Row, fields: frozenset[str], include: frozenset[str]) -> Row:
        shown = {name: value for name, value in row.items() if name != "email" or not fields or "email" in fields}
        if self.switches.ids == "str":
            shown["id"] = str(row["id"])
        if "groups" in include:
            known = (self.groups.get(number) for number in row.get("group_id") or [])
            shown["groups"] = [_named(group) for group in known if group is not None]
        if "source" in include:
            shown["source"] = _named(self.sources.get(row.get("source_id")))
        if "status" in include:
            shown["status"] = _named(self.statuses.get(row.get("status_id")))
        return shown


def _named(row: Row | None) -> Row | None:
    return None if row is None else {name: row.get(name) for name in ("id", "name", "color")}


def _error(error: ApiError) -> Response:
    content: Row = {"success": False, "message": error.message}
    if error.field is not None:
        content["errors"] = {error.field: [error.message]}
    return json_answer(content, error.status)
