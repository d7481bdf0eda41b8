"""What a call's page shows beside the words: marks on the waveform where evidence and silences are, and each rule in plain words."""
from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

import pytest

from records import Transcript, Turn
from review.workbench.bench import Bench
from review.workbench.calls import regions
from tests import benches
from tests.benches import Visitor


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = benches.bench(tmp_path_factory.mktemp("page") / "w")
    yield made
    made.database.engine.dispose()


def test_the_waveform_marks_evidence_that_failed_or_is_unsure_where_it_was_said(bench: Bench) -> None:
    draft, transcript = bench.lake.draft("sample-003"), bench.lake.transcript("sample-003")
    marks = [one for one in regions(draft, transcript) if one["kind"] != "silence"]
    told = {"fail", "needs_review", "found"}
    wanted = [(one.rule, piece.start) for one in draft.findings if one.verdict in told for piece in one.evidence if piece.start is not None]
    assert wanted and [(one["rule"], one["start"]) for one in marks] == wanted
    assert all(one["kind"] in told and one["end"] > one["start"] for one in marks)


def test_ten_seconds_in_which_nobody_speaks_are_marked_and_less_is_not(bench: Bench) -> None:
    times = ((0.0, 4.0), (3.0, 6.0), (15.9, 20.0), (30.0, 31.0))
    transcript = Transcript(call_id="c", turns=tuple(Turn(speaker="agent", text="好", start=start, end=end) for start, end in times))
    draft = bench.lake.draft("sample-003").model_copy(update={"findings": ()})
    assert [(one["kind"], one["start"], one["end"]) for one in regions(draft, transcript)] == [("silence", 20.0, 30.0)]


def test_who_changes_the_language_stays_on_the_page(bench: Bench) -> None:
    rong = Visitor(bench, "rong")
    for here in ("/queue?picked=&state=&text=宽带", "/calls/sample-002"):
        to = re.search(r'name="to" value="([^"]+)"', rong.get(here).text)
        assert to
        for language, word in (("en", "Sign out"), ("zh", "退出")):
            back = rong.post("/language", language=language, to=unescape(to[1])).to
            assert unquote(back) == here and word in rong.get(back).text
    assert rong.post("/language", language="zh", to="https://elsewhere.example").to == "/"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_beside_each_item_stands_why_its_rules_are_there(bench: Bench, language: str) -> None:
    rui = Visitor(bench, "rui")
    rui.get("/queue")
    rui.post("/language", language=language)
    page = rui.get("/calls/sample-002").text
    explained = 0
    for item in bench.lake.draft("sample-002").items:
        found = re.search(rf'id="item-{re.escape(item.id)}".*?(?=<div id="item-|</aside>)', page, re.DOTALL)
        assert found, item.id
        shown = unescape(found[0])
        for rule in item.rules:
            why = bench.why(rule, "en" if language == "en" else "zh")
            assert why and bench.titled(rule, "en" if language == "en" else "zh") in shown and why in shown, (item.id, rule)
            explained += 1
    assert explained > 10
