"""Cards without a recording: every item by hand, published, appealed and counted like others, and clearly marked."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from review.workbench.bench import Bench
from store.reviews import assignment
from store.reviews.cards import items
from store.reviews.schema import Card
from tests import benches
from tests.benches import Visitor


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def begin(bench: Bench, login: str = "rui", **told: str) -> tuple[Visitor, str]:
    visitor = Visitor(bench, login)
    visitor.get("/live")
    sent = {"kind": "live", "agent": "3105", "form": "inbound", "started_at": datetime.now().strftime("%Y-%m-%dT%H:%M")} | told
    answer = visitor.post("/live", **sent)
    assert answer.status == 303, answer.text
    return visitor, answer.to.removeprefix("/calls/")


def judge_all(bench: Bench, visitor: Visitor, call_id: str) -> None:
    with bench.database.reading() as session:
        words = {one.item: {"verdict": "fail" if one.item == "greeting" else "pass"} for one in items(session, call_id) if one.bonus is None}
    assert visitor.judge(call_id, visitor.version(call_id), **words).status == 200


def test_a_card_filled_beside_the_agent_is_published_appealed_and_counts_in_the_quota(bench: Bench) -> None:
    rui, call_id = begin(bench, kind="side_by_side")
    page = rui.get(f"/calls/{call_id}").text
    assert "并坐" in page and 'id="wave"' not in page and "郭磊" in page and 'id="publish"' in page
    with bench.database.reading() as session:
        assert {one.machine_verdict for one in items(session, call_id)} == {"needs_review"}
        assert {"fatal.taboo.abuse", "greeting"} <= {one.item for one in items(session, call_id)}
    judge_all(bench, rui, call_id)
    assert rui.post(f"/calls/{call_id}/publish", version=str(rui.version(call_id))).status == 303
    with bench.database.reading() as session:
        card = session.get_one(Card, call_id)
        day, = assignment.progress(session, [benches.person(bench, "rui").id])
    assert card.state == "published" and 80 < (card.score or 0) < 100 and day.done == {"recording": 0, "live": 0, "side_by_side": 1}
    sun, boss = Visitor(bench, "sun"), Visitor(bench, "boss")
    assert "并坐" in sun.get("/mine").text and sun.get(f"/calls/{call_id}/sound").status == 409
    assert sun.post(f"/calls/{call_id}/appeal", item="greeting", text="说了您好").status == 303
    boss.get("/appeals")
    assert boss.post("/appeals/1", verdict="pass", answer="同意").status == 303
    assert "并坐" in boss.get("/queue?picked=&state=done").text


def test_an_empty_card_given_back_is_gone_and_a_begun_one_stays(bench: Bench) -> None:
    rui, empty = begin(bench)
    rui.post(f"/calls/{empty}/release")
    rui, begun = begin(bench)
    rui.judge(begun, rui.version(begun), greeting={"verdict": "pass"})
    rui.post(f"/calls/{begun}/release")
    with bench.database.reading() as session:
        assert session.get(Card, empty) is None and session.get_one(Card, begun).draft is not None
    assert 'id="publish"' in Visitor(bench, "rong").get(f"/calls/{begun}?claim=1").text


def test_filling_the_queue_and_searching_leave_such_cards_alone(bench: Bench) -> None:
    _, call_id = begin(bench)
    assert benches.over(bench.lake.root).fill_queue() == 0
    with bench.database.reading() as session:
        assert session.get_one(Card, call_id).kind == "live"
    assert call_id in Visitor(bench, "rui").get("/queue?picked=&state=held").text


@pytest.mark.parametrize(("told", "status"), [
    ({"kind": "recording"}, 409), ({"form": "nothing"}, 409), ({"agent": " "}, 409), ({"started_at": "gestern"}, 409),
    ({"started_at": (datetime.now() + timedelta(hours=2)).isoformat()}, 409)])
def test_what_is_missing_or_wrong_is_refused(bench: Bench, told: dict[str, str], status: int) -> None:
    rui = Visitor(bench, "rui")
    rui.get("/live")
    sent = {"kind": "live", "agent": "3105", "form": "inbound", "started_at": "2026-11-20T10:00"} | told
    assert rui.post("/live", **sent).status == status


def test_a_leader_fills_cards_of_the_own_team_alone_and_agents_none(bench: Bench) -> None:
    lead, sent = Visitor(bench, "lead"), {"kind": "live", "form": "inbound", "started_at": "2026-11-20T10:00"}
    lead.get("/live")
    assert lead.post("/live", agent="6217", **sent).status == 403 and lead.post("/live", agent="3105", **sent).status == 303
    assert Visitor(bench, "sun").get("/live").status == 403 and Visitor(bench, "ana").get("/live").status == 403
