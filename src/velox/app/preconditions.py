"""How handlers come by :class:`~velox.http.preconditions.Preconditions`, and what the documentation says of it."""

from __future__ import annotations

from typing import Annotated

from velox.errors import PreconditionFailed
from velox.http.preconditions import Preconditions
from velox.routing.layer import Endpoint, Layer
from velox.routing.markers import Header
from velox.routing.plan import Plan

__all__ = ["documented_preconditions", "preconditions"]

_Field = Annotated[str | None, Header()]


def preconditions(
    if_match: _Field = None,
    if_none_match: _Field = None,
    if_unmodified_since: _Field = None,
    if_modified_since: _Field = None,
) -> Preconditions:
    """The provider."""
    given = {
        "if-match": if_match,
        "if-none-match": if_none_match,
        "if-unmodified-since": if_unmodified_since,
        "if-modified-since": if_modified_since,
    }
    return Preconditions({name: value for name, value in given.items() if value is not None})


def documented_preconditions(plan: Plan) -> Layer | None:
    """For a route that asks for them: it may answer 412."""
    asks = any(provider.fn is preconditions for provider in plan.providers())
    return Layer(_nothing, problems=(PreconditionFailed,)) if asks else None


def _nothing(inner: Endpoint) -> Endpoint:
    return inner
