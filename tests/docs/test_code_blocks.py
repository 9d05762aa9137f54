"""The code in README and documentation runs, as its reader would type it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from blocks import blocks_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
RUN = {"python", "console"}
SHOWN_ONLY = {"text", "json", "toml", "ini", "http", "yaml", "sh", "dockerfile", "html"}
"""Languages that are only shown; they are saved, too, when their first line names a file."""


def with_code(page: Path) -> bool:
    return any(block.language in RUN for block in blocks_of(page))


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if with_code(page)]
)
def test_a_reader_who_does_the_page_from_top_to_bottom_gets_what_it_promises(page: Path, tmp_path: Path) -> None:
    # A process a page: two pages may well define a table of the same name.
    finished = subprocess.run(
        [sys.executable, "-W", "error", Path(__file__).with_name("read_page.py"), page],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_every_block_is_in_a_language_that_we_run_or_only_show(page: Path) -> None:
    assert {block.language for block in blocks_of(page)} <= RUN | SHOWN_ONLY
