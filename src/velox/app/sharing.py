"""What the workers of one parent share: made by the parent before they start, removed when it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from velox.shared_files import make_shared_file, remove_left_overs, remove_shared_file

__all__ = ["Sharing"]


class Sharing:
    """The shared files of an app.

    Args:
        app: The app.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._wanted: dict[str, int] = {}
        app.register_listener(self._make, "main_process_start")
        app.register_listener(self._remove, "main_process_stop")

    def want(self, kind: str, size_bytes: int) -> Callable[[], Path | None]:
        """Have a file of ``size_bytes`` made; what is returned says in a worker where it is, and ``None`` where a
        process serves alone.
        """
        self._wanted[kind] = size_bytes
        return lambda: self._path(kind)

    def _path(self, kind: str) -> Path | None:
        path = vars(self._app.shared_ctx).get(f"velox_{kind}")
        return Path(path) if path is not None else None

    async def _make(self, app: Any) -> None:
        remove_left_overs()
        for kind, size_bytes in self._wanted.items():
            # As an attribute it would be met with Sanic's warning about what cannot be shared; a path can.
            vars(app.shared_ctx)[f"velox_{kind}"] = str(make_shared_file(kind, size_bytes))

    async def _remove(self, app: Any) -> None:
        for kind in self._wanted:
            if (path := self._path(kind)) is not None:
                remove_shared_file(path)
