"""What models, versions and aliases may be called: names that no path can hide in."""

from __future__ import annotations

import re

from velox.errors import ConfigurationError

__all__ = ["check_alias", "check_name", "is_version", "split_reference"]

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")


def check_name(name: str) -> str:
    """``name``, if a model may have it.

    Raises:
        ConfigurationError: VX813.
    """
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            "VX813",
            f"a model cannot be named {name!r}",
            hint="Use a letter, then letters, digits, '-' and '_', all in lower case: titanic",
        )
    return name


def check_alias(alias: str) -> str:
    """``alias``, if a version may have it.

    Raises:
        ConfigurationError: VX813.
    """
    if not NAME.fullmatch(alias):
        raise ConfigurationError(
            "VX813", f"an alias cannot be {alias!r}", hint="Use lower-case letters, digits, '-' and '_': production"
        )
    return alias


def is_version(text: str) -> bool:
    """Whether ``text`` is a version's number: 1, 2, 3, ..."""
    return VERSION.fullmatch(text) is not None


def split_reference(reference: str) -> tuple[str, str | None]:
    """``"titanic@2"`` or ``"titanic@production"`` as name and version or alias; ``"titanic"`` has None.

    Raises:
        ConfigurationError: VX813.
    """
    name, at, which = reference.partition("@")
    check_name(name)
    if not at:
        return name, None
    return name, which if is_version(which) else check_alias(which)
