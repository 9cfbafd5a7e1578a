"""Writes the queries of the whole-stack benchmark, with the cursors of its first twenty pages.

    python bench/whole_stack/write_queries.py [http://127.0.0.1:18110/graphql]

The gateway must be running over the benchmark's upstream (docs/performance.md). Cursors are deterministic: the same
data, sources and version give the same files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import httpx

PAGES = 20
_FIELDS = "id firstName lastName email phone createdAt updatedAt"
_PAGED = {
    "q1": (
        'query Page($after: String) { contacts(sources: ["autokonnect"], first: 50, after: $after) '
        f"{{ nodes {{ {_FIELDS} profilePicture: avatarUrl tags {{ id name color }} }} }} }}"
    ),
    "q2": f"query Federated($after: String) {{ contacts(first: 100, after: $after) {{ nodes {{ {_FIELDS} }} }} }}",
}
_BOARD = (
    'query Board { pipelineStages(sources: ["tether"], first: 10) '
    "{ nodes { id name contacts(first: 10) { nodes { id firstName lastName phone email } } } } }"
)
# Walking asks for the end cursor beside: selections are no part of what ties a cursor to its query.
_NODES = "nodes {"


def _walk(client: httpx.Client, url: str, query: str) -> list[dict[str, Any]]:
    bodies: list[dict[str, Any]] = []
    after: str | None = None
    asked = query.replace(_NODES, "pageInfo { endCursor } " + _NODES, 1)
    for page in range(1, PAGES + 1):
        bodies.append({"page": page, "variables": {"after": after}})
        answer = client.post(url, json={"query": asked, "variables": {"after": after}}).json()
        after = answer["data"]["contacts"]["pageInfo"]["endCursor"]
    return bodies


def main() -> None:
    """Writes the files beside this one."""
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:18110/graphql"
    folder = Path(__file__).parent / "queries"
    with httpx.Client(timeout=30) as client:
        for name, query in _PAGED.items():
            document = {"query": query, "bodies": _walk(client, url, query)}
            (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "q3.json").write_text(json.dumps({"query": _BOARD}, indent=1) + "\n")


if __name__ == "__main__":
    main()
