"""The app factory is found in one order, and every way to fail names the project's own line."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from velox.app import Velox
from velox.errors import EXIT_USAGE, ConfigurationError
from velox.factory import find_factory
from velox.settings import Settings

_numbers = itertools.count()
APP = "from velox.app import Velox\n\ndef create_app(settings=None):\n    return Velox('found', settings)\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project; what it imports is forgotten afterwards."""
    for name in [name for name in os.environ if name.upper().startswith("VELOX_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    yield tmp_path
    for name in [name for name in set(sys.modules) - before if name.split(".")[0] in {"app", "main"}]:
        del sys.modules[name]


@pytest.fixture
def module(project: Path) -> Callable[[str], str]:
    """Write a module of this source; its name."""

    def write(source: str) -> str:
        name = f"factory_under_test_{next(_numbers)}"
        (project / f"{name}.py").write_text(source)
        return name

    return write


def failure(target: str | None = None) -> ConfigurationError:
    """What finding and calling the factory raises."""
    with pytest.raises(ConfigurationError) as caught:
        find_factory(target).create()
    assert "\n" not in caught.value.message
    return caught.value


def test_an_argument_beats_velox_toml_beats_app_main_beats_main(project: Path) -> None:
    """In this order."""
    (project / "main.py").write_text(APP)
    assert find_factory().target == "main:create_app"
    (project / "app").mkdir()
    (project / "app" / "main.py").write_text(APP)
    assert find_factory().target == "app.main:create_app"
    (project / "velox.toml").write_text('app = "shop.web:build"\ncurrency = "EUR"')
    assert find_factory().target == "shop.web:build"
    assert find_factory("other:make").target == "other:make"


def test_nothing_found_lists_where_it_looked(project: Path) -> None:
    """And says how to begin."""
    error = failure()
    assert error.code == "VX101"
    assert error.message == (
        f"no app factory found in {project}: no 'app' in velox.toml, no app/main.py and no main.py"
    )
    assert "velox makeproject" in error.hint


def test_another_directory_can_be_searched(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests do so."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "main.py").write_text(APP)
    assert find_factory(directory=elsewhere).directory == elsewhere


@pytest.mark.parametrize("target", ["app/main.py", "app main", ":create_app", "app.main:", "a:b:c", "app..main"])
def test_what_is_no_module_and_name_is_a_usage_error(target: str) -> None:
    """It is the command line that is wrong."""
    error = failure(target)
    assert (error.code, error.exit_code) == ("VX106", EXIT_USAGE)


def test_a_factory_may_take_settings_or_nothing(module: Callable[[str], str]) -> None:
    """And a module may hold an app instead."""
    settings = Settings(port=1)
    assert find_factory(f"{module(APP)}:create_app").create(settings).settings is settings
    assert find_factory(module(APP)).create(settings).settings is settings
    bare = module("from velox.app import Velox\ndef create_app():\n    return Velox('bare')\n")
    assert find_factory(f"{bare}:create_app").create(settings).name == "bare"
    held = module("from velox.app import Velox\napp = Velox('held')\n")
    assert isinstance(find_factory(held).create(), Velox)


def test_an_import_error_names_the_projects_line(module: Callable[[str], str]) -> None:
    """Not Python's importlib, and in one line."""
    name = module("x = 1\nimport no_such_package_anywhere\n")
    error = failure(f"{name}:create_app")
    assert error.code == "VX103"
    assert f"{name}.py:2: ModuleNotFoundError: No module named 'no_such_package_anywhere'" in error.message


def test_a_syntax_error_names_its_line(module: Callable[[str], str]) -> None:
    """The file that cannot be parsed has no frame of its own."""
    name = module("x = 1\ny = (\n")
    assert f"{name}.py:2: SyntaxError: " in failure(name).message


def test_a_missing_module_is_told_from_a_failing_import() -> None:
    """VX101: the name leads nowhere."""
    error = failure("no_such_module_here:create_app")
    assert error.code == "VX101"
    assert "no_such_module_here" in error.message


def test_a_missing_name_is_told(module: Callable[[str], str]) -> None:
    """VX101 too, with the name."""
    name = module("x = 1\n")
    assert "has no build" in failure(f"{name}:build").message
    assert "has no create_app or app" in failure(name).message
    assert failure(f"{name}:x").code == "VX104"


def test_a_type_error_inside_the_factory_is_its_own_and_not_tried_again(module: Callable[[str], str]) -> None:
    """The factory runs once."""
    name = module("calls = []\ndef create_app(settings=None):\n    calls.append(1)\n    len(3)\n")
    error = failure(f"{name}:create_app")
    assert error.code == "VX104"
    assert f"{name}.py:4: TypeError: object of type 'int' has no len()" in error.message
    assert sys.modules[name].calls == [1]


def test_a_factory_that_returns_something_else_is_told(module: Callable[[str], str]) -> None:
    """Forgetting ``return app`` is the usual one."""
    name = module("def create_app():\n    pass\ndef other():\n    return 'app'\n")
    assert "returned nothing instead of a Velox app" in failure(f"{name}:create_app").message
    assert "returned a str instead of a Velox app" in failure(f"{name}:other").message


def test_a_mistake_that_explains_itself_passes_unchanged(module: Callable[[str], str]) -> None:
    """A ConfigurationError from inside keeps its code."""
    name = module("from velox.settings import Settings\ndef create_app():\n    return Settings(prot=1)\n")
    assert failure(f"{name}:create_app").code == "VX301"
