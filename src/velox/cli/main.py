"""``velox``: the table of commands, and what happens to their errors."""

from __future__ import annotations

import sys

import click

from velox.cli.console import print_error
from velox.cli.lazygroup import LazyGroup
from velox.errors import EXIT_FAILURE, EXIT_USAGE, ConfigurationError

__all__ = ["COMMANDS", "group", "main"]

# name: (module, one line of help). The module is imported when its command runs, so `velox --help` needs none of them.
COMMANDS = {
    "makeproject": ("velox.cli.makeproject", "Write a new project, ready to run."),
    "makeapp": ("velox.cli.makeapp", "Add a feature folder: model, routes and tests."),
    "makemigrations": ("velox.cli.makemigrations", "Write what changed in the models as a migration, and prove it."),
    "migrate": ("velox.cli.migrate", "Apply the migrations to the database, or take some back."),
    "showmigrations": ("velox.cli.showmigrations", "List the migrations, and which of them are applied."),
    "sqlmigrate": ("velox.cli.sqlmigrate", "Print the SQL of a migration."),
    "db": ("velox.cli.db", "Look into the database, seed, dump, load or reset it."),
    "lab": ("velox.cli.lab", "Experiments that show what is fast here: kinds of indexes."),
    "shards": ("velox.cli.shards", "See where rows of sharded models are, and move them to other shards."),
    "run": ("velox.cli.run", "Serve the app; in dev, start anew on every change."),
    "reload": ("velox.cli.reload", "Replace the workers of a running server one by one; no request is lost."),
    "worker": ("velox.cli.worker", "Run jobs and schedules, in a process of their own."),
    "scheduler": ("velox.cli.scheduler", "Keep the clock of jobs: delays, retries and schedules."),
    "jobs": ("velox.cli.jobs", "List, retry, cancel and delete jobs; look at dead ones."),
    "routes": ("velox.cli.routes", "List the routes, or say which handler answers a URL."),
    "openapi": ("velox.cli.openapi", "Write the OpenAPI document, or check a written one."),
    "shell": ("velox.cli.shell", "A Python prompt with the app, a session and the models."),
    "ml": ("velox.cli.ml", "Train, publish and serve models."),
    "users": ("velox.cli.users", "Make, list, change and switch off accounts."),
    "apikey": ("velox.cli.apikey", "Make and revoke API keys."),
    "config": ("velox.cli.config", "Show every setting with its source; secrets are masked."),
    "doctor": ("velox.cli.doctor", "Look for what would go wrong, and say what to do."),
    "version": ("velox.cli.version", "Show the versions for a bug report."),
    "completion": ("velox.cli.completion", "Print the completion script of a shell."),
}
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(cls=LazyGroup, table=COMMANDS, context_settings=_CONTEXT)
def group() -> None:
    """From nothing to a production API service.

    \b
    Example:
      velox makeproject shop && cd shop && velox migrate && velox run
    """


def main(arguments: list[str] | None = None) -> None:
    """The ``velox`` command line.

    Exits 0 on success, 1 when the command could not do its work, 2 when the command line was wrong, 78 when production
    refuses the settings (:data:`velox.errors.EXIT_CONFIGURATION`), 130 when interrupted.
    """
    try:
        code = group.main(arguments, prog_name="velox", standalone_mode=False)
    except ConfigurationError as error:
        print_error(error)
        code = error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.UsageError as error:
        print_error(_usage(error))
        code = EXIT_USAGE
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130  # 128 + SIGINT, as shells count
    except BrokenPipeError:  # `velox routes | head`
        sys.stderr.close()
        code = EXIT_FAILURE
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: click.UsageError) -> ConfigurationError:
    command = error.ctx.command_path if error.ctx else "velox"
    text = error.format_message().rstrip(".").replace("\n", " ")
    message = text[:1].lower() + text[1:]
    return ConfigurationError("VX106", message, hint=f"See: {command} --help", exit_code=EXIT_USAGE)
