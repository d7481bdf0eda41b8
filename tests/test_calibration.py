"""Calibration by its routes: blind while it runs, compared when it is over, who leans is paused, newcomers shadow."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from review.workbench import measuring
from review.workbench.bench import Bench
from store.reviews import blind, calibration, standing
from store.reviews.calibration_tables import BlindCall, BlindCard, Calibration
from store.reviews.cards import items
from store.reviews.schema import Audit, Card
from tests import benches
from tests.benches import Visitor
from tests.test_workbench import review

CALLS = ["sample-001", "sample-002"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def at(bench: Bench, login: str) -> Visitor:
    """`login`, signed in once a test: a password's hash takes its time by design."""
    known: dict[str, Visitor] = bench.__dict__.setdefault("visitors", {})
    return known.get(login) or known.setdefault(login, Visitor(bench, login))


def opened(bench: Bench, who: tuple[str, ...] = ("rui", "rong"), calls: list[str] = CALLS, **fields: str) -> Visitor:
    """A session, opened by the supervisor, who is given back."""
    boss = at(bench, "boss")
    boss.get("/calibration")
    answer = boss.client.post("/calibration", data={"csrf": boss.csrf, "name": "四季度校准", "calls": " ".join(calls),
                                                    "who": [str(benches.person(bench, login).id) for login in who], **fields})
    assert answer.status_code == 303, answer.text
    return boss


def open_cards(bench: Bench, login: str) -> list[int]:
    with bench.database.reading() as session:
        return [card.id for card, _, _ in blind.to_score(session, benches.person(bench, login).id)]


def score(bench: Bench, login: str, card_id: int, fails: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Scores a blind card on its page: everything passes but `fails`; hands it in."""
    visitor = at(bench, login)
    page = visitor.get(f"/blind/{card_id}")
    version = int(re.search(r'data-version="(\d+)"', page.text)[1])     # type: ignore[index]
    lines = re.findall(r'data-item="([^"]+)"[^>]*data-bonus=""', page.text)
    words = {name: {"verdict": "fail" if name in fails else "pass"} for name in lines}
    answer = visitor.client.post(f"/blind/{card_id}/judge", headers={"X-CSRF": visitor.csrf}, json={"version": version, "items": words})
    assert answer.status_code == 200 and answer.json()["undecided"] == 0, answer.text
    assert visitor.post(f"/blind/{card_id}/submit", version=str(answer.json()["version"])).status == 303


def session_of(bench: Bench) -> Calibration:
    with bench.database.reading() as session:
        return session.query(Calibration).order_by(Calibration.id.desc()).first()   # type: ignore[return-value]


def test_a_blind_card_shows_nothing_of_the_machine_or_of_others(bench: Bench) -> None:
    review(bench, "boss", CALLS[0])
    opened(bench)
    first, _ = open_cards(bench, "rui")
    score(bench, "rui", first, {"handling"})
    page = at(bench, "rong").get(f"/blind/{open_cards(bench, 'rong')[0]}").text
    assert 'data-machine="needs_review"' in page and not re.search(r'data-machine="(?!needs_review)', page)
    assert "proof" not in page and "<mark" not in page and 'aria-checked="true"' not in page and "Rui" not in page and "Boss" not in page


def test_who_scores_a_call_blind_cannot_see_its_card_otherwise_before_the_end(bench: Bench) -> None:
    review(bench, "boss", CALLS[0])
    boss = opened(bench, calls=CALLS[:1])
    rui = at(bench, "rui")
    for path in (f"/calls/{CALLS[0]}", f"/calls/{CALLS[0]}?claim=1"):
        assert rui.get(path).status == 409
    assert rui.get(f"/calls/{CALLS[0]}/peaks").status == 200
    listed = rui.get("/queue?picked=&state=").text
    assert CALLS[0] not in listed and "sample-002" in listed
    assert rui.get("/calibration/1").status == 200 and "Rong" in rui.get("/calibration/1").text
    with bench.database.reading() as session, pytest.raises(Exception, match="结束以后"):
        calibration.scored(session, session.get_one(Calibration, 1))
    boss.post("/calibration/1/close")
    assert rui.get(f"/calls/{CALLS[0]}").status == 200


def test_a_blind_card_is_its_owners_alone_and_a_session_its_participants(bench: Bench) -> None:
    opened(bench, ("rui", "boss"))
    own = open_cards(bench, "rui")[0]
    rong = at(bench, "rong")
    assert {path: rong.get(path).status for path in (f"/blind/{own}", f"/blind/{own}/sound", f"/blind/{own}/peaks", "/calibration/1")} \
        == dict.fromkeys((f"/blind/{own}", f"/blind/{own}/sound", f"/blind/{own}/peaks", "/calibration/1"), 403)
    assert rong.get("/calibration").status == 200 and "四季度校准" not in rong.get("/calibration").text
    assert at(bench, "rui").client.get(f"/blind/{own}/sound").headers["content-type"] == "audio/webm"


@pytest.mark.parametrize("login", ["ana", "sun", "root"])
def test_who_does_not_review_has_nothing_to_do_with_calibration(bench: Bench, login: str) -> None:
    visitor = at(bench, login)
    assert [visitor.get(path).status for path in ("/calibration", "/reviewers", "/blind/1")] == [403] * 3


def test_only_a_supervisor_opens_closes_pauses_and_lifts(bench: Bench) -> None:
    opened(bench)
    rui = at(bench, "rui")
    rui.get("/calibration")
    for path in ("/calibration", "/calibration/1/close", "/reviewers/1/pause", "/reviewers/1/lift", "/shadowing", "/shadowing/1/end"):
        assert rui.post(path, name="x", why="x", newcomer="1", experienced="2").status == 403, path
    assert rui.get("/reviewers").status == 403


def test_a_session_that_is_over_shows_agreement_and_who_said_what(bench: Bench) -> None:
    boss = opened(bench)
    for login, fails in (("rui", {"handling"}), ("rong", set())):
        for card_id in open_cards(bench, login):
            score(bench, login, card_id, fails)
    assert "AC1" not in boss.get("/calibration/1").text
    boss.post("/calibration/1/close")
    with bench.database.reading() as session:
        calls = calibration.scored(session, session.get_one(Calibration, 1))
        per_item = {one.name: one for one in measuring.by_item(calls)}
        whole = measuring.overall(calls)
        rui, rong = (benches.person(bench, login).id for login in ("rui", "rong"))
        standings = {one.person_id: one for one in measuring.standings(calls, None)}
    assert (per_item["handling"].units, per_item["handling"].alike, per_item["closing"].alike) == (2, 0.0, 1.0)
    assert whole and whole.alike == pytest.approx(1 - 2 / whole.units)
    assert standings[rui].difference == -standings[rong].difference < 0     # type: ignore[operator]
    assert standings[rui].items[0][2] < 0 < standings[rong].items[0][2]
    page = boss.get("/calibration/1").text
    assert page.count(next(line.title for line in calls[0].lines if line.item == "handling")) >= 3 and "Rui" in page
    assert at(bench, "rui").get("/calibration/1").status == 200


def test_blind_scores_count_nowhere_else(bench: Bench) -> None:
    before = at(bench, "boss").get("/dashboard").text
    boss = opened(bench, calls=["sample-002"])
    for login in ("rui", "rong"):
        score(bench, login, open_cards(bench, login)[0], {"handling"})
    boss.post("/calibration/1/close")
    with bench.database.reading() as session:
        card = session.get_one(Card, "sample-002")
        assert (card.state, card.score, card.reviewer_id) == ("open", None, None)
        assert all(one.human_verdict is None for one in items(session, "sample-002") if one.bonus is None)
    assert re.sub(r'value="[^"]+"', "", at(bench, "boss").get("/dashboard").text) == re.sub(r'value="[^"]+"', "", before)
    assert "sample-002" not in at(bench, "sun").get("/mine").text


def test_a_gold_card_is_what_everybody_is_measured_against_and_no_rater(bench: Bench) -> None:
    boss = opened(bench, ("rui", "rong"), ["sample-001"], gold=str(benches.person(bench, "boss").id))
    for login, fails in (("rui", set()), ("rong", {"handling"}), ("boss", {"handling"})):
        score(bench, login, open_cards(bench, login)[0], fails)
    boss.post("/calibration/1/close")
    rui, rong, gold = (benches.person(bench, login).id for login in ("rui", "rong", "boss"))
    with bench.database.reading() as session:
        calls = calibration.scored(session, session.get_one(Calibration, 1))
        standings = {one.person_id: one for one in measuring.standings(calls, gold)}
        assert {one.units for one in measuring.by_item(calls, gold)} == {1}
    assert standings[rong].difference == 0 and standings[rong].same == 1 and (standings[rui].difference or 0) > 0 and gold not in standings


@pytest.mark.parametrize(("fields", "why"), [
    ({"calls": "no-such-call"}, "没有这通录音"), ({"name": " "}, "名称"), ({"who": "rui"}, "两位"), ({"closes_at": "2020-01-01T10:00"}, "已经过去"),
    ({"closes_at": "soon"}, "不是时间"), ({"calls": "sample-002"}, "评过或正在评")])
def test_a_session_that_cannot_be_compared_is_not_opened(bench: Bench, fields: dict[str, str], why: str) -> None:
    review(bench, "rui", "sample-002")
    boss = at(bench, "boss")
    boss.get("/calibration")
    who = [str(benches.person(bench, login).id) for login in ([fields.pop("who")] if "who" in fields else ["rui", "rong"])]
    answer = boss.client.post("/calibration", data={"csrf": boss.csrf, "name": "x", "calls": "sample-001", "who": who, **fields})
    assert answer.status_code == 409 and why in answer.text
    assert session_of(bench) is None


def test_the_draw_is_the_seeds_and_takes_the_random_sample_that_nobody_knows(bench: Bench) -> None:
    review(bench, "rui", "sample-002")
    with bench.database.writing() as session:
        for card in session.query(Card).where(Card.call_id < "sample-008"):
            card.picked = "random"
    people = {benches.person(bench, "rui").id}
    with bench.database.reading() as session:
        first, again, other = (calibration.draw(session, 4, seed, people) for seed in ("a", "a", "b"))
        every = calibration.draw(session, 99, "a", people)
    assert first == again != other and set(every) == {f"sample-{number:03}" for number in range(1, 8)} - {"sample-002"}


def test_a_session_ends_at_its_time_and_takes_no_card_afterwards(bench: Bench) -> None:
    opened(bench, closes_at=(datetime.now() + timedelta(hours=2)).isoformat(timespec="minutes"))
    rui, card_id = at(bench, "rui"), open_cards(bench, "rui")[0]
    rui.get(f"/blind/{card_id}")
    with bench.database.writing() as session:
        session.get_one(Calibration, 1).closes_at = datetime.now(UTC) - timedelta(minutes=1)
    answer = rui.client.post(f"/blind/{card_id}/judge", headers={"X-CSRF": rui.csrf}, json={"version": 1, "items": {"handling": {"verdict": "pass"}}})
    assert answer.status_code == 409 and "已经结束" in answer.json()["message"]
    rui.get("/queue")
    with bench.database.reading() as session:
        assert session.get_one(Calibration, 1).closed_at == session.get_one(Calibration, 1).closes_at


def test_a_blind_save_upon_an_older_card_or_one_handed_in_is_refused(bench: Bench) -> None:
    opened(bench, calls=["sample-001"])
    rui, card_id = at(bench, "rui"), open_cards(bench, "rui")[0]
    rui.get(f"/blind/{card_id}")
    assert rui.post(f"/blind/{card_id}/submit", version="1").status == 409         # nothing is decided yet

    def save(version: int) -> int:
        return rui.client.post(f"/blind/{card_id}/judge", headers={"X-CSRF": rui.csrf},
                               json={"version": version, "items": {"handling": {"verdict": "pass"}}}).status_code

    assert [save(1), save(1)] == [200, 409]
    score(bench, "rui", card_id)
    with bench.database.reading() as session:
        assert save(session.get_one(BlindCard, card_id).version) == 409


def past_sessions(bench: Bench, differences: list[list[float]], who: tuple[str, ...] = ("rui", "rong", "lead")) -> None:
    """Closed sessions of some people, in which rui was so many points above the others."""
    rui, *others = (benches.person(bench, login) for login in who)
    for apart in differences:
        with bench.database.writing() as session:
            one = calibration.open_session(session, benches.person(bench, "boss"), "校准", {f"sample-{n:03}": [] for n in range(1, len(apart) + 1)},
                                           [rui, *others], None, None)
            for call, more in zip(session.query(BlindCall).filter_by(calibration_id=one.id).order_by(BlindCall.position), apart, strict=True):
                for card in session.query(BlindCard).filter_by(blind_call_id=call.id):
                    card.submitted_at, card.score = datetime.now(UTC), 80 + (more if card.person_id == rui.id else 0)
            session.flush()
            measuring.settle(session, "boss", [one], bench.settings.review.bias_points)


def test_who_leans_steadily_is_paused_and_gets_no_new_calls_until_it_is_lifted(bench: Bench) -> None:
    past_sessions(bench, [[8, 9, 7], [9, 8, 10]])
    rui = at(bench, "rui")
    rui.get("/calls/sample-014")
    answer = rui.post("/calls/sample-014/claim")
    assert answer.status == 409 and "暂停" in answer.text and "暂停" in rui.get("/calibration").text
    boss = at(bench, "boss")
    page = boss.get("/reviewers").text
    assert "持续偏高" in page and "持续偏低" not in page
    assert boss.post(f"/reviewers/{benches.person(bench, 'rui').id}/lift", note="已复盘").status == 303
    assert rui.post("/calls/sample-014/claim").status == 303
    past_sessions(bench, [[1, -1, 0]])                      # sessions before the lift are not held against anybody again
    with bench.database.reading() as session:
        assert standing.halted(session, benches.person(bench, "rui").id) is None
        said = [one.action for one in session.query(Audit).where(Audit.action.like("reviewer.%"))]
    assert said.count("reviewer.paused") == 1 and said.count("reviewer.resumed") == 1


@pytest.mark.parametrize(("differences", "who"), [([[8, 9, 7]], ("rui", "rong", "lead")), ([[8, 9, 7], [9, 8, 10]], ("rui", "rong"))])
def test_one_odd_session_pauses_nobody_nor_do_two_people_who_differ(bench: Bench, differences: list[list[float]], who: tuple[str, ...]) -> None:
    past_sessions(bench, differences, who)
    with bench.database.reading() as session:
        assert standing.halted_people(session) == set()


def test_a_newcomer_scores_blind_what_the_experienced_one_published_until_it_is_ended(bench: Bench) -> None:
    boss = at(bench, "boss")
    boss.get("/reviewers")
    rong, rui = benches.person(bench, "rong"), benches.person(bench, "rui")
    assert boss.post("/shadowing", newcomer=str(rong.id), experienced=str(rui.id)).status == 303
    assert boss.post("/shadowing", newcomer=str(rong.id), experienced=str(rong.id)).status == 409
    assert "跟评 Rui" in at(bench, "root").get("/people").text
    review(bench, "rui", "sample-002")
    newcomer = at(bench, "rong")
    assert newcomer.get("/calls/sample-002").status == 409 and "sample-002" in newcomer.get("/calibration").text
    newcomer.get("/calls/sample-001")
    assert newcomer.post("/calls/sample-001/claim").status == 409
    assert newcomer.post("/blind/shadow/sample-003").status == 409          # not published by whom they shadow
    card_id = int(newcomer.post("/blind/shadow/sample-002").to.rsplit("/", 1)[1])
    assert newcomer.get("/calls/sample-002").status == 409
    score(bench, "rong", card_id, {"handling"})
    assert newcomer.get("/calls/sample-002").status == 200                  # handed in: now they may learn from it
    page = boss.get("/reviewers").text
    assert re.search(r"Rong</td><td>Rui</td>.*?<td class=\"n\">1</td>", page, re.S)
    with bench.database.reading() as session:
        own, theirs = blind.shadowed_pairs(session, 1)[0][1:]
    assert own["handling"] == "fail" and theirs["handling"] == "pass"
    assert boss.post("/shadowing/1/end").status == 303
    assert newcomer.post("/calls/sample-001/claim").status == 303
