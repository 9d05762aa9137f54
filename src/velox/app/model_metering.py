"""What is counted of models, on ``/metrics``: added up over all workers of the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from velox.http.board import Board, folder_of
from velox.ml import ModelService
from velox.ml.tally import CELLS, exposition, own_cells

__all__ = ["ModelMetering"]


class ModelMetering:
    """Gives the models of an app their cells; an extension that starts before them.

    Args:
        app: The app.
        services: Its models.
    """

    name = "metrics of models"

    def __init__(self, app: Any, services: Callable[[], Sequence[ModelService]]) -> None:
        self._app, self._services = app, services
        self._board: Board | None = None

    async def start(self) -> None:
        """Begin at 0, or where ended workers of this server have stopped."""
        services = self._services()
        taken = next((info.settings.get("sock") for info in self._app.state.server_info), None)
        layout = repr((CELLS, [service.reference for service in services]))
        digest = hashlib.sha256(layout.encode()).hexdigest()[:16]
        folder = folder_of(taken, digest) if taken is not None else None
        board = self._board = Board(folder, CELLS * len(services))
        for place, service in enumerate(services):
            service.versions.cells = board.cells[place * CELLS : (place + 1) * CELLS]

    async def stop(self) -> None:
        """Leave the figures to the other workers."""
        for service in self._services():
            if self._board is not None:
                service.versions.cells.release()
            service.versions.cells = own_cells()
        if self._board is not None:
            self._board.close()
            self._board = None

    async def ready(self) -> None:
        """Always."""

    def exposition(self) -> str:
        """The figures in Prometheus' text format."""
        if self._board is None:
            return ""
        sums = [sum(column) for column in zip(*self._board.all(), strict=True)]
        return exposition(
            (service.model, int((service.registry.versions(service.model) or ["1"])[-1]), sums[at : at + CELLS])
            for service, at in zip(self._services(), range(0, len(sums), CELLS), strict=True)
        )
