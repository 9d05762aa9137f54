"""The packages of the extra ``ml``: imported where they are used, and missed in one line."""

from __future__ import annotations

import importlib
from typing import Any

from velox.errors import ConfigurationError

__all__ = ["needed"]


def needed(module: str) -> Any:
    """The module, which ``pip install "velox-framework[ml]"`` brings.

    Raises:
        ConfigurationError: VX701 when it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise ConfigurationError(
            "VX701",
            f"models need {module.partition('.')[0]}, which is not installed",
            hint='Run: pip install "velox-framework[ml]"',
        ) from None
