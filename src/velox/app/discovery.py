"""Finds the modules of a project's feature folders."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from velox.errors import ConfigurationError
from velox.location import shortened

__all__ = ["import_tree"]


def import_tree(package: str) -> list[ModuleType]:
    """Every module of ``package``, by dotted name; tests (``tests``, ``test_*``, ``conftest``) and ``__main__`` are
    left out.

    Raises:
        ConfigurationError: VX208, with file and line, when one cannot be imported.
    """
    root = import_or_explain(package)
    names = [package, *submodules(package, getattr(root, "__path__", []))]
    return [import_or_explain(name) for name in sorted(names)]


def submodules(package: str, path: list[str]) -> list[str]:
    """The dotted names of all modules below ``package``. A folder of tests is not even imported."""
    found = []
    modules = {info.name: info.ispkg for info in pkgutil.iter_modules(path)}
    for name, is_package in {**dict.fromkeys(bare_folders(path), True), **modules}.items():
        if is_skipped(name):
            continue
        full = f"{package}.{name}"
        found.append(full)
        if is_package:
            found += submodules(full, list(import_or_explain(full).__path__))
    return found


def bare_folders(path: list[str]) -> list[str]:
    """The folders with modules in them and no ``__init__.py``: Python imports them, ``pkgutil`` does not list them."""
    return [
        folder.name
        for place in path
        for folder in sorted(Path(place).iterdir())
        if folder.name.isidentifier() and any(folder.glob("*.py")) and not (folder / "__init__.py").exists()
    ]


def is_skipped(name: str) -> bool:
    return name in {"tests", "conftest", "__main__"} or name.startswith("test_") or name.endswith("_test")


def import_or_explain(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            "VX208",
            f"{place_of(error)}: importing {name} failed: {type(error).__name__}: {error}",
            hint="Mend that line; VELOX_DEBUG=1 shows the whole traceback",
        ) from error


def place_of(error: BaseException) -> str:
    """``file:line`` where ``error`` was raised, or where the source is wrong."""
    if isinstance(error, SyntaxError):
        return f"{shortened(error.filename or '?')}:{error.lineno}"
    place = "?"
    trace = error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        # "<...>" is code that was made at run time: nobody can open it.
        made = filename.startswith("<") or filename == __file__
        if not made and "importlib" not in filename and "site-packages" not in filename:
            place = f"{shortened(filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
