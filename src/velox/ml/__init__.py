"""Models: trained from tables, published as checked artifacts, and served.

Everything heavy (scikit-learn, pandas, NumPy) is imported when it is used, and comes with
``pip install "velox-framework[ml]"``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from velox.ml.artifact import publish_estimator
    from velox.ml.dataset import iris, read_table, titanic
    from velox.ml.evaluation import Evaluation, evaluate
    from velox.ml.examination import ColumnReport, Examination, examine
    from velox.ml.manifest import Manifest
    from velox.ml.registry import Registry
    from velox.ml.runner import Runner, load
    from velox.ml.schema import Feature, Outcome, Policies, Schema
    from velox.ml.scoring import Scored, score
    from velox.ml.service import ModelService
    from velox.ml.serving import Serving
    from velox.ml.splitting import Split
    from velox.ml.trained import Candidate, Training
    from velox.ml.training import train

__all__ = [
    "Candidate",
    "ColumnReport",
    "Evaluation",
    "Examination",
    "Feature",
    "Manifest",
    "ModelService",
    "Outcome",
    "Policies",
    "Registry",
    "Runner",
    "Schema",
    "Scored",
    "Serving",
    "Split",
    "Training",
    "evaluate",
    "examine",
    "iris",
    "load",
    "publish_estimator",
    "read_table",
    "score",
    "titanic",
    "train",
]

_HOMES = {
    "velox.ml.artifact": ["publish_estimator"],
    "velox.ml.dataset": ["iris", "read_table", "titanic"],
    "velox.ml.evaluation": ["Evaluation", "evaluate"],
    "velox.ml.examination": ["ColumnReport", "Examination", "examine"],
    "velox.ml.manifest": ["Manifest"],
    "velox.ml.registry": ["Registry"],
    "velox.ml.runner": ["Runner", "load"],
    "velox.ml.schema": ["Feature", "Outcome", "Policies", "Schema"],
    "velox.ml.scoring": ["Scored", "score"],
    "velox.ml.service": ["ModelService"],
    "velox.ml.serving": ["Serving"],
    "velox.ml.splitting": ["Split"],
    "velox.ml.trained": ["Candidate", "Training"],
    "velox.ml.training": ["train"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'velox.ml' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
