"""From a URL's path to a file, and no further."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from velox.http.folder import Folder, NotServed, open_file, relative_path


@pytest.mark.parametrize(
    ("encoded", "path"),
    [
        ("a.txt", "a.txt"),
        ("a/b.txt", "a/b.txt"),
        ("a%20b.txt", "a b.txt"),
        ("%C3%A4", "\u00e4"),
        ("%252e%252e/x", "%2e%2e/x"),
        ("...", "..."),
        ("a..b", "a..b"),
        ("sub/", "sub/"),
    ],
)
def test_a_path_is_decoded_once(encoded: str, path: str) -> None:
    assert path == relative_path(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "./a",
        "%2e%2e/x",
        "%2e%2e%2fx",
        ".%2e/x",
        "..%5cx",
        "..\\x",
        "a\\b",
        "/etc/passwd",
        "%2fetc/passwd",
        "a//b",
        "//",
        "%00",
        "a.txt%00.png",
        "%ff",
        "%c0%ae%c0%ae/x",
        "%ed%a0%80",
    ],
)
def test_what_leads_upwards_or_is_no_name_is_not_served(encoded: str) -> None:
    with pytest.raises(NotServed):
        relative_path(encoded)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder beside a secret, with symbolic links in and out of it."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / "root-secret").write_text("secret")
    (root / "file").write_text("file")
    (root / "in").symlink_to("file")
    (root / "out").symlink_to(tmp_path / "outside" / "secret")
    (root / "outside").symlink_to(tmp_path / "outside")
    (root / "sibling").symlink_to(tmp_path / "root-secret")
    (root / "round").symlink_to("round")
    (root / "nowhere").symlink_to("missing")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize("path", ["file", "in", "sub", ""])
def test_what_is_inside_is_found(root: Path, path: str) -> None:
    assert Folder(str(root)).find(path).startswith(str(root))


@pytest.mark.parametrize("path", ["out", "outside", "outside/secret", "sibling"])
def test_a_link_does_not_lead_outside(root: Path, path: str) -> None:
    with pytest.raises(NotServed):
        Folder(str(root)).find(path)


def test_links_to_files_and_to_folders_outside_are_allowed_one_by_one(root: Path) -> None:
    files, folders = Folder(str(root), follow_files=True), Folder(str(root), follow_folders=True)

    assert files.find("out").endswith("/outside/secret")
    assert folders.find("outside/secret").endswith("/outside/secret")
    with pytest.raises(NotServed):
        files.find("outside/secret")


@pytest.mark.parametrize("path", ["missing", "round", "nowhere", "pipe", "file/below", "x" * 300, "x/" * 3000])
def test_what_cannot_be_read_is_not_served(root: Path, path: str) -> None:
    folder = Folder(str(root))

    with pytest.raises(NotServed):
        open_file(folder.find(path))


def test_a_device_is_not_served() -> None:
    with pytest.raises(NotServed):
        open_file("/dev/zero")


def test_a_folder_is_no_file(root: Path) -> None:
    assert open_file(str(root / "sub")) is None


def test_a_file_comes_with_what_is_known_of_it(root: Path) -> None:
    opened = open_file(str(root / "file"))

    assert opened is not None
    with opened[0] as file:
        assert file.read() == b"file"
        assert opened[1].st_size == 4
