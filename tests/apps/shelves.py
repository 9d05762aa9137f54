"""An app of one resource, for a real server."""

from __future__ import annotations

from velox import Velox
from velox.db import Field, Versioned


class Volume(Versioned, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(index=True, max_length=50)


def create_app() -> Velox:
    app = Velox("shelves")
    app.resource(Volume, "/volumes")
    return app
