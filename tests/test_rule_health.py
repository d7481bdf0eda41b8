"""Rule health: what reviewers overrule too often only assists, says so, and is trusted again; beyond chance both ways."""
from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from review.workbench import health
from review.workbench.bench import Bench
from store.reviews import assisting
from store.reviews.cards import items
from store.reviews.schema import Audit, Card, Item
from tests import benches
from tests.benches import Visitor
from tests.test_workbench import take

ITEM = "closing"        # decided by the machine on every sample call that has a card for it


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def reviewed(bench: Bench, agreed: int, overruled: int, item: str = ITEM, rules: tuple[str, ...] = ("closing.thanks",)) -> None:
    """Published cards of that many calls on which a reviewer agreed with the machine on `item`, or did not."""
    with bench.database.writing() as session:
        first = session.query(Card).filter(Card.call_id.like("old-%")).count()
        for number in range(first, first + agreed + overruled):
            known = session.get_one(Card, "sample-001")
            facts = {name: getattr(known, name) for name in ("day", "form", "draft_version", "fatal", "complaint", "unsure", "triage", "reasons", "team")}
            session.add(Card(call_id=f"old-{number}", picked="risk", state="published", published_at=datetime.now(UTC),
                             reviewer_id=benches.person(bench, "rui").id, appeal_until=datetime.now(UTC), **facts))
            session.flush()
            said = "pass" if number < first + agreed else "fail"
            session.add(Item(call_id=f"old-{number}", item=item, position=0, title="结束语", max_points=5, rules=list(rules), machine_verdict="pass",
                             machine_confidence=0.99, fatal=False, human_verdict=said, final_verdict=said, reason="没有道别" if said == "fail" else ""))


def on_assist(bench: Bench) -> set[tuple[str, str]]:
    health.settle(bench, at_once=True)
    with bench.database.reading() as session:
        return set(assisting.active(session))


@pytest.mark.parametrize(("agreed", "overruled", "falls"), [(8, 22, True), (20, 10, False), (2, 8, False), (30, 0, False)])
def test_an_item_and_its_rule_fall_only_when_chance_is_ruled_out(bench: Bench, agreed: int, overruled: int, falls: bool) -> None:
    reviewed(bench, agreed, overruled)
    assert on_assist(bench) == ({("item", ITEM), ("rule", "closing.thanks")} if falls else set())


def test_no_threshold_means_that_nothing_falls(bench: Bench) -> None:
    bench.settings.review.assist_below = 0
    reviewed(bench, 0, 40)
    assert on_assist(bench) == set()


def test_what_assists_is_left_out_of_the_sure_ones_says_why_and_leaves_the_draft_alone(bench: Bench) -> None:
    before = bench.lake.draft("sample-001")
    reviewed(bench, 8, 22)
    assert on_assist(bench)
    page = take(bench, call_id="sample-001").get("/calls/sample-001").text
    box = re.search(rf'data-item="{ITEM}"[^>]*>', page)
    assert box and 'data-assist="yes"' in box[0] and "之前 30 次里质检员改判了 22 次" in page
    with bench.database.reading() as session:
        named = {one.item for one in items(session, "sample-001") if one.item == ITEM or "closing.thanks" in one.rules}
    assert page.count('data-assist="yes"') == len(named)
    assert bench.lake.draft("sample-001") == before


def test_it_is_trusted_again_when_reviewers_agree_and_the_log_has_both(bench: Bench) -> None:
    reviewed(bench, 8, 22)
    assert len(on_assist(bench)) == 2
    reviewed(bench, 12, 0)
    assert len(on_assist(bench)) == 2           # 12 of 12 are fewer than 20 reviews
    reviewed(bench, 20, 0)
    assert on_assist(bench) == set()
    with bench.database.reading() as session:
        said = [(one.who, one.action, one.subject) for one in session.query(Audit).where(Audit.action.like("trust.%"))]
    assert said == [("tingjian", action, subject) for action in ("trust.lost", "trust.won") for subject in (f"item {ITEM}", "rule closing.thanks")]


def test_a_supervisor_trusts_it_again_and_earlier_reviews_no_longer_count(bench: Bench) -> None:
    reviewed(bench, 8, 22)
    assert on_assist(bench)
    leader, boss = Visitor(bench, "lead"), Visitor(bench, "boss")
    assert "仅供参考" in leader.get("/health").text and leader.post("/health/1/lift").status == 403
    page = boss.get("/health").text
    assert "改判 22/30" in page
    assert [boss.post(f"/health/{number}/lift").status for number in (1, 2, 2)] == [303, 303, 409]
    assert on_assist(bench) == set()
    assert "boss" in boss.get("/health").text


def test_false_alarms_and_misses_open_with_the_reviewers_reason(bench: Bench) -> None:
    reviewed(bench, 3, 2)
    boss = Visitor(bench, "boss")
    for path in (f"/health/item/{ITEM}?was=missed", "/health/rule/closing.thanks?was=missed"):
        page = boss.get(path).text
        assert page.count('href="/calls/old-') == 2 and "没有道别" in page, path
    assert 'href="/calls/old-' not in boss.get("/health/rule/closing.thanks?was=alarm").text
    assert 'href="/calls/old-' not in boss.get("/health/rule/closing_thanks?was=missed").text
    assert boss.get("/health/colour/red?was=missed").status == 403
    assert Visitor(bench, "rui").get("/health").status == 403


def test_publishing_weighs_the_rules_without_being_asked(bench: Bench) -> None:
    from tests.test_workbench import review

    reviewed(bench, 8, 22)
    review(bench, call_id="sample-002")
    with bench.database.reading() as session:
        assert ("item", ITEM) in assisting.active(session)
