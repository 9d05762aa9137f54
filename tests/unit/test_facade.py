"""``import velox`` hands on the names that most apps import, and loads nothing until one is asked for."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys

import pytest

import velox

FACADES = ("velox", "velox.db", "velox.errors", "velox.ml", "velox.resources", "velox.tasks", "velox.testing")
HEAVY = ("sanic", "sqlalchemy", "sqlmodel", "pydantic", "httpx", "click")


@pytest.mark.parametrize("name", FACADES)
def test_the_facade_names_nothing_twice(name: str) -> None:
    names = importlib.import_module(name).__all__
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", FACADES)
def test_every_name_of_the_facade_can_be_imported(name: str) -> None:
    module = importlib.import_module(name)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", FACADES)
def test_dir_lists_every_name_of_the_facade(name: str) -> None:
    module = importlib.import_module(name)
    assert set(module.__all__) <= set(dir(module))


def test_the_facade_has_about_thirty_names_that_most_apps_import() -> None:
    assert len(velox.__all__) <= 40


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = velox.no_such_name


def test_problems_of_the_facade_are_those_of_the_error_tree() -> None:
    errors = importlib.import_module("velox.errors")
    problems = [name for name in velox.__all__ if inspect.isclass(getattr(errors, name, None))]
    assert [name for name in problems if getattr(velox, name) is not getattr(errors, name)] == []


def test_import_velox_loads_nothing_heavy() -> None:
    code = f"import sys, velox; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
