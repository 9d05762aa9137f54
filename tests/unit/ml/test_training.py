"""Training looks at the table first, compares fairly, and publishes what it says it does."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.apps.passengers import passengers
from velox.errors import ConfigurationError
from velox.ml import Registry, Split, examine, iris, load, read_table, titanic, train
from velox.ml.dataset import data_digest
from velox.ml.report import report_files

FRAME = passengers()


def columns_of(found: Any) -> dict[str, Any]:
    return {column.feature.name: column for column in found.columns}


def test_the_built_in_tables_need_no_network() -> None:
    assert (titanic().shape, iris().shape) == ((1309, 12), (150, 5))
    assert not {"boat", "body"} & set(titanic().columns)


def test_the_examination_says_what_each_column_is() -> None:
    found = examine(FRAME, "survived")
    columns = columns_of(found)
    assert (found.kind, found.rows, found.used) == ("classification", 160, ["class", "sex", "age", "fare", "port"])
    assert [columns[name].feature.kind for name in columns] == ["integer", "category", "number", "number", "category"]
    assert columns["age"].missing > 0.1
    assert sum(share for _, share in found.balance) == pytest.approx(1.0)


def test_what_should_not_be_learned_from_is_left_out_with_the_reason() -> None:
    frame = FRAME.assign(
        number=range(len(FRAME)),
        same=1,
        note=[f"text {place}" for place in range(len(FRAME))],
        boat=(FRAME["fare"] > 30).map({True: "A", False: "B"}).where(FRAME["survived"] == "yes"),
        empty=[1.0, 2.0, *[None] * (len(FRAME) - 2)],
    )
    columns = columns_of(examine(frame, "survived", drop=["port"]))
    reasons = {name: column.left_out for name, column in columns.items() if column.left_out}
    assert reasons == {
        "number": "a row number",
        "same": "constant",
        "note": "text, 160 different",
        "boat": "tells survived nearly alone: a leak?",
        "empty": "99% missing",
        "port": "as asked",
    }
    kept = columns_of(examine(frame, "survived", keep=["boat"]))["boat"]
    assert (kept.left_out, kept.warning) == (None, "tells survived nearly alone: a leak?")


def test_rows_that_come_twice_and_rows_without_a_target_are_told() -> None:
    frame = pd.concat([FRAME, FRAME.head(3)], ignore_index=True)
    frame.loc[0, "survived"] = None
    notes = examine(frame, "survived").notes
    assert notes[0].startswith("1 rows without a target")
    assert notes[1].startswith("2 rows are there more than once")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survived": "yes"}, "every survived is the same"),
        ({"survived": ["yes"] * 158 + ["no"] * 2}, "in only 2 rows"),
        ({"survived": [f"name {place}" for place in range(160)]}, "160 different texts"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=f"VX815 .*{message}"):
        examine(FRAME.assign(**change), "survived")
    with pytest.raises(ConfigurationError, match=r"VX815 .*no column nope"):
        examine(FRAME, "nope")
    with pytest.raises(ConfigurationError, match="too few"):
        examine(FRAME.head(5), "survived")


def test_the_split_is_the_same_for_the_same_seed_and_never_shares_a_row() -> None:
    learned, held = Split(3).hold_out(FRAME, "survived", stratify=True)
    again, _ = Split(3).hold_out(FRAME, "survived", stratify=True)
    other, _ = Split(4).hold_out(FRAME, "survived", stratify=True)
    assert learned.index.tolist() == again.index.tolist() != other.index.tolist()
    assert not set(learned.index) & set(held.index)
    assert len(held) == 32


def test_a_group_stays_together_and_time_goes_forward() -> None:
    frame = FRAME.assign(house=np.arange(160) // 4, day=np.random.default_rng(0).permutation(160))
    learned, held = Split(group="house").hold_out(frame, "survived", stratify=True)
    assert not set(learned["house"]) & set(held["house"])
    learned, held = Split(time="day").hold_out(frame, "survived", stratify=True)
    assert learned["day"].max() < held["day"].min()
    for before, after in Split(time="day").folds_of(learned, "survived", stratify=True):
        assert before.max() < after.min()


def test_training_compares_with_a_baseline_and_publishes_the_best(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    said: list[str] = []
    made = train(
        FRAME, "survived", name="titanic", models=["logreg", "tree"], split=Split(folds=3), registry=registry,
        progress=said.append,
    )  # fmt: skip
    assert {candidate.name for candidate in made.candidates} == {"logreg", "tree", "baseline"}
    assert made.candidates[0].name == made.best
    assert all(candidate.low <= candidate.score <= candidate.high <= 1 for candidate in made.candidates)
    manifest = registry.manifest("titanic")
    assert manifest == made.manifest
    assert manifest.data["digest"] == data_digest(FRAME)
    assert (manifest.metrics["accuracy"], manifest.data["held_out"]) == (made.evaluation.metrics["accuracy"], 32)
    assert {"report.html", "metrics.json", "confusion.svg", "roc.svg"} <= set(manifest.files)
    assert load(registry, "titanic").manifest.schema.outcome.classes == ("no", "yes")
    assert said[0] == "cross-validating logreg"


def test_training_twice_with_a_seed_gives_the_same_answers() -> None:
    scores = [train(FRAME, "survived", models=["tree"], split=Split(folds=2)).candidates[0].score for _ in range(2)]
    assert scores[0] == scores[1]


def test_tuning_says_what_it_chose() -> None:
    made = train(FRAME, "survived", models=["tree"], tune=True, split=Split(folds=2))
    chosen = next(candidate for candidate in made.candidates if candidate.name == "tree").parameters
    assert set(chosen) == {"max_depth", "ccp_alpha"}


def test_a_quantity_is_a_regression(tmp_path: Path) -> None:
    frame = FRAME.assign(price=FRAME["fare"] * 2 + FRAME["class"] + np.random.default_rng(0).normal(0, 5, len(FRAME)))
    made = train(
        frame, "price", name="price", models=["logreg", "tree"], split=Split(folds=3), registry=Registry(tmp_path)
    )
    assert (made.examination.kind, made.best) == ("regression", "linear")
    assert made.evaluation.metrics["r2"] > 0.5
    assert "residuals" in made.evaluation.curves


def test_a_model_that_is_no_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"VX815 .*'forest'.*logreg, tree, knn, rf, gb"):
        train(FRAME, "survived", models=["forest"])


@pytest.mark.parametrize(
    ("model", "own"), [("tree", "tree.svg"), ("knn", "neighbours.svg"), ("logreg", "coefficients.svg")]
)
def test_the_report_is_one_file_without_a_link_and_each_figure_is_a_picture(model: str, own: str) -> None:
    made = train(FRAME, "survived", models=[model], split=Split(folds=2))
    files = report_files(made.evaluation, "a <title>", made)
    page = files["report.html"].decode()
    assert "http://www.w3.org/2000/svg" in page
    assert not [word for word in ("<script", "href=", "src=", "url(") if word in page]
    assert "a &lt;title&gt;" in page
    assert own in files
    for name, content in files.items():
        if name.endswith(".svg"):
            assert ET.fromstring(content).tag.endswith("svg")
            assert name.removesuffix(".svg") != "slices"
    assert json.loads(files["metrics.json"])["metrics"]["accuracy"] == made.evaluation.metrics["accuracy"]


def test_the_slices_begin_with_the_worst() -> None:
    slices = train(FRAME, "survived", models=["tree"], split=Split(folds=2, share=0.5)).evaluation.curves["slices"]
    scores = [score for _, _, score in slices]
    assert scores == sorted(scores)
    assert all(rows >= 10 for _, rows, _ in slices)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json"])
def test_a_table_is_read_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    writers = {
        ".csv": lambda: FRAME.to_csv(path, index=False),
        ".tsv": lambda: FRAME.to_csv(path, index=False, sep="\t"),
        ".jsonl": lambda: FRAME.to_json(path, orient="records", lines=True),
        ".json": lambda: FRAME.to_json(path, orient="records"),
    }
    writers[suffix]()
    assert read_table(str(path))["sex"].tolist() == FRAME["sex"].tolist()


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", ""), ("a.csv", "x,x\n1,2\n"), ("a.json", "{"), ("a.csv", "x\n"), ("a.txt", "x")]
)
def test_a_file_that_is_no_table_is_said_so(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    if text == "x,x\n1,2\n":  # pandas renames the second
        assert list(read_table(str(tmp_path / name)).columns) == ["x", "x.1"]
        return
    with pytest.raises(ConfigurationError, match="VX815"):
        read_table(str(tmp_path / name))


def test_truth_values_with_holes_become_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\nTrue,1\n,2\nFalse,3\n")
    assert read_table(str(path))["a"].tolist()[::2] == ["true", "false"]
