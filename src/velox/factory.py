"""Finding the app factory: an argument, ``app`` of the settings, ``app/main.py``, ``main.py``, in this order."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from velox.errors import EXIT_USAGE, ConfigurationError
from velox.settings import Launch

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.settings import Settings

__all__ = ["Factory", "find_factory", "where"]

_FILES = {"app/main.py": "app.main", "main.py": "main"}
_NAMES = ("create_app", "app")


@dataclass(frozen=True, slots=True)
class Factory:
    """An app factory that was found, and can be sent to another process.

    Attributes:
        target: ``module:name``, as ``velox run`` takes it.
        directory: The project's root; it is put on ``sys.path``.
    """

    target: str
    directory: Path

    def create(self, settings: Settings | None = None) -> Velox:
        """Import the module and make an app.

        Args:
            settings: Handed to the factory if it takes an argument; None lets it make its own.

        Raises:
            ConfigurationError: VX103 (the module cannot be imported), VX104 (the factory failed, or what it returned is
                no Velox), or any that the factory raised itself.
        """
        from velox.app import Velox

        maker = self.load()
        if isinstance(maker, Velox):
            return maker
        made = self._call(maker, settings)
        if not isinstance(made, Velox):
            raise ConfigurationError(
                "VX104",
                f"{self.target} returned {_a(made)} instead of a Velox app",
                hint="End the factory with 'return app'." if made is None else "Return the Velox object.",
            )
        return made

    def load(self) -> Any:
        """The factory itself: the object that ``target`` names. Raises ConfigurationError VX101, VX103 or VX104."""
        from velox.app import Velox

        module_name, _, name = self.target.partition(":")
        module = self._import(module_name)
        for candidate in [name] if name else _NAMES:
            if hasattr(module, candidate):
                maker = getattr(module, candidate)
                if isinstance(maker, Velox) or callable(maker):
                    return maker
                raise ConfigurationError(
                    "VX104",
                    f"{module_name}:{candidate} is {_a(maker)}, neither an app factory nor a Velox app",
                    hint="Write 'def create_app(settings: Settings | None = None) -> Velox'.",
                )
        wanted = name or " or ".join(_NAMES)
        raise ConfigurationError(
            "VX101",
            f"{_file(module)} has no {wanted}",
            hint="Write 'def create_app(settings: Settings | None = None) -> Velox' in it.",
        )

    def _import(self, name: str) -> ModuleType:
        if str(self.directory) not in sys.path:
            sys.path.insert(0, str(self.directory))
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                raise ConfigurationError(
                    "VX101",
                    f"there is no module {error.name!r} in {self.directory} to find {self.target} in",
                    hint="Run the command in the project's root, or name the factory: velox run app.main:create_app.",
                ) from error
            raise self._failure("VX103", error) from error
        except ConfigurationError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failure("VX103", error) from error

    def _call(self, maker: Callable[..., object], settings: Settings | None) -> object:
        # The signature decides whether it takes settings; a TypeError from inside is the factory's own.
        arguments = (settings,) if _takes_argument(maker) else ()
        try:
            return maker(*arguments)
        except ConfigurationError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failure("VX104", error) from error

    def _failure(self, code: str, error: BaseException) -> ConfigurationError:
        what = "cannot be imported" if code == "VX103" else "failed"
        return ConfigurationError(
            code,
            f"{self.target} {what}: {where(error, self.directory)}",
            hint="Correct that line; VELOX_DEBUG=1 shows the whole traceback.",
        )


def find_factory(target: str | None = None, directory: Path | None = None) -> Factory:
    """The project's app factory; nothing is imported yet.

    Args:
        target: ``module:create_app`` or ``module``. None looks it up.
        directory: The project's root. None: the current directory.

    Raises:
        ConfigurationError: VX101, with the places looked at; VX106 if ``target`` is no ``module:name``.
    """
    root = (directory or Path.cwd()).resolve()
    target = target or Launch().app
    if target is not None:
        return Factory(_checked(target), root)
    for file, module in _FILES.items():
        if (root / file).is_file():
            return Factory(_with_name(module, root / file), root)
    raise ConfigurationError(
        "VX101",
        f"no app factory found in {root}: no 'app' in velox.toml, no {' and no '.join(_FILES)}",
        hint="Run the command in a project's root, or start one: velox makeproject shop.",
    )


def _with_name(module: str, file: Path) -> str:
    """``app.main:create_app``, or ``app.main:app`` when the file's text defines only that."""
    text = file.read_text("utf-8", errors="replace")
    return f"{module}:{'create_app' if 'create_app' in text or 'app =' not in text else 'app'}"


def _checked(target: str) -> str:
    module, colon, name = target.partition(":")
    if all(part.isidentifier() for part in module.split(".")) and (name.isidentifier() or not colon):
        return target
    raise ConfigurationError(
        "VX106",
        f"{target!r} does not name an app factory",
        hint="Write module:factory with dots, as in app.main:create_app.",
        exit_code=EXIT_USAGE,
    )


def _takes_argument(maker: Callable[..., object]) -> bool:
    try:
        parameters = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):  # a callable written in C
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(parameter.kind in positional for parameter in parameters)


def where(error: BaseException, root: Path) -> str:
    """What went wrong and in which line of the project, in one line: ``app/main.py:3: NameError: name 'x' …``."""
    return f"{_line(error, root)}: {type(error).__name__}: {_first_line(error)}"


def _line(error: BaseException, root: Path) -> str:
    """``file:line`` of the last frame that is in the project, else of the last frame."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename, root)}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    own = [frame for frame in frames if _is_own(Path(frame.filename), root)]
    if not frames:
        return "(unknown place)"
    frame = (own or frames)[-1]
    return f"{_short(frame.filename, root)}:{frame.lineno}"


def _is_own(file: Path, root: Path) -> bool:
    return file.is_relative_to(root) and "site-packages" not in file.parts


def _short(filename: str, root: Path) -> str:
    path = Path(filename)
    return str(path.relative_to(root)) if path.is_relative_to(root) else filename


def _first_line(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return (text.strip().splitlines() or ["(no message)"])[0]


def _file(module: ModuleType) -> str:
    return f"the module {module.__name__} ({Path(module.__file__ or '?').name})"


def _a(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
