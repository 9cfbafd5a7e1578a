"""The gateway over four fakes of made-up people, started once for all tests that change nothing in it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from providers.apis.fakes import demo_people
from tests.sockets.service import Service, serving

SIZES = {"tether": 130, "askelephant": 60, "wacr": 60, "autokonnect": 120}


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rows = dict.fromkeys(SIZES, demo_people(**SIZES))
    with serving(tmp_path_factory.mktemp("service"), rows, default_region="KE") as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_is_logged_as_a_fault_of_ours(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    told = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR or record.exc_info]
    assert [record.getMessage() for record in told] == []
