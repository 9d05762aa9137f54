"""``velox ml import``: a model that was trained elsewhere gets the same checks and the same API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from velox.cli.ml_registry import print_published, registry

__all__ = ["import_model", "policies"]


def policies(command: Any) -> Any:
    """The options that say what happens to odd rows."""
    out_of_range = click.option(
        "--out-of-range",
        type=click.Choice(["accept", "warn", "clip", "reject"]),
        default="warn",
        show_default=True,
        help="What happens to a number outside of the data's range.",
    )
    unknown = click.option(
        "--unknown",
        type=click.Choice(["reject", "warn"]),
        default="reject",
        show_default=True,
        help="What happens to a category that the model does not know.",
    )
    return out_of_range(unknown(command))


@click.command("import", short_help="Publish a model that was trained elsewhere.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sample", required=True, help="Rows as it was trained on: a file (.csv, .parquet, ...).")
@click.option("--name", required=True, help="The model's name here.")
@click.option("--target", default="prediction", help="What its answer is called; a column of that name is no feature.")
@policies
def import_model(*, file: Path, sample: str, name: str, target: str, out_of_range: Any, unknown: Any) -> None:
    """Publish the scikit-learn estimator in FILE, written by joblib.dump or pickle, as the next version of a model.

    FILE is unpickled, which runs what is in it: import only what you trust. Types, categories and ranges come from the
    sample and from the estimator itself.

    \b
    Example:
      velox ml import model.joblib --sample data.csv --name churn --target churned
    """
    from velox.errors import ConfigurationError
    from velox.ml import Policies, publish_estimator
    from velox.ml.dataset import read_table
    from velox.ml.names import check_name
    from velox.ml.optional import needed

    check_name(name)
    joblib = needed("joblib")
    needed("sklearn")
    try:
        estimator = joblib.load(file)
    except Exception as error:
        raise ConfigurationError(
            "VX816",
            f"{file} cannot be unpickled: {type(error).__name__}: {error}",
            hint="Give a file that joblib.dump(estimator, FILE) wrote, with its libraries installed",
        ) from error
    made = publish_estimator(
        registry(),
        name,
        estimator,
        read_table(sample),
        target=target,
        policies=Policies(out_of_range, unknown),
        data={"source": sample},
    )
    print_published(made)
