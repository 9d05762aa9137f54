"""The docs page's files: complete, unchanging under one ETag, and fit for the policy that goes with them."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from velox.routing.docspage import ASSET_NAMES, CONTENT_SECURITY_POLICY, asset, page

SIZE_LIMIT_BYTES = 85_000


def test_every_file_is_served_and_nothing_else_is() -> None:
    """The names are the folder's, and a name that is not one of them is no path into the package."""
    folder = resources.files("velox.routing.docspage") / "assets"
    assert sorted(file.name for file in folder.iterdir()) == sorted((*ASSET_NAMES, "index.html"))
    for name in ("../page.py", "index.html", ""):
        with pytest.raises(KeyError):
            asset(name)


def test_each_file_has_its_type_and_an_etag_of_its_own() -> None:
    """Scripts and the style sheet say what they are; different bytes have different tags."""
    found = {name: asset(name) for name in ASSET_NAMES}
    assert found["docs.css"].media_type == "text/css; charset=utf-8"
    assert found["docs.js"].media_type == "text/javascript; charset=utf-8"
    assert len({one.etag for one in found.values()}) == len(ASSET_NAMES)
    assert all(re.fullmatch(r'"[0-9a-f]{32}"', one.etag) for one in found.values())


def test_title_and_urls_are_escaped() -> None:
    """An app may have any name."""
    html = page('</title><script>"', '/a"b.json', "/d").decode()
    assert "&lt;/title&gt;&lt;script&gt;&quot;" in html
    assert 'data-openapi="/a&quot;b.json"' in html
    assert 'src="/d/docs.js"' in html


def test_nothing_is_inline_and_nothing_is_parsed_from_text() -> None:
    """No inline script or style, and no function that turns text into markup or code."""
    html = page("x").decode()
    assert not re.search(r"<style|<script(?![^>]*src=)|\son\w+=|\sstyle=", html)
    scripts = b"".join(asset(name).content for name in ASSET_NAMES if name.endswith(".js")).decode()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", scripts)
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_the_page_names_no_other_server() -> None:
    """Everything it loads is its own: no fonts, no scripts, no pictures from elsewhere."""
    sources = [page("x"), *(asset(name).content for name in ASSET_NAMES)]
    hosts = {host for source in sources for host in re.findall(rb"https?://([\w.-]+)", source)}
    # example.com and 192.0.2.1 are examples in forms; w3.org is the name of SVG, which no one fetches.
    assert hosts <= {b"example.com", b"www.w3.org"}


def test_the_page_stays_small() -> None:
    """All files together, uncompressed."""
    total = len(page("x")) + sum(len(asset(name).content) for name in ASSET_NAMES)
    assert total <= SIZE_LIMIT_BYTES
