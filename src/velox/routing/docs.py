"""``/openapi.json`` and ``/docs``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_core import to_json
from sanic import Request
from sanic.response import HTTPResponse, redirect

from velox.errors import NotFound
from velox.routing import docspage
from velox.routing.route import Routes

__all__ = ["mount_docs", "mount_front_door"]


def mount_docs(
    app: Routes, title: str, document: Callable[[], dict[str, Any]], revision: Callable[[], object] = lambda: None
) -> None:
    """Add the document and its page to ``app``.

    Args:
        app: The app.
        title: What the page is headed with.
        document: Makes the OpenAPI document; called at the first request for it, when all routes are known.
        revision: Something that is another when the document has to be made anew.
    """
    written: dict[object, bytes] = {}

    async def openapi_json(request: Request) -> HTTPResponse:
        now = revision()
        if now not in written:
            written.clear()
            written[now] = to_json(document())
        return HTTPResponse(written[now], content_type="application/json")

    async def page(request: Request) -> HTTPResponse:
        headers = {"Content-Security-Policy": docspage.CONTENT_SECURITY_POLICY, "X-Content-Type-Options": "nosniff"}
        return HTTPResponse(docspage.page(title), headers=headers, content_type="text/html; charset=utf-8")

    async def asset(request: Request, name: str) -> HTTPResponse:
        try:
            found = docspage.asset(name)
        except KeyError:
            raise NotFound(f"There is no file {name!r} here.") from None
        headers = {"ETag": found.etag, "Cache-Control": docspage.CACHE_CONTROL, "X-Content-Type-Options": "nosniff"}
        if found.etag in request.headers.get("if-none-match", ""):
            return HTTPResponse(status=304, headers=headers)
        return HTTPResponse(found.content, headers=headers, content_type=found.media_type)

    app.get("/openapi.json", hidden=True, limit=False, cache=False, name="openapi_json")(openapi_json)
    app.get("/docs", hidden=True, limit=False, cache=False, name="docs_page")(page)
    app.get("/docs/<name>", hidden=True, limit=False, cache=False, name="docs_asset")(asset)


def mount_front_door(app: Routes) -> None:
    """Lead ``/`` to the documentation, for an app that has nothing there: it is what a newcomer opens first."""

    async def front_door(request: Request) -> HTTPResponse:
        return redirect("/docs")

    app.get("/", hidden=True, limit=False, cache=False, name="front_door")(front_door)
