"""What has to be green before a change is merged, as a table.

A step is a name, the group that ``make lint``, ``make types`` and ``make docs`` select by, and one command.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "STEPS", "Step"]

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Step:
    """One check.

    Attributes:
        group: ``lint``, ``types``, ``tests``, ``docs`` or ``wheel``.
        name: What the summary calls it.
        command: A program of this environment and its arguments, run in the repository's root.
    """

    group: str
    name: str
    command: Sequence[str]

    def run(self) -> bool:
        """Run it, its output on ours, and tell whether it passed."""
        program, *arguments = self.command
        environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.run([BIN / program, *arguments], cwd=ROOT, env=environment, check=False).returncode == 0


STEPS = (
    Step("lint", "ruff check", ("ruff", "check", ".")),
    Step("lint", "ruff format", ("ruff", "format", "--check", ".")),
    Step("lint", "arrows between rooms", ("lint-imports", "--no-logo")),
    Step("types", "mypy --strict", ("mypy",)),
    Step("types", "pyright on the public API", ("pyright", "--warnings")),
    Step("docs", "documentation site", ("sphinx-build", "-W", "--keep-going", "-q", "-E", "docs", "docs/_build")),
    # Workers as many as cores; order is random (pytest-randomly prints the seed); warnings are errors (pyproject.toml).
    Step("tests", "tests, branch coverage", ("pytest", "-n", "auto", "--cov", "--cov-report=term", "--durations=10")),
    Step("wheel", "the installed wheel", ("python", "tools/gate/wheel.py")),
)
