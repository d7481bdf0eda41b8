"""The case library and the pages that set problems side by side: who sees what, nobody's name, personal data hidden."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.decode import decode
from pipeline.masking.staff import without_staff
from records import Transcript, Turn, Word
from review.workbench.audits import first_month
from review.workbench.bench import Bench
from store.reviews.calibration_tables import Case
from store.reviews.schema import Audit, Card
from tests import benches
from tests.benches import Visitor
from tests.test_workbench import review

SECRET = "三三零幺零二幺九八五零三幺二零零幺七"      # an ID number read out in sample-011


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = benches.bench(tmp_path_factory.mktemp("cases") / "w")
    yield made
    made.database.engine.dispose()


@pytest.fixture(scope="module")
def people(bench: Bench) -> dict[str, Visitor]:
    return {login: Visitor(bench, login) for login in ("rui", "rong", "lead", "boss", "ana", "sun", "root")}


def kept(visitor: Visitor, call: str = "sample-011", **fields: str) -> int:
    visitor.get(f"/cases/new?call={call}")
    made = visitor.post("/cases", **{"call": call, "kind": "bad", "title": "读出证件号", "why": "不该复述", "rule": "taboo.privacy", "tags": "隐私 新人"} | fields)
    assert made.status == 303, made.text
    return int(made.to.rsplit("/", 1)[1])


def test_a_case_is_found_again_by_rule_tag_and_kind(bench: Bench, people: dict[str, Visitor]) -> None:
    first = kept(people["rui"], tags="安抚，新人 新人")
    second = kept(people["rui"], call="sample-001", kind="good", rule="closing.thanks", tags="结束语")
    for asked, found in (("", {first, second}), ("?rule=taboo.privacy", {first}), ("?tag=新人", {first}), ("?kind=good", {second}), ("?tag=没有", set())):
        page = people["rong"].get(f"/cases{asked}").text
        assert {number for number in (first, second) if f'href="/cases/{number}"' in page} == found, asked


@pytest.mark.parametrize(("fields", "why"), [
    ({"why": " "}, "为什么"), ({"kind": "odd"}, "好或坏"), ({"starts": "9", "ends": "3"}, "早于"), ({"starts": "9"}, "早于"),
    ({"starts": "9000", "ends": "9001"}, "录音结束")])
def test_a_case_that_says_nothing_or_lies_outside_the_call_is_refused(people: dict[str, Visitor], fields: dict[str, str], why: str) -> None:
    people["rui"].get("/cases")
    made = people["rui"].post("/cases", **{"call": "sample-001", "kind": "bad", "title": "x", "why": "y"} | fields)
    assert made.status == 409 and why in made.text


def test_agents_see_shared_cases_alone_and_nobodys_name_or_call(bench: Bench, people: dict[str, Visitor]) -> None:
    with bench.database.writing() as session:
        session.get_one(Card, "sample-002").agent_name = "王小明"
    inner, shared = kept(people["rui"], call="sample-002"), kept(people["rui"], call="sample-002", shared="yes", title="公开的")
    sun, ana = people["sun"], people["ana"]
    for visitor in (sun, ana):
        assert visitor.get(f"/cases/{inner}").status == 403 and f'"/cases/{inner}"' not in visitor.get("/cases").text
        page = visitor.get(f"/cases/{shared}")
        assert page.status == 200 and not [word for word in ("sample-002", "王小明", "3105", "Rui") if word in page.text.replace("/cases", "")]
    assert sun.get(f"/cases/{shared}/sound").status == 200 and ana.get(f"/cases/{shared}/sound").status == 403
    assert sun.get(f"/cases/{inner}/sound").status == 403 and sun.get("/cases/new?call=sample-002").status == 403
    assert sun.post(f"/cases/{shared}/withdraw").status == 403
    assert "sample-002" in people["boss"].get(f"/cases/{shared}").text and people["root"].get("/cases").status == 403


def test_a_leader_sees_the_teams_cases_and_what_is_shared(people: dict[str, Visitor]) -> None:
    own, others, shared = kept(people["rui"], call="sample-002"), kept(people["rui"], call="sample-001"), kept(people["rui"], call="sample-001", shared="y")
    lead = people["lead"]
    assert [lead.get(f"/cases/{number}").status for number in (own, others, shared)] == [200, 403, 200]
    assert lead.get("/cases/new?call=sample-001").status == 403 and lead.post("/cases", call="sample-001", kind="bad", title="x", why="y").status == 403


def test_a_case_is_changed_by_who_keeps_it_or_a_supervisor_and_the_log_knows(bench: Bench, people: dict[str, Visitor]) -> None:
    number = kept(people["rui"])
    for login in ("rong", "boss"):
        people[login].get("/cases")
    assert people["rong"].post(f"/cases/{number}/share").status == 403
    assert people["rui"].post(f"/cases/{number}/share").status == 303 and people["boss"].post(f"/cases/{number}/withdraw").status == 303
    assert people["rui"].get(f"/cases/{number}").status == 403 and people["rui"].post(f"/cases/{number}/share").status == 403
    with bench.database.reading() as session:
        said = [(one.who, one.action) for one in session.query(Audit).where(Audit.detail.contains(f'"case": {number}'))]
    assert said == [("rui", "case.kept"), ("rui", "case.shared"), ("boss", "case.withdrawn")]


def test_a_clip_plays_its_seconds_alone_with_personal_data_hidden(bench: Bench, people: dict[str, Visitor], tmp_path: Path) -> None:
    turn = bench.lake.transcript("sample-011").turns[4]
    assert SECRET in turn.text and turn.start is not None and turn.end is not None
    number = kept(people["rui"], starts=str(turn.start), ends=str(turn.end))
    page = people["rui"].get(f"/cases/{number}").text
    assert SECRET not in page and page.count('<article class="turn') == 1
    answer = people["rui"].client.get(f"/cases/{number}/sound")
    file = tmp_path / "clip.webm"
    file.write_bytes(answer.content)
    with decode(file, max_hours=1) as audio:
        assert audio.duration == pytest.approx(turn.end - turn.start + 0.6, abs=0.2)
        spectrum = np.abs(np.fft.rfft(audio.read(turn.channel or 0)))
    assert np.argmax(spectrum) / audio.duration == pytest.approx(1000, abs=5)       # the tone is what is heard most
    with bench.database.reading() as session:
        assert session.query(Audit).filter_by(action="case.heard", subject="sample-011").count() == 1


@pytest.mark.parametrize(("speaker", "text", "shown"), [
    ("agent", "您好，工号三幺零五为您服务。", "您好，工号****为您服务。"),
    ("agent", "您好，我是小李，请讲。", "您好，我是**，请讲。"),
    ("agent", "8023号为您服务", "****号为您服务"),
    ("agent", "我姓王，叫我小王就行", "我姓**叫我小王就行"),
    ("customer", "刚才是陈晓琳接的，3105，对吗", "刚才是***接的，****，对吗"),
    ("customer", "我叫孟凡强，二零二六年", "我叫孟凡强，二零二六年"),      # a customer's name is hidden by the masking of personal data
    ("agent", "我是说您可以先试试", "我是说您可以先试试")])
def test_an_agents_name_and_number_become_stars(speaker: str, text: str, shown: str) -> None:
    turn = Turn(speaker=speaker, text=text, words=tuple(Word(text=one, start=0.1 * at, end=0.1 * at + 0.1) for at, one in enumerate(text)))  # type: ignore[arg-type]
    made = without_staff(Transcript(call_id="x", agent_name="陈晓琳", agent_id="3105", team="B2", turns=(turn,)))
    assert made.turns[0].text == shown and "".join(word.text for word in made.turns[0].words) == shown
    assert (made.agent_name, made.agent_id, made.team) == (None, None, None)


def test_the_weeks_page_names_what_failed_most_with_examples_and_no_names(bench: Bench, people: dict[str, Visitor]) -> None:
    assert "没有不通过" in people["sun"].get("/week?monday=2020-01-06").text
    review(bench, "rong", "sample-002")
    review(bench, "rong", "sample-003")
    with bench.database.writing() as session:
        session.get_one(Card, "sample-003").published_at = datetime.now(UTC) - timedelta(days=7)
        session.get_one(Card, "sample-002").agent_name = "王小明"
    number = kept(people["rui"], call="sample-001", rule="closing.thanks", shared="y", title="好好道别")
    page = people["sun"].get("/week").text
    assert "1/1" in page and f'href="/cases/{number}"' in page and not [word for word in ("王小明", "3105", "Rong") if word in page]
    before = people["sun"].get(f"/week?monday={(datetime.now() - timedelta(days=7)).date()}").text
    assert "1/1" in before and before != page
    assert people["root"].get("/week").status == 403


def test_an_audit_sets_agents_and_months_side_by_side(bench: Bench, people: dict[str, Visitor]) -> None:
    review(bench, "rong", "sample-004")
    with bench.database.writing() as session:
        cards = [session.get_one(Card, f"sample-{number:03}") for number in (4, 2)]
        for card in cards:
            card.day = datetime.now().date().isoformat()
    page = people["boss"].get("/audits").text
    assert f'month={datetime.now():%Y-%m}' in page and "sample-002" in page
    assert "3105" in page and "3105" in people["lead"].get("/audits").text
    assert "sample-002" not in people["boss"].get("/audits?agent=nobody").text.split("</form>")[-1]
    assert [people[login].get("/audits").status for login in ("rui", "ana", "sun", "root")] == [403] * 4


@pytest.mark.parametrize(("today", "first"), [("2026-11-25", "2026-06"), ("2026-02-28", "2025-09"), ("2026-06-01", "2026-01")])
def test_six_months_end_with_this_one(today: str, first: str) -> None:
    assert first_month(datetime.fromisoformat(today).date(), 6) == first


def test_erasing_a_card_takes_its_cases_and_blind_scores_along(bench: Bench, people: dict[str, Visitor]) -> None:
    number = kept(people["rui"], call="sample-014")
    with bench.database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM item WHERE call_id = 'sample-014'")
        session.connection().exec_driver_sql("DELETE FROM said WHERE call_id = 'sample-014'")
        session.connection().exec_driver_sql("DELETE FROM card WHERE call_id = 'sample-014'")
        assert session.get(Case, number) is None
