"""An app that does nothing but serve models: what ``velox ml serve`` runs."""

from __future__ import annotations

from velox.app.application import Velox
from velox.settings import Seconds, Settings

__all__ = ["ModelServerSettings", "create_app"]


class ModelServerSettings(Settings):
    """The settings of ``velox ml serve``."""

    database_url: str = "sqlite:///:memory:"
    """It has none."""
    served_models: str = ""
    """The models, with commas between."""
    served_cache_s: Seconds = 0.0
    """How long answers are remembered where that pays, in seconds."""


def create_app(settings: ModelServerSettings | None = None) -> Velox:
    """The app, with the models of ``settings.served_models``."""
    settings = settings or ModelServerSettings()
    app = Velox("models", settings=settings, title="Models")
    for reference in settings.served_models.split(","):
        app.serve_model(reference.strip(), cache=settings.served_cache_s)
    return app
