"""The pytest plugin's door: pytest imports it in every run on the machine, so it only looks whether to bring the rest.

The fixtures are in :mod:`velox.testing.fixtures`. Names like ``client`` and ``db`` belong to other plugins too, so they
are offered only in a Velox project: one with a ``velox.toml``, or with ``velox`` in its ``app/main.py`` or ``main.py``.
Anywhere else, write ``pytest_plugins = ["velox.testing.fixtures"]`` in ``conftest.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

__all__ = ["is_velox_project", "pytest_configure"]

FIXTURES = "velox.testing.fixtures"


def pytest_configure(config: pytest.Config) -> None:
    if is_velox_project(config.rootpath):
        config.pluginmanager.import_plugin(FIXTURES)


def is_velox_project(directory: Path) -> bool:
    """Whether ``directory`` is the root of a project made with Velox, by its files alone."""
    if (directory / "velox.toml").is_file():
        return True
    mains = (directory / "app" / "main.py", directory / "main.py")
    return any(main.is_file() and b"velox" in main.read_bytes() for main in mains)
