"""Where drift meets the app: as JSON, and as a page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sanic.response import HTTPResponse

from velox.app.prediction_log import PredictionLog
from velox.errors import ConfigurationError, NotFound
from velox.ml import ModelService

if TYPE_CHECKING:
    from velox.ml.drift import Drift

__all__ = ["WINDOW", "mount_drift"]

WINDOW = 10_000
"""The last logged rows of the version in service that are compared."""


def mount_drift(app: Any, prefix: str, service: ModelService, log: PredictionLog) -> None:
    """Add the routes of a model's drift."""
    name, title = service.model, service.model.replace("-", "_")

    async def found() -> Drift:
        from velox.ml.drift import drift_of, reference_in

        manifest = service.manifest
        logged = await log.journal.window(manifest.version, WINDOW)

        def compare() -> Drift:
            window = [(one.features, one.answer, one.truth) for one in logged]
            reference = reference_in(service.registry, manifest)
            return drift_of(reference, manifest.schema, window, (manifest.name, manifest.version))

        try:
            return await asyncio.to_thread(compare)
        except ConfigurationError as error:
            raise NotFound(str(error)) from error

    async def drift() -> dict[str, Any]:
        return (await found()).to_dict()

    async def drift_as_page() -> HTTPResponse:
        from velox.ml.drift_page import drift_page

        return HTTPResponse(drift_page(await found()), content_type="text/html; charset=utf-8")

    drift.__doc__ = f"How far the last logged rows of {name}, and its answers, are from its training data."
    drift_as_page.__doc__ = f"The drift of {name} as a page for people."
    options: dict[str, Any] = {"tags": ["models"], "cache": False, "problems": (NotFound,)}
    app.get(f"{prefix}/{name}/drift", name=f"{title}_drift", **options)(drift)
    app.get(f"{prefix}/{name}/drift.html", name=f"{title}_drift_page", **options)(drift_as_page)
