"""The page of the documentation that says who does what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from tests.conformance.http.case import SUBJECTS, Case
from tests.conformance.http.runner import Verdict

__all__ = ["page"]

Judged = Mapping[str, Mapping[str, Verdict]]

INTRODUCTION = """\
# Conformance

{total} cases of HTTP/1.1, written from RFC 9110, 9112 and 6455, each naming its section and what it says, are in
`tests/conformance/http/cases`. The gate runs every one against Velox on a real socket: whole, byte by byte, split in
two, and, when it has to be refused, with another request behind it that nobody may look at. Refused means: a 4xx, 501
or 505 with a problem document, a closed connection, and no further answer.

This page is written by `python -m tests.conformance.http.compare`, which runs the same cases against other servers,
each with an app that echoes what it sees, at the server's defaults. It informs, and is no ranking: {choices} cases are
*choices*, where the RFC allows another answer than ours (most of all where it lets a server be lenient, and in the
limits), and they are counted apart. A server behind a strict proxy never sees most of the others.

granian hands a malformed body to the app as a disconnect; our ASGI app then leaves without an answer, and granian
makes that a 500.

The cases are our own: a mistake in how we read an RFC is in both the cases and Velox.
"""


def page(cases: Sequence[Case], judged: Judged) -> str:
    """The page, in Markdown."""
    required = [case for case in cases if not case.choice]
    chosen = [case for case in cases if case.choice]
    return "\n".join(
        [
            INTRODUCTION.format(total=len(cases), choices=len(chosen)),
            "## Right, by subject\n",
            *by_subject(required, judged),
            "\n## What is wrong\n",
            *by_verdict(required, judged),
            "\n## Choices: as Velox, by subject\n",
            *by_subject(chosen, judged),
            "\n## Where they differ\n",
            "How many of a case's variants each server gets wrong (choices left out); empty is none.\n",
            *by_case(required, judged),
            "",
        ]
    )


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def by_subject(cases: Sequence[Case], judged: Judged) -> Iterator[str]:
    def row(name: str, members: Sequence[Case]) -> list[str]:
        right = [sum(verdicts[case.id] is Verdict.OK for case in members) for verdicts in judged.values()]
        return [name, str(len(members)), *(str(count) for count in right)]

    def rows() -> Iterator[list[str]]:
        for subject in SUBJECTS:
            members = [case for case in cases if case.subject == subject]
            if members:
                yield row(subject, members)
        yield row("all", cases)

    return table(["subject", "cases", *judged], rows())


def by_verdict(cases: Sequence[Case], judged: Judged) -> Iterator[str]:
    def rows() -> Iterator[list[str]]:
        for verdict in Verdict:
            counts = [sum(verdicts[case.id] is verdict for case in cases) for verdicts in judged.values()]
            if verdict is not Verdict.OK and any(counts):
                yield [verdict.value, *(str(count or "") for count in counts)]

    return table(["verdict", *judged], rows())


def by_case(cases: Sequence[Case], judged: Judged) -> Iterator[str]:
    stem: Callable[[Case], str] = lambda case: "/".join(case.id.split("/")[:2])  # noqa: E731 - shorter than its name

    def rows() -> Iterator[list[str]]:
        for name, group in groupby(cases, stem):
            members = list(group)
            wrong = [sum(verdicts[case.id] is not Verdict.OK for case in members) for verdicts in judged.values()]
            if any(wrong):
                yield [
                    f"`{name}`: {members[0].why} (RFC {members[0].rfc})".replace("|", "\\|"),
                    str(len(members)),
                    *(str(count or "") for count in wrong),
                ]

    return table(["case", "variants", *judged], rows())
