"""The table of commands is true, light, and every command's help ends with an example."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from velox.cli.main import COMMANDS, group, main

HEAVY = {"pydantic", "sanic", "sqlalchemy", "sqlmodel", "watchfiles", "asyncio"}


def test_help_imports_nothing_heavy() -> None:
    """``velox --help`` reads the table only."""
    code = "import sys, velox.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & HEAVY
    assert not [name for name in loaded if name.startswith("velox.cli.") and name.split(".")[2] in COMMANDS]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_summary_and_ends_with_an_example(name: str) -> None:
    """The summary in the table is the command's own first words."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert "Example:" in (command.help or "")
    assert "velox " in (command.help or "").partition("Example:")[2]


@pytest.mark.parametrize("arguments", [["no-such-command"], ["version", "--no-such-option"], ["completion", "tcsh"]])
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With a code, and where the help is."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert printed.out == ""
    error, hint = printed.err.splitlines()
    assert error.startswith("error VX106 ")
    assert hint.startswith("  hint See: velox")
    assert hint.endswith("--help")
