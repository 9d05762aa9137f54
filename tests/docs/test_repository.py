"""Fears about the whole repository, as tests."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from velox.errors import CODES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "velox").rglob("*.py"))
TEXT = {"", ".cfg", ".css", ".html", ".in", ".js", ".json", ".md", ".py", ".tmpl", ".toml", ".txt", ".yaml", ".yml"}
# A home directory, or a place that only exists on the machine of whoever wrote it.
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:home|Users|root|work|opt|private)/\w+")
# A package index: whoever installs chooses it.
INDEX = re.compile(
    r"(?:--(?:extra-)?index-url|--find-links|--trusted-host|https?://[^\s\"')]*/simple\b)", re.IGNORECASE
)


def text_files() -> Iterator[Path]:
    """What the repository holds, and what would be added to it; caches and reports are neither."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    for name in listed.stdout.decode().splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix in TEXT:
            yield path


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    here = Path(__file__)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        if path != here
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def codes_in_the_source() -> set[str]:
    return {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"VX\d{3}", node.value)
        if path.name != "errors.py"
    }


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


def test_no_file_chooses_a_package_index() -> None:
    assert lines_with(INDEX) == []


def test_constraints_are_names_and_exact_versions_only() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.+!]+", line)] == []


def test_every_code_is_raised_somewhere() -> None:
    assert set(CODES) - codes_in_the_source() == set()


def test_every_code_that_is_raised_is_in_the_table() -> None:
    assert codes_in_the_source() - set(CODES) == set()


def test_nothing_is_left_for_later() -> None:
    assert lines_with(re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")) == []


def test_no_test_is_skipped_by_hand() -> None:
    """What the machine lacks is asked for with ``require``, which fails in CI."""
    assert lines_with(re.compile(r"pytest\.mark\.skip\b|@unittest\.skip|pytest\.mark\.xfail")) == []


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_github_files_are_valid_yaml(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_the_workflow_runs_the_same_gate_on_every_python_that_we_claim() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "gate.yml").read_text(encoding="utf-8"))
    gate = workflow["jobs"]["gate"]
    claimed = re.findall(r"Python :: (3\.\d+)\"", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert gate["strategy"]["matrix"]["python"] == claimed
    assert "make test" in [step.get("run") for step in gate["steps"]]
