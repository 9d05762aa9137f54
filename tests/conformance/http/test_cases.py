"""Every case, against Velox under its own protocol, on a real socket."""

from __future__ import annotations

import asyncio
import re
from itertools import groupby

import pytest

from tests.conformance.http.case import SUBJECTS, Case, cases
from tests.conformance.http.notation import to_text
from tests.conformance.http.runner import Outcome, Verdict, run, ways
from tests.conformance.http.server import Server

# An answer takes a millisecond; this is for a machine that is busy with something else.
TIMEOUT_S = 20.0


def stem(case: Case) -> str:
    """Its identifier without that of the variant."""
    return "/".join(case.id.split("/")[:2])


GROUPS = {name: tuple(group) for name, group in groupby(cases(), stem)}


@pytest.mark.parametrize("name", GROUPS)
async def test_velox_answers_as_the_rfc_says(server: Server, name: str) -> None:
    """Whole, byte by byte and split in two; and what follows a refusal is not even looked at."""
    runs = [(case, way) for case in GROUPS[name] for way in ways(case)]
    outcomes = await asyncio.gather(*(run(server.port, case, way, timeout_s=TIMEOUT_S) for case, way in runs))
    wrong = {
        f"{case.id}, {way.value}": (outcome.verdict.value, outcome.detail, to_text(case.send))
        for (case, way), outcome in zip(runs, outcomes, strict=True)
        if outcome != Outcome(Verdict.OK)
    }
    assert wrong == {}


def test_there_are_enough_cases_of_every_subject() -> None:
    """At least 250, and no subject is there for the name only."""
    assert len(cases()) >= 250
    assert {subject for subject in SUBJECTS if sum(case.subject == subject for case in cases()) < 10} == set()


def test_no_two_cases_have_one_name() -> None:
    names = [case.id for case in cases()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", [group[0] for group in GROUPS.values()], ids=stem)
def test_every_case_names_its_section_and_says_why(case: Case) -> None:
    assert re.fullmatch(r"\d{4} §[A-Z\d]+(\.\d+)*", case.rfc)
    assert len(case.why) > 10
