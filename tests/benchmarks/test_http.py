"""The HTTP benchmark compares like with like, judges by its targets, and draws what it found."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from benchmarks.http import wrk
from benchmarks.http.cases import CASES, TYPED, Case
from benchmarks.http.measure import Timed, agree_on, cases_of
from benchmarks.http.plot import Bar, Group, bar_chart
from benchmarks.http.report import (
    LATENCY_CASE,
    README_BEGIN,
    README_END,
    TARGETS,
    Result,
    markdown,
    svg,
    to_json,
    with_results,
)
from benchmarks.http.servers import FASTAPI_UVICORN, NAMES, PORT, SANIC, VELOX, WATCHED, Contender, require_same
from benchmarks.load import Answer

PLAIN = next(case for case in CASES if case.name == "plaintext")
PRINTED = (
    'Running 1s test\n\nanswered={"requests": 900, "wall_us": 1001000, "errors": 0, "p50_us": 70, "p99_us": 210}\n'
)


def result(velox_per_s: int, *, p99_us: int = 900, memory_bytes: int = 50_000_000, others: float = 0.02) -> Result:
    """Every peer answers 1,000 requests a second at 100 µs each, and Velox ``velox_per_s``."""

    def sample(name: str) -> Timed:
        answered = velox_per_s if name in {VELOX, WATCHED} else 1_000
        return Timed(answered, 0.1, 1.0, 500, p99_us if name == VELOX else 1_000)

    samples = {case.name: {name: [sample(name)] * 3 for name in NAMES if case in cases_of(name)} for case in CASES}
    memory = dict.fromkeys(NAMES, memory_bytes)
    return Result(samples, memory, {"sanic": "25.12.1"}, "Linux, 2 cores", "Three rounds.", others)


def answer(body: bytes, media_type: str = "text/plain; charset=utf-8") -> Answer:
    return Answer(200, {"content-type": media_type}, body, len(body))


def test_each_request_may_have_another_number() -> None:
    """The number stands where the pattern has its place, in what is checked as in what is timed."""
    before, after = TYPED.pieces
    assert before + b"7" + after == TYPED.request(7)
    assert TYPED.request(7) != TYPED.request(8)


def test_a_request_without_a_number_is_one_piece() -> None:
    """A pattern without a number is always the same request."""
    assert (PLAIN.request(7),) == PLAIN.pieces


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_requests_say_how_long_they_are(case: Case) -> None:
    """Every request has the length that its head declares, and ends its head."""
    head, end, body = case.request(1).partition(b"\r\n\r\n")
    declared = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")]
    assert end
    assert int(declared[0].split(b":")[1]) == len(body) if declared else not body


def test_plain_answers_agree_by_their_bytes() -> None:
    """A charset does not matter; a byte does."""
    assert agree_on(PLAIN, {VELOX: answer(b"hi"), SANIC: answer(b"hi", "text/plain")}) is None
    assert "different" in (agree_on(PLAIN, {VELOX: answer(b"hi"), SANIC: answer(b"hi\n")}) or "")


def test_the_script_holds_the_bytes_of_the_request() -> None:
    """Bytes are written as numbers, so nothing in a request can end the string that holds it."""
    assert wrk.lua_string(b'a"\\\n\xff') == r'"\097\034\092\010\255"'
    assert wrk.lua_string(b"GET") in wrk.script((b"GET", b" HTTP"), 10)


def test_the_summary_of_wrk_is_read() -> None:
    """What the script prints after wrk's own lines is the load."""
    assert wrk.parse(PRINTED) == wrk.Load(requests=900, wall_us=1_001_000, errors=0, p50_us=70, p99_us=210)


def test_a_wrk_that_prints_no_summary_is_an_error() -> None:
    """A run that ended early has no numbers to be mistaken for a result."""
    with pytest.raises(ValueError, match="no summary"):
        wrk.parse("unable to connect")


def test_without_wrk_there_is_a_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks wrk learns where it comes from."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="apt-get install wrk"):
        wrk.program()


def test_a_command_has_the_port() -> None:
    """The port is the only part of a command line that is not known before."""
    assert Contender("any", ("serve", "--port", PORT), {}).command(8000) == ["serve", "--port", "8000"]


def test_servers_on_different_versions_are_not_compared() -> None:
    """What both stand on has to be the same, and the message says what is not."""
    with pytest.raises(RuntimeError, match=r"uvloop 1\.0 and 2\.0"):
        require_same({"uvloop": "1.0"}, {"uvloop": "2.0"}, "uvloop")


def test_targets_that_are_met() -> None:
    """Ratios, latency and memory within their targets are plain numbers."""
    page = markdown(result(9_000))
    assert "missed" not in page
    assert "| JSON GET: Velox / FastAPI on uvicorn | 5.0 | 9.00 | 9.00 |" in page


def test_targets_that_are_missed() -> None:
    """Each missed target is marked: the ratios, the 99th percentile and the memory."""
    page = markdown(result(1_100, p99_us=2_000, memory_bytes=70_000_000))
    assert page.count("(missed)") == len(TARGETS) + 2
    assert "| **2.00** (missed) |" in page
    assert "| **70.00** (missed) |" in page


def test_targets_are_about_what_is_measured() -> None:
    """Each target's case is measured on both of its servers."""
    measured = result(1_000).samples
    assert all({target.ours, target.peer} <= set(measured[target.case]) for target in TARGETS)
    assert {VELOX, SANIC} <= set(measured[LATENCY_CASE])


def test_a_busy_machine_judges_nothing() -> None:
    """Figures that were taken while others used the machine say so before anything else."""
    assert "judge nothing" in markdown(result(9_000, others=0.5))
    assert "judge nothing" not in markdown(result(9_000, others=0.1))


def test_the_readme_shows_the_newest_figures_between_its_marks() -> None:
    """Of the servers that every case was measured on, the fastest first; what stood there before is gone."""
    before = f"# Velox\n\n{README_BEGIN}\nold\n{README_END}\n\nMIT\n"
    page = with_results(before, result(9_000))
    assert page.startswith(f"# Velox\n\n{README_BEGIN}\n\n| requests a second | plaintext | JSON GET |")
    assert page.endswith(f"\n\n{README_END}\n\nMIT\n")
    assert "| Velox | 9,000 | 9,000 | 9,000 | 9,000 | 9,000 |" in page
    assert "old" not in page
    assert with_results(page, result(9_000)) == page
    with pytest.raises(ValueError, match="the README has no"):
        with_results("# Velox\n", result(9_000))


def test_json_has_every_sample() -> None:
    """The JSON lets others compute their own statistics."""
    document = json.loads(to_json(result(2_000)))
    assert len(document["cases"]["JSON GET"][VELOX]["samples"]) == 3
    assert {target["per_s"] for target in document["targets"]} == {2.0}


def test_the_picture_has_a_bar_for_each_measurement() -> None:
    """The picture is well-formed, and nothing measured is left out of it."""
    found = result(2_000)
    root = ET.fromstring(svg(found))
    bars = [element for element in root.iter() if element.tag.endswith("rect")]
    assert len(bars) == sum(len(servers) for servers in found.samples.values())
    assert FASTAPI_UVICORN in "".join(root.itertext())


def test_bars_are_as_long_as_their_values() -> None:
    """Bars share one scale that starts at zero, and names are text."""
    drawn = bar_chart("<title>", "a & b", [Group("one", [Bar("A", 4.0, is_ours=True), Bar("B", 1.0)])])
    first, second = [element for element in ET.fromstring(drawn).iter() if element.tag.endswith("rect")]
    assert float(first.attrib["width"]) == pytest.approx(4 * float(second.attrib["width"]), rel=0.01)
    assert [first.attrib["class"], second.attrib["class"]] == ["bar ours", "bar"]


def test_a_picture_of_nothing_is_refused() -> None:
    """Without a value above zero there is no scale."""
    with pytest.raises(ValueError, match="nothing to draw"):
        bar_chart("title", "note", [Group("one", [])])
