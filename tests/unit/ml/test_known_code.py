"""What a pickle names is looked at before it is run."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from tests.apps.moody import Moody
from tests.apps.passengers import fitted, passengers
from velox.ml.known_code import ForeignCode, load_known

FINALS = (
    None,
    RandomForestClassifier(3, random_state=0),
    KNeighborsClassifier(),
    GradientBoostingClassifier(n_estimators=3, random_state=np.random.RandomState(0)),
    HistGradientBoostingClassifier(max_iter=3),
    MLPClassifier(max_iter=3),
    SVC(),
)


@pytest.mark.parametrize("final", FINALS, ids=lambda final: type(final).__name__)
@pytest.mark.parametrize("compress", [0, 3])
def test_scikit_learns_models_are_loaded_as_they_are(final: Any, compress: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = fitted(final)
    content = io.BytesIO()
    joblib.dump(estimator, content, compress=compress)
    frame = passengers(20, seed=2)
    assert load_known(content.getvalue()).predict(frame).tolist() == estimator.predict(frame).tolist()


class Gadget:
    """Calls what it is told to when it is unpickled."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call = call, arguments

    def __reduce__(self) -> Any:
        return self.call


def test_other_code_is_not_run(tmp_path: Path) -> None:
    place = tmp_path / "ran"
    for call, arguments in (
        (os.mkdir, (str(place),)),
        (eval, (f"__import__('os').mkdir({str(place)!r})",)),
        (np.save, (str(place), [1])),
        (np.fromfile, ("/etc/hostname",)),
        (getattr, ("", "join")),
    ):
        with pytest.raises(ForeignCode):
            load_known(pickle.dumps(Gadget(call, *arguments)))
        hidden = io.BytesIO()
        joblib.dump({"model": [Gadget(call, *arguments)]}, hidden, compress=3)
        with pytest.raises(ForeignCode):
            load_known(hidden.getvalue())
    assert not list(tmp_path.iterdir())


def test_a_class_of_the_projects_own_is_named() -> None:
    with pytest.raises(ForeignCode, match=r"tests\.apps\.moody\.Moody"):
        load_known(pickle.dumps(Moody()))


def test_a_name_that_a_module_of_scikit_learn_only_imported_is_no_class_of_its_own() -> None:
    """``sklearn.utils.os.system``, as protocol 4 has it: a dotted name."""
    for module, name in (("sklearn.utils.fixes", "platform"), ("sklearn.base", "warnings"), ("sklearn", "os.system")):
        text = b"\x80\x04" + b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in (module, name)) + b"\x93."
        with pytest.raises((ForeignCode, AttributeError)):
            load_known(text)
