"""``app.discover``: every feature folder, in an order that never changes, and no failing import is swallowed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from velox import ConfigurationError, Velox
from velox.testing import TestClient

ROUTES = """\
from velox import Blueprint

{name} = Blueprint("{name}", url_prefix="/{name}")


@{name}.get("/")
async def read() -> str:
    return "{name}"
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """``write("shop/items/routes.py", source)``: a module of a project that can be imported until the test ends."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, source: str) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        for folder in [file.parent, *file.parent.parents]:
            if folder == tmp_path:
                break
            (folder / "__init__.py").touch()
        file.write_text(source)

    yield make
    # Only the project's own: a library that was first imported meanwhile must not be imported twice.
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{tmp_path}/"):
            del sys.modules[name]


async def test_blueprints_of_every_feature_folder_are_found(
    make_app: Callable[..., Velox], write: Callable[[str, str], None]
) -> None:
    for name in ("zebras", "apples", "mice"):
        write(f"shop1/{name}/routes.py", ROUTES.format(name=name))
    write("shop1/main.py", "from shop1.apples.routes import apples  # seen twice, registered once\n")
    app = make_app()
    app.discover("shop1")
    assert list(app.blueprints) == ["apples", "mice", "zebras"]
    async with TestClient(app) as client:
        assert (await client.get("/zebras/")).json() == "zebras"


def test_the_order_is_that_of_the_names_for_every_app(
    make_app: Callable[..., Velox], write: Callable[[str, str], None]
) -> None:
    for name in ("b", "a", "c"):
        write(f"shop2/{name}.py", ROUTES.format(name=name))
    found = []
    for _ in range(2):
        app = make_app()
        app.discover("shop2")
        found.append([plan.path for plan in app.plans if not plan.hidden])
    assert found == [["/a/", "/b/", "/c/"]] * 2


def test_a_feature_folder_needs_no_init_file(
    make_app: Callable[..., Velox], write: Callable[[str, str], None], tmp_path: Path
) -> None:
    """Python imports such a folder, and who forgot the file would see nothing but a 404."""
    write("shop9/main.py", "")
    for feature in ("apples", "apples/inner"):
        folder = tmp_path / "shop9" / feature
        folder.mkdir()
        (folder / "routes.py").write_text(ROUTES.format(name=feature.replace("/", "_")))
    (tmp_path / "shop9" / "static").mkdir()
    app = make_app()
    app.discover("shop9")
    assert sorted(app.blueprints) == ["apples", "apples_inner"]


def test_tests_are_not_imported(make_app: Callable[..., Velox], write: Callable[[str, str], None]) -> None:
    for name in (
        "items/tests/test_it.py",
        "items/tests/__init__.py",
        "test_items.py",
        "items/conftest.py",
        "__main__.py",
    ):
        write(f"shop3/{name}", "raise AssertionError('imported')\n")
    write("shop3/items/routes.py", ROUTES.format(name="items"))
    app = make_app()
    app.discover("shop3")
    assert list(app.blueprints) == ["items"]


@pytest.mark.parametrize(
    ("source", "place", "text"),
    [
        ("\nimport no_such_package\n", "routes.py:2", "No module named 'no_such_package'"),
        ("x = 1\ny = (\n", "routes.py:2", "SyntaxError"),
        ("def f():\n    raise KeyError('k')\nf()\n", "routes.py:2", "KeyError: 'k'"),
    ],
    ids=["missing", "syntax", "raised"],
)
def test_a_failing_import_names_its_file_and_line(
    make_app: Callable[..., Velox],
    write: Callable[[str, str], None],
    request: pytest.FixtureRequest,
    source: str,
    place: str,
    text: str,
) -> None:
    package = f"broken_{request.node.callspec.id}"
    write(f"{package}/items/routes.py", source)
    with pytest.raises(ConfigurationError) as found:
        make_app().discover(package)
    assert found.value.code == "VX208"
    assert place in found.value.message
    assert text in found.value.message


def test_an_error_in_code_made_at_run_time_is_placed_where_that_code_is_asked_for(
    make_app: Callable[..., Velox], write: Callable[[str, str], None]
) -> None:
    write("broken_made/a.py", "\nexec('raise ValueError')\n")
    with pytest.raises(ConfigurationError, match=r"VX208 \S*broken_made/a.py:2: "):
        make_app().discover("broken_made")


def test_a_package_that_does_not_exist(make_app: Callable[..., Velox]) -> None:
    with pytest.raises(ConfigurationError, match="VX208"):
        make_app().discover("no_such_package")


def test_a_mistake_of_configuration_stays_what_it_is(
    make_app: Callable[..., Velox], write: Callable[[str, str], None]
) -> None:
    write("shop4/a.py", "from velox import Velox\nVelox('a').provide(lambda: 1)\n")
    with pytest.raises(ConfigurationError, match="VX207"):
        make_app().discover("shop4")


def test_two_blueprints_of_one_name_are_not_taken_for_one(
    make_app: Callable[..., Velox], write: Callable[[str, str], None]
) -> None:
    """The second's routes would be missing without a word."""
    write("shop9/a.py", ROUTES.format(name="same"))
    write("shop9/b.py", ROUTES.format(name="same"))
    with pytest.raises(ConfigurationError, match=r"VX209 .*b.py:3: .*'same'.*a.py:3"):
        make_app().discover("shop9")
