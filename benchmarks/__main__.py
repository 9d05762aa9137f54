"""Velox beside its peers: ``make bench``, or ``python -m benchmarks``."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    # Started as `python benchmarks`, this folder itself is first on the path, and its files would hide the library's.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    importlib.import_module("benchmarks.binding.__main__").main()
