"""``velox ml``: the table of its commands."""

from __future__ import annotations

import importlib

import click

__all__ = ["ML_COMMANDS", "ml"]

ML_COMMANDS = {
    "train": ("velox.cli.ml_train", "Train models side by side on a table, and publish the best."),
    "evaluate": ("velox.cli.ml_evaluate", "Write a version's report, on its held-out rows or on other data."),
    "import": ("velox.cli.ml_import", "Publish a model that was trained elsewhere."),
    "models": ("velox.cli.ml_registry", "List the models with their versions and aliases."),
    "show": ("velox.cli.ml_registry", "Show one version: schema, metrics, how it is served."),
    "promote": ("velox.cli.ml_registry", "Let an alias, such as production, stand for a version."),
    "rollback": ("velox.cli.ml_registry", "Let an alias stand for what it stood for before."),
    "diff": ("velox.cli.ml_registry", "What differs between two versions."),
    "serve": ("velox.cli.ml_serve", "Serve models without a project."),
}
FUNCTIONS = {"import": "import_model"}


class MlGroup(click.Group):
    """Knows its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(ML_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ML_COMMANDS:
            return None
        command: click.Command = getattr(
            importlib.import_module(ML_COMMANDS[cmd_name][0]), FUNCTIONS.get(cmd_name, cmd_name)
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in ML_COMMANDS.items()])


@click.group(cls=MlGroup, short_help="Train, publish and serve models.")
def ml() -> None:
    """Train, publish and serve models. They are kept in the folder of the setting model_root (models).

    \b
    Example:
      velox ml train titanic --target survived --name titanic
      velox ml promote titanic && velox ml serve titanic
    """
