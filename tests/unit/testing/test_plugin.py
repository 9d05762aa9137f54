"""The plugin's door: where it opens, and that it costs next to nothing where it does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from velox.testing.plugin import is_velox_project


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("velox.toml", ""),
        ("main.py", "from velox import Velox\n"),
        ("app/main.py", "import velox\n"),
    ],
)
def test_a_velox_project_is_known_by_its_files(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert is_velox_project(tmp_path)


@pytest.mark.parametrize("file", ["main.py", "app/main.py", "manage.py"])
def test_other_projects_are_left_alone(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("from django.core import management\n")
    assert not is_velox_project(tmp_path)


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    """pytest imports it in every run on the machine: no Sanic, SQLAlchemy, pydantic or httpx, not even asyncio."""
    program = (
        "import sys, velox.testing.plugin; "
        "print(sorted({'sanic', 'sqlmodel', 'sqlalchemy', 'pydantic', 'httpx', 'asyncio'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
