"""Tether: GET and POST /api/contacts as on the reference pages; one stage, pipelines, users: docs/TRAPS.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from providers.apis.tether.fake.query import (
    GET_PARAMETERS,
    ContactQuery,
    Team,
    check_scope,
    meets,
    query_of_buckets,
    query_of_list,
)
from providers.apis.tether.fake.rows import PIPELINES, USERS, application_rows, contact_rows
from providers.fake_kit.errors import ApiError
from providers.fake_kit.made_up.people import DEFAULT_SEED, DemoPeople, records_of
from providers.fake_kit.matching import in_default_order
from providers.fake_kit.paging import page_size, window
from providers.fake_kit.parameters import json_object, text_list, whole_number
from providers.fake_kit.server import DEMO_CREDENTIAL, FakeApp, bearer, json_answer
from providers.fake_kit.store import Row, Store
from providers.fake_kit.switches import Switches

DEFAULT_SIZE = 50


def tether_app(
    people: DemoPeople | Sequence[Row] | int | None = None,
    *,
    token: str = DEMO_CREDENTIAL,
    switches: Switches | None = None,
    pipelines: Sequence[Row] = PIPELINES,
    users: Sequence[Row] = USERS,
    caller: str | None = None,
) -> TetherFake:
    """Returns a fake Tether.

    `people`: made-up people, rows in the API's own form, a number of made-up contacts, or None for the demo's own.
    `caller` is the user id that the token belongs to (the first user when not given): `ownerFilter=my` is theirs.
    """
    if isinstance(people, Sequence):
        rows = list(people)
        applications: list[Row] = []
    else:
        rows = contact_rows(records_of("tether", people), DEFAULT_SEED)
        applications = application_rows(12, DEFAULT_SEED)
    return TetherFake(rows, applications, token, switches, list(pipelines), list(users), caller)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage that a request asks for: its name, its id when known, and whether rows are chosen by the id."""

    name: str
    id: str | None
    by_id: bool


class TetherFake(FakeApp):
    """A fake Tether; `pipelines`, `users` and `applications` may be changed between calls like `store`."""

    def __init__(
        self,
        rows: Sequence[Row],
        applications: Sequence[Row],
        token: str,
        switches: Switches | None,
        pipelines: list[Row],
        users: list[Row],
        caller: str | None,
    ) -> None:
        super().__init__(
            [
                Route("/api/contacts", self._list, methods=["GET"]),
                Route("/api/contacts", self._buckets, methods=["POST"]),
                Route("/api/contacts/status", self._one_stage, methods=["POST"]),
                Route("/api/pipelines", self._pipelines, methods=["GET"]),
                Route("/api/user/list", self._users, methods=["GET"]),
            ],
            store=Store(rows, "_id"),
            switches=switches,
            errors=_error,
            accepts=bearer(token),
        )
        self.pipelines = list(pipelines)
        self.users = users
        self.applications = Store(applications, "_id")
        self.caller = caller if caller is not None else users[0]["_id"] if users else ""

    # ---------------------------------------------------------------- endpoints

    async def _list(self, request: Request) -> Response:
        parameters = self.parameters(request)
        parameters.refuse_unknown(GET_PARAMETERS, strict=self.switches.strict)
        page = parameters.number("page", 1)
        size = parameters.number("size", DEFAULT_SIZE)
        return self._page(self._selected(self.store, query_of_list(parameters)), page, size)

    async def _buckets(self, request: Request) -> Response:
        body = await _body(request)
        query = query_of_buckets(body, strict=self.switches.strict)
        pages = json_object("page", body.get("page") or {})
        asked = _number(body, "size", DEFAULT_SIZE)
        size = page_size(asked, "size", self.switches, None)
        stages, pipeline = self._stages(body)
        if self.switches.buckets_order == "reversed":
            stages = stages[::-1]
        buckets: dict[str, Any] = {}
        for stage in stages:
            rows = self._in_stage(body, query, stage, pipeline)
            page = whole_number("page", next((pages[key] for key in (stage.id, stage.name) if key in pages), 1))
            shown = window(len(rows), page, size, asked, self.switches, may_be_missing=False)
            key = stage.id if self.switches.buckets_keyed_by == "id" and stage.id else stage.name
            contacts = [self._shown(row) for row in rows[shown.start : shown.stop]]
            buckets[key] = {"contacts": contacts, "total": len(rows)}
        named = {stage.name: stage.id for stage in stages if stage.id}
        answer: dict[str, Any] = {"success": True, self.switches.buckets_under: buckets}
        if self.switches.stage_id_by_name != "absent":
            listed = len(named) if self.switches.stage_id_by_name == "full" else 1
            answer["stageIdByName"] = dict(list(named.items())[:listed])
        if self.switches.stage_name_by_id == "full":
            answer["stageNameById"] = {stage_id: name for name, stage_id in named.items()}
        return json_answer(answer)

    async def _one_stage(self, request: Request) -> Response:
        body = await _body(request)
        if not body.get("status"):
            raise ApiError(400, "status is required", field="status")
        query = query_of_buckets(body, strict=self.switches.strict)
        stages, pipeline = self._stages(body)
        rows = [row for stage in stages for row in self._in_stage(body, query, stage, pipeline)]
        return self._page(rows, _number(body, "page", 1), _number(body, "size", DEFAULT_SIZE))

    async def _pipelines(self, request: Request) -> Response:
        parameters = self.parameters(request)
        parameters.refuse_unknown({"type"}, strict=self.switches.strict)
        kind = parameters.text("type") or "Contact"
        unmarked = set() if self.switches.pipelines_marked else {"isActive"}
        shown = [
            {key: value for key, value in pipeline.items() if key not in unmarked}
            for pipeline in self.pipelines
            if pipeline["type"] == kind
        ]
        return _pipelines_in(self.switches.tether_pipelines, shown)

    async def _users(self, request: Request) -> Response:
        self.parameters(request).refuse_unknown((), strict=self.switches.strict)
        return self._listed("users", self.users)

    # ---------------------------------------------------------------- which rows

    def _team(self) -> Team:
        teams = {user["_id"]: user.get("team") for user in self.users}
        own = teams.get(self.caller)
        members = frozenset(user for user, team in teams.items() if team == own)
        return Team(self.caller, members, frozenset(teams))

    def _selected(self, store: Store, query: ContactQuery) -> list[Row]:
        team = self._team()
        check_scope(query, team, strict=self.switches.strict)

        def select() -> list[Row]:
            rows = [row for row in store.rows if meets(row, query, team, self.switches)]
            return in_default_order(store, rows, "createdAt", "updatedAt", self.switches)

        return store.view((query, team, self.switches.selection_key()), select)

    def _in_stage(self, body: Row, query: ContactQuery, stage: Stage, pipeline: Row | None) -> list[Row]:
        store = self.applications if body.get("pipelineType") == "Application" else self.store
        pipeline_id = pipeline["_id"] if pipeline else body.get("pipelineId") or ""
        if stage.by_id:
            return self._selected(store, replace(query, pipeline_id=pipeline_id, pipeline_stage=stage.id or ""))
        return self._selected(store, replace(query, pipeline_id=pipeline_id, status=stage.name))

    def _stages(self, body: Row) -> tuple[list[Stage], Row | None]:
        """Returns the stages that a POST asks for, in its order or the pipeline's, and their pipeline if it exists.

        Rows are chosen by the stage's name unless the request brings the id (`stageIdByName`, or `status` as an id).
        """
        kind = body.get("pipelineType") or "Contact"
        if kind not in ("Contact", "Application"):
            raise ApiError(400, "pipelineType must be Contact or Application", field="pipelineType")
        pipeline = self._pipeline(kind, body.get("pipelineId"))
        listed = [(stage["name"], stage["_id"]) for stage in pipeline["pipelineStages"]] if pipeline else []
        known = dict(listed)
        brought = json_object("stageIdByName", body.get("stageIdByName") or {})
        names = text_list("stages", body.get("stages") or [])
        asked = [(name, known.get(name)) for name in names] or listed
        stages = [Stage(name, brought.get(name, native_id), name in brought) for name, native_id in asked]
        status = body.get("status")
        if not status:
            return stages, pipeline
        single = [stage for stage in stages if status in (stage.name, stage.id)]
        return [replace(stage, by_id=stage.by_id or stage.id == status) for stage in single], pipeline

    def _pipeline(self, kind: str, pipeline_id: str | None) -> Row | None:
        of_kind = [pipeline for pipeline in self.pipelines if pipeline["type"] == kind]
        if pipeline_id:
            return next((pipeline for pipeline in of_kind if pipeline["_id"] == pipeline_id), None)
        return next((pipeline for pipeline in of_kind if pipeline.get("isActive")), None)

    # ---------------------------------------------------------------- how they are shown

    def _page(self, rows: list[Row], page: int, asked: int) -> Response:
        size = page_size(asked, "size", self.switches, None)
        shown = window(len(rows), page, size, asked, self.switches)
        contacts = [self._shown(row) for row in rows[shown.start : shown.stop]]
        numbers = {"page": shown.page, "size": shown.reported_size}
        envelope, total = self.switches.tether_envelope, self.switches.tether_total
        answer: dict[str, Any] = {"success": True, "meta": {}}
        inner: dict[str, Any] = dict(numbers)
        if envelope in ("both", "data.contacts"):
            inner["contacts"] = contacts
        if total in ("both", "data"):
            inner["total"] = len(rows)
        answer["data"] = contacts if envelope == "data" else inner
        if envelope in ("both", "contacts"):
            answer["contacts"] = contacts
        if total in ("both", "top") or (envelope == "data" and total == "data"):
            answer["total"] = len(rows)  # an array has no place for it
        return json_answer(answer)

    def _shown(self, row: Row) -> Row:
        """Returns a contact with `createdBy` and `assignees` as ids or as objects (trap 5)."""
        changed: Row = {}
        if self.switches.created_by == "object" and row.get("createdBy"):
            changed["createdBy"] = self._person(row["createdBy"])
        if self.switches.assignees == "objects" and isinstance(row.get("assignees"), list):
            changed["assignees"] = [self._person(user) for user in row["assignees"]]
        return {**row, **changed} if changed else row

    def _person(self, user_id: str) -> Row:
        name = next((user.get("fullName") for user in self.users if user["_id"] == user_id), None)
        return {"_id": user_id, "fullName": name}

    def _listed(self, name: str, rows: list[Row]) -> Response:
        envelope = self.switches.tether_list_envelope
        if envelope == "bare":
            return json_answer(rows)
        return json_answer({"success": True, name if envelope == "named" else "data": rows})


def _pipelines_in(form: str, rows: list[Row]) -> Response:
    if form in ("one", "one_bare"):
        one = next((row for row in rows if row.get("isActive")), rows[0] if rows else None)
        return json_answer(one if form == "one_bare" and one else {"success": True, "data": one})
    if form == "bare":
        return json_answer(rows)
    inner: Any = {"pipelines": rows} if form == "named_in_data" else rows
    return json_answer({"success": True, "pipelines" if form == "named" else "data": inner})


async def _body(request: Request) -> Row:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "the body must be a JSON object")
    return body


def _number(body: Row, name: str, default: int) -> int:
    value = body.get(name)
    return default if value is None else whole_number(name, value)


def _error(error: ApiError) -> Response:
    return json_answer({"error": error.message}, error.status)
