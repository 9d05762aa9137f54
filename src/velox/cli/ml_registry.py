"""``velox ml models``, ``show``, ``promote``, ``rollback`` and ``diff``: what is in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from velox.cli.console import json_line, style

if TYPE_CHECKING:
    from velox.ml import Feature, Manifest, Registry

__all__ = ["diff", "models", "print_published", "promote", "registry", "rollback", "show", "withdraw"]


def registry() -> Registry:
    """The registry of the project's settings."""
    from velox.ml import Registry
    from velox.settings import Launch

    return Registry(Launch().model_root)


def print_published(manifest: Manifest) -> None:
    """One line for what was published, one for how it is served, one for what to do next."""
    which = f"{manifest.name}@{manifest.version}"
    click.echo(f"published {style(which, 'green', bold=True)}  {manifest.estimator}")
    click.echo(f"  served by {served(manifest)}")
    click.echo(f"  next: velox ml promote {which}")


def served(manifest: Manifest) -> str:
    """How the version is served, and how sure that is."""
    found = manifest.served
    if found.get("by") != "compiled":
        return f"scikit-learn: {found.get('reason', 'it was not compiled')}"
    rows = sum(found["rows"].values())
    same = f"same labels as scikit-learn on {rows:,} rows, at most {found['max_difference']:.1e} apart"
    return f"its compiled form ({found['form']}): {same}"


@click.command(short_help="List the models with their versions and aliases.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def models(as_json: bool) -> None:
    """List the models with their versions and aliases.

    \b
    Example:
      velox ml models
    """
    found = registry()
    rows = [(name, found.versions(name), found.standing(name)) for name in found.names()]
    if as_json:
        json_line(
            [
                {"name": name, "versions": versions, "aliases": {a: each.version for a, each in aliases.items()}}
                for name, versions, aliases in rows
            ]
        )
        return
    for name, versions, aliases in rows:
        marks = "".join(
            f"  {alias} = {each.version}" + (f" ({each.percent:g}%)" if each.percent else "")
            for alias, each in sorted(aliases.items())
        )
        click.echo(f"{style(name, 'green')}  versions {', '.join(versions)}{marks}")
    if not rows:
        click.echo(f"There is no model in {found.root}.")


@click.command(short_help="Show one version: schema, metrics, how it is served.")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
def show(model: str, as_json: bool) -> None:
    """Show a version of MODEL: titanic (production's, or the newest), titanic@2 or titanic@canary.

    \b
    Example:
      velox ml show titanic
    """
    import json

    found = registry()
    manifest = found.manifest(model)
    if as_json:
        json_line(json.loads(manifest.to_json()))
        return
    aliases = [alias for alias, version in found.aliases(manifest.name).items() if version == manifest.version]
    marks = f"  ({', '.join(sorted(aliases))})" if aliases else ""
    click.echo(style(f"{manifest.name}@{manifest.version}", "green", bold=True) + marks)
    for label, text in facts(manifest):
        click.echo(f"  {style(f'{label:<10}', 'cyan')}{text}")
    click.echo(f"  {style('features', 'cyan')}")
    for feature in manifest.schema.features:
        click.echo(f"    {feature.name:<14}{described(feature)}")


def facts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield "estimator", manifest.estimator
    yield "created", manifest.created + (f"  git {manifest.git[:12]}" if manifest.git else "")
    outcome = manifest.schema.outcome
    classes = f" of {', '.join(map(str, outcome.classes))}" if outcome.classes else ""
    yield "predicts", f"{outcome.name}{classes} ({outcome.kind})"
    yield "served by", served(manifest)
    scores = {name: value for name, value in manifest.metrics.items() if isinstance(value, float)}
    if scores:
        yield "metrics", ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
    policies = manifest.schema.policies
    yield "odd rows", f"out of range: {policies.out_of_range}; unknown category: {policies.unknown}"
    yield "made with", ", ".join(f"{name} {version}" for name, version in manifest.libraries.items())


def described(feature: Feature) -> str:
    """A feature in a line."""
    text: str = feature.kind
    if feature.categories:
        text += f"  {feature.listed(8)}"
    elif feature.minimum is not None and feature.maximum is not None:
        text += f"  {feature.minimum:g} to {feature.maximum:g}"
    return text + ("  may be missing" if feature.missing else "")


@click.command(short_help="Let an alias, such as production, stand for a version.")
@click.argument("model")
@click.option("--alias", help="Which alias: production (the default), canary, shadow or another.")
@click.option("--canary", type=float, metavar="PERCENT", help="Give it this share of production's clients, 0 to 100.")
def promote(model: str, alias: str | None, canary: float | None) -> None:
    """Let an alias stand for a version of MODEL: titanic@2, or titanic for the newest. Servers follow in a second.

    The alias shadow is asked what production is asked; its answers are compared, and nobody gets them.

    \b
    Example:
      velox ml promote titanic@2 --canary 10
      velox ml promote titanic@2
    """
    found = registry()
    alias = alias or ("production" if canary is None else "canary")
    before, version = found.promote(model, alias, percent=canary)
    name = model.partition("@")[0]
    share = f", with {canary:g}% of the clients" if canary is not None else ""
    was = f"; it was {before}" if before and before != version else ""
    click.echo(f"{alias} of {name} is version {version}{share}{was}")
    if before and before != version:
        old, new = found.manifest(f"{name}@{before}"), found.manifest(f"{name}@{version}")
        for line in old.schema.differences(new.schema):
            click.echo(f"  {line}")


@click.command(short_help="End a canary, a shadow, or another alias.")
@click.argument("name")
@click.argument("alias")
def withdraw(name: str, alias: str) -> None:
    """Let the ALIAS of the model NAME stand for nothing any more. Servers follow in a second.

    \b
    Example:
      velox ml withdraw titanic canary
    """
    click.echo(f"{alias} of {name} was version {registry().withdraw(name, alias)}, and is none now")


@click.command(short_help="Let an alias stand for what it stood for before.")
@click.argument("name")
@click.option("--alias", default="production", show_default=True, help="Which alias.")
def rollback(name: str, alias: str) -> None:
    """Let an alias of the model NAME stand for what it stood for before. Servers follow in a second.

    \b
    Example:
      velox ml rollback titanic
    """
    before, version = registry().rollback(name, alias)
    click.echo(f"{alias} of {name} is version {version} again; it was {before}")


@click.command(short_help="What differs between two versions.")
@click.argument("one")
@click.argument("other")
def diff(one: str, other: str) -> None:
    """What differs between the versions ONE and OTHER: what clients would notice, metrics, data and libraries.

    \b
    Example:
      velox ml diff titanic@1 titanic@2
    """
    found = registry()
    left, right = found.manifest(one), found.manifest(other)
    lines = left.schema.differences(right.schema)
    for part in ("estimator", "metrics", "data", "libraries"):
        lines += differences(part, getattr(left, part), getattr(right, part))
    click.echo("\n".join(lines) or "They differ in nothing that the manifest knows.")


def differences(name: str, left: Any, right: Any) -> list[str]:
    """A line for each value that is not the same; a number with its change."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = sorted(key for key in left.keys() | right.keys() if not key.endswith("_interval"))
        return [line for key in keys for line in differences(f"{name}.{key}", left.get(key), right.get(key))]
    if left == right:
        return []
    if isinstance(left, float) and isinstance(right, float):
        return [f"~ {name}: {left:.4g} -> {right:.4g} ({right - left:+.4g})"]
    return [f"~ {name}: {left} -> {right}"]
