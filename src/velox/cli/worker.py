"""``velox worker``: jobs and schedules in a process of their own."""

from __future__ import annotations

import click

__all__ = ["worker"]


@click.command(short_help="Run jobs and schedules, in a process of their own.")
@click.argument("app", required=False)
@click.option("--queues", "-q", help="Only these queues, with commas between. Default: those of all tasks.")
@click.option(
    "--concurrency",
    "-c",
    type=click.IntRange(1, 10_000),
    help="The most jobs at once. Default: the setting job_concurrency.",
)
@click.option("--health-port", type=click.IntRange(0, 65_535), help="Answer GET /health/ready on this port, too.")
@click.option("--prod", is_flag=True, help="Production: VELOX_ENV=prod, logs as JSON, a real secret required.")
def worker(app: str | None, queues: str | None, concurrency: int | None, health_port: int | None, prod: bool) -> None:
    """Run the jobs of the app that APP names (module:create_app), or of the project's own.

    Any number of workers may run, on any number of machines: each job has a lease, and what a killed worker held is
    done by another. SIGTERM and Ctrl-C let running jobs finish (the setting grace_s), hand back the others, and exit 0.

    \b
    Example:
      velox worker --queues mail,default --concurrency 50
    """
    from velox.cli.posting import keep_posting
    from velox.tasks.crew import Crew

    names = [name.strip() for name in queues.split(",")] if queues else None
    keep_posting(
        app,
        {"env": "prod" if prod else None},
        lambda post, grace_s: Crew(post, grace_s, queues=names, concurrency=concurrency),
        health_port,
    )
