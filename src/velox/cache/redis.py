"""Values that all machines share.

    PREFIX:cache:{KEY}:value     an entry, until it is of no use
    PREFIX:cache:{KEY}:loader    who is loading it, for as long as that may take
    PREFIX:cache:TAG:generation  a random word, written anew by each invalidation
    PREFIX:cache                 the channel on which invalidations are told

KEY and TAG are digests, so that they may be of any length and tell nothing.

An entry holds the words of its tags as they were before it was made; it is good only while they are the same. A word
that was lost, by eviction or expiry, is made anew, never the same: what depended on it is loaded again.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Any, Final

from velox.cache.entry import Entry, pack, unpack
from velox.redis import Client, Redis, Script

__all__ = ["SharedStore"]

GENERATION_S: Final = 7 * 86_400
# The client asks again when its connection broke: who has the lease already has it, and does not wait for itself.
ACQUIRE: Final = Script("""
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")
RELEASE: Final = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
# Who was told meanwhile that the key is deleted is no longer its loader, and writes nothing.
WRITE: Final = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return 0
""")


class SharedStore:
    """The values on Redis. Every method raises :class:`~velox.redis.RedisDown`.

    Args:
        redis: The app's client.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.channel = redis.key("cache")

    async def get(self, key: str) -> Entry | None:
        """The entry, if it is good, whatever its tags are."""
        (data,) = await self._redis.run(lambda client: get_all(client, [self._value(key)]))
        entry = unpack(data) if data is not None else None
        if entry is None or not entry.fence:
            return entry
        names = [self._generation(tag) for tag in entry.fence]
        words = await self._redis.run(lambda client: get_all(client, names))
        return entry if list(entry.fence.values()) == words else None

    async def read(self, key: str, tags: Collection[str]) -> tuple[Entry | None, dict[str, bytes]]:
        """The entry, if it is good, and the generations of ``tags``, for the entry that is made if not."""
        names = [self._value(key), *(self._generation(tag) for tag in tags)]
        data, *words = await self._redis.run(lambda client: get_all(client, names))
        fence = {tag: word for tag, word in zip(tags, words, strict=True) if word is not None}
        missing = [tag for tag in tags if tag not in fence]
        if missing:
            fence |= await self._redis.run(lambda client: self._begin(client, missing))
        entry = unpack(data) if data is not None else None
        return (entry if entry is not None and entry.fence == fence else None), fence

    async def put(self, key: str, entry: Entry, keep_s: float) -> None:
        """Store ``entry`` for ``keep_s``."""
        milliseconds = max(1, int(keep_s * 1000))
        await self._redis.run(lambda client: client.set(self._value(key), pack(entry), px=milliseconds))

    async def write(self, key: str, token: bytes, entry: Entry, keep_s: float) -> None:
        """The same by who has acquired ``key``, and still is its loader."""
        names, milliseconds = [self._loader(key), self._value(key)], max(1, int(keep_s * 1000))
        await self._redis.run(lambda client: WRITE.run(client, names, token, pack(entry), milliseconds))

    async def delete(self, keys: Collection[str], message: bytes) -> None:
        """Remove entries, and what is being loaded for them, and tell the other machines."""

        async def remove(client: Client) -> None:
            for key in keys:  # one by one: in a cluster they are on several nodes
                await client.delete(self._loader(key), self._value(key))
            await client.publish(self.channel, message)

        await self._redis.run(remove)

    async def invalidate(self, tags: Collection[str], message: bytes) -> None:
        """Give ``tags`` another generation, and tell the other machines."""

        async def renew(client: Client) -> None:
            for tag in tags:
                await client.set(self._generation(tag), new_word(), ex=GENERATION_S)
            await client.publish(self.channel, message)

        await self._redis.run(renew)

    async def acquire(self, key: str, token: bytes, lease_s: float) -> bool:
        """Become the loader of ``key``; whether nobody else is."""
        milliseconds = int(lease_s * 1000)
        names = [self._loader(key)]
        return bool(await self._redis.run(lambda client: ACQUIRE.run(client, names, token, milliseconds)))

    async def release(self, key: str, token: bytes) -> None:
        """Be it no longer."""
        await self._redis.run(lambda client: RELEASE.run(client, [self._loader(key)], token))

    def _value(self, key: str) -> str:
        return self._redis.key("cache", f"{{{digest(key)}}}", "value")

    def _loader(self, key: str) -> str:
        return self._redis.key("cache", f"{{{digest(key)}}}", "loader")

    def _generation(self, tag: str) -> str:
        return self._redis.key("cache", digest(tag), "generation")

    async def _begin(self, client: Client, tags: Sequence[str]) -> dict[str, bytes]:
        """The generations of tags that had none; somebody else may be giving them one."""
        for tag in tags:
            await client.set(self._generation(tag), new_word(), nx=True, ex=GENERATION_S)
        words = await get_all(client, [self._generation(tag) for tag in tags])
        return {tag: word or b"" for tag, word in zip(tags, words, strict=True)}


async def get_all(client: Any, names: Sequence[str]) -> list[bytes | None]:
    if len(names) == 1:
        return [await client.get(names[0])]
    # A cluster's client asks each node for its own.
    mget = getattr(client, "mget_nonatomic", None) or client.mget
    found: list[bytes | None] = await mget(names)
    return found


def digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def new_word() -> bytes:
    return secrets.token_bytes(12)
