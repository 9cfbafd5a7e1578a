"""AutoKonnect's requests: GET /api/v1/contacts and GET /api/v1/contacts/tags."""

from __future__ import annotations

from providers.apis.autokonnect.capabilities import CAPABILITIES
from providers.apis.autokonnect.decode import AutokonnectDetails, contacts_page, details, tags_page
from providers.spi.capabilities import Capabilities
from providers.spi.page import Page, TagPage
from providers.spi.provider import PageAt, PageNumber, Provider
from providers.spi.query import Condition, ListQuery
from providers.spi.record import ContactRecord, SourceRecord
from providers.spi.request import Request, Response

CONTACTS = "/api/v1/contacts"
TAGS = "/api/v1/contacts/tags"


class AutoKonnect(Provider):
    """AutoKonnect's contacts API: numbered pages, tags on every contact, a search and no filter."""

    capabilities: Capabilities = CAPABILITIES

    def contacts_request(self, query: ListQuery, at: PageAt) -> Request:
        """Returns the request for one page of contacts."""
        if not isinstance(at, PageNumber):
            raise TypeError("AutoKonnect pages by number")
        return _page_request(CONTACTS, at, query.search)

    def contacts_page(self, response: Response, source: SourceRecord) -> Page:
        """Returns the decoded page. Raises InvalidAnswer."""
        return contacts_page(response.body, source)

    def details(self, record: ContactRecord) -> AutokonnectDetails:
        """Returns what only AutoKonnect has."""
        return details(record)

    def tags_request(self, at: PageNumber, search: str | None) -> Request:
        """Returns the request for one page of tags."""
        return _page_request(TAGS, at, search)

    def tags_page(self, response: Response, source: SourceRecord) -> TagPage:
        """Returns the decoded tags with their contact counts. Raises InvalidAnswer."""
        return tags_page(response.body, source)

    def tag_query(self, native_id: str, name: str) -> tuple[tuple[Condition, ...], str | None]:
        """Returns a search for the tag's name: it finds every contact that carries the tag, and others."""
        return (), name


def _page_request(path: str, at: PageNumber, search: str | None) -> Request:
    params = [("page", str(at.page)), ("limit", str(at.size))]
    if search:
        params.append(("search", search))
    return Request("GET", path, tuple(params))
