"""The migrations on disk, read without importing them."""

from __future__ import annotations

from pathlib import Path

import pytest

from velox.db.migrations.history import History, Revision, Step
from velox.errors import ConfigurationError


def revision(name: str, *parents: str) -> Revision:
    return Revision(name, parents, Path(f"{name}.py"), name)


FORK = History(
    [
        revision("0004_d", "0002_b", "0003_c"),
        revision("0003_c", "0001_a"),
        revision("0002_b", "0001_a"),
        revision("0001_a"),
    ]
)


def test_each_comes_after_its_parents_and_else_by_name() -> None:
    assert [each.id for each in FORK.revisions] == ["0001_a", "0002_b", "0003_c", "0004_d"]


def test_a_file_is_read_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "0002_b.py").write_text('"""Second.\n\nMore."""\nraise SystemExit\ndown_revision: str = "first"\n')
    (tmp_path / "0001_a.py").write_text('revision = "first"\ndown_revision = None\nimport nothing_of_the_kind\n')
    (tmp_path / "__init__.py").write_text("")
    first, second = History.read(tmp_path).revisions
    assert (first.id, first.parents, first.title) == ("first", (), "0001_a")
    assert (second.id, second.parents, second.title) == ("0002_b", ("first",), "Second")


def test_a_folder_that_is_not_there_has_no_migrations(tmp_path: Path) -> None:
    assert History.read(tmp_path / "none").heads == ()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"0001_a": "def"}, "0001_a.py:1 cannot be read"),
        ({"0001_a": "x = 1"}, "0001_a.py has no down_revision"),
        ({"0001_a": "down_revision = 'zero'"}, "0001_a.py comes after 'zero', which is not there"),
        ({"0001_a": "down_revision = '0001_a'"}, "0001_a.py comes after itself"),
        (
            {"a": "revision = 'x'; down_revision = None", "b": "revision = 'x'; down_revision = None"},
            "both the revision",
        ),
    ],
)
def test_disorder_is_named_with_its_file(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.py").write_text(text)
    with pytest.raises(ConfigurationError, match=message) as refused:
        History.read(tmp_path)
    assert refused.value.code == "VX404"


@pytest.mark.parametrize(
    ("target", "found"), [("latest", ("0004_d",)), ("zero", ()), ("0002", ("0002_b",)), ("0003_c", ("0003_c",))]
)
def test_a_target_is_a_name_its_beginning_or_an_end(target: str, found: tuple[str, ...]) -> None:
    assert FORK.find(target) == found


@pytest.mark.parametrize(
    ("target", "message"), [("0009", "there is no migration '0009'"), ("00", "'00' can be 0001_a")]
)
def test_a_target_that_is_none_or_several_is_refused(target: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FORK.find(target)


@pytest.mark.parametrize(
    ("heads", "goal", "steps"),
    [
        ((), ("0004_d",), ["up 0001_a", "up 0002_b", "up 0003_c", "up 0004_d"]),
        (("0003_c",), ("0004_d",), ["up 0002_b", "up 0004_d"]),
        (("0004_d",), ("0002_b",), ["down 0004_d", "down 0003_c"]),
        (("0002_b",), ("0003_c",), ["down 0002_b", "up 0003_c"]),
        (("0002_b", "0003_c"), (), ["down 0003_c", "down 0002_b", "down 0001_a"]),
        (("0004_d",), ("0004_d",), []),
    ],
)
def test_the_way_leads_back_first_and_then_forward(
    heads: tuple[str, ...], goal: tuple[str, ...], steps: list[str]
) -> None:
    route = FORK.route(heads, goal)
    assert [f"{step.direction} {step.revision.id}" for step in route] == steps
    for step in route:
        heads = FORK.after(heads, step)
    assert heads == goal


def test_what_a_database_remembers_after_a_step_are_the_newest() -> None:
    assert FORK.after(("0002_b",), Step(FORK["0003_c"], "up")) == ("0002_b", "0003_c")
    assert FORK.after(("0002_b", "0003_c"), Step(FORK["0004_d"], "up")) == ("0004_d",)
    assert FORK.after(("0004_d",), Step(FORK["0004_d"], "down")) == ("0002_b", "0003_c")
