"""Velox beside its peers: ``make bench``, ``make bench ARGS=http``, or ``python -m benchmarks``.

The first argument names the benchmark, a folder here; without one it is the binding layer's.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    # Started as `python benchmarks`, this folder itself is first on the path, and its files would hide the library's.
    sys.path[0] = str(HERE.parent)
    known = sorted(place.parent.name for place in HERE.glob("*/__main__.py"))
    name = sys.argv.pop(1) if sys.argv[1:2] and sys.argv[1] in known else "binding"
    importlib.import_module(f"benchmarks.{name}.__main__").main()
