"""Read one page of the documentation and do what it says, in the current folder: ``python read_page.py PAGE``."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

from blocks import blocks_of
from reader import Reader


def main(page: Path) -> None:
    with closing(Reader(Path.cwd())) as reader:
        for block in blocks_of(page):
            reader.do(block, page)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
