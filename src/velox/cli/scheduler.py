"""``velox scheduler``: the clock of jobs in a process of its own."""

from __future__ import annotations

import click

__all__ = ["scheduler"]


@click.command(short_help="Keep the clock of jobs: delays, retries and schedules.")
@click.argument("app", required=False)
@click.option("--health-port", type=click.IntRange(0, 65_535), help="Answer GET /health/ready on this port, too.")
@click.option("--prod", is_flag=True, help="Production: VELOX_ENV=prod, logs as JSON, a real secret required.")
def scheduler(app: str | None, health_port: int | None, prod: bool) -> None:
    """Keep the clock for the app that APP names, or the project's own; jobs are run elsewhere.

    Every worker keeps it, too, so this is for those who run workers only now and then. Several do no harm: each tick of
    a schedule fires once.

    \b
    Example:
      velox scheduler --prod
    """
    from velox.cli.posting import keep_posting
    from velox.tasks.crew import Crew

    keep_posting(
        app, {"env": "prod" if prod else None}, lambda post, grace_s: Crew(post, grace_s, works=False), health_port
    )
