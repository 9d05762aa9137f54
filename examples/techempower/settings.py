"""What can be configured."""

from __future__ import annotations

from velox import Settings

__all__ = ["ExampleSettings"]


class ExampleSettings(Settings):
    """Velox's settings, and where PostgreSQL is; Velox's own database is not used and stays in memory."""

    database_url: str = "sqlite://"
    docs: bool = False
    example_pg_url: str = "postgresql://postgres@127.0.0.1:5432/hello_world"
    """The environment's ``VELOX_EXAMPLE_PG_URL``."""
    example_pg_pool_size: int = 20
    """Connections that a worker holds at most; each costs PostgreSQL a process of about 10 MB."""
