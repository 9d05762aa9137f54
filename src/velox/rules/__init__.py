"""What a route may ask of a room: values that are written at a decorator, carried by ``routing``, and understood by the
room that they are for.
"""

from velox.rules.cache import CacheOption, CachePolicy
from velox.rules.caller import Caller
from velox.rules.idempotent import IdempotentOption
from velox.rules.limit import LimitOption, Policy
from velox.rules.rate import Rate

__all__ = ["CacheOption", "CachePolicy", "Caller", "IdempotentOption", "LimitOption", "Policy", "Rate"]
