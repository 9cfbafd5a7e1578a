"""Tether's requests: the flat list (GET), the stage buckets (POST), pipelines and users.

GET and POST /api/contacts take different parameters. A query is a GET as long as all of it can be said there; a search,
or a parameter that only POST has, makes it stage buckets (DESIGN.md 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from providers.apis.tether import filters
from providers.apis.tether.capabilities import CAPABILITIES, CAPABILITIES_WITH_GET_SEARCH
from providers.apis.tether.decode import TetherDetails, contacts_page, details, own_values
from providers.apis.tether.decode_buckets import buckets_page
from providers.apis.tether.decode_workspace import stages, users
from providers.apis.tether.parameters import body_members, query_parameters
from providers.settings import SourceSettings
from providers.spi.capabilities import Capabilities
from providers.spi.page import BucketPage, Page, Stage
from providers.spi.provider import FilterRefused, PageAt, PageNumber, Pipeline, Provider
from providers.spi.pushdown import PushDown, take
from providers.spi.query import Condition, ListQuery, Operator
from providers.spi.record import ContactRecord, PipelineType, SourceRecord, UserRecord
from providers.spi.request import Request, Response

CONTACTS = "/api/contacts"
PIPELINES = "/api/pipelines"
USERS = "/api/user/list"


class Tether(Provider):
    """Tether's API. `search_via` in a source's settings says whether a search goes through POST or GET."""

    def __init__(self, settings: SourceSettings) -> None:
        self._search_by_post = settings.search_via == "post"
        self.capabilities: Capabilities = CAPABILITIES if self._search_by_post else CAPABILITIES_WITH_GET_SEARCH

    # ---------------------------------------------------------------- filters

    def push_down(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        """Splits the conditions. Raises FilterRefused for what no request can say and no record can tell."""
        wanted = _effective(conditions)
        return self._split(wanted, self._needs_post(wanted, search))

    def push_down_to_buckets(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        """Splits the conditions for a POST. Raises FilterRefused for what it cannot say and no record can tell."""
        return self._split(_effective(conditions), post=True)

    def _split(self, wanted: tuple[Condition, ...], post: bool) -> PushDown:
        fields = {condition.field for condition in wanted}
        _refuse_contradictions(wanted, post)
        here = _judged_here(fields, post)
        split = take(self.capabilities, tuple(condition for condition in wanted if condition.field not in here))
        for condition in split.left:
            if (
                condition.field.startswith("tether.")
                and condition.field not in filters.ON_THE_RECORD
                and not split.never
            ):
                raise FilterRefused(f"{condition.field}: Tether takes one value a request; ask for them apart")
        left = split.left + tuple(condition for condition in wanted if condition.field in here)
        return msgspec.structs.replace(split, left=left)

    def needs_buckets(self, query: ListQuery) -> bool:
        """Returns whether the query holds a search or a parameter that only the stage buckets (POST) have."""
        return self._needs_post(query.conditions, query.search)

    def _needs_post(self, conditions: tuple[Condition, ...], search: str | None) -> bool:
        return bool(search and self._search_by_post) or any(map(_post_only, conditions))

    def own_values(self, record: ContactRecord, field: str) -> Sequence[object]:
        """Returns the record's values for a field of TetherFilter. Raises FilterRefused when it cannot tell."""
        return own_values(record, field)

    # ---------------------------------------------------------------- contacts

    def contacts_request(self, query: ListQuery, at: PageAt) -> Request:
        """Returns the GET for one page. Everybody's contacts, unless the query says otherwise (trap 1)."""
        if not isinstance(at, PageNumber):
            raise TypeError("Tether pages by number")
        if self.needs_buckets(query):
            raise TypeError("this query can only be asked as stage buckets")
        params = [("page", str(at.page)), ("size", str(at.size)), *query_parameters(query.conditions)]
        if query.search:
            params.append(("search", query.search))
        return Request("GET", CONTACTS, tuple(params))

    def contacts_page(self, response: Response, source: SourceRecord) -> Page:
        """Returns the decoded page. Raises InvalidAnswer."""
        return contacts_page(response.body, source)

    def details(self, record: ContactRecord) -> TetherDetails:
        """Returns what only Tether has."""
        return details(record)

    # ---------------------------------------------------------------- stages and users

    def stages_request(self, pipeline: Pipeline) -> Request:
        """Returns the request for all pipelines of the type: no request for a single one is documented."""
        return Request("GET", PIPELINES, (("type", pipeline.type.value),), may_be_missing=True)

    def stages(self, response: Response, pipeline: Pipeline) -> list[Stage]:
        """Returns the stages in the pipeline's order, none when there is no such pipeline. Raises InvalidAnswer."""
        return stages(response.body, pipeline)

    def buckets_request(
        self,
        query: ListQuery,
        pages: Mapping[str, int],
        size: int,
        pipeline: Pipeline,
        only: str | None = None,
    ) -> Request:
        """Returns the POST for one page of every stage.

        `pages` has the page, from 1, of each stage that is not on its first, by stage id or name. `only` restricts
        the answer to one stage; a stage that the query itself names comes before it. Without `stageIdByName`, which one
        call cannot know, Tether goes by the stages' names.
        Raises FilterRefused for a parameter that applications do not have, and for two different pipelines.
        """
        members: dict[str, object] = {"page": dict(pages), "size": size}
        if query.search:
            members["search"] = query.search
        members["pipelineType"] = pipeline.type.value
        members |= body_members(query.conditions)
        if pipeline.type is PipelineType.APPLICATION and "source" in members:
            raise FilterRefused(f"{filters.SOURCE}: Tether has it for pipelines of type CONTACT only")
        pipeline_id = members.get("pipelineId", pipeline.native_id)
        if pipeline.native_id not in (None, pipeline_id):
            raise FilterRefused(f"{filters.PIPELINE_ID}: another pipeline than the one whose stages are asked for")
        if pipeline_id is not None:
            members["pipelineId"] = pipeline_id
        if only is not None:
            members.setdefault("status", only)
        return Request("POST", CONTACTS, body=msgspec.json.encode(members))

    def buckets_page(self, response: Response, source: SourceRecord) -> BucketPage:
        """Returns the decoded buckets in the order of the answer. Raises InvalidAnswer."""
        return buckets_page(response.body, source)

    def users_request(self) -> Request:
        """Returns the request for all users."""
        return Request("GET", USERS, may_be_missing=True)

    def users(self, response: Response, source: SourceRecord) -> list[UserRecord]:
        """Returns all users. Raises InvalidAnswer."""
        return users(response.body, source)


def _effective(conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Returns each condition once, without those that restrict nothing, Tether's own first: those cannot wait."""
    restricting = (
        condition
        for condition in dict.fromkeys(conditions)
        if not (condition.field == filters.BULK_ONLY and condition.value is False)
        and not (condition.field in (filters.CUSTOM_FILTERS, filters.STAGE_ID_BY_NAME) and condition.value == ())
    )
    return tuple(sorted(restricting, key=lambda condition: not condition.field.startswith("tether.")))


def _post_only(condition: Condition) -> bool:
    if condition.field in (filters.CUSTOM_FILTERS, filters.STAGES, filters.STAGE_ID_BY_NAME):
        return bool(condition.value)
    if condition.field == filters.BULK_ONLY:
        return condition.value is True
    if condition.field in (filters.OWNER, filters.ASSIGNEE) and condition.operator is Operator.IN:
        return isinstance(condition.value, tuple) and len(set(condition.value)) > 1
    return False


def _judged_here(fields: set[str], post: bool) -> set[str]:
    """Returns the fields whose conditions stay here because of the others."""
    here: set[str] = set()
    if post:
        here.add(filters.LEAD_SOURCE)
        # POST has one `status` for a stage's name and id alike.
        if filters.STATUS in fields:
            here.add("stage")
    # `owner` overrides `ownerFilter` (buckets page): pushing it would lift the scope that was asked for.
    if fields & {filters.OWNER_FILTER, filters.OWNER_FILTER_USER_ID}:
        here.add("ownerId")
    return here


def _refuse_contradictions(conditions: tuple[Condition, ...], post: bool) -> None:
    fields = {condition.field for condition in conditions}
    if {filters.OWNER_FILTER, filters.OWNER_FILTER_USER_ID} <= fields:
        raise FilterRefused(f"{filters.OWNER_FILTER} and {filters.OWNER_FILTER_USER_ID} are one parameter; give one")
    if post and {filters.STATUS, filters.PIPELINE_STAGE} <= fields:
        raise FilterRefused(
            f"{filters.STATUS} and {filters.PIPELINE_STAGE}: give one; beside a search, or a filter that Tether takes "
            "with POST alone, they are one parameter"
        )
