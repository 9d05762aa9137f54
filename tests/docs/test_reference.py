"""The reference covers every public name, setting, command and error code."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest
import velox_reference
from packaging.requirements import Requirement

from velox._wire import WireSettings
from velox.cli.main import COMMANDS
from velox.errors import CODES
from velox.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
NAMES = re.compile(r"^```\{velox-names\} (?P<module>[\w.]+)$", re.MULTILINE)
DOCUMENTED = [found["module"] for page in sorted(REFERENCE.glob("*.md")) for found in NAMES.finditer(page.read_text())]


def test_every_setting_has_a_line_with_its_meaning() -> None:
    described = [velox_reference.attribute_docstrings(cls) for cls in (Settings, WireSettings)]
    assert {name for found in described for name in found} == set(Settings.model_fields)
    table = velox_reference.settings()
    assert [name for name in Settings.model_fields if f"| `{name}` |" not in table] == []


def test_the_secret_in_the_settings_table_is_not_its_value() -> None:
    secret = Settings.model_fields["secret_key"].default.get_secret_value()
    assert secret not in velox_reference.settings()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_section_that_ends_with_an_example(command: str) -> None:
    sections = velox_reference.commands().split("## ")
    (section,) = [each for each in sections if each.startswith(f"velox {command}\n")]
    assert re.search(rf"Examples?:\n.*velox {command}", section, re.DOTALL)


def test_every_code_has_a_line() -> None:
    text = velox_reference.codes()
    assert [code for code in CODES if f"| `{code}` |" not in text] == []


@pytest.mark.parametrize("directive", ["velox-settings", "velox-codes", "velox-commands", "velox-states"])
def test_each_generated_table_is_on_a_page(directive: str) -> None:
    assert any(f"```{{{directive}}}" in page.read_text() for page in REFERENCE.glob("*.md"))


def test_every_package_for_users_has_a_page() -> None:
    packages = {
        "velox",
        "velox.auth",
        "velox.cache",
        "velox.db",
        "velox.errors",
        "velox.idempotency",
        "velox.limits",
        "velox.ml",
        "velox.resources",
        "velox.tasks",
        "velox.testing",
    }
    assert packages == set(DOCUMENTED)


@pytest.mark.parametrize("module_name", DOCUMENTED)
def test_every_public_name_has_a_docstring(module_name: str) -> None:
    module = importlib.import_module(module_name)
    own = {name: getattr(module, name) for name in module.__all__}
    velox_made = {name: each for name, each in own.items() if getattr(each, "__module__", "").startswith("velox")}
    assert [name for name, each in velox_made.items() if not inspect.getdoc(each)] == []


def test_dependencies_md_justifies_exactly_the_declared_dependencies() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core, _, extras = (ROOT / "docs" / "dependencies.md").read_text().partition("## Extras")
    row = re.compile(r"^\| `([\w-]+)` \| \S", re.MULTILINE)
    assert row.findall(core) == [Requirement(line).name for line in declared["dependencies"]]
    assert sorted(row.findall(extras)) == sorted(declared["optional-dependencies"])
