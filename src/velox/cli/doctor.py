"""``velox doctor``: numbered findings, each with what to do."""

from __future__ import annotations

import sys

import click

from velox.cli.console import json_line, style
from velox.errors import EXIT_FAILURE

__all__ = ["doctor"]

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(short_help="Look for what would go wrong, and say what to do.")
@click.option("--prod", is_flag=True, help="Judge by what production needs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(prod: bool, as_json: bool) -> None:
    """Look for what would go wrong: packages, settings, the secret, the app, the database, the port.

    Exits 1 if anything failed; warnings alone exit 0.

    \b
    Example:
      velox doctor --prod
    """
    from velox.cli.checks import examine

    findings = examine(prod=prod)
    failed = sum(finding.level == "fail" for finding in findings)
    warned = sum(finding.level == "warn" for finding in findings)
    if as_json:
        json_line({"errors": failed, "warnings": warned, "findings": [finding.to_dict() for finding in findings]})
    else:
        for number, finding in enumerate(findings, 1):
            click.echo(f"{number:>2} {style(f'{finding.level:<4}', _COLOURS[finding.level])} {finding.text}")
            if finding.hint:
                click.echo(f"   {style('hint', 'cyan')} {finding.hint}")
        click.echo(f"{failed} error{'' if failed == 1 else 's'}, {warned} warning{'' if warned == 1 else 's'}")
    if failed:
        sys.exit(EXIT_FAILURE)
