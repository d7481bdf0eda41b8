"""The pages of the appraisal and of the sampling plan: what they show, to whom, and where they lead."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from insight import planning
from insight.sampling import Period
from review.workbench.appraising import DELIVERED
from review.workbench.bench import Bench
from settings import Sampling
from store.plans import Plans
from store.reviews.schema import Audit, Card, Item
from tests import benches
from tests.benches import Visitor


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The sample calls, two of an agent reviewed, a kept plan of their days, and delivered files with a bad row."""
    made = benches.bench(tmp_path_factory.mktemp("b") / "w")
    with made.database.writing() as session:
        for card in session.query(Card).filter_by(agent_id="3105"):
            card.state, card.picked, card.score, card.band = "published", "random", 60.0, "below_standard"
            for item in session.query(Item).filter_by(call_id=card.call_id):
                item.human_verdict = item.final_verdict = "fail"
        card = session.query(Card).filter_by(agent_id="3105").first()
        assert card is not None and card.started_at
        month, week = card.day[:7], Period.week_of(date.fromisoformat(card.day))
    Plans(made.lake.root).keep(planning.make(made.lake, week, Sampling(monitors=["rui"]), "s"))
    folder = made.lake.root / DELIVERED
    folder.mkdir()
    (folder / "assessments.csv").write_text(f"agent_id,month,score\n3105,{month},80\n6217,{month},x\n", encoding="utf-8")
    (folder / "work_orders.csv").write_text(f"order_id,opened_at,agent_id,call_id,first_reply_at\no-1,{month}-02 09:00,3105,sample-002,{month}-07 09:00\n",
                                            encoding="utf-8")
    yield made


def test_a_supervisor_sees_everybody_the_spread_and_the_complaint_indicators(bench: Bench) -> None:
    page = Visitor(bench, "boss").get("/appraisal").text
    assert "3105" in page and ">70</a></b>" in page and "等级分布" in page and "48 小时内首次回复" in page        # (80 + 60) / 2
    assert "assessments.csv 第 3 行：score 是“x”，应为数字（0 到 100）" in page and "120 小时" in page and 'href="/calls/sample-002"' in page


def test_a_leader_sees_the_own_team_and_no_figures_of_the_centre(bench: Bench) -> None:
    visitor = Visitor(bench, "lead")
    page = visitor.get("/appraisal").text
    assert "3105" in page and "6217" not in page and "等级分布" not in page and "第 3 行" not in page
    assert visitor.get("/appraisal/6217").status == 404 or visitor.get("/appraisal/6217").status == 403


@pytest.mark.parametrize("login", ["rui", "ana", "sun", "root"])
def test_nobody_else_is_shown_an_appraisal(bench: Bench, login: str) -> None:
    assert Visitor(bench, login).get("/appraisal").status in (403, 404)


def test_every_figure_of_the_list_opens_what_it_rests_on(bench: Bench) -> None:
    visitor = Visitor(bench, "boss")
    page = visitor.get("/appraisal").text
    cells = re.findall(r'<td class="n[^"]*">(.*?)</td>', page, re.DOTALL)
    bare = [re.sub(r"<a .*?</a>|<[^>]+>|\s", "", cell) for cell in cells[:page.count(">3105</span>") * 8]]
    assert bare and all(re.fullmatch(r"–?0?(\(\))?", one) for one in bare), bare
    counts = re.findall(r'href="(/appraisal/[^"]+figure=monitoring)">(\d+)</a>\)', page)
    counts += re.findall(r'href="(/appraisal/[^"]+figure=complaint)">(\d+)</a>', page)
    assert len(counts) >= 2
    for address, number in counts:
        text = visitor.get(address.replace("&amp;", "&")).text
        assert text.count("<td>计入</td>") == int(number), address
    grades = re.findall(r'href="(/appraisal\?[^"]+grade=.)">(\d+)<', page)
    assert grades
    for address, number in grades:
        assert len(re.findall(r"<tr>\s*<td><a href=\"/appraisal/", visitor.get(address.replace("&amp;", "&")).text)) == int(number)
    indicators = re.findall(r'href="(/indicators/[^"]+)">(\d+)<', page)
    assert len(indicators) >= 5
    for address, number in indicators:
        assert visitor.get(address.replace("&amp;", "&")).text.count("<tr><td>") == int(number), address
    assert Visitor(bench, "lead").get("/indicators/first_reply").status == 403


def test_one_agent_is_worked_out_and_leads_to_the_cards(bench: Bench) -> None:
    page = Visitor(bench, "boss").get("/appraisal/3105").text
    assert "月度绩效 =（考核 80 + 监听 60）/ 2 = 70" in page and "等级 D：0 ≤ 70 &lt; 80" in page
    assert page.count('href="/calls/sample-002"') >= 2 and "assessments.csv 第 2 行" in page and "o-1（work_orders.csv 第 2 行）" in page


def test_what_is_no_month_is_told(bench: Bench) -> None:
    answer = Visitor(bench, "boss").get("/appraisal?month=soon")
    assert answer.status == 409 and "write it as 2026-10" in answer.text


def test_the_plan_says_who_is_short_and_what_is_still_to_be_heard(bench: Bench) -> None:
    plan = next(iter(Plans(bench.lake.root)))
    page = Visitor(bench, "boss").get("/sample").text
    assert plan.name in page and "还差" in page and "由样本推算全部通话" in page and plan.population[:12] in page
    waiting = plan.calls.filter(plan.calls["agent_id"] != "3105")["call_id"][0]
    assert f'href="/calls/{waiting}"' in page
    assert "6217" not in Visitor(bench, "lead").get("/sample").text and Visitor(bench, "sun").get("/sample").status in (403, 404)


def test_without_a_plan_a_supervisor_makes_one_on_the_page_and_others_are_told_who_does(tmp_path: Path) -> None:
    bench = benches.bench(tmp_path / "w")
    boss, leader = Visitor(bench, "boss"), Visitor(bench, "lead")
    assert "由主管在本页生成" in leader.get("/sample").text and leader.post("/sample", week="2026-W48").status == 403
    page = boss.get("/sample").text
    week = re.search(r'name="week" value="([^"]+)"', page)
    assert week and "每人每周至少 3 通" in page
    assert "write it as 2026-W47" in boss.post("/sample", week="soon").text
    assert boss.post("/sample", week=week[1]).to == f"/sample?plan={week[1]}"
    plan = next(iter(Plans(bench.lake.root)))
    with bench.database.reading() as session:
        marked = {card.call_id for card in session.query(Card).filter_by(picked="random")}
        said = session.query(Audit).filter_by(action="sample.planned").one()
    assert marked == set(plan.random["call_id"]) and (said.who, said.subject) == ("boss", week[1])
    assert boss.post("/sample", week=week[1]).status == 303 and len(Plans(bench.lake.root).names()) == 1      # the same draw again is no other plan


@pytest.mark.parametrize(("page", "chinese", "english"), [
    ("/appraisal", "等级分布", "Complaint indicators"), ("/appraisal/3105", "月度绩效 =", "result = (80 + 60) / 2 = 70"),
    ("/sample", "还没听的", "Still to hear"), ("/dashboard", "抽样", "Sample")])
def test_every_page_speaks_both_languages(bench: Bench, page: str, chinese: str, english: str) -> None:
    visitor = Visitor(bench, "boss")
    assert chinese in visitor.get(page).text
    visitor.post("/language", language="en")
    text = visitor.get(page).text
    visitor.post("/language", language="zh")
    assert english in text and chinese not in text
