"""Counts over reviewed cards: weeks up to the newest, what a reviewer overrides lately, groups of a team or agent."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import true

from store.reviews import figures, people
from store.reviews.database import Database
from store.reviews.schema import Card, Item
from tests import benches
from tests.benches import Visitor

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Five cards of one reviewer, the oldest of a year ago; of the newest two verdicts one was overridden, of the older ones both."""
    made = Database.open(tmp_path)
    with made.writing() as session:
        rui = people.add(session, "test", "rui", "Rui", "reviewer").id
        for number, (ago, picked, score, band) in enumerate([(0, "random", 80.0, "needs_improvement"), (1, "risk", 20.0, "below_standard"),
                                                             (8, "random", 91.0, "good"), (9, "random", None, None), (365, "random", 99.0, "excellent")]):
            at = NOW - timedelta(days=ago)
            session.add(Card(call_id=str(number), day=at.date().isoformat(), form="inbound", draft_version="1", fatal=False, complaint=False, unsure=0,
                             triage=0.0, reasons=[], picked=picked, state="published", published_at=at, reviewer_id=rui, score=score, band=band,
                             team="A1" if number else "B2", agent_id="8023", agent_name="李娜"))
            session.flush()
            session.add_all(Item(call_id=str(number), item=item, position=0, title=item, max_points=5.0, rules=[], machine_verdict="pass", fatal=False,
                                 machine_confidence=0.9, human_verdict="fail" if number or item == "a" else "pass") for item in "ab")
    yield made
    made.engine.dispose()


def test_weeks_go_back_from_the_newest_and_means_are_over_the_random_sample(database: Database) -> None:
    with database.reading() as session:
        assert figures.weeks(session, true()) == [
            figures.Week("2026-11-16", 2, 91.0, {"good": 1}), figures.Week("2026-11-23", 2, 80.0, {"needs_improvement": 1, "below_standard": 1})]
        assert [week.monday for week in figures.weeks(session, true(), 60)] == ["2025-11-24", "2026-11-16", "2026-11-23"]
        assert figures.weeks(session, Card.team == "Z9") == []


def test_a_reviewers_load_is_of_late_and_the_share_overridden_of_the_last_cards(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.reading() as session:
        (rui,), since = figures.load(session, true(), NOW - timedelta(days=7), figures.newest(session, true()))
        assert (rui.published, rui.held, rui.overridden, since) == (2, 0, 0.9, NOW - timedelta(days=365))
        monkeypatch.setattr(figures, "LATE", 1)
        (rui,), since = figures.load(session, true(), NOW - timedelta(days=7), figures.newest(session, true()))
        assert (rui.overridden, since) == (0.5, NOW)
        assert figures.load(session, Card.team == "Z9", NOW, []) == ([], None)


@pytest.mark.parametrize("near", [1, 2, 5])
def test_what_is_rare_is_looked_for_in_older_cards_and_what_is_not_is_not_counted_twice(database: Database, monkeypatch: pytest.MonkeyPatch, near: int) -> None:
    with database.writing() as session:
        session.delete(session.get_one(Item, ("0", "b")))
    monkeypatch.setattr(figures, "NEAR", near)
    with database.reading() as session:
        found = {one.item: one for one in figures.judged(session, figures.newest(session, true()), 2)}
    assert {item: (one.reviews, one.pairs, one.since) for item, one in found.items()} == {
        "a": (2, [("pass", "fail")] * 2, NOW - timedelta(days=1)), "b": (2, [("pass", "fail")] * 2, NOW - timedelta(days=8))}


def test_how_many_calls_an_agent_is_short_of_goes_by_the_sampling_settings(tmp_path: Path) -> None:
    bench = benches.bench(tmp_path / "w")
    with bench.database.writing() as session:
        for card in session.query(Card):
            card.day = datetime.now().date().isoformat()
        done = session.get_one(Card, "sample-002")
        done.state, done.published_at = "published", datetime.now(UTC)
    boss = Visitor(bench, "boss")
    told = {}
    for wanted in (1, 2, 5):
        bench.settings.sampling.per_week = wanted
        row = next(one for one in boss.get("/dashboard").text.split('id="coverage"')[1].split("<tr>") if ">3105<" in one)
        told[wanted] = re.findall(r"还差 (\d+) 通", row)
    assert told == {1: [], 2: ["1"], 5: ["4"]}
    bench.database.engine.dispose()


def test_teams_and_agents_are_counted_alike_and_the_worst_stands_first(database: Database) -> None:
    with database.reading() as session:
        teams, agents = figures.groups(session, true(), "2026-11-01")
    assert teams == [figures.Group("A1", "", "", 3, 91.0, {"below_standard": 1, "good": 1}), figures.Group("B2", "", "", 1, 80.0, {"needs_improvement": 1})]
    assert [(one.team, one.agent_id, one.name, one.cards) for one in agents] == [("A1", "8023", "李娜", 3), ("B2", "8023", "李娜", 1)]
