"""``velox makeproject``: from one command to an API that stands up to its own description."""

from __future__ import annotations

import time
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Run, Serve

REPOSITORY = Path(__file__).parents[2]
API_FILES = 22
RUN_S = 3.0
"""From ``velox run`` to the first answer, at most."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A project of the template "api", as it was written."""
    place = tmp_path_factory.mktemp("projects")
    run("velox", "makeproject", "shop", cwd=place)
    return place / "shop"


def written(folder: Path) -> list[str]:
    """The files in ``folder``, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_it_names_each_file_and_the_next_commands(tmp_path: Path, run: Run) -> None:
    """What is printed is what was written; the end says how to go on."""
    printed = run("velox", "makeproject", "shop", cwd=tmp_path).stdout
    created, _, following = printed.partition("\nNext:\n")
    assert sorted(created.split()[1::2]) == [f"shop/{path}" for path in written(tmp_path / "shop")]
    assert len(created.splitlines()) == API_FILES
    assert [line.split("  ")[1] for line in following.splitlines()] == [
        "cd shop",
        "velox migrate",
        "velox run",
        'pip install -e ".[dev]" && pytest',
    ]


def test_each_project_has_a_secret_of_its_own(tmp_path: Path, run: Run) -> None:
    """It is in ``.env``, which Git ignores, and long enough for production."""
    secrets: set[str] = set()
    for name in ("one", "two"):
        run("velox", "makeproject", name, cwd=tmp_path)
        lines = (tmp_path / name / ".env").read_text().splitlines()
        secrets.update(line.partition("=")[2] for line in lines if line.startswith("VELOX_SECRET_KEY="))
        assert ".env" in (tmp_path / name / ".gitignore").read_text().splitlines()
    assert [len(secret) for secret in secrets] == [64, 64]


def test_a_dry_run_prints_the_same_and_writes_nothing(tmp_path: Path, run: Run) -> None:
    """It says so, too."""
    printed = run("velox", "makeproject", "shop", "--dry-run", cwd=tmp_path).stdout
    assert printed.count("  create  ") == API_FILES
    assert printed.endswith("Nothing was written (--dry-run).\n")
    assert written(tmp_path) == []


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path, run: Run) -> None:
    """The refusal lists what is in the way first, exits 1, and changes nothing."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "README.md").write_text("mine")
    (tmp_path / "shop" / "notes.txt").write_text("mine")
    refusal = run("velox", "makeproject", "shop", cwd=tmp_path, code=1).stderr
    assert "VX502 shop is not empty: README.md, notes.txt\n" in refusal
    assert written(tmp_path / "shop") == ["README.md", "notes.txt"]


def test_a_file_of_the_projects_name_is_refused(tmp_path: Path, run: Run) -> None:
    """With --force as well: a file is no folder."""
    (tmp_path / "shop").write_text("mine")
    for force in ((), ("--force",)):
        assert "VX502" in run("velox", "makeproject", "shop", *force, cwd=tmp_path, code=1).stderr
    assert (tmp_path / "shop").read_text() == "mine"


def test_force_overwrites_its_own_files_only(tmp_path: Path, run: Run) -> None:
    """What Velox does not write stays, and so does a secret that is in use."""
    shop = tmp_path / "shop"
    shop.mkdir()
    for name in ("README.md", ".env", "notes.txt"):
        (shop / name).write_text("mine")
    printed = run("velox", "makeproject", "shop", "--force", cwd=tmp_path).stdout
    assert "  overwrite  shop/README.md\n" in printed
    assert "  keep  shop/.env\n" in printed
    assert [(shop / name).read_text() == "mine" for name in ("README.md", ".env", "notes.txt")] == [False, True, True]


def test_a_fresh_git_repository_is_welcome(tmp_path: Path, run: Run) -> None:
    """``git init shop`` first is nothing to refuse."""
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    run("velox", "makeproject", "shop", cwd=tmp_path)


def test_a_wrong_name_is_refused_with_a_right_one(tmp_path: Path, run: Run) -> None:
    """One line, a code, a suggestion and no traceback."""
    refusal = run("velox", "makeproject", "My-Shop", cwd=tmp_path, code=1).stderr
    assert "VX501" in refusal
    assert "my_shop" in refusal
    assert "Traceback" not in refusal
    assert written(tmp_path) == []


def test_it_is_done_without_heavy_imports(tmp_path: Path, run: Run) -> None:
    """Neither the web server nor the database is imported to write a few files."""
    script = (
        "import sys; from velox.cli.main import main\n"
        "try: main(['makeproject', 'other'])\n"
        "finally: print(sorted({'sanic', 'sqlmodel', 'sqlalchemy', 'pydantic'} & set(sys.modules)))"
    )
    assert run("python", "-c", script, cwd=tmp_path).stdout.endswith("[]\n")


def test_the_code_is_formatted_linted_and_typed(shop: Path, run: Run) -> None:
    """By the configuration that the project brings."""
    run("ruff", "check", cwd=shop)
    run("ruff", "format", "--check", cwd=shop)
    run("mypy", "--strict", cwd=shop)


def test_every_override_that_it_suggests_is_a_setting(shop: Path, tmp_path: Path, run: Run) -> None:
    """``velox.toml`` with all its comments taken off is accepted, and shows the defaults."""
    suggested = [line.removeprefix("# ") for line in (shop / "velox.toml").read_text().splitlines() if " = " in line]
    (tmp_path / "velox.toml").write_text("\n".join(suggested))
    copytree(shop / "app", tmp_path / "app")
    assert run("velox", "config", cwd=tmp_path).stdout.count("velox.toml") == len(suggested)


def test_its_tests_pass(shop: Path, run: Run) -> None:
    """On the first run, with warnings as errors."""
    assert "9 passed" in run("pytest", cwd=shop).stdout


def test_it_answers_within_three_seconds(shop: Path, serve: Serve) -> None:
    """Create, list, read, update, delete, over a real socket."""
    started = time.perf_counter()
    with serve(shop) as client:
        created = client.post("/items/", json={"name": "Teapot", "price": "19.90"})
        assert time.perf_counter() - started < RUN_S
        assert created.status_code == 201
        url = f"/items/{created.json()['id']}"
        assert created.json() in client.get("/items/").json()["items"]
        assert client.get(url).json() == created.json()
        assert client.patch(url, json={"note": "blue"}).json() == {**created.json(), "note": "blue"}
        assert client.delete(url).status_code == 204
        assert client.get(url).headers["content-type"] == "application/problem+json"
        assert client.get("/docs").status_code == 200


def test_its_description_is_true(shop: Path, run: Run, serve: Serve) -> None:
    """schemathesis attacks the running project with its own OpenAPI document and finds nothing."""
    with serve(shop) as client:
        options = ("--max-examples", "25", "--checks", "all", "--generation-deterministic", "--no-color")
        run("schemathesis", "run", f"{client.base_url}/openapi.json", *options, cwd=shop, timeout_s=120)


def test_minimal_is_one_file_that_runs(tmp_path: Path, run: Run, serve: Serve) -> None:
    """``main.py`` is all that ``velox run`` needs."""
    run("velox", "makeproject", "hello", "--template", "minimal", cwd=tmp_path)
    project = tmp_path / "hello"
    assert written(project) == ["main.py"]
    run("ruff", "check", "--isolated", cwd=project)
    run("ruff", "format", "--isolated", "--check", cwd=project)
    run("mypy", "--strict", "main.py", cwd=project)
    with serve(project) as client:
        assert client.get("/", params={"name": "you"}).json() == {"hello": "you"}


def test_it_runs_clean_in_a_fresh_environment(shop: Path, tmp_path: Path, run: Run) -> None:
    """Nothing but what the wheel and the project declare is needed to check, type and test the project."""
    run("python", "-m", "venv", "fresh", cwd=tmp_path)
    fresh = str(tmp_path / "fresh" / "bin")
    run(f"{fresh}/pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", str(REPOSITORY), cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    pins = ("--constraint", str(REPOSITORY / "constraints.txt"))
    run(
        f"{fresh}/pip",
        "install",
        "--quiet",
        *pins,
        str(wheel),
        "--editable",
        f"{shop}[dev]",
        cwd=tmp_path,
        timeout_s=300,
    )

    run(f"{fresh}/velox", "makeproject", "market", cwd=tmp_path)
    market = tmp_path / "market"
    assert len(written(market)) == API_FILES
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"], ["pytest"]):
        run(f"{fresh}/{command[0]}", *command[1:], cwd=market)
