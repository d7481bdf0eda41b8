"""The list of pages: the riskiest first, every page within reach, nothing delivered becomes markup."""
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

import tingjian
from records import Band, Call, Draft, Evidence, Failure, Finding, Item
from review.handbook import Handbook
from review.index import index, risk, row
from review.page import page
from store.lake import AudioFile, Lake, Result
from tests.stand_ins import draft, recording, transcript

HOSTILE = "<script>alert(1)</script>\"' onmouseover=x"
TITLES = {"taboo.shirk": "推诿", "taboo.abuse": "辱骂"}


def card(call_id: str, score: float | None = 90, fatal: bool = False, review: int = 0, failed: Sequence[str] = (),
         band: Band = "good") -> Draft:
    items = tuple(Item(id=f"i{n}", title="", section="", mode="auto", verdict="needs_review", max_points=1)
                  for n in range(review))
    findings = tuple(Finding(rule=rule, verdict="fail", evidence=(Evidence(rule=rule, turn=1, text="投诉"),)) for rule in failed)
    return draft(transcript(Call(call_id=call_id))).model_copy(
        update={"score": score, "fatal": fatal, "band": band, "items": items, "findings": findings})


def test_fatal_calls_come_first_then_low_scores_then_much_to_review() -> None:
    drafts = [card("fine", 98), card("unscored", None), card("doubtful", 60, review=3), card("low", 60), card("fatal", 0, True),
              card("lowest", 12)]
    rows = [row(one, transcript(Call(call_id=one.call_id)), Handbook()) for one in drafts]
    assert [one.call_id for one in sorted(rows, key=risk)] == ["fatal", "lowest", "doubtful", "low", "fine", "unscored"]
    links = re.findall(r'<a href="([^"]+)">', index(rows))
    assert links == ["fatal.html", "lowest.html", "doubtful.html", "low.html", "fine.html", "unscored.html"]


def test_items_left_to_people_are_no_doubts_of_the_machine() -> None:
    said = transcript(Call(call_id="a"))
    assert [item.verdict for item in draft(said).items if item.mode == "human"] == ["needs_review"]
    assert row(draft(said), said, Handbook()).review == 0 and row(card("a", review=2), said, Handbook()).review == 2


def test_a_row_counts_broken_taboos_and_names_the_gravest_first() -> None:
    one = card("a", failed=("taboo.shirk", "closing.thanks", "taboo.abuse"))
    shown = row(one, transcript(Call(call_id="a")), Handbook(TITLES, ("taboo.abuse", "taboo.shirk", "taboo.blame")))
    assert shown.taboos == ("辱骂", "推诿") and "<b>2</b> 辱骂 · 推诿" in index([shown])


@pytest.mark.parametrize(("verdict", "complaint"), [("found", True), ("none", False)])
def test_a_complaint_is_told(verdict: str, complaint: bool) -> None:
    finding = Finding.model_validate({"rule": "complaint.raised", "verdict": verdict})
    one = card("a").model_copy(update={"findings": (finding,)})
    shown = row(one, transcript(Call(call_id="a")), Handbook())
    assert shown.complaint == complaint and ('<em class="complaint">' in index([shown])) == complaint


def test_nothing_delivered_becomes_markup_and_no_link_leaves_the_directory() -> None:
    call = Call(call_id=HOSTILE, agent_name=HOSTILE, agent_id=HOSTILE, team=HOSTILE, line=HOSTILE, started_at=HOSTILE)
    one = card(HOSTILE, failed=("taboo.x",))
    html = index([row(one, transcript(call), Handbook({"taboo.x": HOSTILE}, ("taboo.x",)))],
                 [Failure(call_id=HOSTILE, code="x", message=HOSTILE)])
    assert html.count("<script") == 1 and html.count("&lt;script&gt;alert(1)") == 9
    assert not re.search(r"<[^>]* onmouseover=", html) and re.findall(r'href="([^"]+)"', html)[0].count("/") == 0


def test_the_list_asks_the_network_for_nothing() -> None:
    html = index([row(card("a"), transcript(Call(call_id="a")), Handbook())], language="en")
    assert "default-src 'none'" in html and "://" not in html and 'lang="en"' in html and "通话" not in html


def test_broken_taboos_stand_before_the_items_of_a_page_and_once_only() -> None:
    html = page(card("a", failed=("closing.thanks", "taboo.shirk"), review=1), transcript(Call(call_id="a")), None, "zh",
                Handbook(TITLES, ("taboo.abuse", "taboo.shirk")))
    aside = html[html.index("<aside"):]
    assert aside.count("推诿") == 1 and aside.index("触犯服务禁忌 · 1") < aside.index("推诿") < aside.index("closing.thanks")
    assert "辱骂" not in aside


def test_pages_made_one_by_one_are_all_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = Lake.create(tmp_path / "workspace")
    results = []
    for call_id in ("a", "b", "index"):
        one = recording(tmp_path, call_id)
        results.append(Result(one, AudioFile("sha", 1, 2), "stub-1", transcript(one.call), draft(transcript(one.call)),
                              scorer_version="r"))
    with lake.writing():
        lake.commit(results)

    def listed(*calls: str) -> list[str]:
        arguments = ["page", "--workspace", str(tmp_path / "workspace"), "--out", str(tmp_path / "pages"), *calls]
        tingjian.app(arguments, standalone_mode=False)
        assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "pages" / "index.html")
        return re.findall(r'<a href="([^"]+)">', (tmp_path / "pages" / "index.html").read_text("utf-8"))

    assert listed("a") == ["a.html"]
    assert listed("b") == ["a.html", "b.html"]
    everything = listed()
    assert len(everything) == 3 and all((tmp_path / "pages" / name).exists() for name in everything)
