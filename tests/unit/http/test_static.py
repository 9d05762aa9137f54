"""What ``app.static`` takes, without a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from velox import Blueprint, Velox
from velox.testing import TestClient

MakeApp = Callable[..., Velox]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "www"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a" * 100)
    (folder / "sub" / "b.txt").write_text("b")
    (tmp_path / "outside.txt").write_text("outside")
    (folder / "out.txt").symlink_to(tmp_path / "outside.txt")
    return folder


async def test_a_blueprint_has_files_below_its_prefix(make_app: MakeApp, folder: Path) -> None:
    app, shop = make_app(), Blueprint("shop", url_prefix="/shop")
    shop.static("/files", folder)
    app.blueprint(shop)

    async with TestClient(app) as client:
        assert (await client.get("/shop/files/sub/b.txt")).text == "b"


async def test_url_for_knows_files(make_app: MakeApp, folder: Path) -> None:
    app = make_app()
    app.static("/files", folder, name="files")
    app.static("/a", folder / "a.txt", name="a")

    async with TestClient(app):
        assert app.url_for("files", filename="sub/b.txt") == "/files/sub/b.txt"
        assert app.url_for("a") == "/a"


async def test_a_threshold_says_what_is_sent_in_pieces(make_app: MakeApp, folder: Path) -> None:
    app = make_app()
    app.static("/files", folder, stream_large_files=10)

    async with TestClient(app) as client:
        whole, part = (
            await client.get("/files/a.txt"),
            await client.get("/files/a.txt", headers={"Range": "bytes=5-60"}),
        )

    assert ("a" * 100, "100") == (whole.text, whole.headers["content-length"])
    assert (206, "a" * 56) == (part.status_code, part.text)


async def test_dates_and_type_can_be_chosen(make_app: MakeApp, folder: Path) -> None:
    app = make_app()
    app.static("/files", folder, use_modified_since=False, content_type="text/x-own")

    async with TestClient(app) as client:
        answer = await client.get("/files/a.txt", headers={"If-Modified-Since": "Fri, 31 Dec 9999 23:59:59 GMT"})

    assert (200, "text/x-own") == (answer.status_code, answer.headers["content-type"])
    assert "last-modified" not in answer.headers


async def test_links_outside_can_be_allowed(make_app: MakeApp, folder: Path) -> None:
    app = make_app()
    app.static("/strict", folder, name="strict")
    app.static("/lax", folder, name="lax", follow_external_symlink_files=True)

    async with TestClient(app) as client:
        assert (await client.get("/strict/out.txt")).status_code == 404
        assert (await client.get("/lax/out.txt")).text == "outside"


async def test_a_folder_can_be_listed(make_app: MakeApp, folder: Path) -> None:
    app = make_app()
    app.static("/files", folder, directory_view=True)

    async with TestClient(app) as client:
        listed = await client.get("/files/sub/")

    assert listed.status_code == 200
    assert "b.txt" in listed.text


async def test_an_index_is_looked_for_in_every_folder(make_app: MakeApp, folder: Path) -> None:
    (folder / "sub" / "index.html").write_text("sub")
    app = make_app()
    app.static("/", folder, index=["missing.html", "index.html"], name="site")

    async with TestClient(app) as client:
        assert (await client.get("/sub/")).text == "sub"
        assert (await client.get("/")).status_code == 404
        assert (await client.get("/a.txt")).status_code == 200


async def test_a_file_that_vanishes_is_a_404(make_app: MakeApp, folder: Path) -> None:
    app = make_app()
    app.static("/a", folder / "a.txt")
    (folder / "a.txt").unlink()

    async with TestClient(app) as client:
        assert (await client.get("/a")).status_code == 404
