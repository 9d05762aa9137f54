"""What the server has to know about the documentation page: its files, their types, and its security policy.

The page itself is plain HTML, CSS and ES modules in ``assets/``. They are read from the package once and kept.
"""

from __future__ import annotations

import hashlib
import html
from functools import cache
from importlib import resources
from string import Template
from typing import NamedTuple

__all__ = ["ASSET_NAMES", "CACHE_CONTROL", "CONTENT_SECURITY_POLICY", "Asset", "asset", "page"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data:; "  # data: is the page's icon
    "connect-src 'self'; "  # "try it" talks to this server and to no other
    "base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The ``Content-Security-Policy`` to send with the page (CSP Level 3). Nothing is inline, so it needs no nonce."""

CACHE_CONTROL = "no-cache"
"""Ask each time, and be answered 304: an upgrade of Velox must never mix old and new modules."""

ASSET_NAMES: tuple[str, ...] = (
    "docs.css",
    "docs.js",
    "auth.js",
    "body.js",
    "dom.js",
    "field.js",
    "json.js",
    "markdown.js",
    "operation.js",
    "page.js",
    "request.js",
    "response.js",
    "schema.js",
    "schemaview.js",
    "tryit.js",
)
"""Every file that the page links or imports; each is served next to the others, at ``{assets_url}/{name}``."""

_MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


class Asset(NamedTuple):
    """One file of the page: its bytes, its ``Content-Type`` and its strong ``ETag`` (RFC 9110 section 8.8.3)."""

    content: bytes
    media_type: str
    etag: str


def page(title: str, openapi_url: str = "/openapi.json", assets_url: str = "/docs") -> bytes:
    """The page as UTF-8 HTML.

    Args:
        title: What the browser's tab says until the document's own title is known.
        openapi_url: Where the page loads the OpenAPI document from, on the same origin.
        assets_url: The URL, without a slash at the end, under which :data:`ASSET_NAMES` are served.
    """
    modules = (f"{assets_url}/{name}" for name in ASSET_NAMES if name.endswith(".js"))
    # Modules import each other; telling the browser of all of them at once saves it the waterfall.
    preloads = "\n".join(f'<link rel="modulepreload" href="{html.escape(url)}">' for url in modules)
    values = {"title": title, "openapi_url": openapi_url, "assets_url": assets_url}
    escaped = {name: html.escape(value) for name, value in values.items()}
    return Template(_read("index.html").decode()).substitute(escaped, preloads=preloads).encode()


@cache
def asset(name: str) -> Asset:
    """The file ``name`` of :data:`ASSET_NAMES`.

    Raises:
        KeyError: There is no such file. The name is looked up, never joined to a path.
    """
    if name not in ASSET_NAMES:
        raise KeyError(name)
    content = _read(name)
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Asset(content, _MEDIA_TYPES[name.rpartition(".")[2]], etag)


@cache
def _read(name: str) -> bytes:
    return (resources.files("velox.routing.docspage") / "assets" / name).read_bytes()
