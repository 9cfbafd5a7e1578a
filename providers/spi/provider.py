"""The contract between the engine and one REST API: the engine offers, the provider answers.

A provider translates and nothing else: questions into requests, answers into records. It holds no connection, loops
over no pages, retries nothing and sorts nothing; all of that is shared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import msgspec

from providers.spi.capabilities import Capabilities
from providers.spi.page import BucketPage, Page, Stage, TagPage
from providers.spi.pushdown import PushDown, take
from providers.spi.query import Condition, ListQuery
from providers.spi.record import ContactRecord, PipelineType, SourceRecord, UserRecord
from providers.spi.request import Request, Response


class PageNumber(msgspec.Struct, frozen=True):
    """Page `page` (from 1) of `size` rows."""

    page: int
    size: int


class Token(msgspec.Struct, frozen=True):
    """`limit` rows after `token`, or the first ones when it is None. The limit belongs to the token: it is resent
    unchanged along a chain of tokens (trap 3)."""

    token: str | None
    limit: int


PageAt: TypeAlias = PageNumber | Token


class Pipeline(msgspec.Struct, frozen=True):
    """A pipeline; `native_id` None is the organisation's active one of that type."""

    type: PipelineType = PipelineType.CONTACT
    native_id: str | None = None


class InvalidAnswer(Exception):
    """An answer is not what the API's page describes.

    The text says what was expected, in words that may be shown to clients: no values from the answer.
    Raised by decoders; the shared layer turns it into SOURCE_INVALID_RESPONSE naming the source.
    """


class FilterRefused(Exception):
    """A filter cannot be answered, whatever is done: BAD_USER_INPUT. The text names the fields and the reason."""


class Provider(ABC):
    """One API. Instances are made per configured source (`providers.registry`) and are stateless.

    A table, a list and its decoder are all that must be written. What a table may leave out refuses by default: the
    engine asks only for what the table declares, so those methods raise NotImplementedError naming the part.
    """

    capabilities: Capabilities

    def __init__(self, settings: object) -> None:
        """`settings` are the source's (`providers.settings.SourceSettings`), for a provider that asks by them."""
        self._settings = settings

    # ------------------------------------------------------------ contacts

    @abstractmethod
    def contacts_request(self, query: ListQuery, at: PageAt) -> Request:
        """Returns the request for one page of contacts."""

    @abstractmethod
    def contacts_page(self, response: Response, source: SourceRecord) -> Page:
        """Returns the decoded page. Raises InvalidAnswer."""

    def push_down(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        """Returns ANDed conditions split into what this API takes and what stays, by the table (DESIGN.md 4).

        Raises FilterRefused.
        """
        return take(self.capabilities, conditions)

    def own_values(self, record: ContactRecord, field: str) -> Sequence[object]:
        """Returns the record's values for a field of the provider's own filter; empty when missing.

        Raises FilterRefused when the record cannot tell.
        """
        raise FilterRefused(f"{field}: {type(self).__name__} has no filter of its own")

    def details(self, record: ContactRecord) -> Any:
        """Returns the typed details of a record: an instance of the provider's details struct, which
        `gql.projection.records` registers. None for a provider without fields of its own."""
        return None

    # ------------------------------------------------------------ one contact: with `lookup`

    def contact_request(self, native_id: str, parts: frozenset[str]) -> Request | None:
        """Returns the request for one contact, None when no record can have this id."""
        self._refuse("lookup")

    def contact(self, response: Response, source: SourceRecord) -> ContactRecord:
        """Returns the looked-up contact. Raises InvalidAnswer."""
        self._refuse("lookup")

    # ------------------------------------------------------------ with `tags`

    def tags_request(self, at: PageNumber, search: str | None) -> Request:
        """Returns the request for one page of tags."""
        self._refuse("tags")

    def tags_page(self, response: Response, source: SourceRecord) -> TagPage:
        """Returns the decoded tags. Raises InvalidAnswer."""
        self._refuse("tags")

    def tag_query(self, native_id: str, name: str) -> tuple[tuple[Condition, ...], str | None]:
        """Returns how contacts with a tag are asked for: conditions to push and a search."""
        self._refuse("tags")

    # ------------------------------------------------------------ with `users`

    def users_request(self) -> Request:
        """Returns the request for all users."""
        self._refuse("users")

    def users(self, response: Response, source: SourceRecord) -> list[UserRecord]:
        """Returns all users. Raises InvalidAnswer."""
        self._refuse("users")

    # ------------------------------------------------------------ pipelines: with `buckets`

    def push_down_to_buckets(self, conditions: tuple[Condition, ...], search: str | None) -> PushDown:
        """Returns the conditions split for a question that goes to the stage buckets. Raises FilterRefused."""
        self._refuse("buckets")

    def needs_buckets(self, query: ListQuery) -> bool:
        """Returns whether the query can only be asked as stage buckets (Tether's POST)."""
        return False

    def stages_request(self, pipeline: Pipeline) -> Request:
        """Returns the request for a pipeline's stages."""
        self._refuse("buckets")

    def stages(self, response: Response, pipeline: Pipeline) -> list[Stage]:
        """Returns the pipeline's stages in its order. Raises InvalidAnswer."""
        self._refuse("buckets")

    def buckets_request(
        self,
        query: ListQuery,
        pages: Mapping[str, int],
        size: int,
        pipeline: Pipeline,
        only: str | None = None,
    ) -> Request:
        """Returns the request for one page of every stage (`only`: of that stage alone).

        `pages` has the page, from 1, of each stage that is not on its first, by stage id or name.
        """
        self._refuse("buckets")

    def buckets_page(self, response: Response, source: SourceRecord) -> BucketPage:
        """Returns the decoded buckets in the order of the answer. Raises InvalidAnswer."""
        self._refuse("buckets")

    def _refuse(self, part: str) -> NoReturn:
        raise NotImplementedError(f"{type(self).__name__} has no {part}: its capabilities say so")
