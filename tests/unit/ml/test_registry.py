"""The registry: versions appear whole, aliases move, and nothing outside of the root is touched."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from velox.errors import ConfigurationError
from velox.ml import Outcome, Registry, Schema
from velox.ml.manifest import Manifest
from velox.ml.schema import Feature

FILES = {"model.joblib": b"not a pickle, and never read", "reference.json": b"{}"}


def manifest(name: str = "titanic", **more: Any) -> Manifest:
    schema = Schema((Feature("age", "number", "float64", minimum=0.0, maximum=80.0),), Outcome("fate", "regression"))
    return Manifest(name, "", {}, schema, "2026-01-01T00:00:00+00:00", "Ridge", **more)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_versions_are_counted_from_one(registry: Registry) -> None:
    assert [registry.publish(manifest(), FILES).version for _ in range(3)] == ["1", "2", "3"]
    assert registry.versions("titanic") == ["1", "2", "3"]


def test_the_eleventh_version_comes_after_the_second(registry: Registry) -> None:
    for _ in range(11):
        registry.publish(manifest(), FILES)
    assert registry.manifest("titanic").version == "11"


def test_what_was_published_is_read_back_as_it_was(registry: Registry) -> None:
    made = registry.publish(manifest(metrics={"rmse": 1.5}, seed=7), FILES)
    assert registry.manifest("titanic@1") == made
    assert {name: registry.read(made, name) for name in FILES} == FILES


def test_concurrent_publishers_get_versions_of_their_own(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: registry.publish(manifest(), FILES).version, range(24)))
    assert sorted(made, key=int) == [str(number) for number in range(1, 25)]
    assert [path.name for path in (registry.root / "titanic").iterdir() if path.name.startswith(".")] == []


def test_a_publication_that_fails_leaves_nothing_behind(registry: Registry) -> None:
    with pytest.raises(TypeError):
        registry.publish(manifest(), {"model.joblib": None})  # type: ignore[dict-item]
    assert list((registry.root / "titanic").iterdir()) == []
    assert registry.names() == []


def test_without_an_alias_the_newest_version_is_meant_and_with_one_production(registry: Registry) -> None:
    registry.publish(manifest(), FILES)
    registry.publish(manifest(), FILES)
    assert registry.manifest("titanic").version == "2"
    registry.promote("titanic@1")
    assert registry.manifest("titanic").version == "1"
    assert registry.manifest("titanic@production").version == "1"


def test_promoting_without_a_version_takes_the_newest(registry: Registry) -> None:
    registry.publish(manifest(), FILES)
    registry.promote("titanic")
    registry.publish(manifest(), FILES)
    assert registry.promote("titanic") == ("1", "2")


def test_a_rollback_goes_back_through_what_an_alias_stood_for(registry: Registry) -> None:
    for _ in range(3):
        registry.publish(manifest(), FILES)
    for version in "132":
        registry.promote(f"titanic@{version}")
    assert registry.rollback("titanic") == ("2", "3")
    assert registry.rollback("titanic") == ("3", "1")
    with pytest.raises(ConfigurationError, match="VX811"):
        registry.rollback("titanic")


def test_promoting_twice_is_not_two_steps_of_history(registry: Registry) -> None:
    for _ in range(2):
        registry.publish(manifest(), FILES)
    for version in "122":
        registry.promote(f"titanic@{version}")
    assert registry.rollback("titanic") == ("2", "1")


def test_concurrent_promotions_are_all_remembered(registry: Registry) -> None:
    for _ in range(10):
        registry.publish(manifest(), FILES)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda number: registry.promote(f"titanic@{number}", f"lane{number}"), range(1, 11)))
    assert registry.aliases("titanic") == {f"lane{number}": str(number) for number in range(1, 11)}


def test_what_does_not_exist_is_said_with_what_does(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"VX811 there is no model titanic .*velox ml train"):
        registry.manifest("titanic")
    registry.publish(manifest(), FILES)
    for reference in ("titanic@7", "titanic@canary"):
        with pytest.raises(ConfigurationError, match=r"VX811 .*There are: 1"):
            registry.manifest(reference)
        with pytest.raises(ConfigurationError, match="VX811"):
            registry.promote(reference)


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "..",
        ".",
        "",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "a\x00",
        "%2e%2e",
        "..%2f",
        "Titanic",
        "a" * 65,
        "-a",
        "a\n",
        "é",
    ],
)
def test_a_name_that_is_a_path_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(ConfigurationError, match="VX813"):
        registry.manifest(name)
    with pytest.raises(ConfigurationError, match="VX813"):
        registry.publish(manifest(name), FILES)
    with pytest.raises(ConfigurationError, match=r"VX81[13]"):
        registry.promote("titanic@1", name)


@pytest.mark.parametrize("version", ["../1", "01", "0", "-1", "1.0", "1/..", "\u0661"])
def test_a_version_that_is_no_number_is_refused(registry: Registry, version: str) -> None:
    registry.publish(manifest(), FILES)
    with pytest.raises(ConfigurationError, match="VX813"):
        registry.manifest(f"titanic@{version}")


@pytest.mark.parametrize("change", [b"changed, but not longer here!", b"short", b"much longer than what it was before"])
def test_a_file_that_was_changed_is_not_read(registry: Registry, change: bytes) -> None:
    made = registry.publish(manifest(), FILES)
    (registry.root / "titanic" / "1" / "model.joblib").write_bytes(change)
    with pytest.raises(ConfigurationError, match="VX812"):
        registry.read(made, "model.joblib")


def test_a_file_that_the_manifest_does_not_name_is_not_read(registry: Registry) -> None:
    made = registry.publish(manifest(), FILES)
    (registry.root / "titanic" / "1" / "extra.joblib").write_bytes(b"")
    for name in ("extra.joblib", "../1/model.joblib", "manifest.json"):
        with pytest.raises(ConfigurationError, match="VX812"):
            registry.read(made, name)


def test_a_link_is_not_followed_even_to_the_same_bytes(registry: Registry, tmp_path: Path) -> None:
    made = registry.publish(manifest(), FILES)
    place = registry.root / "titanic" / "1" / "model.joblib"
    outside = tmp_path / "outside"
    place.rename(outside)
    place.symlink_to(outside)
    with pytest.raises(ConfigurationError, match="VX812"):
        registry.read(made, "model.joblib")


def test_a_linked_version_or_model_is_not_followed(registry: Registry, tmp_path: Path) -> None:
    made = registry.publish(manifest(), FILES)
    version = registry.root / "titanic" / "1"
    version.rename(tmp_path / "elsewhere")
    version.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match=r"VX81[12]"):
        registry.manifest("titanic@1")
    with pytest.raises(ConfigurationError, match="VX812"):
        registry.read(made, "model.joblib")


def test_a_pipe_in_the_place_of_a_file_does_not_hang(registry: Registry) -> None:
    made = registry.publish(manifest(), FILES)
    place = registry.root / "titanic" / "1" / "model.joblib"
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(ConfigurationError, match="VX812"):
        registry.read(made, "model.joblib")


def test_a_version_that_was_copied_over_another_is_found_out(registry: Registry) -> None:
    registry.publish(manifest(), FILES)
    registry.publish(manifest(), FILES)
    folder = registry.root / "titanic"
    (folder / "2" / "manifest.json").write_bytes((folder / "1" / "manifest.json").read_bytes())
    with pytest.raises(ConfigurationError, match=r"VX812 .*is the manifest of titanic@1"):
        registry.manifest("titanic@2")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"format": 99}', b"\xff"])
def test_a_manifest_that_is_none_is_said_so(registry: Registry, text: bytes) -> None:
    registry.publish(manifest(), FILES)
    (registry.root / "titanic" / "1" / "manifest.json").write_bytes(text)
    with pytest.raises(ConfigurationError, match="VX812"):
        registry.manifest("titanic")


@pytest.mark.parametrize("text", ["{", "[]", '{"production": "1"}', '{"production": [1]}', '{"../x": ["1"]}'])
def test_an_alias_file_that_is_none_names_no_version(registry: Registry, text: str) -> None:
    registry.publish(manifest(), FILES)
    (registry.root / "titanic" / "aliases.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"VX81[123]"):
        registry.manifest("titanic@production")


def test_the_stamp_changes_with_every_promotion(registry: Registry) -> None:
    for _ in range(2):
        registry.publish(manifest(), FILES)
    stamps = [registry.change_stamp("titanic")]
    for version in "1212":
        registry.promote(f"titanic@{version}")
        stamps.append(registry.change_stamp("titanic"))
    assert stamps[0] is None
    assert all(before != after for before, after in pairwise(stamps))
