"""GraphiQL, served from this machine alone: the page for browsers at /graphql and its files below."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["Assets", "ConsolePage"]

FOLDER: Final = Path(__file__).parents[1] / "console"
"""Where console/ is built to: package data, when it was built before the package."""

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",  # the editor sets styles while it runs
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_NOT_BUILT: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>contactgraph</title>'
    "<p>This installation has no GraphiQL: it was not built. In a checkout <code>make install</code> builds it; for"
    " pip, <code>npm ci &amp;&amp; npm run build</code> in <code>console/</code> (Node 20.19 or later) comes before"
    " <code>pip install .</code>."
    '<p>The endpoint itself answers a POST of <code>{"query": "…"}</code> at this address.'
)


class ConsolePage:
    """The page itself, read once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        index = folder / "index.html"
        self._html = index.read_text("utf-8") if index.is_file() else _NOT_BUILT

    def response(self) -> Response:
        """Returns the page with a policy that lets it load from this server alone."""
        return HTMLResponse(self._html, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})


class Assets(StaticFiles):
    """The page's files. Their names change with their contents, so browsers may keep them."""

    def __init__(self, folder: Path = FOLDER) -> None:
        super().__init__(directory=folder / "assets", check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Returns the file. Raises starlette's HTTPException (404) when there is none."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
