"""All cases against Velox and its peers, written to the docs: ``python -m tests.conformance.http.compare``."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.http.case import Case, cases
from tests.conformance.http.peers import granian, peer_python, uvicorn, versions
from tests.conformance.http.report import page
from tests.conformance.http.runner import Outcome, Verdict, run, ways
from tests.conformance.http.server import ROOT, Command, sanic, serving, velox

__all__ = ["Column", "main"]

PAGE = ROOT / "docs" / "reference" / "conformance.md"
AT_ONCE = 8
TIMEOUT_S = 1.5


@dataclass(frozen=True, slots=True)
class Column:
    """A server, and how it is started."""

    name: str
    command: Command
    problems: bool = False


def columns() -> list[Column]:
    """The servers under comparison, ours first."""
    python = peer_python()
    ours = versions(Path(sys.executable), "sanic", "httptools")
    theirs = versions(python, "uvicorn", "httptools", "granian")
    return [
        Column("Velox", velox, problems=True),
        Column(f"Sanic {ours['sanic']}", sanic),
        Column(f"uvicorn {theirs['uvicorn']} (httptools {theirs['httptools']})", uvicorn(python)),
        Column(f"granian {theirs['granian']}", granian(python)),
    ]


async def judge(port: int, column: Column) -> dict[str, Verdict]:
    """Each case's verdict: OK when it is that however the case was sent, else the first other one."""
    free = asyncio.Semaphore(AT_ONCE)

    async def judge_case(case: Case) -> Verdict:
        async with free:
            for way in ways(case):
                outcome = await run(port, case, way, timeout_s=TIMEOUT_S, problems=column.problems)
                if not is_right(outcome, column):
                    return outcome.verdict
        return Verdict.OK

    verdicts = await asyncio.gather(*(judge_case(case) for case in cases()))
    return {case.id: verdict for case, verdict in zip(cases(), verdicts, strict=True)}


def is_right(outcome: Outcome, column: Column) -> bool:
    """A peer may choose another status for a refusal than we do."""
    return outcome.verdict is Verdict.OK or (outcome.verdict is Verdict.OTHER_STATUS and not column.problems)


def main() -> int:
    """Write the page; 1 when Velox is wrong anywhere."""
    judged: dict[str, Mapping[str, Verdict]] = {}
    for column in columns():
        with serving(column.command) as server:
            judged[column.name] = asyncio.run(judge(server.port, column))
        print(f"{column.name}: {summary(list(judged[column.name].values()))}")
    PAGE.write_text(page(cases(), judged), encoding="utf-8")
    return 0 if set(judged["Velox"].values()) == {Verdict.OK} else 1


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many of each."""
    return ", ".join(f"{count} {verdict.value}" for verdict, count in Counter(verdicts).most_common())


if __name__ == "__main__":
    sys.exit(main())
