"""Results that are a table of a few numbers: printed, and with ``--save`` written to ``benchmarks/results``."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Sequence

from benchmarks.environment import ROOT
from benchmarks.machine import describe

__all__ = ["show"]


def show(name: str, intro: str, rows: Sequence[Sequence[str]], packages: Sequence[str] = ()) -> None:
    """Print a table; with ``--save`` on the command line, write it, too.

    Args:
        name: Of the file, and of the module in ``benchmarks``.
        intro: The title, a blank line, and what was measured.
        rows: The table, its head first; all columns but the first are numbers.
        packages: Whose versions are told.
    """
    head, *body = rows
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *body]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    versions = [f"{each} {importlib.metadata.version(each)}" for each in ("velox-framework", *packages)]
    told = f"{describe()}; python {platform.python_version()}, {', '.join(versions)}."
    print(table)
    if "--save" in sys.argv:
        by = f"Written by `python -m benchmarks.{name} --save`."
        path = ROOT / "benchmarks" / "results" / f"{name}.md"
        path.write_text(f"# {intro} {by}\n\n{table}\n\n{told}\n", encoding="utf-8")
        print(f"{path.name} written")
