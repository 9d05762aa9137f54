"""Redis, shared by what needs it: one client a worker, and one opinion about whether it is up."""

from velox.redis.client import Redis, RedisDown
from velox.redis.connecting import Client, Target, connect, disconnect
from velox.redis.script import Script

__all__ = ["Client", "Redis", "RedisDown", "Script", "Target", "connect", "disconnect"]
