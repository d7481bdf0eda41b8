"""Searching what was said, all filters of the queue, and views of them kept under a name."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from sqlalchemy import func, select

from review.workbench import queue, searching
from review.workbench.bench import Bench
from store.reviews import said
from store.reviews.database import Database
from store.reviews.schema import Card, Hit
from store.reviews.work_tables import View
from tests import benches
from tests.benches import Visitor

SAID = {"a": ["您好，我要装宽带。", "好的"], "b": ["再见", "宽 带"], "c": ["带宽 it's \\ \" OK 8023"], "d": ["我说好"]}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    made = Database.open(tmp_path_factory.mktemp("said"))
    with made.writing() as session:
        for call_id, turns in SAID.items():
            session.add(Card(call_id=call_id, day="2026-11-20", form="inbound", draft_version="1", fatal=False, complaint=False, unsure=0,
                             triage=float(ord(call_id)), reasons=[], picked="risk"))
            session.flush()
            said.keep(session, call_id, turns)
    yield made
    made.engine.dispose()


def found(database: Database, typed: str) -> str:
    """The calls found, by looking all up and by looking into each: both must say the same."""
    with database.reading() as session:
        words = said.asked(session, typed)
        assert words is not None
        looked_up = "".join(sorted(session.scalars(select(Card.call_id).where(words.anywhere))))
        assert looked_up == "".join(sorted(session.scalars(select(Card.call_id).where(words.inside(Card.call_id)))))
    return looked_up


@pytest.mark.parametrize(("asked", "calls"), [
    ("宽带", "ab"), ("装宽带", "a"), ("好", "ad"), ("好的", "a"), ("见宽", ""), ("OK80", "c"), ("ok 8023", "c"), ("it's", "c"), ("s\\\"ok", "c"),
    ("%", ""), ("_好", ""), ("宽带 装", "a"), ("宽带 再见", "b"), ("宽带 好的", "a"), ("宽带 8023", ""), ("好 说", "d"), ("好,我要", "a"), ("没有人说过这句", "")])
def test_words_are_found_as_typed_but_for_punctuation_and_turns_are_not_joined(database: Database, asked: str, calls: str) -> None:
    assert found(database, asked) == calls


@pytest.mark.parametrize(("common", "deep"), [(3000, 2000), (0, 2000), (0, 1), (0, 3)], ids=["rare", "common", "not at the top", "some at the top"])
def test_a_page_of_found_calls_is_the_same_whichever_way_leads_there(database: Database, monkeypatch: pytest.MonkeyPatch, common: int, deep: int) -> None:
    monkeypatch.setattr(said, "COMMON", common)
    monkeypatch.setattr(searching, "DEEP", deep)
    with database.reading() as session:
        def page(typed: str, number: int, size: int) -> tuple[str, int, bool]:
            asked = searching.conditions(session, "", typed)
            shown = searching.page(session, select(Card).where(Card.call_id != "d"), Card.triage, asked, number, size)
            return "".join(row.call_id for row in shown.rows), shown.total, shown.more
        assert page("宽带", 1, 50) == ("ba", 2, False), "the riskiest first"
        assert [page("宽带", number, 1)[0] for number in (1, 2, 3)] == ["b", "a", ""]
        assert page("没有人说过这句", 1, 50) == ("", 0, False) and page("好", 1, 50) == ("a", 1, False)


def test_a_single_character_is_looked_for_in_the_first_of_the_list_and_the_page_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rui = Visitor(bench, "rui")
    whole = rui.get("/queue?text=带&picked=&state=").text
    assert listed(whole) and "单个字只在" not in whole
    monkeypatch.setattr(searching, "FAR", 1)
    monkeypatch.setattr(queue, "PAGE", 1)
    part = rui.get("/queue?text=好&picked=&state=").text
    assert len(listed(part)) == 1 and "单个字只在排在最前的 4 通里找" in part
    assert "单个字只在" not in rui.get("/queue?text=好 宽带&picked=&state=").text, "beside a word it is looked for in that word's calls"


@pytest.mark.parametrize(("spoken", "words", "found"), [
    ("我要装宽 带，宽带！", ("宽带",), ["宽 带", "宽带"]), ("OK, it's 8023。", ("ok", "its8"), ["OK", "it's 8"]), ("好的好的", ("好的好",), ["好的好"]),
    ("哈哈哈", ("哈哈",), ["哈哈", "哈哈"]), ("没有", ("宽带",), []), ("", ("宽带",), []), ("……", ("宽",), [])])
def test_what_was_searched_is_found_in_the_text_with_its_punctuation(spoken: str, words: tuple[str, ...], found: list[str]) -> None:
    assert [spoken[first:past] for first, past in said.places(spoken, words)] == found


def test_a_row_quotes_the_sentence_that_was_found_and_no_other(database: Database) -> None:
    with database.reading() as session:
        assert said.excerpts(session, ["a", "b"], ("宽带", "好的")) == {"a": [("您好我要装", "宽带", ""), ("", "好的", "")], "b": [("", "宽带", "")]}
        assert said.excerpts(session, ["a"], ()) == {}
        assert said.excerpts(session, ["c"], ("ok",))["c"] == [("带宽its\\", "ok", "8023")]


def test_a_call_opens_where_the_words_of_the_search_were_said_and_at_the_rule(bench: Bench) -> None:
    rui = Visitor(bench, "rui")
    row = rui.get("/queue?text=宽带&picked=&state=").text
    assert '<mark class="asked">宽带</mark>' in row and "/calls/sample-001?text=%E5%AE%BD%E5%B8%A6" in row
    page = rui.get("/calls/sample-001?text=宽带 没有人说过").text
    led = page.split('class="led"')[1].split("</div>")[0]
    turns = [number for number, turn in enumerate(bench.lake.transcript("sample-001").turns) if "宽带" in turn.text]
    assert [int(one) for one in re.findall(r'data-turn="(\d+)"', led)] == turns and "“没有人说过” <i class=\"soft\">这里没有</i>" in led
    assert page.count('<mark class="asked">宽带</mark>') >= len(turns)
    assert 'action="/calls/sample-001/claim?text=' in page
    assert rui.post("/calls/sample-001/claim?text=x").to == "/calls/sample-001?text=x"
    struck = rui.get("/calls/sample-003?rule=taboo.impatience").text.split('class="led"')[1].split("</div>")[0]
    assert len(re.findall("data-turn", struck)) == 4 and "不耐烦" in struck


def test_words_missing_at_the_top_of_the_list_are_found_below(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rui = Visitor(bench, "rui")
    whole = listed(rui.get("/queue?text=宽带&picked=&state=").text)
    monkeypatch.setattr(said, "COMMON", 0)
    monkeypatch.setattr(searching, "DEEP", 1)
    assert whole and listed(rui.get("/queue?text=宽带&picked=&state=").text) == whole


def test_new_words_take_the_place_of_old_ones_and_an_erased_call_leaves_nothing(tmp_path: Path) -> None:
    database = Database.open(tmp_path)
    with database.writing() as session:
        session.add(Card(call_id="a", day="2026-11-20", form="inbound", draft_version="1", fatal=False, complaint=False, unsure=0, triage=1.0,
                         reasons=[], picked="risk"))
        session.flush()
        said.keep(session, "a", ["装宽带"])
        said.keep(session, "a", ["退宽带"])
    assert (found(database, "装宽"), found(database, "退宽"), found(database, "宽带")) == ("", "a", "a")
    with database.writing() as session:
        session.delete(session.get_one(Card, "a"))
    with database.reading() as session:
        rows = session.connection().exec_driver_sql("SELECT count(*) FROM said_pairs WHERE said_pairs MATCH '\"宽带\"'").scalar()
    assert rows == 0
    database.engine.dispose()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def listed(page: str) -> set[str]:
    return set(re.findall(r'href="/calls/(sample-\d+)["?#]', page))


def test_several_words_must_all_have_been_said_and_filters_narrow_them(bench: Bench) -> None:
    rui = Visitor(bench, "rui")
    both = listed(rui.get("/queue?text=宽带 再见").text)
    assert both and both == listed(rui.get("/queue?text=宽带").text) & listed(rui.get("/queue?text=再见").text)
    assert listed(rui.get("/queue?text=再见&team=B2").text) == {"sample-002"}
    assert listed(Visitor(bench, "lead").get("/queue?text=再见").text) <= {"sample-002"}


def test_the_search_reads_what_is_shown_so_that_hidden_data_cannot_be_guessed_by_asking(bench: Bench) -> None:
    secret = "三三零幺零二幺九八五零三幺二零零幺七"
    assert secret in bench.lake.transcript("sample-011").turns[4].text
    assert listed(Visitor(bench, "rui").get(f"/queue?text={secret[:8]}").text) == set()


def test_calls_that_came_before_there_was_an_index_are_indexed_later(bench: Bench) -> None:
    with bench.database.writing() as session:
        session.connection().exec_driver_sql("DELETE FROM said")
    rui = Visitor(bench, "rui")
    assert listed(rui.get("/queue?text=宽带").text) == set()        # and on the way the queue takes in what is missing
    assert listed(rui.get("/queue?text=宽带").text) == {"sample-001"}


def test_a_view_brings_its_filters_back_and_a_shared_one_is_offered_to_all(bench: Bench) -> None:
    rui, rong, boss = Visitor(bench, "rui"), Visitor(bench, "rong"), Visitor(bench, "boss")
    asked = "picked=&state=waiting&team=B2&text=再见"
    page = rui.get(f"/queue?{asked}").text
    query = page.split('name="query" value="')[1].split('"')[0].replace("&amp;", "&")
    assert unquote(query) == "picked=&state=waiting&team=B2&text=再见"
    assert rui.post("/views", name="B2 的再见", query=query, shared="yes").to == f"/queue?{query}"
    rui.post("/views", name="我的", query="picked=random&state=waiting")
    assert listed(rui.get(f"/queue?{query}").text) == {"sample-002"}
    assert "B2 的再见" in rong.get("/queue").text and ">我的</a>" not in rong.get("/queue").text
    with bench.database.reading() as session:
        numbers = {view.name: view.id for view in session.query(View)}
    assert rong.post(f"/views/{numbers['B2 的再见']}/remove").status == 403
    boss.get("/queue")
    assert boss.post(f"/views/{numbers['我的']}/remove").status == 403
    assert boss.post(f"/views/{numbers['B2 的再见']}/remove").status == 303
    assert "B2 的再见" not in rui.get("/queue").text and ">我的</a>" in rui.get("/queue").text


def test_a_view_of_the_same_name_is_replaced_and_there_are_not_endlessly_many(bench: Bench) -> None:
    rui = Visitor(bench, "rui")
    rui.get("/queue")
    for number in range(30):
        rui.post("/views", name=f"v{number}", query="state=done")
    rui.post("/views", name="v1", query="state=held")
    assert rui.post("/views", name="one too many", query="").status == 409 and rui.post("/views", name=" ", query="").status == 409
    with bench.database.reading() as session:
        assert session.query(View).count() == 30 and session.query(View).filter_by(name="v1").one().query == "state=held"


@pytest.mark.parametrize("common", [3000, 0], ids=["rare", "common"])
def test_a_rule_and_words_narrow_each_other(bench: Bench, monkeypatch: pytest.MonkeyPatch, common: int) -> None:
    monkeypatch.setattr(said, "COMMON", common)
    monkeypatch.setattr(searching, "DEEP", 1)
    rui = Visitor(bench, "rui")
    with bench.database.reading() as session:
        rule, struck = session.execute(select(Hit.rule, func.group_concat(Hit.call_id, " ")).group_by(Hit.rule)
                                       .order_by(func.count().desc(), Hit.rule)).tuples().first() or ("", "")
    by_rule, by_word = (listed(rui.get(f"/queue?picked=&state=&{asked}").text) for asked in (f"rule={rule}", "text=宽带"))
    assert by_rule == set(struck.split()) and by_rule & by_word
    assert listed(rui.get(f"/queue?picked=&state=&rule={rule}&text=宽带").text) == by_rule & by_word


def test_nobody_counts_on_where_there_are_very_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rui = Visitor(bench, "rui")
    everything = int(re.search(r'class="pages soft">(\d+) ', rui.get("/queue?text=好&state=&picked=").text)[1])     # pyright: ignore[reportOptionalSubscript]
    for common in (3000, 0):        # looked up, or met at the top of the list
        monkeypatch.setattr(said, "COMMON", common)
        monkeypatch.setattr(searching, "MANY", 3)
        monkeypatch.setattr(queue, "PAGE", 3)
        monkeypatch.setattr(searching, "DEEP", 1)
        shown = re.search(r'class="pages soft">(\d+)\+ ', rui.get("/queue?text=好的&state=&picked=").text)
        assert shown and 3 <= int(shown[1]) < everything


def test_every_filter_is_offered(bench: Bench) -> None:
    page = Visitor(bench, "rui").get("/queue").text
    for name in ("state", "picked", "team", "agent", "line", "form", "band", "rule", "reviewer", "since", "until", "text"):
        assert f'name="{name}"' in page, name
