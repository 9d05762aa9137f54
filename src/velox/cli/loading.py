"""The one place where commands find and make the project's app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from velox.factory import Factory, find_factory

if TYPE_CHECKING:
    from velox.app import Velox

__all__ = ["load_app", "load_factory"]


def load_factory(target: str | None = None) -> Factory:
    """The app factory that ``target`` names, or the project's own. Raises ConfigurationError VX101 or VX106."""
    return find_factory(target)


def load_app(target: str | None = None, **options: Any) -> Velox:
    """The project's app, made with ``options`` of the command line before every other source of settings."""
    from velox.settings import options as settings_options

    factory = load_factory(target)
    with settings_options(options):
        return factory.create()
