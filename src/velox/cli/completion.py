"""``velox completion``: the script that makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), default="bash")
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell (bash, zsh or fish).

    \b
    Example:
      eval "$(velox completion bash)"       # in ~/.bashrc
      velox completion fish | source        # in ~/.config/fish/config.fish
    """
    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"no completion for {shell}", ctx)
    click.echo(maker(ctx.find_root().command, {}, "velox", "_VELOX_COMPLETE").source())
