"""The rarer states of the workbench for its pictures: a corrected card, calibrations, a case with its clip, a follow-up with a past."""
from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from insight import planning
from review.workbench.appraising import DELIVERED
from review.workbench.bench import Bench
from settings import Sampling
from store.lake import Lake
from store.plans import Plans
from store.reviews import blind, cards, people
from store.reviews.work_tables import Followup
from tests import benches
from tests.benches import Visitor, person

SLOPPY, CORRECTED = "sample-002", "sample-012"
COMPARED, COMPARING = ("sample-013", "sample-014"), ("sample-010",)


def rarer(bench: Bench) -> None:
    """Adds them to a bench that is lived in."""
    rui, rong, boss = Visitor(bench, "rui"), Visitor(bench, "rong"), Visitor(bench, "boss")
    corrected(bench, rui)
    calibrated(bench, boss, {"rui": rui, "rong": rong})
    turns = bench.lake.transcript(SLOPPY).turns
    rui.get("/queue")
    rui.post("/cases", call=SLOPPY, kind="bad", title="没有问候就要客户报卡号", why="开场没有报工号，客户还没有说完就要卡号；新人培训时放给大家听。",
             rule="taboo.impatience", tags="开场 新人", starts=str(turns[0].start), ends=str(turns[3].end), shared="yes")
    followed(bench, rui, boss)
    planned(bench)


def planned(bench: Bench) -> None:
    """A sampling plan of the newest week, and what other systems deliver for the appraisal; a row of it is wrong."""
    Plans(bench.lake.root).keep(planning.make(bench.lake, planning.newest_week(bench.lake), Sampling(monitors=["rui", "rong"]), "s"))
    folder = bench.lake.root / DELIVERED
    folder.mkdir()
    (folder / "assessments.csv").write_text("agent_id,month,score\n3105,2026-11,80\n6217,2026-11,96\n7036,2026-11,88\n2019,2026-11,x\n", encoding="utf-8")
    (folder / "work_orders.csv").write_text(
        "order_id,opened_at,agent_id,call_id,customer_tier,first_reply_at,effective_reply_at,solved_on_the_spot,satisfied\n"
        f"o-1,2026-11-24 15:00,3105,{SLOPPY},VIP,2026-11-27 09:00,2026-11-27 10:00,no,no\n"
        "o-2,2026-11-23 17:00,4408,sample-003,,2026-11-24 09:00,2026-11-24 11:00,no,yes\n", encoding="utf-8")


def corrected(bench: Bench, rui: Visitor) -> None:
    """A call of which a turn was split and one reworded."""
    rui.get(f"/calls/{CORRECTED}")
    rui.post(f"/calls/{CORRECTED}/claim")
    for sent in ({"turn": 1, "do": "split", "at": 7, "then": "customer"}, {"turn": 4, "text": "嗯，是的，这个月也扣了。"}):
        rui.client.post(f"/calls/{CORRECTED}/correct", headers={"X-CSRF": rui.csrf}, json={"version": rui.version(CORRECTED)} | sent)


def calibrated(bench: Bench, boss: Visitor, reviewers: dict[str, Visitor]) -> None:
    """Two sessions: one over, in which the two differ here and there, and one that a reviewer has yet to score."""
    boss.get("/calibration")
    who = [str(person(bench, login).id) for login in reviewers]
    for name, calls in (("十月校准", COMPARED), ("四季度校准", COMPARING)):
        boss.client.post("/calibration", data={"csrf": boss.csrf, "name": name, "calls": " ".join(calls), "who": who})
        for login, visitor in reviewers.items():
            if calls == COMPARED or login == "rong":
                score(bench, visitor, login, {"handling", "attitude"} if login == "rong" else {"greeting"})
        if calls == COMPARED:
            boss.post("/calibration/1/close")


def score(bench: Bench, visitor: Visitor, login: str, fails: Collection[str]) -> None:
    """Hands in every blind card that waits for somebody."""
    with bench.database.reading() as session:
        waiting = [card.id for card, _, _ in blind.to_score(session, person(bench, login).id)]
    for card_id in waiting:
        page = visitor.get(f"/blind/{card_id}").text
        version, = re.findall(r'data-version="(\d+)"', page)
        words = {name: {"verdict": "fail" if name in fails else "pass"} for name in re.findall(r'data-item="([^"]+)"[^>]*data-bonus=""', page)}
        answer = visitor.client.post(f"/blind/{card_id}/judge", headers={"X-CSRF": visitor.csrf}, json={"version": int(version), "items": words})
        visitor.post(f"/blind/{card_id}/submit", version=str(answer.json()["version"]))


def followed(bench: Bench, rui: Visitor, boss: Visitor) -> None:
    """The first follow-up's history: what the agent and a lead wrote, and calls since; the last card without a recording is left open."""
    sun = Visitor(bench, "sun")
    sun.get("/followups/1")
    sun.post("/followups/1/note", text="我会先问好、报工号，再问客户的问题。")
    sun.post("/followups/1/done")
    boss.get("/followups/1")
    boss.post("/followups/1/note", text="周五前再听两通。")
    failed = ""
    with bench.database.writing() as session:        # it was opened in the morning
        for one in session.query(Followup).filter_by(agent_id="3105"):
            failed = one.item if one.id == 1 else failed
            one.opened_at = one.since = datetime.now(UTC) - timedelta(hours=3)
    for number in range(4):
        started = (datetime.now() - timedelta(minutes=30 * (4 - number))).strftime("%Y-%m-%dT%H:%M")
        rui.get("/live")
        begun = rui.post("/live", kind="side_by_side" if number else "live", agent="3105", form="inbound", started_at=started).to.removeprefix("/calls/")
        with bench.database.reading() as session:
            lines = [one.item for one in cards.items(session, begun) if one.bonus is None]
        if number == 3:
            rui.judge(begun, rui.version(begun), **{item: {"verdict": "pass"} for item in lines[:9]})
            return
        again = failed if number == 1 else ""
        rui.judge(begun, rui.version(begun), **{item: {"verdict": "fail" if item == again else "pass"} for item in lines})
        rui.post(f"/calls/{begun}/publish", version=str(rui.version(begun)))


def empty(root: Path) -> Bench:
    """A workbench on the first day: people, but not one call yet."""
    Lake.create(root)
    bench = benches.over(root)
    with bench.database.writing() as session:
        for login in ("boss", "rui"):
            made = people.add(session, "test", login, login.title(), benches.PEOPLE[login][0], None, None)
            people.set_password(session, people.one_time_link(session, made), benches.PASSWORD)
    return bench
