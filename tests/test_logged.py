"""The audit log in words: verdicts from which to which, names instead of ids, in both languages, the raw entry kept beside."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from review.workbench.logged import told
from review.workbench.words import say
from store.reviews import audit
from store.reviews.schema import Audit
from tests import benches
from tests.benches import Visitor

JUDGED = {"item": "greeting", "verdict": "fail", "machine": "pass", "points": 0.0, "reason": "没有报姓名"}


@pytest.mark.parametrize(("language", "detail", "words"), [
    ("zh", JUDGED, "评分项“greeting!”；通过 → 不通过；得分 0；理由：没有报姓名"),
    ("en", JUDGED, "item \"greeting!\"; pass → fail; points 0; reason: 没有报姓名"),
    ("en", JUDGED | {"machine": "fail"}, "item \"greeting!\"; fail; points 0; reason: 没有报姓名"),
    ("zh", {"score": 91.5, "band": "good"}, "总分 91.5；等级 良好"),
    ("zh", {"calls": [f"c-{n}" for n in range(8)]}, "通话 c-0、c-1、c-2、c-3、c-4、c-5 等 8 项"),
    ("en", {"granted": True, "item": "x", "verdict": "pass", "odd_one": {"a": 1}}, "item \"x!\"; pass; granted yes; odd one a 1"),
])
def test_a_detail_is_said_in_words(language: str, detail: dict[str, object], words: str) -> None:
    entry = Audit(detail=json.dumps(detail, ensure_ascii=False), action="item.judged", subject="sample-002")
    shown = told(entry, lambda word: say(word, "en" if language == "en" else "zh"), lambda name: f"{name}!")
    assert (shown.words, shown.raw) == (words, entry.detail)


@pytest.mark.parametrize("detail", ["", "not json", "[1]"])
def test_what_is_no_detail_stays_as_it_is(detail: str) -> None:
    assert told(Audit(detail=detail), str, str).words == detail


def test_the_page_says_both_languages_and_keeps_the_raw_entry(tmp_path: Path) -> None:
    bench = benches.bench(tmp_path / "w")
    with bench.database.writing() as session:
        audit.note(session, "rui", "item.judged", "sample-002", **JUDGED)
    boss = Visitor(bench, "boss")
    page = boss.get("/log").text
    assert "评分项“开头语”；通过 → 不通过" in page and "<summary>原始记录</summary><code>{&#34;item&#34;" in page
    boss.post("/language", language="en")
    assert "item &#34;Opening&#34;; pass → fail; points 0; reason: 没有报姓名" in boss.get("/log").text
