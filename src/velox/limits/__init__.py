"""How often somebody may: limits of routes, blueprints and apps, exact for all workers, with and without Redis."""

from velox.limits.problems import QuotaExceeded, ReducedCapacity
from velox.rules.caller import Caller
from velox.rules.limit import LimitOption, Policy
from velox.rules.rate import Rate

__all__ = ["Caller", "LimitOption", "Policy", "QuotaExceeded", "Rate", "ReducedCapacity"]
