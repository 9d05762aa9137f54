"""Hooks of schemathesis: before a request for one object, somebody else makes the same one, and has to fail.

SCHEMATHESIS_HOOKS=two_users.py OTHER_TOKEN=... ASKED=file schemathesis run ...
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import requests
import schemathesis

TRIED: dict[str, int] = {}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """The same request, with another's token."""
    if not case.path_parameters:
        return
    sent = case.as_transport_kwargs(base_url=case.operation.base_url)
    sent["headers"] = {**sent["headers"], "Authorization": f"Bearer {os.environ['OTHER_TOKEN']}"}
    TRIED[case.id] = requests.request(**sent, timeout=10).status_code


@schemathesis.check
def not_for_another_user(ctx: Any, response: Any, case: Any) -> None:
    """What is there for one user is not for another, who cannot even know that it is there."""
    other = TRIED.pop(case.id, None)
    if other is None or response.status_code >= 300:
        return
    with Path(os.environ["ASKED"]).open("a") as file:
        file.write(f"{case.operation.label}\n")
    assert other == 404, f"{case.operation.label} answered {other} to somebody else"
