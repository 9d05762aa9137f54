"""The app: the one place that knows all rooms and connects them."""

from velox.app.application import Velox

__all__ = ["Velox"]
