"""Handing out: everybody their share, risk and chance mixed, agents spread over reviewers, nothing given twice, nothing lost."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from review.workbench.bench import Bench
from settings import Quotas
from store.reviews import assignment, people, standing
from store.reviews.assignment import Choice, choose
from store.reviews.cards import Conflict
from store.reviews.database import Database
from store.reviews.schema import Card, Person
from tests import benches
from tests.benches import Visitor

QUOTAS = Quotas()
AGENTS = ("8001", "8002", "8003", "8004")


def card(number: int, picked: str, agent: str, triage: float = 0.0, team: str = "A1", **more: object) -> Card:
    return Card(call_id=f"{picked}-{number:03}", day="2026-11-20", agent_id=agent, team=team, form="inbound", draft_version="1",
                fatal=False, complaint=False, unsure=0, triage=triage, reasons=[], picked=picked, **more)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Three reviewers, two of them of team A1; sixty calls of four agents, a third of them of the random sample."""
    made = Database.open(tmp_path)
    with made.writing() as session:
        for login, team in (("rui", None), ("rong", "A1"), ("ren", "A1")):
            people.add(session, "test", login, login.title(), "reviewer", team)
        people.add(session, "test", "boss", "Boss", "supervisor")
        session.add_all(card(n, "risk" if n % 3 else "random", AGENTS[n % 4], 1000.0 - n, "A1" if n % 4 < 2 else "B2") for n in range(60))
    yield made
    made.engine.dispose()


def person(database: Database, login: str) -> Person:
    with database.reading() as session:
        return session.query(Person).filter_by(login=login).one()


def hand_out(database: Database, quotas: Quotas = QUOTAS, **more: object) -> dict[str, list[Card]]:
    with database.writing() as session:
        given = assignment.hand_out(session, "test", quotas, **more)        # type: ignore[arg-type]
        return {session.get_one(Person, who).login: [session.get_one(Card, call) for call in calls] for who, calls in given.items()}


def test_everybody_gets_the_quota_with_the_set_part_of_random_calls_and_no_call_twice(database: Database) -> None:
    given = hand_out(database)
    assert {login: len(calls) for login, calls in given.items()} == {"rui": 5, "rong": 5, "ren": 5}
    assert {sum(one.picked == "random" for one in calls) for calls in given.values()} == {2}
    calls = [one.call_id for some in given.values() for one in some]
    assert len(set(calls)) == 15 and "risk-001" in calls and hand_out(database) == {}


def test_agents_are_spread_over_reviewers_and_the_next_days_turn_them(database: Database) -> None:
    met: dict[str, Counter[str]] = {}
    for _ in range(3):
        for login, calls in hand_out(database, Quotas(recording=4)).items():
            assert max(Counter(one.agent_id for one in calls).values()) <= 2
            met.setdefault(login, Counter()).update(one.agent_id or "" for one in calls)
        with database.writing() as session:         # they are all reviewed, yesterday
            for one in session.query(Card).filter(Card.assigned_to.is_not(None)):
                one.reviewer_id, one.state, one.published_at = one.assigned_to, "published", datetime.now(UTC) - timedelta(days=1)
                one.assigned_to = None
    assert all(set(counts) == set(AGENTS) and max(counts.values()) - min(counts.values()) <= 2 for counts in met.values())


def test_what_is_done_today_counts_and_what_was_done_yesterday_does_not(database: Database) -> None:
    rui, now = person(database, "rui").id, datetime.now(UTC)
    with database.writing() as session:
        session.add_all(card(100 + n, "risk", "8001", state="published", reviewer_id=rui, published_at=now) for n in range(2))
        session.add_all(card(200 + n, "risk", "8001", state="published", reviewer_id=rui, published_at=now - timedelta(days=2)) for n in range(9))
        session.add(card(300, "live", "8001", state="published", reviewer_id=rui, published_at=now, kind="live"))
    given = hand_out(database)
    assert (len(given["rui"]), len(given["rong"])) == (3, 5)
    with database.reading() as session:
        day, = assignment.progress(session, [rui])
    assert (day.done, day.waiting) == ({"recording": 2, "live": 1, "side_by_side": 0}, 3)


def test_nobody_gets_calls_of_the_own_team_where_that_is_forbidden(database: Database) -> None:
    given = hand_out(database, Quotas(own_team=False))
    assert {one.team for one in [*given["rong"], *given["ren"]]} == {"B2"}


def test_who_is_paused_gets_none_and_the_leaders_calls_alone_are_handed_out_by_a_leader(database: Database) -> None:
    with database.writing() as session:
        standing.pause(session, "boss", session.get_one(Person, person(database, "rong").id), "为了测试")
    given = hand_out(database, only=Card.team == "B2")
    assert set(given) == {"rui", "ren"} and {one.team for calls in given.values() for one in calls} == {"B2"}


def test_too_few_calls_are_shared_as_far_as_they_go(database: Database) -> None:
    with database.writing() as session:
        session.query(Card).filter(Card.call_id.not_in(["risk-001", "random-003", "random-006", "random-009"])).delete()
    given = hand_out(database)
    assert sum(map(len, given.values())) == 4


def test_what_was_not_done_comes_back_the_next_day_and_a_call_in_somebodys_hands_does_not(database: Database) -> None:
    given = hand_out(database)["rui"]
    yesterday = (date.today() - timedelta(days=1)).isoformat()
    with database.writing() as session:
        for one in session.query(Card).filter(Card.assigned_to.is_not(None)):
            one.assigned_on = yesterday
        open_now = session.get_one(Card, given[0].call_id)
        open_now.holder_id, open_now.held_until, open_now.state = person(database, "rui").id, datetime.now(UTC) + timedelta(minutes=9), "claimed"
    with database.writing() as session:
        assert assignment.take_back(session, "test") == 14
    with database.reading() as session:
        assert [one.call_id for one in session.query(Card).filter(Card.assigned_to.is_not(None))] == [given[0].call_id]


def test_a_supervisor_gives_a_call_to_somebody_else_but_not_out_of_open_hands(database: Database) -> None:
    call = hand_out(database)["rui"][0].call_id
    boss, rong = person(database, "boss"), person(database, "rong")
    with database.writing() as session:
        assignment.reassign(session, boss, call, rong)
        assert session.get_one(Card, call).assigned_to == rong.id
        session.get_one(Card, call).holder_id = rong.id
        session.get_one(Card, call).held_until = datetime.now(UTC) + timedelta(minutes=5)
        with pytest.raises(Conflict, match="Rong 正在评"):
            assignment.reassign(session, boss, call, boss)


@pytest.mark.parametrize(("agents", "number", "chosen"), [
    ("aaabbc", 3, "abc"), ("aaab", 3, "aba"), ("aaaa", 2, "aa"), ("", 2, ""), ("ab", 5, "ab"), ("aabbcc", 4, "aabb")])
def test_no_agent_has_more_than_their_part_while_others_have_calls(agents: str, number: int, chosen: str) -> None:
    pool = [Choice(str(n), agent, None) for n, agent in enumerate(agents)]
    assert sorted(one.agent for one in choose(pool, number)) == sorted(chosen)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def test_asking_for_the_next_call_hands_out_the_day_and_others_cannot_take_it(bench: Bench) -> None:
    rui, rong, boss = Visitor(bench, "rui"), Visitor(bench, "rong"), Visitor(bench, "boss")
    call = rui.get("/next").to.removeprefix("/calls/").removesuffix("?claim=1")
    with bench.database.reading() as session:
        given = {one.call_id for one in session.query(Card).filter(Card.assigned_to.is_not(None))}
    assert call in given and len(given) == 5
    assert rong.get("/next").to.removeprefix("/calls/").removesuffix("?claim=1") not in given
    assert "今天分给了 Rui" in rong.get(f"/calls/{call}?claim=1").text
    assert "录音 <b>0/5</b>" in rui.get("/queue").text and "分给 Rui" in boss.get("/queue").text
    page = boss.get("/assignments").text
    assert "Rong" in page and call in page
    assert boss.post(f"/assignments/{call}", to=str(benches.person(bench, "rong").id)).status == 303
    assert 'id="publish"' in rong.get(f"/calls/{call}?claim=1").text


def test_only_leads_hand_out_and_a_leader_only_calls_of_the_team(bench: Bench) -> None:
    rui, lead = Visitor(bench, "rui"), Visitor(bench, "lead")
    rui.get("/queue")
    assert rui.get("/assignments").status == 403 and rui.post("/assignments").status == 403
    assert lead.get("/assignments").status == 200 and lead.post("/assignments").status == 303
    with bench.database.reading() as session:
        assert {one.team for one in session.query(Card).filter(Card.assigned_to.is_not(None))} == {"B2"}
    assert lead.post("/assignments/sample-001", to="").status == 403


def test_a_link_from_elsewhere_hands_nothing_out(bench: Bench) -> None:
    assert Visitor(bench, "rui").get("/next", headers={"sec-fetch-site": "cross-site"}).status == 403


def test_a_reviewer_may_not_take_the_own_teams_calls_where_that_is_forbidden(bench: Bench) -> None:
    bench.settings.quotas.own_team = False
    with bench.database.writing() as session:
        session.get_one(Person, benches.person(bench, "rui").id).team = "B2"
    assert "不评自己班组" in Visitor(bench, "rui").get("/calls/sample-002?claim=1").text


def test_feedback_is_due_a_working_day_after_the_review_began_and_leads_see_what_is_late(bench: Bench) -> None:
    rui, boss = Visitor(bench, "rui"), Visitor(bench, "boss")
    rui.get("/calls/sample-002?claim=1")
    with bench.database.reading() as session:
        due = session.get_one(Card, "sample-002").due_at
    assert due and timedelta(hours=23) < due - datetime.now(UTC) and "应反馈于" in rui.get("/calls/sample-002").text
    rui.post("/calls/sample-002/release"), rui.get("/calls/sample-002?claim=1")
    with bench.database.writing() as session:
        card = session.get_one(Card, "sample-002")
        assert card.due_at == due, "giving it back and taking it again gains no time"
        card.due_at = datetime.now(UTC) - timedelta(hours=1)
    assert "逾期未反馈" in boss.get("/assignments").text and "逾期未反馈" not in Visitor(bench, "lead").get("/queue").text
