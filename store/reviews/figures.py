"""Counts over the reviewed cards, for the dashboard. Each is narrowed to what the reader may see by `only`."""
from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, case, cast, func, select, true
from sqlalchemy.orm import Session

from store.reviews.schema import Card, Item, Person
from store.tables import UNKNOWN_DAY

Only = ColumnElement[bool]
RECENT = 2000           # cards whose reviews tell how items and rules fare
NEAR = 300              # of them read whole: what most forms ask has its last 200 reviews there; beyond, only what has not
LATE = 500              # cards that tell what share of verdicts each reviewer overrides


class Week(NamedTuple):
    """Reviewed cards of one week of calls: `monday`, how many, mean score of the random sample (None without any), bands."""

    monday: str
    cards: int
    random_mean: float | None
    bands: dict[str, int]


class Judged(NamedTuple):
    """One item or rule over its last reviews: pairs (machine, human) where the machine had decided, how often it failed at last, and
    when the first of these reviews was published (`since`)."""

    item: str
    title: str
    pairs: list[tuple[str, str]]
    failed: int
    reviews: int
    since: datetime


class Load(NamedTuple):
    """A reviewer: cards published, cards in hand, share of decided verdicts overridden in the last LATE cards of all (None without
    any of theirs)."""

    person_id: int
    name: str
    published: int
    held: int
    overridden: float | None


class Group(NamedTuple):
    """Reviewed cards of a team, or of one of its agents: how many, by band, and the mean score of the random sample (None without any)."""

    team: str
    agent_id: str
    name: str
    cards: int
    random_mean: float | None
    bands: dict[str, int]


class _Counted(NamedTuple):
    """A row of such counts: a band, its cards, the sum of the random sample's scores, and how many these are."""

    band: str | None
    cards: int
    score: float
    random: int


_RANDOM = (Card.picked == "random") & Card.score.is_not(None)
_COUNTED = (func.count(), func.sum(case((_RANDOM, Card.score), else_=0.0)), func.sum(case((_RANDOM, 1), else_=0)))


def groups(session: Session, only: Only, since: str) -> tuple[list[Group], list[Group]]:
    """Teams and agents over the reviewed calls made on or after the day `since`; cards without a team or agent stand in neither. The
    largest share below standard comes first."""
    rows = session.execute(
        select(Card.team, Card.agent_id, func.max(Card.agent_name), Card.band, *_COUNTED)
        .where(only, Card.published_at.is_not(None), Card.day >= since, Card.day != UNKNOWN_DAY)
        .group_by(Card.team, Card.agent_id, Card.band)).tuples().all()
    teams: dict[str, list[Any]] = defaultdict(list)
    agents: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for team, agent_id, name, *counted in rows:
        if team:
            teams[team].append(("", *counted))
        if agent_id:
            agents[team or "", agent_id].append((name or "", *counted))
    return (_worst([_group(team, "", of) for team, of in teams.items()]),
            _worst([_group(team, agent_id, of) for (team, agent_id), of in agents.items()]))


def weeks(session: Session, only: Only, number: int = 26) -> list[Week]:
    """The `number` weeks up to the last in which reviewed calls were made, those without any left out, the oldest first."""
    reviewed = only & Card.published_at.is_not(None) & (Card.day != UNKNOWN_DAY)
    newest = session.scalar(select(func.max(Card.day)).where(reviewed))
    if newest is None:
        return []
    first = (_monday(newest) - timedelta(weeks=number - 1)).isoformat()
    found: dict[str, list[_Counted]] = defaultdict(list)
    rows = session.execute(select(Card.day, Card.band, *_COUNTED).where(reviewed, Card.day >= first).group_by(Card.day, Card.band)).tuples()
    for day, band, cards, score, random in rows:
        found[_monday(day).isoformat()].append(_Counted(band, cards, score, random))
    return [Week(monday, *_summed(found[monday])) for monday in sorted(found)]


def judged(session: Session, cards: list[tuple[str, datetime]], last: int = 200) -> list[Judged]:
    """Every item of the forms over its `last` most recent reviews on these cards (`newest`), those that failed most first."""
    return _judged(_recent(session, cards, last), last, "item", {})


def judged_both(session: Session, only: Only, since: Mapping[str, Mapping[str, datetime]], last: int = 200) -> dict[str, list[Judged]]:
    """The same by item and by rule, from one reading. A rule (its id stands in `item`) shares in what was said of every item that
    rests on it. `since`, by kind and name: only later reviews count."""
    rows = _recent(session, newest(session, only), last)
    return {kind: _judged(rows, last, kind, since.get(kind, {})) for kind in ("item", "rule")}


class _Row(NamedTuple):
    item: str
    title: str
    rules: list[str]
    machine: str
    human: str
    final: str
    published_at: datetime


def _recent(session: Session, published: list[tuple[str, datetime]], last: int) -> list[_Row]:
    """Lines of these cards, which come and are given the newest first: at least the `last` of every item that has so many. A rule that rests
    on several items is in them too, since what is left out of an item is older than `last` of its own."""
    near = _lines(session, dict(published[:NEAR]), true())
    enough = [item for item, reviews in Counter(row.item for row in near).items() if reviews >= last]
    far = _lines(session, dict(published[NEAR:]), Item.item.not_in(enough))
    return sorted(near + far, key=lambda row: row.published_at, reverse=True)


def newest(session: Session, only: Only, number: int = RECENT) -> list[tuple[str, datetime]]:
    """The cards published last, the newest first, with the moment: enough for 200 reviews of whatever stands on every tenth card."""
    asked = (select(Card.call_id, Card.published_at).where(only, Card.published_at.is_not(None))
             .order_by(Card.published_at.desc(), Card.call_id).limit(number))
    return [(call_id, when) for call_id, when in session.execute(asked).tuples() if when]


def _lines(session: Session, published: Mapping[str, datetime], which: Only) -> list[_Row]:
    """The lines of these cards that are `which`. Rules are read as text and parsed once each."""
    rows = session.execute(
        select(Item.call_id, Item.item, Item.title, cast(Item.rules, String), Item.machine_verdict, Item.human_verdict, Item.final_verdict)
        .where(Item.call_id.in_(published), Item.bonus.is_(None), which)).tuples() if published else ()
    parsed: dict[str, list[str]] = {}
    return [_Row(item, title, parsed.get(rules) or parsed.setdefault(rules, json.loads(rules)), machine, human or "", final or "", published[call_id])
            for call_id, item, title, rules, machine, human, final in rows]


def _judged(rows: list[_Row], last: int, by: str, since: Mapping[str, datetime]) -> list[Judged]:
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        for name in [row.item] if by == "item" else row.rules:
            if len(found[name]) < last and (name not in since or row.published_at > since[name]):
                found[name].append(row)
    told = [Judged(name, of[0].title if by == "item" else name, [(row.machine, row.human) for row in of if row.machine != "needs_review"],
                   sum(row.final == "fail" for row in of), len(of), of[-1].published_at) for name, of in found.items() if of]
    return sorted(told, key=lambda one: (-one.failed / one.reviews, one.item))


def load(session: Session, only: Only, since: datetime, cards: list[tuple[str, datetime]]) -> tuple[list[Load], datetime | None]:
    """Everybody who has published since that moment or holds a call; and since when the cards were published, the last LATE of `cards`
    (`newest`), that tell what share of verdicts they override."""
    published = dict(session.execute(select(Card.reviewer_id, func.count()).where(only, Card.published_at >= since)
                                     .group_by(Card.reviewer_id)).tuples().all())
    held = dict(session.execute(select(Card.holder_id, func.count()).where(only, Card.state == "claimed", Card.holder_id.is_not(None))
                                .group_by(Card.holder_id)).tuples().all())
    late = cards[:LATE]
    overridden = {reviewer: changed / decided for reviewer, decided, changed in session.execute(
        select(Card.reviewer_id, func.count(), func.sum(case((Item.machine_verdict != Item.human_verdict, 1), else_=0)))
        .join(Item, Item.call_id == Card.call_id)
        .where(Card.call_id.in_([call_id for call_id, _ in late]), Item.machine_verdict != "needs_review", Item.bonus.is_(None))
        .group_by(Card.reviewer_id)).tuples()}
    people = session.execute(select(Person.id, Person.name).where(Person.id.in_({*published, *held} - {None}))).tuples()
    return (sorted((Load(number, name, published.get(number, 0), held.get(number, 0), overridden.get(number)) for number, name in people),
                   key=lambda one: -one.published), late[-1][1] if late else None)


def coverage(session: Session, only: Only, since: str) -> list[tuple[str, str, int, int]]:
    """Per agent with calls on or after the day `since`: id, name, calls, of them reviewed; those reviewed least first."""
    rows = session.execute(
        select(Card.agent_id, func.max(Card.agent_name), func.count(), func.count(Card.published_at))
        .where(only, Card.agent_id.is_not(None), Card.day >= since, Card.day != UNKNOWN_DAY).group_by(Card.agent_id)).tuples()
    return sorted(((agent or "", name or "", calls, reviewed) for agent, name, calls, reviewed in rows),
                  key=lambda one: (one[3], one[0]))


def _group(team: str, agent_id: str, rows: list[Any]) -> Group:
    """One group out of its rows (name, and what _Counted holds)."""
    return Group(team, agent_id, max(row[0] for row in rows), *_summed([_Counted(*row[1:]) for row in rows]))


def _summed(rows: list[_Counted]) -> tuple[int, float | None, dict[str, int]]:
    """How many cards, the mean of the random sample, cards by band."""
    bands: dict[str, int] = defaultdict(int)
    for row in rows:
        if row.band:
            bands[row.band] += row.cards
    random = sum(row.random for row in rows)
    return sum(row.cards for row in rows), round(sum(row.score for row in rows) / random, 1) if random else None, dict(bands)


def _worst(found: list[Group]) -> list[Group]:
    return sorted(found, key=lambda one: (-one.bands.get("below_standard", 0) / one.cards, one.team, one.agent_id))


def _monday(day: str) -> date:
    made = date.fromisoformat(day)
    return made - timedelta(days=made.weekday())
