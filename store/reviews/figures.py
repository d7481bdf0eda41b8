"""Counts over the reviewed cards, for the dashboard. Each is narrowed to what the reader may see by `only`."""
from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, case, cast, func, select
from sqlalchemy.orm import Session

from store.reviews.schema import PUBLISHED, Card, Item, Person
from store.tables import UNKNOWN_DAY

Only = ColumnElement[bool]
RECENT = 2000           # cards whose reviews tell how items and rules fare


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
    """A reviewer: cards published, cards in hand, share of decided verdicts overridden (None without any)."""

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


def groups(session: Session, only: Only, since: str) -> tuple[list[Group], list[Group]]:
    """Teams and agents over the reviewed calls made on or after the day `since`; cards without a team or agent stand in neither. The
    largest share below standard comes first."""
    random = (Card.picked == "random") & Card.score.is_not(None)
    rows = session.execute(
        select(Card.team, Card.agent_id, func.max(Card.agent_name), Card.band, func.count(), func.sum(case((random, Card.score), else_=0.0)),
               func.sum(case((random, 1), else_=0)))
        .where(only, Card.state.in_(PUBLISHED), Card.day >= since, Card.day != UNKNOWN_DAY)
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
    """The last `number` weeks in which reviewed calls were made, the oldest first."""
    found: dict[str, list[tuple[str, float | None, str | None]]] = defaultdict(list)
    rows = session.execute(select(Card.day, Card.picked, Card.score, Card.band)
                           .where(only, Card.state.in_(PUBLISHED), Card.day != UNKNOWN_DAY))
    for day, picked, score, band in rows.tuples():
        made = date.fromisoformat(day)
        found[(made - timedelta(days=made.weekday())).isoformat()].append((picked, score, band))
    return [_week(monday, found[monday]) for monday in sorted(found)[-number:]]


def judged(session: Session, only: Only, last: int = 200) -> list[Judged]:
    """Every item of the forms over its `last` most recent reviews, those that failed most first.

    Only the last RECENT cards are read: enough for 200 reviews of whatever stands on every tenth card."""
    return _judged(_recent(session, only), last, "item", {})


def judged_both(session: Session, only: Only, since: Mapping[str, Mapping[str, datetime]], last: int = 200) -> dict[str, list[Judged]]:
    """The same by item and by rule, from one reading. A rule (its id stands in `item`) shares in what was said of every item that
    rests on it. `since`, by kind and name: only later reviews count."""
    rows = _recent(session, only)
    return {kind: _judged(rows, last, kind, since.get(kind, {})) for kind in ("item", "rule")}


class _Row(NamedTuple):
    item: str
    title: str
    rules: list[str]
    machine: str
    human: str
    final: str
    published_at: datetime


def _recent(session: Session, only: Only) -> list[_Row]:
    """The lines of the last RECENT published cards, the newest first. Rules are read as text and parsed once each."""
    newest = (select(Card.call_id, Card.published_at).where(only, Card.state.in_(PUBLISHED))
              .order_by(Card.published_at.desc()).limit(RECENT))
    published = dict(session.execute(newest).tuples().all())
    calls = newest.with_only_columns(Card.call_id).subquery()
    rows = session.execute(
        select(Item.call_id, Item.item, Item.title, cast(Item.rules, String), Item.machine_verdict, Item.human_verdict, Item.final_verdict)
        .join(calls, calls.c.call_id == Item.call_id).where(Item.bonus.is_(None)))
    parsed: dict[str, list[str]] = {}
    told = [_Row(item, title, parsed.get(rules) or parsed.setdefault(rules, json.loads(rules)), machine, human or "", final or "", when)
            for call_id, item, title, rules, machine, human, final in rows if (when := published.get(call_id))]
    return sorted(told, key=lambda row: row.published_at, reverse=True)


def _judged(rows: list[_Row], last: int, by: str, since: Mapping[str, datetime]) -> list[Judged]:
    found: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        for name in [row.item] if by == "item" else row.rules:
            if len(found[name]) < last and (name not in since or row.published_at > since[name]):
                found[name].append(row)
    told = [Judged(name, of[0].title if by == "item" else name, [(row.machine, row.human) for row in of if row.machine != "needs_review"],
                   sum(row.final == "fail" for row in of), len(of), of[-1].published_at) for name, of in found.items() if of]
    return sorted(told, key=lambda one: (-one.failed / one.reviews, one.item))


def load(session: Session, only: Only) -> list[Load]:
    """Everybody who has reviewed or holds a call."""
    published = dict(session.execute(select(Card.reviewer_id, func.count()).where(only, Card.state.in_(PUBLISHED))
                                     .group_by(Card.reviewer_id)).tuples().all())
    held = dict(session.execute(select(Card.holder_id, func.count()).where(only, Card.state == "claimed")
                                .group_by(Card.holder_id)).tuples().all())
    verdicts: dict[int, list[bool]] = defaultdict(list)
    rows = session.execute(
        select(Card.reviewer_id, Item.machine_verdict, Item.human_verdict).join(Item, Item.call_id == Card.call_id)
        .where(only, Card.state.in_(PUBLISHED), Item.machine_verdict != "needs_review", Item.bonus.is_(None)))
    for reviewer, machine, human in rows.tuples():
        if reviewer is not None:
            verdicts[reviewer].append(machine != human)
    people = session.execute(select(Person.id, Person.name).where(Person.id.in_({*published, *held} - {None}))).tuples()
    return sorted((Load(number, name, published.get(number, 0), held.get(number, 0),
                        sum(verdicts[number]) / len(verdicts[number]) if verdicts[number] else None)
                   for number, name in people), key=lambda one: -one.published)


def coverage(session: Session, only: Only, since: str) -> list[tuple[str, str, int, int]]:
    """Per agent with calls on or after the day `since`: id, name, calls, of them reviewed; those reviewed least first."""
    rows = session.execute(
        select(Card.agent_id, func.max(Card.agent_name), func.count(), func.count(Card.published_at))
        .where(only, Card.agent_id.is_not(None), Card.day >= since, Card.day != UNKNOWN_DAY).group_by(Card.agent_id)).tuples()
    return sorted(((agent or "", name or "", calls, reviewed) for agent, name, calls, reviewed in rows),
                  key=lambda one: (one[3], one[0]))


def _group(team: str, agent_id: str, rows: list[Any]) -> Group:
    """One group out of its rows (name, band, cards, sum of the random scores, how many)."""
    bands: dict[str, int] = defaultdict(int)
    for _, band, cards, _, _ in rows:
        if band:
            bands[band] += cards
    random = sum(row[4] for row in rows)
    return Group(team, agent_id, max(row[0] for row in rows), sum(row[2] for row in rows),
                 round(sum(row[3] for row in rows) / random, 1) if random else None, dict(bands))


def _worst(found: list[Group]) -> list[Group]:
    return sorted(found, key=lambda one: (-one.bands.get("below_standard", 0) / one.cards, one.team, one.agent_id))


def _week(monday: str, rows: list[tuple[str, float | None, str | None]]) -> Week:
    bands: dict[str, int] = defaultdict(int)
    for _, _, band in rows:
        if band:
            bands[band] += 1
    random = [score for picked, score, _ in rows if picked == "random" and score is not None]
    return Week(monday, len(rows), round(sum(random) / len(random), 1) if random else None, dict(bands))
