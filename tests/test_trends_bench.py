"""The workbench's trends: who sees what, and that every row opens its calls."""
from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from bench.generated_lake import Plan, generate
from review.workbench.bench import Bench
from store.reviews import people
from tests.benches import PASSWORD, PEOPLE, Visitor, over


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    root = tmp_path_factory.mktemp("trends") / "w"
    generate(root, Plan(calls=9_000, days=28, agents=32, spoken=28, turns=6))
    opened = over(root)
    with opened.database.writing() as session:
        for login in ("ana", "lead", "boss", "sun", "rui"):
            role, team, agent_id = PEOPLE[login]
            made = people.add(session, "test", login, login.title(), role, team, agent_id)
            people.set_password(session, people.one_time_link(session, made), PASSWORD)
    yield opened
    opened.database.engine.dispose()


@pytest.mark.parametrize(("login", "status"), [("ana", 200), ("lead", 200), ("boss", 200), ("sun", 403), ("rui", 403)])
def test_trends_are_for_analysts_leaders_and_supervisors(bench: Bench, login: str, status: int) -> None:
    visitor = Visitor(bench, login)
    answer = visitor.get("/trends?rule=taboo.refusal")
    assert answer.status == status
    if login != "sun":
        assert ('href="/trends"' in visitor.get("/queue").text) == (status == 200)


def test_what_changed_and_what_rose_stands_on_the_first_page(bench: Bench) -> None:
    page = Visitor(bench, "boss").get("/trends?by=team").text
    assert "新套餐怎么退订" in page and "上升" in page and "/trends?rule=taboo.refusal" in page


def test_every_row_opens_its_calls_in_the_queue(bench: Bench) -> None:
    visitor = Visitor(bench, "ana")
    page = visitor.get("/trends?rule=taboo.refusal&by=team").text
    link = next(unescape(one) for one in re.findall(r'href="(/queue\?[^"]+)"', page) if "team=B2" in one and "rule=" in one)
    assert "rule=taboo.refusal" in link and "since=2026-11-16" in link and "until=2026-11-22" in link
    assert visitor.get(link).status == 200
    assert 'data-queue="/queue?' in page and "<script src=" in page and "onclick" not in page
    assert 'data-queue=""' in visitor.get("/trends?rule=taboo.refusal&by=tier").text


def test_a_leader_sees_the_own_team_whatever_the_address_says(bench: Bench) -> None:
    lead, boss = Visitor(bench, "lead"), Visitor(bench, "boss")
    asked = "/trends?rule=taboo.vague&by=team&team=A1"
    others = re.compile("[\">]A1[\"<]")
    assert others.search(boss.get(asked).text)
    page = lead.get(asked).text
    assert not others.search(page) and ">B2<" in page
    assert not others.search(lead.get("/trends?by=team").text)


@pytest.mark.parametrize("asked", ["rule=no.such", "phrase={我", "since=soon&rule=taboo.vague", "period=year"])
def test_what_cannot_be_asked_is_told_on_the_page(bench: Bench, asked: str) -> None:
    answer = Visitor(bench, "ana").get(f"/trends?{asked}")
    assert answer.status == 400 and 'role="alert"' in answer.text


def test_english_readers_get_english(bench: Bench) -> None:
    with bench.database.writing() as session:
        from store.reviews.schema import Person
        session.query(Person).filter_by(login="boss").one().language = "en"
    assert "Per 1,000 calls" in Visitor(bench, "boss").get("/trends?phrase=投诉&who=customer&by_sound=true").text
