"""Rendering, folding and writing of generated files."""

import stat
from pathlib import Path

import pytest

from velox.cli.scaffold import LINE_LENGTH, TEMPLATES, File, clashes, fold, refuse_clashes, render, write
from velox.errors import ConfigurationError


def test_a_short_line_stays() -> None:
    """Folding leaves alone what fits."""
    assert fold("x = f(1)\n\ny = 2\n") == "x = f(1)\n\ny = 2\n"


def test_a_long_call_is_split_at_its_last_bracket() -> None:
    """The arguments move to a line of their own."""
    assert fold("    return f(a, g(b, c))\n", 20) == "    return f(\n        a, g(b, c)\n    )\n"


def test_arguments_that_do_not_fit_one_line_get_one_each() -> None:
    """With a comma after each, and none split inside its own brackets."""
    assert fold("x = f(aaaa, g(b, c), dddd)\n", 16) == "x = f(\n    aaaa,\n    g(b, c),\n    dddd,\n)\n"


def test_an_argument_that_is_still_too_long_is_split_again() -> None:
    """As deep as it takes."""
    assert (
        fold("x = f(aaaa, g(bbbb, cccc))\n", 14)
        == "x = f(\n    aaaa,\n    g(\n        bbbb,\n        cccc,\n    ),\n)\n"
    )


def test_a_long_signature_is_split_at_its_parameters() -> None:
    """Not at the brackets of its return type."""
    assert fold("async def f(a: int) -> Page[X]:\n", 30) == "async def f(\n    a: int\n) -> Page[X]:\n"


def test_a_long_line_without_a_call_at_its_end_stays() -> None:
    """A comment or a string has no place to be split at."""
    assert fold("# a long comment (here) and on\n", 10) == "# a long comment (here) and on\n"


def test_every_template_is_rendered_without_its_suffix() -> None:
    """The path in the template folder is the path in the project, and every placeholder is filled."""
    rendered = render("minimal", {"name": "shop"})
    assert list(rendered) == ["main.py"]
    assert 'Velox("shop"' in rendered["main.py"]


def test_a_placeholder_without_a_value_is_an_error() -> None:
    """A template and the command that fills it cannot drift apart silently."""
    with pytest.raises(KeyError, match="name"):
        render("minimal", {})


def test_every_file_of_the_templates_is_a_template() -> None:
    """A file without the suffix would not be written."""
    assert {path.suffix for path in TEMPLATES.rglob("*") if path.is_file()} == {".tmpl"}


def test_python_is_folded_at_the_projects_line_length() -> None:
    """Names of any permitted length leave no line too long for the generated ruff configuration."""
    assert f"line-length = {LINE_LENGTH}" in (TEMPLATES / "api" / "pyproject.toml.tmpl").read_text()


def test_files_are_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a file; the secret is for its owner only."""
    write([File("a/b.txt", "text\n"), File(".env", "SECRET=x\n", private=True)], tmp_path, shown_in="shop/")
    assert capsys.readouterr().out.split() == ["create", "shop/a/b.txt", "create", "shop/.env"]
    assert (tmp_path / "a" / "b.txt").read_text() == "text\n"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".env", "a", "b.txt"]


def test_an_existing_file_is_replaced_and_an_existing_secret_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Overwriting is said; a secret that sessions were signed with is never lost."""
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / ".env").write_text("old")
    write([File("a.txt", "new"), File(".env", "new", private=True)], tmp_path)
    assert capsys.readouterr().out.split() == ["overwrite", "a.txt", "keep", ".env"]
    assert [(tmp_path / name).read_text() for name in ("a.txt", ".env")] == ["new", "old"]


def test_a_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints the same lines."""
    write([File("a/b.txt", "text")], tmp_path, dry_run=True)
    assert capsys.readouterr().out == "  create  a/b.txt\n"
    assert list(tmp_path.iterdir()) == []


def test_a_failure_half_way_says_how_far_it_came(tmp_path: Path) -> None:
    """Nothing half-written is left, and the message counts what is there."""
    (tmp_path / "b").mkdir()
    with pytest.raises(ConfigurationError, match="VX505") as failure:
        write([File("a", "text"), File("b", "text"), File("c", "text")], tmp_path)
    assert failure.value.message.endswith("1 of 3 files are written")
    assert "--force" in failure.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_clash_names_the_first_ten_files(tmp_path: Path) -> None:
    """The rest is counted."""
    files = [File(f"{number:02}", "") for number in range(13)]
    write(files[:12], tmp_path)
    with pytest.raises(ConfigurationError, match="VX502") as refusal:
        refuse_clashes(clashes(files, tmp_path), "shop")
    assert refusal.value.message == "shop is not empty: 00, 01, 02, 03, 04, 05, 06, 07, 08, 09 and 2 more"


def test_without_clashes_nothing_is_refused(tmp_path: Path) -> None:
    """An empty list passes."""
    refuse_clashes(clashes([File("a", "")], tmp_path), "shop")
