"""The servers: how each is started, in one server process where it allows that, without an access log."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from benchmarks.environment import peer_python, versions
from benchmarks.http.servers import PORT, Contender

__all__ = ["APART", "PEERS", "contenders"]

HERE = Path(__file__).resolve().parent
PEERS = ("fastapi", "uvicorn", "httptools", "uvloop", "litserve", "bentoml", "scikit-learn", "pandas")
APART = ("mlserver", "mlserver-sklearn", "scikit-learn", "pandas")


def contenders(folder: Path, model: str) -> tuple[Contender, ...]:
    """Velox and its peers for one model.

    Args:
        folder: What :func:`benchmarks.ml.models.write` wrote.
        model: Its name.
    """
    theirs = peer_python(HERE / ".venv", HERE / "constraints.txt", PEERS)
    here = versions(Path(sys.executable), ("velox-framework", "sanic", "scikit-learn"))
    there = versions(theirs, PEERS)
    mlserver = peer_python(HERE / "mlserver" / ".venv", HERE / "mlserver" / "constraints.txt", APART)
    apart = versions(mlserver, APART)
    own = {"BENCH_MODEL": str(folder / f"{model}.joblib"), "BENTOML_DO_NOT_TRACK": "true", "BENTOML_HOME": str(folder)}
    velox = {"VELOX_SECRET_KEY": secrets.token_urlsafe(48), "VELOX_MODEL_ROOT": str(folder / "models")}
    velox |= {"VELOX_LOG_LEVEL": "warning"}
    uvicorn = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning", "--port", PORT)
    bentoml = ("serve", "benchmarks.ml.on_bentoml:Titanic", "--port", PORT)
    return (
        Contender(
            "Velox",
            (sys.executable, "-m", "velox", "ml", "serve", model, "--prod", "-w", "1", "--port", PORT),
            here,
            velox,
        ),
        Contender("FastAPI + joblib", (theirs, "-m", "uvicorn", "benchmarks.ml.on_fastapi:app", *uvicorn), there, own),
        Contender("LitServe", (theirs, "-m", "benchmarks.ml.on_litserve", PORT), there, own),
        Contender("BentoML", (theirs, "-m", "bentoml", *bentoml), there, own),
        Contender(
            "MLServer",
            (mlserver, "-m", "benchmarks.ml.on_mlserver", PORT, str(folder / f"mlserver-{model}")),
            apart,
            own,
        ),
    )
