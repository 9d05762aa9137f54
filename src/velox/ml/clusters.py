"""Where work is spread: processes of this machine, or a Dask cluster through joblib's own backend."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from velox.errors import ConfigurationError

__all__ = ["backend_of"]

CONNECT_S = 10


@contextlib.contextmanager
def backend_of(engine: str) -> Iterator[tuple[str, int]]:
    """joblib's backend for ``engine``, and how many workers there are, while it is connected.

    Args:
        engine: ``"local"``; ``"dask"`` starts a cluster of this machine's processors, and ``"tcp://host:8786"`` (or
            ``tls://``) is one that runs.

    Raises:
        ConfigurationError: VX701 when Dask is not installed; VX819 when the engine is unknown or does not answer.
    """
    if engine == "local":
        yield "loky", 1
        return
    if engine != "dask" and not engine.startswith(("tcp://", "tls://")):
        raise ConfigurationError(
            "VX819", f"there is no engine {engine}", hint="Use local, dask, or the address of a Dask scheduler"
        )
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise ConfigurationError(
            "VX701", "the engine dask is not installed", hint='Run: pip install "velox-framework[dask]"'
        ) from None
    try:
        address = None if engine == "dask" else engine
        own: dict[str, Any] = {"dashboard_address": None} if address is None else {}
        client = distributed.Client(address, timeout=CONNECT_S, **own)
    except OSError as error:
        raise ConfigurationError("VX819", f"{engine} does not answer: {error}", hint="Start its scheduler") from error
    with client:
        yield "dask", max(1, len(client.scheduler_info()["workers"]))
