"""Names of projects, features and models: which ones work, and what to suggest instead of one that does not."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from importlib.util import find_spec

from velox.errors import ConfigurationError

__all__ = ["check_feature_name", "check_model_name", "check_project_name", "class_name", "singular", "suggestion"]

MAX_LENGTH = 40
"""Characters: what still fits on one line with everything around it."""
TAKEN_FEATURES = frozenset({"docs", "health", "main", "models", "select", "settings", "tests"})
"""A feature is a module of the package, a URL prefix and a blueprint's variable; these are in use as one of them."""
TAKEN_MODELS = frozenset(
    {"Any", "Decimal", "UTC", "UUID", "Blueprint", "NotFound", "Create", "Field", "Model", "Page", "PageQuery"}
    | {"Public", "Reader", "Session", "Update", "TestClient"}
)
"""What the generated modules import; a model of the same name would hide it."""
UNCHANGED = ("ss", "us", "is", "news", "series", "species")
"""Endings of words that have an s in the singular."""

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")


def check_project_name(name: str) -> None:
    """Accept a lower-case Python identifier that no importable module has.

    Raises:
        ConfigurationError: VX501, with a name that works.
    """
    if problem := _shape_problem(name) or _module_problem(name):
        raise _invalid(f"{name!r} is not a project name: {problem}", suggestion(name))


def check_feature_name(name: str) -> None:
    """Accept a lower-case Python identifier that the generated code does not use otherwise.

    Raises:
        ConfigurationError: VX501, with a name that works.
    """
    problem = _shape_problem(name) or ("Velox uses it" if name in TAKEN_FEATURES else "")
    if problem:
        raise _invalid(f"{name!r} is not a feature name: {problem}", suggestion(name))


def check_model_name(name: str) -> None:
    """Accept a class name (``BlogPost``) that the generated modules do not import otherwise.

    Raises:
        ConfigurationError: VX501, with the option that names the model.
    """
    if name in TAKEN_MODELS or len(name) > MAX_LENGTH or not _CLASS.fullmatch(name) or keyword.iskeyword(name):
        problem = (
            "Velox uses it" if name in TAKEN_MODELS else f"a class name of at most {MAX_LENGTH} characters is needed"
        )
        hint = f"Name the class yourself: --model {class_name(suggestion(name))}."
        raise ConfigurationError("VX501", f"{name!r} is not a model name: {problem}", hint=hint)


def suggestion(name: str) -> str:
    """A valid name that resembles ``name``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()  # Bücher → Bucher
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
    words = re.sub(r"[^a-z0-9]+", "_", words).strip("_")[:MAX_LENGTH].strip("_")
    if not words:
        return "shop"
    if words[0].isdigit():
        words = f"app_{words}"
    in_use = words in TAKEN_FEATURES or class_name(words) in TAKEN_MODELS or keyword.iskeyword(class_name(words))
    return f"my_{words}" if in_use or _is_reserved(words) or _module_problem(words) else words


def singular(name: str) -> str:
    """One of ``name``, by spelling alone: ``-ies`` → ``-y``, ``-xes`` (also s, z, ch, sh) → ``-x``, ``-s`` → nothing.

    Irregular ones (``movies``, ``people``) need the command's ``--model``.
    """
    if name.endswith(UNCHANGED):
        return name
    if name.endswith("ies") and len(name) > 4:
        return f"{name[:-3]}y"
    if name.endswith(("sses", "shes", "ches", "xes", "zes")):
        return name[:-2]
    if name.endswith("s") and len(name) > 2:
        return name[:-1]
    return name


def class_name(name: str) -> str:
    """``blog_post`` → ``BlogPost``."""
    return "".join(word.capitalize() for word in name.split("_"))


def _shape_problem(name: str) -> str:
    if len(name) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    if not _NAME.fullmatch(name):
        return "it must be lower-case letters, digits and single underscores, starting with a letter"
    return "Python reserves it" if _is_reserved(name) else ""


def _is_reserved(name: str) -> bool:
    return keyword.iskeyword(name) or keyword.issoftkeyword(name)


def _module_problem(name: str) -> str:
    if name in sys.stdlib_module_names:
        return "Python's standard library has a module of that name"
    spec = find_spec(name)
    # A mere folder of that name in the working directory is a namespace package to Python, with no origin: not taken.
    return "an installed package has a module of that name" if spec is not None and spec.origin is not None else ""


def _invalid(message: str, name: str) -> ConfigurationError:
    return ConfigurationError("VX501", message, hint=f"Try {name}.")
