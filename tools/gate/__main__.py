"""The gate: every step runs, even after one has failed; the summary says which did and how long each took.

python tools/gate all
python tools/gate lint types
"""

from __future__ import annotations

import sys
import time

from steps import STEPS, Step

GROUPS = tuple(dict.fromkeys(step.group for step in STEPS))


def main(wanted: list[str]) -> int:
    """Run the steps of the groups ``wanted``, or ``all``; 0 when all passed, 1 when not, 2 for a wrong name."""
    if not wanted or set(wanted) - {"all", *GROUPS}:
        print(f"usage: python tools/gate all | {' | '.join(GROUPS)}", file=sys.stderr)
        return 2
    results = [timed(step) for step in STEPS if "all" in wanted or step.group in wanted]
    print()
    for name, passed, took_s in results:
        print(f"{'ok' if passed else 'FAILED':>8}  {took_s:6.1f} s  {name}")
    return 0 if all(passed for _, passed, _ in results) else 1


def timed(step: Step) -> tuple[str, bool, float]:
    """The step's name, whether it passed, and the seconds it took."""
    print(f"\n── {step.name}: {' '.join(step.command)}", flush=True)
    start = time.perf_counter()
    passed = step.run()
    return step.name, passed, time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
