"""Write ``constraints.txt``: the version of everything that ``velox-framework[all]`` needs, as this environment has it.

    make pins

Only names and versions: whoever installs chooses the index.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
HEADER = "# Written by `make pins`: everything that velox-framework[all] needs, at the versions the gate has seen.\n"


def closure(requirement: Requirement) -> dict[str, str]:
    """Name and version of every distribution that ``requirement`` pulls in, itself included."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(requirement.name, extra) for extra in ("", *requirement.extras)]
    while waiting:
        name, extra = waiting.pop()
        name = canonicalize_name(name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        dist = distribution(name)
        found[name] = dist.version
        for line in dist.requires or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(needed.name, each) for each in ("", *needed.extras)]
    return found


def main() -> None:
    pins = closure(Requirement("velox-framework[all]"))
    del pins["velox-framework"]
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items())]
    (ROOT / "constraints.txt").write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"constraints.txt: {len(lines)} pins")


if __name__ == "__main__":
    main()
