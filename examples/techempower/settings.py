"""What can be configured."""

from __future__ import annotations

from velox import Settings

__all__ = ["ExampleSettings"]


class ExampleSettings(Settings):
    """Velox's settings, with other defaults."""

    database_url: str = "postgresql://postgres@127.0.0.1:5432/hello_world"
    """The environment's ``VELOX_DATABASE_URL``."""
    database_pool_size: int = 20
    """Each connection costs PostgreSQL a process of about 10 MB."""
    docs: bool = False
