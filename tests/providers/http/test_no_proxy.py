"""NO_PROXY as curl, requests and Go read it: which sources go past the environment's proxy."""

from __future__ import annotations

import contextlib

import pytest

from providers.http.credential import Credential
from providers.http.proxy import environment_proxy
from providers.http.transport import origin_of
from providers.open_sources import open_sources
from providers.settings import SourceSettings
from providers.spi.errors import SourceError
from providers.spi.request import Request
from tests.support.scripted_server import ok, scripted

PROXY = "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    ("url", "no_proxy", "exempt"),
    [
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://10.1.2.3:8080", "192.168.0.0/16, 10.0.0.0/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3", "10.1.2.77/24", True),
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://10.1.2.3", "10.1.2.3:80", True),
        ("http://10.1.2.3", "10.1.2.3:81", False),
        ("http://10.1.2.3", "10.0.0.0/8:80", True),
        ("http://110.1.2.3", "10.1.2.3", False),
        ("http://10.1.2.3", ".2.3", False),
        ("http://10.1.2.3", "10.0.0.0/99 nonsense", False),
        ("http://10.1.2.3", "fd00::/8", False),
        ("http://[fd00::1]", "fd00::/8", True),
        ("http://[fd00::1]:8080", "[fd00::1]:8080", True),
        ("http://[fd00::1]:8080", "[fd00::1]:8081", False),
        ("http://[fd00::1]", "[fd00::1]", True),
        ("http://[fd00::1]", "fd00:0:0::1", True),
        ("http://[fe00::1]", "fd00::/8", False),
        ("http://[::ffff:10.1.2.3]", "10.0.0.0/8", True),
        ("http://10.1.2.3", "*", True),
        ("http://api.example.com", "10.0.0.0/8", False),
        ("http://api.example.com", ".example.com", True),
        ("http://example.com", ".example.com", True),
        ("http://api.example.com", "*.example.com", True),
        ("http://api.example.com", "EXAMPLE.com", True),
        ("http://api.example.com.", "example.com", True),
        ("http://api.example.com", "example.com.", True),
        ("http://api.example.com", "example.com:80", True),
        ("http://api.example.com:8080", "example.com:80", False),
        ("http://badexample.com", "example.com", False),
        ("http://api.example.com", ". , *.", False),
        ("http://api.example.com", "", False),
    ],
)
def test_hosts_are_exempt_by_name_address_and_network(url: str, no_proxy: str, exempt: bool) -> None:
    environ = {"HTTP_PROXY": PROXY, "NO_PROXY": no_proxy}
    assert environment_proxy(origin_of(url), environ) == (None if exempt else PROXY)


@pytest.mark.parametrize(("no_proxy", "by_proxy"), [("192.0.2.0/24", 0), ("198.51.100.0/24", 1)])
async def test_a_source_in_an_exempt_network_is_asked_past_the_proxy(no_proxy: str, by_proxy: int) -> None:
    async with scripted([ok(b"[]")]) as proxy:
        settings = SourceSettings(
            name="sales",
            provider="wacr",
            base_url="http://192.0.2.7:9",
            token_header="X-Sales-Token",
            cache_ttl=0.0,
            retries=0,
            connect_timeout=0.05,
        )
        (source,) = open_sources([settings], {"HTTP_PROXY": proxy.base_url, "NO_PROXY": no_proxy})
        request = Request("GET", "/v2/contacts")
        with contextlib.suppress(SourceError):  # nothing is at that address
            await source.send(request, Credential("a"), deadline=None)
        assert len(proxy.requests) == by_proxy
        await source.aclose()
