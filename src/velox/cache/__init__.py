"""What was found out once and is good for a while: answers of routes, results of functions, and values by key."""

from velox.cache.cache import Cache
from velox.cache.cached import cached
from velox.cache.control import cache_control
from velox.rules.cache import CacheOption, CachePolicy

__all__ = ["Cache", "CacheOption", "CachePolicy", "cache_control", "cached"]
