"""The code in README and documentation runs, as its reader would type it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blocks import blocks_of
from reader import Reader

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
RUN = {"python", "console"}
SHOWN_ONLY = {"text", "json", "toml", "ini", "http", "yaml", "sh", "dockerfile", "html"}
"""Languages that are only shown; they are saved, too, when their first line names a file."""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.close()


def with_code(page: Path) -> bool:
    return any(block.language in RUN for block in blocks_of(page))


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if with_code(page)]
)
def test_a_reader_who_does_the_page_from_top_to_bottom_gets_what_it_promises(
    page: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reader.folder)
    for block in blocks_of(page):
        reader.do(block, page)


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_every_block_is_in_a_language_that_we_run_or_only_show(page: Path) -> None:
    assert {block.language for block in blocks_of(page)} <= RUN | SHOWN_ONLY
