"""Each filter of the queue lists just the calls that it names, and a call that is done is nobody's to review again."""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from insight.triage import Triage, triage
from records import Evidence, Finding
from review.workbench.bench import Bench
from store.reviews import assignment
from store.reviews.schema import Card
from tests import benches
from tests.benches import Visitor, person

COLUMNS = {"team": "team", "line": "line", "form": "form", "agent": "agent_id", "band": "machine_band", "picked": "picked"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The sample calls: two reviewed (one of them appealed), one in Rui's hands, one given to Rong, two of the random sample."""
    made = benches.bench(tmp_path_factory.mktemp("filters") / "w")
    rui, rong = person(made, "rui").id, person(made, "rong").id
    with made.database.writing() as session:
        rows = session.query(Card).order_by(Card.call_id).all()
        for row, state, reviewer in ((rows[0], "published", rui), (rows[1], "appealed", rong)):
            row.state, row.reviewer_id, row.published_at = state, reviewer, datetime.now(UTC)
            row.appeal_until = datetime.now(UTC) + timedelta(days=2)
        rows[2].state, rows[2].holder_id, rows[2].held_until = "claimed", rui, datetime.now(UTC) + timedelta(minutes=20)
        assignment.give(session, "boss", rong, [rows[3].call_id])
        rows[4].picked = rows[5].picked = "random"
        for number, row in enumerate(rows):
            row.day = f"2026-11-{20 + number % 4}"
    yield made
    made.database.engine.dispose()


def listed(bench: Bench, query: str, login: str = "boss") -> list[str]:
    """The calls' numbers, in order."""
    page = Visitor(bench, login).get(f"/queue?{query}").text
    return sorted(re.findall(r'<td><a href="/calls/sample-(\d+)["?#]', page))


@pytest.mark.parametrize("name", COLUMNS)
def test_a_filter_lists_the_calls_of_that_value_and_no_other(bench: Bench, name: str) -> None:
    wanted: dict[str, list[str]] = defaultdict(list)
    with bench.database.reading() as session:
        for row in session.query(Card).order_by(Card.call_id):
            wanted[getattr(row, COLUMNS[name]) or ""].append(row.call_id.removeprefix("sample-"))
    wanted.pop("", None)
    assert len(wanted) > 1
    any_way = "" if name == "picked" else "picked=&"
    assert {value: listed(bench, f"{any_way}state=&{name}={value}") for value in wanted} == wanted


@pytest.mark.parametrize(("asked", "calls"), [
    ("since=2026-11-21&until=2026-11-21", ["002", "006", "010", "014"]), ("until=2026-11-20", ["001", "005", "009", "013"]), ("since=2026-11-24", []),
    ("state=done", ["001", "002"]), ("state=appealed", ["002"]), ("state=waiting&team=B2", [])])
def test_days_and_states_list_theirs(bench: Bench, asked: str, calls: list[str]) -> None:
    assert listed(bench, f"picked=&{'' if 'state=' in asked else 'state=&'}{asked}") == calls


@pytest.mark.parametrize(("login", "calls"), [
    ("rui", {"done": ["001"], "waiting": ["003"], "": ["001", "003"], "appealed": []}),
    ("rong", {"done": ["002"], "waiting": ["004"], "": ["002", "004"], "appealed": ["002"]})])
def test_a_reviewer_is_found_by_what_they_did_and_by_what_they_have_to_do(bench: Bench, login: str, calls: dict[str, list[str]]) -> None:
    number = person(bench, login).id
    assert {state: listed(bench, f"picked=&state={state}&reviewer={number}") for state in calls} == calls


def test_a_fatal_call_outweighs_a_complaint_and_a_complaint_all_that_adds_up_below_it(bench: Bench) -> None:
    calm = bench.lake.draft("sample-001")
    line = calm.items[0].model_copy(update={"verdict": "needs_review", "mode": "auto"})
    silence = Finding(rule="voice.silence", verdict="fail", evidence=(Evidence(rule="voice.silence", start=0.0, end=90.0),))
    complaint = Finding(rule="complaint.raised", verdict="found")

    def told(unsure: int = 0, score: float = 100.0, fatal: bool = False, *found: Finding) -> Triage:
        return triage(calm.model_copy(update={"items": (line,) * unsure, "score": score, "fatal": fatal, "findings": found}))
    worst_below = told(40, 0.0, False, silence)
    assert worst_below.reasons == ["unsure", "silence", "low_score"] and told(0, 100.0, False, complaint).risk > worst_below.risk
    assert told(0, 100.0, True).risk > told(40, 0.0, False, silence, complaint).risk > worst_below.risk
    assert [one.risk for one in (told(10), told(0, 100.0, False, silence), told(0, 50.0), told(1), told())] == [200, 100, 50, 20, 0]


def test_what_is_in_ones_hands_is_a_part_of_the_queue_of_its_own(bench: Bench) -> None:
    assert [listed(bench, "picked=&state=held", login) for login in ("rui", "rong")] == [["003"], []]


def test_a_call_that_is_done_is_reviewed_by_nobody_a_second_time(bench: Bench) -> None:
    rong = Visitor(bench, "rong")
    assert 'id="take"' not in rong.get("/calls/sample-001").text
    refused = rong.post("/calls/sample-001/claim")
    assert refused.status == 409 and "已经评完" in refused.text
    assert "已经评完" in rong.get("/calls/sample-001?claim=1").text
    with bench.database.reading() as session:
        assert session.get_one(Card, "sample-001").reviewer_id == person(bench, "rui").id
