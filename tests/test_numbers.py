"""Every number opens the calls behind it: each link of a page is followed and what it lists is counted, page by page."""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy.orm import Session

from review.workbench.bench import Bench
from store.reviews import assignment
from store.reviews.schema import Card, Item
from tests import benches
from tests.benches import Visitor, person

LONG_AGO = datetime.now(UTC) - timedelta(days=40)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Sample calls of which some are reviewed, one is in hand and some are given out; and 210 cards of long ago, more than the 200
    reviews that an item's figures are made of, whose machine was overruled until it only assists."""
    made = benches.bench(tmp_path_factory.mktemp("b") / "w")
    rui, rong = person(made, "rui").id, person(made, "rong").id
    with made.database.writing() as session:
        fresh = session.query(Card).order_by(Card.call_id).all()
        for number, card in enumerate(fresh[:6]):
            _publish(session, card, (rui, rong)[number % 2], number)
        fresh[6].state, fresh[6].holder_id, fresh[6].held_until = "claimed", rui, datetime.now(UTC) + timedelta(hours=1)
        assignment.give(session, "boss", rong, [card.call_id for card in fresh[7:10]])
        facts = {name: getattr(fresh[0], name) for name in ("day", "form", "draft_version", "fatal", "complaint", "unsure", "triage", "reasons")}
        for number in range(210):
            session.add(Card(call_id=f"old-{number}", picked="random", state="published", published_at=LONG_AGO - timedelta(minutes=number),
                             team="B2" if number % 3 else "A1", reviewer_id=rui, score=80 + number % 20, band="good", **facts))
        session.flush()
        for number in range(210):
            said = "pass" if number % 4 == 0 else "fail"
            session.add(Item(call_id=f"old-{number}", item="closing", position=0, title="结束语", max_points=5, rules=["closing.thanks"],
                             machine_verdict="needs_review" if number % 7 == 0 else "pass", machine_confidence=0.9, fatal=False,
                             human_verdict=said, final_verdict=said))
    yield made
    made.database.engine.dispose()


def _publish(session: Session, card: Card, reviewer: int, number: int) -> None:
    card.state, card.published_at, card.reviewer_id = "published", datetime.now(UTC), reviewer
    card.picked, card.score, card.band, card.kind = ("random", "risk")[number % 2], 85.0, "needs_improvement", ("recording", "live")[number % 4 == 3]
    for item in session.query(Item).filter_by(call_id=card.call_id):
        turned = (item.position + number) % 5 == 0
        said = ("pass" if item.machine_verdict == "fail" else "fail") if turned else item.machine_verdict
        item.human_verdict = item.final_verdict = "pass" if said == "needs_review" else said


def linked(page: str) -> list[tuple[str, str]]:
    """Text and address of each link of a page's tables that leads to a list of calls."""
    cells = " ".join(re.findall(r"<td.*?</td>|<p>.*?</p>", page, re.DOTALL))
    found = re.findall(r'<a [^>]*?href="((?:/queue|/health/|/sample/|/appraisal)[^"]*)"[^>]*>(.*?)</a>', cells, re.DOTALL)
    return [(re.sub(r"<[^>]+>", "", text).strip(), unescape(address)) for address, text in found]


def listed(visitor: Visitor, address: str) -> int:
    """How many calls (or reviews) the address lists: its rows, or what the queue says of all its pages."""
    text = visitor.get(address).text
    rows = len(re.findall(r"<tr[^>]*>\s*<td>", text))
    said = re.search(r'class="pages soft">(\d+) ', text)
    assert not said or int(said[1]) == rows or "page=2" in text
    return int(said[1]) if said else rows


def followed(visitor: Visitor, path: str) -> int:
    """Follows the first and the largest number of each kind of link (what its address asks for); each lists as many as it says.
    Gives how many were followed."""
    kinds: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for text, address in linked(visitor.get(path).text):
        if text.isdecimal() and "picked=random" not in address:      # that one is a mean
            asked = dict(parse_qsl(urlsplit(address).query))
            kinds[f"{urlsplit(address).path.split('/')[:3]} {sorted(asked)} {asked.get('was')}"].append((int(text), address))
    chosen = {one for found in kinds.values() for one in (found[0], max(found))}
    for number, address in chosen:
        assert listed(visitor, address) == number, (path, address)
    return len(chosen)


@pytest.mark.parametrize("login", ["boss", "lead"])
@pytest.mark.parametrize("path", ["/dashboard", "/health", "/assignments"])
def test_a_number_opens_as_many_calls_as_it_says(bench: Bench, login: str, path: str) -> None:
    assert followed(Visitor(bench, login), path) >= {"/dashboard": 9, "/health": 8, "/assignments": 1}[path]


@pytest.mark.parametrize("path", ["/dashboard", "/health", "/assignments", "/week"])
def test_no_count_stands_without_its_link(bench: Bench, path: str) -> None:
    """What is a number and no link is 0, a quota or the interval of a share."""
    cells = re.findall(r'<td class="n[^"]*">(.*?)</td>', Visitor(bench, "boss").get(path).text, re.DOTALL)
    assert len(cells) > 4
    for cell in cells:
        bare = re.sub(r"<a .*?</a>|<[^>]+>|\s", "", cell)
        assert re.fullmatch({"/assignments": r"0?(/\d+)?", "/week": r"/?|–|[+-]\d+|/[+-]\d+"}.get(path, r"0?/?0?|–|\d+–\d+%"), bare), cell


def test_the_weeks_problems_open_the_cards_of_their_week(bench: Bench) -> None:
    long_ago = f"{LONG_AGO:%Y-%m-%d}"
    assert followed(Visitor(bench, "boss"), "/week") >= 2 and followed(Visitor(bench, "rui"), f"/week?monday={long_ago}") == 2
    leader = Visitor(bench, "lead")
    assert "本组" in leader.get(f"/week?monday={long_ago}").text and followed(leader, f"/week?monday={long_ago}") >= 2
    assert linked(Visitor(bench, "sun").get("/week").text) == []


def test_a_share_of_overruled_verdicts_opens_the_cards_it_comes_from(bench: Bench) -> None:
    visitor = Visitor(bench, "boss")
    shares = [address for text, address in linked(visitor.get("/dashboard").text) if "was=overruled" in address]
    with bench.database.reading() as session:
        for address in shares:
            reviewer = int(re.search(r"reviewer=(\d+)", address)[1])      # type: ignore[index]
            wanted = {item.call_id for item in session.query(Item).join(Card, Card.call_id == Item.call_id)
                      .filter(Card.reviewer_id == reviewer, Card.published_at.is_not(None), Item.bonus.is_(None)) if item.overridden}
            assert listed(visitor, address) == len(wanted) > 0
    assert len(shares) == 2


def test_a_call_in_hand_opens_for_others_too(bench: Bench) -> None:
    with bench.database.reading() as session:
        held = session.query(Card).filter_by(state="claimed").one().call_id
    page = Visitor(bench, "boss").get("/dashboard").text
    address = next(address for _, address in linked(page) if "holder=" in address)
    assert f'href="/calls/{held}"' in Visitor(bench, "boss").get(address).text


def test_an_item_on_assist_opens_the_reviews_that_spoke_against_it(bench: Bench) -> None:
    visitor = Visitor(bench, "boss")
    page = visitor.get("/health").text
    told, address = next(one for one in linked(page) if "until=" in one[1])
    overruled = int(re.search(r"(\d+)/\d+", told)[1])       # type: ignore[index]
    assert listed(visitor, address) == overruled > 20


def test_a_leader_opens_the_own_teams_part_of_what_spoke_against_an_item(bench: Bench) -> None:
    lead = Visitor(bench, "lead")
    opened = re.search(r'您可看</a>', page := lead.get("/health").text)
    assert opened and listed(lead, next(unescape(one) for one in re.findall(r'href="(/health/item/closing\?was=overruled[^"]*)"', page))) > 0


def test_the_calls_of_a_trends_period_open_all_of_them(bench: Bench) -> None:
    boss = Visitor(bench, "boss")
    with bench.database.reading() as session:
        added = session.query(Card.day).filter(Card.call_id == "old-0").scalar()      # cards of that day are in no lake
    counts = [(text, address) for text, address in linked(boss.get("/trends?rule=greeting.salutation").text)
              if "rule=" not in address and not (asked := dict(parse_qsl(urlsplit(address).query)))["since"] <= added <= asked["until"]]
    assert counts and all(listed(boss, address) == int(text) for text, address in counts)


@pytest.mark.parametrize("login", ["boss", "lead"])
def test_what_comes_together_with_a_rule_opens_its_calls(bench: Bench, login: str) -> None:
    visitor, opened = Visitor(bench, login), 0
    failed = next(one.rule for one in bench.lake.draft("sample-002").findings if one.verdict == "fail")      # a call of the leader's team
    for asked in (f"rule={failed}", f"rule={failed}&by=agent", "rule=closing.farewell", "phrase=请稍等"):
        for text, address in linked(visitor.get(f"/trends?{asked}").text):
            if "outcome=" in address:
                assert listed(visitor, address) == int(text), address
                opened += 1
    assert opened >= {"boss": 4, "lead": 1}[login]
    outcome = {"outcome_low_score": "机评低于 80 分", "outcome_complaint": "有投诉", "outcome_long_call": "超过 5 分钟"}
    assert all(word in visitor.get(f"/queue?picked=&state=&outcome={name.removeprefix('outcome_')}").text for name, word in outcome.items())


@pytest.mark.parametrize(("login", "words"), [("rui", ("只看：", "结束语", "不通过", "公布自")), ("ana", ("只看：", "结束语"))])
def test_the_queue_says_what_it_is_narrowed_to_and_each_part_can_be_taken_away(bench: Bench, login: str, words: tuple[str, ...]) -> None:
    text = Visitor(bench, login).get("/queue?picked=&state=done&item=closing&was=fail&published_since=2026-01-02T03:04:00Z&agent=3105&band=good").text
    told, = re.findall(r'<p class="chips".*?</p>', text, re.DOTALL)
    assert all(word in told for word in words)
    asked = {"picked", "state", "item", "was", "published_since", "agent", "band"}
    left = [{name for name, _ in parse_qsl(urlsplit(unescape(one)).query, keep_blank_values=True)} for one in re.findall(r'<a href="(/queue[^"]*)" aria-label', told)]
    assert sorted(map(sorted, (asked - one for one in left))) == [["agent"], ["band"], ["item", "was"], ["published_since"]]
    assert {"item", "was", "published_since"} <= set(re.findall(r'type="hidden" name="(\w+)"', text))      # another filter keeps them


def test_what_is_no_moment_asks_for_nothing(bench: Bench) -> None:
    visitor = Visitor(bench, "boss")
    whole = visitor.get("/queue?picked=&state=done").text
    for odd in ("published_since=soon", "published_until=0001-01-01", "holder=x", "assigned=%C2%B2", "was=purple&item=closing"):
        found = visitor.get(f"/queue?picked=&state=done&{odd}")
        assert found.status == 200 and re.findall(r"\d+ 通<", found.text) == re.findall(r"\d+ 通<", whole)


@pytest.fixture(scope="module")
def planned(bench: Bench) -> str:
    """The plan of the sample calls' week, made on the page by a supervisor."""
    visitor = Visitor(bench, "boss")
    assert "生成抽样计划" in visitor.get("/sample").text
    made = visitor.post("/sample", week="2026-W48")
    assert made.status == 303, made.text
    return made.to


@pytest.mark.parametrize("login", ["boss", "lead", "ana"])
def test_a_plans_numbers_open_as_many_calls(bench: Bench, planned: str, login: str) -> None:
    visitor = Visitor(bench, login)
    assert followed(visitor, planned) >= {"boss": 8, "lead": 5, "ana": 8}[login]
    page = visitor.get(planned).text
    for cell in re.findall(r'<td class="n[^"]*">(.*?)</td>', page, re.DOTALL):
        assert re.fullmatch(r"0?/?0?|–", re.sub(r"<a .*?</a>|<[^>]+>|\s", "", cell)), cell
