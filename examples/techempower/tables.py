"""The three tables of the benchmark."""

from __future__ import annotations

from velox.db import Field, Model

__all__ = ["WORLDS", "CachedWorld", "Fortune", "World"]

WORLDS = 10_000
"""Rows of ``world`` and ``cachedworld``, numbered from 1."""


class _Number(Model):
    id: int = Field(primary_key=True)
    randomNumber: int  # noqa: N815 - the benchmark prescribes the name in the answers


class World(_Number, table=True):
    """A number to be looked up, and changed."""


class CachedWorld(_Number, table=True):
    """A number that never changes, so that it may be remembered."""


class Fortune(Model, table=True):
    """A line of wisdom."""

    id: int = Field(primary_key=True)
    message: str
