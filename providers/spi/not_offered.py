"""What a provider inherits for the parts of `providers.spi.provider.Provider` that its API does not have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from providers.spi.page import BucketPage, Stage, TagPage
from providers.spi.provider import PageNumber, Pipeline
from providers.spi.pushdown import PushDown
from providers.spi.query import Condition, ListQuery
from providers.spi.record import ContactRecord, SourceRecord, UserRecord
from providers.spi.request import Request, Response


class NotOffered:
    """Every part that a capability table may leave out. A provider overrides those that its API has.

    The engine asks only for what the table declares, so the others raise NotImplementedError naming the part.
    """

    def push_down_to_buckets(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        self._refuse("buckets")

    def needs_buckets(self, query: ListQuery) -> bool:
        """Returns False: this API has no stage buckets."""
        return False

    def details(self, record: ContactRecord) -> Any:
        """Returns None: this API has no fields that others have not."""
        return None

    def contact_request(self, native_id: str, parts: frozenset[str]) -> Request | None:
        self._refuse("lookup")

    def contact(self, response: Response, source: SourceRecord) -> ContactRecord:
        self._refuse("lookup")

    def tags_request(self, at: PageNumber, search: str | None) -> Request:
        self._refuse("tags")

    def tags_page(self, response: Response, source: SourceRecord) -> TagPage:
        self._refuse("tags")

    def tag_query(self, native_id: str, name: str) -> tuple[tuple[Condition, ...], str | None]:
        self._refuse("tags")

    def users_request(self) -> Request:
        self._refuse("users")

    def users(self, response: Response, source: SourceRecord) -> list[UserRecord]:
        self._refuse("users")

    def stages_request(self, pipeline: Pipeline) -> Request:
        self._refuse("buckets")

    def stages(self, response: Response, pipeline: Pipeline) -> list[Stage]:
        self._refuse("buckets")

    def buckets_request(
        self,
        query: ListQuery,
        pages: Mapping[str, int],
        size: int,
        pipeline: Pipeline,
        only: str | None = None,
    ) -> Request:
        self._refuse("buckets")

    def buckets_page(self, response: Response, source: SourceRecord) -> BucketPage:
        self._refuse("buckets")

    def _refuse(self, part: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} has no {part}: its capabilities say so")
