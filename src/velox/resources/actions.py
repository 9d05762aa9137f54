"""What can be done with a resource, and what is said of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from velox.rules import CacheOption, LimitOption

__all__ = ["ACTIONS", "Action", "ActionName"]

ActionName = Literal["list", "get", "create", "replace", "patch", "delete", "bulk", "export"]

ACTIONS: tuple[ActionName, ...] = ("list", "get", "create", "replace", "patch", "delete", "bulk", "export")
"""action    request
list      GET    /links/
create    POST   /links/
export    GET    /links/export.csv, /links/export.jsonl
bulk      POST   /links/bulk
get       GET    /links/<id>
replace   PUT    /links/<id>
patch     PATCH  /links/<id>
delete    DELETE /links/<id>
"""


@dataclass(frozen=True, slots=True)
class Action:
    """What holds for one action, in addition to what holds for the whole resource.

    Attributes:
        guard: What is asked of whoever calls it, as ``guard=`` of a route.
        limit: How often somebody may, as ``limit=`` of a route.
        cache: How long an answer may be used again, as ``cache=`` of a route; for ``list`` and ``get``.
    """

    guard: Any = ()
    limit: LimitOption = None
    cache: CacheOption = None
