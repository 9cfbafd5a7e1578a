"""What the README shows is what the demo answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx

from gql.cli.demo import demo_configuration
from gql.http.app import create_app

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


async def test_the_query_on_the_front_page_has_the_answer_that_stands_below_it() -> None:
    query = re.search(r"-d @- <<'QUERY'\n\s*(\{.*\})\n", README)
    shown = re.search(r"<!-- answer -->\n(.*?)<!-- /answer -->", README, re.DOTALL)
    assert query is not None
    assert shown is not None

    async with demo_configuration() as configuration:
        app = create_app(configuration)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
                headers = {"content-type": "application/json"}
                answer = await client.post("/graphql", content=query[1], headers=headers)

    assert answer.status_code == 200
    assert json.loads(shown[1]) == answer.json()
