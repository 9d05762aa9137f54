"""``velox ml``: the table of its commands."""

from __future__ import annotations

import click

from velox.cli.lazygroup import LazyGroup

__all__ = ["ML_COMMANDS", "ml"]

ML_COMMANDS = {
    "train": ("velox.cli.ml_train", "Train models side by side on a table, and publish the best."),
    "evaluate": ("velox.cli.ml_evaluate", "Write a version's report, on its held-out rows or on other data."),
    "import": ("velox.cli.ml_import:import_model", "Publish a model that was trained elsewhere."),
    "models": ("velox.cli.ml_registry", "List the models with their versions and aliases."),
    "show": ("velox.cli.ml_registry", "Show one version: schema, metrics, how it is served."),
    "promote": ("velox.cli.ml_registry", "Let an alias, such as production, stand for a version."),
    "rollback": ("velox.cli.ml_registry", "Let an alias stand for what it stood for before."),
    "withdraw": ("velox.cli.ml_registry", "End a canary, a shadow, or another alias."),
    "diff": ("velox.cli.ml_registry", "What differs between two versions."),
    "score": ("velox.cli.ml_score", "Answer the rows of a file."),
    "serve": ("velox.cli.ml_serve", "Serve models without a project."),
}


@click.group(cls=LazyGroup, table=ML_COMMANDS, short_help="Train, publish and serve models.")
def ml() -> None:
    """Train, publish and serve models. They are kept in the folder of the setting model_root (models).

    \b
    Example:
      velox ml train titanic --target survived --name titanic
      velox ml promote titanic && velox ml serve titanic
    """
