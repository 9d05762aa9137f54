"""A Lua script that runs on the server as one step."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Final

from velox.redis.connecting import Client

__all__ = ["Script"]


class Script:
    """A script, sent whole only to a server that has not seen it yet; else its digest: one round trip.

    Args:
        source: Lua. With Redis Cluster all of its keys have to be in one slot: ``{...}`` in a key decides.
    """

    __slots__ = ("digest", "source")

    def __init__(self, source: str) -> None:
        self.source: Final = source
        # Redis names scripts by SHA-1; nothing depends on it being hard to forge.
        self.digest: Final = sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, client: Client, keys: Sequence[str], *arguments: Any) -> Any:
        """What the script returns, as bytes, integers and lists."""
        from redis.exceptions import NoScriptError

        try:
            return await client.evalsha(self.digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await client.eval(self.source, len(keys), *keys, *arguments)
