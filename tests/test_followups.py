"""Follow-ups: opened by a failed item, watched over later calls, closed by themselves, opened again; each sees their own."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from days import Days
from review.workbench.bench import Bench
from review.workbench.intake import working_day
from settings import Followups
from store.reviews import followups
from store.reviews.cards import items
from store.reviews.database import Database
from store.reviews.schema import Card, Item
from store.reviews.work_tables import Followup, Note
from tests import benches
from tests.benches import Visitor

SLOPPY = "sample-002"
NOW = datetime.now(UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.open(tmp_path)
    yield made
    made.engine.dispose()


class Calls:
    """Calls of one agent with one item, each a minute after the one before, from an hour ago on."""

    def __init__(self, database: Database, needed: int = 3) -> None:
        self.database, self.needed, self.number = database, needed, 0

    def add(self, machine: str = "pass", final: str | None = None, hours: float = 1.0) -> str:
        """A call that is over (`final`) or only drafted; `hours` after now, so that it is later than what was opened now."""
        self.number += 1
        began = (NOW + timedelta(hours=hours, minutes=self.number)).astimezone()
        with self.database.writing() as session:
            session.add(Card(call_id=f"c{self.number}", day=began.date().isoformat(), started_at=began.isoformat(), agent_id="8001", team="A1",
                             form="inbound", draft_version="1", fatal=False, complaint=False, unsure=0, triage=0.0, reasons=[],
                             picked="risk", state="published" if final else "open", published_at=NOW if final else None))
            session.flush()
            session.add(Item(call_id=f"c{self.number}", item="greeting", position=0, title="开头语", max_points=8, rules=[], fatal=False,
                             machine_verdict=machine, machine_confidence=0.9, human_verdict=final, final_verdict=final))
        return f"c{self.number}"

    def publish(self, call_id: str, opens_after: int = 1) -> None:
        with self.database.writing() as session:
            followups.after_publication(session, session.get_one(Card, call_id), Followups(calls=self.needed, opens_after=opens_after),
                                        lambda item: "先问好", "2026-12-01")

    def watch(self) -> Followup:
        with self.database.writing() as session:
            followups.watch(session, ["8001"], self.needed, "2026-12-02")
        return self.there()

    def there(self) -> Followup:
        with self.database.reading() as session:
            return session.query(Followup).one()

    def told(self) -> list[str]:
        with self.database.reading() as session:
            return [note.text for note in session.query(Note).order_by(Note.id)]


def test_a_failed_item_opens_one_follow_up_and_no_second(database: Database) -> None:
    calls = Calls(database)
    for _ in range(2):
        calls.publish(calls.add(final="fail", hours=-5))
    one = calls.there()
    assert (one.agent_id, one.item, one.todo, one.due_on, one.state, one.call_id) == ("8001", "greeting", "先问好", "2026-12-01", "open", "c1")
    calls.publish(calls.add(final="pass", hours=-4))
    assert calls.told() == ["opened c1"]


def test_it_closes_itself_when_the_problem_stays_away_for_so_many_calls(database: Database) -> None:
    calls = Calls(database)
    calls.publish(calls.add(final="fail", hours=-5))
    for machine, final in [("pass", None), ("fail", "pass"), ("not_applicable", None), ("needs_review", None)]:
        calls.add(machine, final)           # the reviewer's word goes before the draft's; two say nothing
    assert (calls.watch().good, calls.there().state) == (2, "open")
    calls.add("pass")
    one = calls.watch()
    assert (one.state, one.closed_why, one.good) == ("closed", "stayed_away", 3) and calls.told()[-1] == "closed_stayed_away c2 c3 c6"


def test_a_call_with_the_problem_begins_the_count_anew_and_earlier_calls_do_not_count(database: Database) -> None:
    calls = Calls(database)
    calls.publish(calls.add(final="fail", hours=-5))
    for hours, machine in [(-3, "pass"), (-3, "fail"), (1, "pass"), (1, "pass"), (1, "fail"), (1, "pass")]:
        calls.add(machine, hours=hours)
    assert (calls.watch().good, calls.there().state, calls.there().returns) == (1, "open", 0)


def test_a_problem_that_comes_back_opens_the_same_one_again(database: Database) -> None:
    calls = Calls(database, needed=2)
    calls.publish(calls.add(final="fail", hours=-5))
    calls.add("pass"), calls.add("pass")
    assert calls.watch().state == "closed"
    back = calls.add("fail")
    one = calls.watch()
    assert (one.state, one.returns, one.call_id, one.good, one.due_on) == ("open", 1, back, 0, "2026-12-02")
    assert calls.watch().returns == 1, "looking again changes nothing"
    calls.add("pass"), calls.add("pass")
    assert (calls.watch().state, calls.there().returns) == ("closed", 1)


def test_a_card_of_before_it_was_closed_published_late_is_no_return(database: Database) -> None:
    calls = Calls(database, needed=1)
    calls.publish(calls.add(final="fail", hours=-5))
    calls.add("pass", hours=2)
    assert calls.watch().state == "closed"
    calls.publish(calls.add(final="fail", hours=-1))
    assert calls.there().state == "closed"


def test_a_machines_alarm_that_a_reviewer_overrules_does_not_keep_it_open(database: Database) -> None:
    calls = Calls(database, needed=1)
    calls.publish(calls.add(final="fail", hours=-5))
    calls.add("pass")
    calls.watch()
    back = calls.add("fail")
    assert calls.watch().state == "open"
    with database.writing() as session:
        session.get_one(Card, back).state = "published"
        session.get_one(Item, (back, "greeting")).final_verdict = "pass"
    assert (calls.watch().state, calls.there().closed_why) == ("closed", "withdrawn")


def test_so_many_failures_open_it_as_are_set(database: Database) -> None:
    calls = Calls(database)
    calls.publish(calls.add(final="fail", hours=-5), opens_after=2)
    with database.reading() as session:
        assert session.query(Followup).count() == 0
    calls.publish(calls.add(final="fail", hours=-5), opens_after=2)
    assert calls.there().call_id == "c2"


@pytest.mark.parametrize(("today", "number", "due"), [
    ("2026-11-25", 1, "2026-11-26"), ("2026-11-27", 1, "2026-11-30"), ("2026-09-30", 1, "2026-10-08"), ("2026-09-18", 2, "2026-09-21")])
def test_working_days_know_weekends_holidays_and_weekends_worked(today: str, number: int, due: str) -> None:
    assert working_day(number, Days(), date.fromisoformat(today)).isoformat() == due


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def published(bench: Bench) -> list[str]:
    """Reviews the sloppy call as the machine says; gives the ids of the items that failed."""
    rui = Visitor(bench, "rui")
    rui.get(f"/calls/{SLOPPY}?claim=1")
    with bench.database.reading() as session:
        lines = items(session, SLOPPY)
    words = {one.item: {"verdict": "pass" if one.machine_verdict == "needs_review" else one.machine_verdict}
             for one in lines if one.human_verdict is None}
    version = rui.judge(SLOPPY, rui.version(SLOPPY), **words).body["version"]
    assert rui.post(f"/calls/{SLOPPY}/publish", version=str(version)).status == 303
    return [one.item for one in lines if one.machine_verdict == "fail" and one.bonus is None]


def test_publishing_opens_them_for_the_leader_and_the_agent_and_nobody_else_sees_them(bench: Bench) -> None:
    failed = published(bench)
    lead, sun, other = Visitor(bench, "lead"), Visitor(bench, "sun"), Visitor(bench, "other")
    with bench.database.reading() as session:
        rows = session.query(Followup).order_by(Followup.id).all()
    assert [one.item for one in rows] == failed and {one.owner_id for one in rows} == {benches.person(bench, "lead").id}
    assert rows[0].title in lead.get("/followups").text and rows[0].title in sun.get("/followups").text
    assert rows[0].title not in other.get("/followups").text and other.get(f"/followups/{rows[0].id}").status == 403
    assert Visitor(bench, "ana").get("/followups").status == 403
    path = f"/followups/{rows[0].id}"
    sun.get(path)
    assert sun.post(f"{path}/done").status == 303 and sun.post(f"{path}/note", text="我会先问好").status == 303
    assert sun.post(f"{path}/close", version=str(rows[0].version)).status == 403
    page = lead.get(path).text
    assert "我会先问好" in page and "坐席已完成" in page and f"/calls/{SLOPPY}" in page
    now = bench.database.reading
    with now() as session:
        version = session.get_one(Followup, rows[0].id).version
    assert lead.post(f"{path}/change", version="0", due_on="2026-12-09", todo="x").status == 409
    assert lead.post(f"{path}/change", version=str(version), due_on="2026-12-09", todo="一起听一遍").status == 303
    assert lead.post(f"{path}/close", version=str(version + 1)).status == 303
    assert "人工结束" in lead.get("/followups?show=closed").text


def test_a_granted_appeal_takes_its_follow_up_back(bench: Bench) -> None:
    failed = published(bench)
    sun, boss = Visitor(bench, "sun"), Visitor(bench, "boss")
    sun.get(f"/calls/{SLOPPY}")
    sun.post(f"/calls/{SLOPPY}/appeal", item=failed[0], text="说了的")
    boss.get("/appeals")
    assert boss.post("/appeals/1", verdict="pass", answer="成立").status == 303
    with bench.database.reading() as session:
        states = {one.item: (one.state, one.closed_why) for one in session.query(Followup)}
    assert states[failed[0]] == ("closed", "withdrawn") and all(states[item] == ("open", "") for item in failed[1:])


def test_a_reviewer_opens_one_by_hand_and_not_twice(bench: Bench) -> None:
    rui = Visitor(bench, "rui")
    rui.get(f"/calls/{SLOPPY}")
    assert rui.post(f"/calls/{SLOPPY}/followup", item="greeting").to == "/followups/1"
    assert rui.post(f"/calls/{SLOPPY}/followup", item="greeting").status == 409
    assert Visitor(bench, "ana").post(f"/calls/{SLOPPY}/followup", item="greeting").status == 403
    assert "/followups/1" in rui.get(f"/calls/{SLOPPY}").text
