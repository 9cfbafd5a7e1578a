"""AutoKonnect: GET /api/v1/contacts and GET /api/v1/contacts/tags (autokonnect-contacts-and-tags.txt)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from providers.apis.autokonnect.fake.rows import TAGS, contact_rows
from providers.fake_kit.errors import ApiError
from providers.fake_kit.made_up.people import DEFAULT_SEED, DemoPeople, records_of
from providers.fake_kit.matching import found, in_default_order
from providers.fake_kit.paging import page_size, window
from providers.fake_kit.parameters import Parameters
from providers.fake_kit.server import DEMO_CREDENTIAL, FakeApp, bearer, json_answer
from providers.fake_kit.store import Row, Store
from providers.fake_kit.switches import Switches

DEFAULT_LIMIT = 10
_KNOWN = frozenset({"page", "limit", "search"})
_SEARCHED = ("first_name", "last_name", "email", "phone_number", "phone_number_lid")


def autokonnect_app(
    people: DemoPeople | Sequence[Row] | int | None = None,
    *,
    token: str = DEMO_CREDENTIAL,
    switches: Switches | None = None,
    tags: Sequence[Row] = TAGS,
) -> AutokonnectFake:
    """Returns a fake AutoKonnect; `people` as for the other fakes. Tags are rows without `_count`."""
    rows = (
        list(people) if isinstance(people, Sequence) else contact_rows(records_of("autokonnect", people), DEFAULT_SEED)
    )
    return AutokonnectFake(rows, token, switches, tags)


class AutokonnectFake(FakeApp):
    """A fake AutoKonnect; `tags` may be changed between calls like `store`."""

    def __init__(self, rows: Sequence[Row], token: str, switches: Switches | None, tags: Sequence[Row]) -> None:
        super().__init__(
            [
                Route("/api/v1/contacts", self._contacts, methods=["GET"]),
                Route("/api/v1/contacts/tags", self._tags, methods=["GET"]),
            ],
            store=Store(rows),
            switches=switches,
            errors=_error,
            accepts=bearer(token),
        )
        self.tags = Store(tags)

    # ---------------------------------------------------------------- endpoints

    async def _contacts(self, request: Request) -> Response:
        parameters = self._known_parameters(request)
        rows = self._selected(self.store, parameters.text("search"), _searched)
        return self._page(rows, parameters, self._contact)

    async def _tags(self, request: Request) -> Response:
        parameters = self._known_parameters(request)
        rows = self._selected(self.tags, parameters.text("search"), lambda row: [row.get("name")])
        counts = self.store.view("tag counts", self._tag_counts)
        return self._page(
            rows, parameters, lambda row: {**row, **self._id(row), "_count": {"contact_tag": counts[row["id"]]}}
        )

    # ---------------------------------------------------------------- which rows

    def _known_parameters(self, request: Request) -> Parameters:
        parameters = self.parameters(request)
        parameters.refuse_unknown(_KNOWN, strict=self.switches.strict)
        return parameters

    def _selected(self, store: Store, search: str, searched: Callable[[Row], Sequence[object]]) -> list[Row]:
        whole_word = self.switches.whole_word_search

        def select() -> list[Row]:
            rows = [row for row in store.rows if not search or found(search, searched(row), whole_word=whole_word)]
            return in_default_order(store, rows, "created_at", "updated_at", self.switches)

        return store.view((search, self.switches.selection_key()), select)

    def _tag_counts(self) -> Counter[str]:
        return Counter(tag["id"] for row in self.store.rows for tag in row.get("tags") or [])

    # ---------------------------------------------------------------- how they are shown

    def _page(self, rows: list[Row], parameters: Parameters, shown: Callable[[Row], Row]) -> Response:
        asked = parameters.number("limit", DEFAULT_LIMIT)
        size = page_size(asked, "limit", self.switches, None)
        page = window(len(rows), parameters.number("page", 1), size, asked, self.switches)
        answer: Row = {"data": [shown(row) for row in rows[page.start : page.stop]], "currentPage": page.page}
        if page.total_pages is not None:
            answer["totalPages"] = page.total_pages
        answer["totalRecords"] = len(rows)
        return json_answer(answer)

    def _contact(self, row: Row) -> Row:
        if self.switches.ids != "int":
            return row
        tags = [{**tag, **self._id(tag)} for tag in row.get("tags") or []]
        return {**row, **self._id(row), "tags": tags}

    def _id(self, row: Row) -> Row:
        return {"id": int(row["id"]) if self.switches.ids == "int" else row["id"]}


def _searched(row: Row) -> list[object]:
    tags = row.get("tags") or []
    return [*(row.get(name) for name in _SEARCHED), *(tag.get("name") for tag in tags)]


def _error(error: ApiError) -> Response:
    return json_answer({"error": error.message}, error.status)
