"""What AutoKonnect's lists can do: its page "Contacts API Documentation" (GET /api/v1/contacts and …/tags).

No filter, no sort, no largest page and no single contact are documented.
"""

from __future__ import annotations

from providers.spi.capabilities import Capabilities, Paging

PAGE = "AutoKonnect, Contacts API"

CAPABILITIES = Capabilities(
    paging=Paging.PAGE_NUMBER,
    filters=(),
    orders=(),
    multi_key=False,
    search="Matches first name, last name, e-mail address, phone number, WhatsApp LID and the names of tags.",
    total=True,
    lookup=False,
    backward=True,
    max_page_size=None,
    link=f"{PAGE}: GET /api/v1/contacts",
    lacks=frozenset({"company", "status", "stage", "ownerId", "assigneeId"}),
    email_search=True,
    phone_search=True,
    single_field_search=True,
    tags=True,
)
