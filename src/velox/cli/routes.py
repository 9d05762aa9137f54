"""``velox routes``: what the app answers, and from which line of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from velox.cli.console import json_line, style

if TYPE_CHECKING:
    from velox.app import Velox
    from velox.routing.plan import Plan

__all__ = ["routes"]

_SANIC_PARAMETER = re.compile(r"<(\w+)(?::[^>]*)?>")


@click.command(short_help="List the routes, or say which handler answers a URL.")
@click.argument("url", required=False)
@click.option("--method", "-X", help="Only this method.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def routes(url: str | None, method: str | None, as_json: bool) -> None:
    """List the routes with their handlers' places, or say which handler answers URL.

    \b
    Example:
      velox routes
      velox routes /links/abc --method GET
    """
    from velox.cli.loading import load_app
    from velox.errors import ConfigurationError

    app = load_app()
    app.compile()
    wanted = method.upper() if method else None
    plans = [plan for plan in app.plans if wanted is None or wanted in plan.methods]
    if url is not None:
        plans = list(_answering(app, plans, urlsplit(url).path or "/", wanted))
        if not plans:
            what = f"{wanted} {url}" if wanted else url
            raise ConfigurationError(
                "VX703", f"no handler answers {what}", hint="'velox routes' lists what is answered."
            )
    if as_json:
        json_line([_described(plan) for plan in plans])
        return
    widths = [max((len(text(plan)) for plan in plans), default=0) for text in (_methods, _path)]
    for plan in plans:
        path = f"{_path(plan):<{widths[1]}}"
        click.echo(f"{style(f'{_methods(plan):<{widths[0]}}', 'green')}  {path}  {plan.location}  {_handler(plan)}")


def _answering(app: Velox, plans: list[Plan], path: str, method: str | None) -> Iterator[Plan]:
    """The plans behind ``path``, by the same router that serves."""
    from sanic.exceptions import MethodNotAllowed, NotFound

    if not app.router.finalized:
        app.router.finalize()
    for plan in plans:
        for candidate in [method] if method else plan.methods:
            try:
                route, _, _ = app.router.get(path, candidate, None)
            except (NotFound, MethodNotAllowed):
                continue
            if _SANIC_PARAMETER.sub(r"{\1}", "/" + route.path.lstrip("/")) == plan.path:
                yield plan
                break


def _described(plan: Plan) -> dict[str, object]:
    return {
        "name": plan.name,
        "methods": list(plan.methods),
        "path": plan.path,
        "handler": _handler(plan),
        "location": plan.location,
        "tags": list(plan.tags),
        "summary": plan.summary,
        "status": plan.status,
        "hidden": plan.hidden,
    }


def _methods(plan: Plan) -> str:
    return ",".join(plan.methods)


def _path(plan: Plan) -> str:
    return plan.path


def _handler(plan: Plan) -> str:
    return getattr(plan.handler, "__qualname__", plan.name)
