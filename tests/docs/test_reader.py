"""The reader of the documentation's code blocks notices a page that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blocks import Command, blocks_of, commands_of
from reader import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.close()


def read(reader: Reader, text: str) -> None:
    page = reader.folder / "page.md"
    page.write_text(text, encoding="utf-8")
    for block in blocks_of(page):
        reader.do(block, page)


def test_a_block_that_names_a_file_is_saved_there(reader: Reader) -> None:
    read(reader, "```toml\n# shop/velox.toml\nport = 1\n```\n")
    assert (reader.folder / "shop" / "velox.toml").read_text() == "# shop/velox.toml\nport = 1\n"


def test_python_blocks_of_a_page_share_their_names(reader: Reader) -> None:
    read(reader, "```python\nx = 20\n```\n\ntext\n\n```python\ny = x + 1\n```\n")
    assert reader.scope["y"] == 21


def test_a_python_block_that_fails_names_the_page_and_its_line(reader: Reader) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        read(reader, "one\n\n```python\n\n1 / 0\n```\n")
    last = caught.traceback[-1]
    assert (Path(last.path).name, last.lineno + 1) == ("page.md", 5)


def test_output_that_a_page_shows_has_to_come_out(reader: Reader) -> None:
    with pytest.raises(AssertionError, match="the page shows"):
        read(reader, "```console\n$ echo one\ntwo\n```\n")


def test_dots_in_a_shown_output_stand_for_anything(reader: Reader) -> None:
    read(reader, "```console\n$ echo one two three\none … three\n```\n")


def test_a_command_that_fails_fails_the_page(reader: Reader) -> None:
    with pytest.raises(AssertionError, match="exit 3"):
        read(reader, "```console\n$ exit 3\n```\n")


def test_a_command_may_be_continued_on_the_next_line() -> None:
    assert list(commands_of("$ echo a \\\n  b\na b\n$ true\n")) == [Command("echo a    b", "a b"), Command("true", "")]


def test_changing_the_folder_lasts_until_the_page_ends(reader: Reader) -> None:
    read(reader, "```console\n$ mkdir shop && cd shop\n$ touch here\n```\n")
    assert reader.folder.joinpath("here").exists()
