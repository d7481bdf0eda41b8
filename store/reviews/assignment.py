"""Handing out calls: each reviewer's share of the day, risk-picked and random ones mixed, agents shared out fairly.

A call given to somebody waits for them alone until their day is over; then, or when they give it back, it is anybody's again. A
call is given once. Who is given what follows from the calls, the people and what was reviewed lately, not from chance.
"""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.orm import Session

from settings import Quotas
from store.reviews import audit
from store.reviews.cards import Conflict
from store.reviews.schema import PUBLISHED, WAITS, Card, Person
from store.reviews.standing import halted, halted_people

LATELY = timedelta(days=28)         # reviews that count when agents are shared out
POOL = 10                           # calls looked at for one that is given
KINDS = ("recording", "live", "side_by_side")


class Progress(NamedTuple):
    """A reviewer's day: published cards by kind, calls given to them that wait, why they get none (None: they do)."""

    person_id: int
    name: str
    team: str | None
    done: dict[str, int]
    waiting: int
    halted: bool


class Choice(NamedTuple):
    """A call as dealing sees it."""

    call_id: str
    agent: str
    team: str | None


def midnight(now: datetime | None = None) -> datetime:
    """When the reviewers' day began, on this machine's clock."""
    return (now or datetime.now()).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)


def today() -> str:
    return midnight().date().isoformat()


def progress(session: Session, people: Collection[int] | None = None, only: ColumnElement[bool] | None = None) -> list[Progress]:
    """Every active reviewer's day, or that of the `people` named; with `only`, of those calls alone."""
    narrow = true() if only is None else only
    asked = select(Person).where(Person.active, Person.role == "reviewer") if people is None else select(Person).where(Person.id.in_(people))
    rows = session.scalars(asked.order_by(Person.name, Person.id)).all()
    ids = [row.id for row in rows]
    done: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(KINDS, 0))
    counted = select(Card.reviewer_id, Card.kind, func.count()).where(
        Card.reviewer_id.in_(ids), Card.published_at >= midnight(), Card.state.in_(PUBLISHED), narrow).group_by(Card.reviewer_id, Card.kind)
    for reviewer, kind, number in session.execute(counted).tuples():
        done[reviewer or 0][kind] = number
    waiting = dict(session.execute(select(Card.assigned_to, func.count()).where(Card.assigned_to.in_(ids), WAITS, narrow)
                                   .group_by(Card.assigned_to)).tuples().all())
    halted = halted_people(session)
    return [Progress(row.id, row.name, row.team, done[row.id], waiting.get(row.id, 0), row.id in halted) for row in rows]


def hand_out(session: Session, by: str, quotas: Quotas, only: ColumnElement[bool] | None = None,
             people: Collection[int] | None = None) -> dict[int, list[str]]:
    """Gives reviewers what their day still lacks; by person the calls, riskiest first. `only` narrows the calls, `people` the
    reviewers. Who is paused or shadows gets none. Safe to do again: nobody gets more than the quota."""
    take_back(session, by)
    lacking = {one.person_id: quotas.recording - one.done["recording"] - one.waiting
               for one in progress(session, people) if not one.halted}
    lacking = {person: number for person, number in lacking.items() if number > 0}
    if not lacking:
        return {}
    total = sum(lacking.values())
    teams = dict(session.execute(select(Person.id, Person.team).where(Person.id.in_(lacking))).tuples().all())
    met, heard = _met_lately(session, lacking), _heard_lately(session)
    given: dict[int, list[str]] = defaultdict(list)
    random = {person: round(number * quotas.random_share) for person, number in lacking.items()}
    for picked, wanted in (("random", random), ("risk", None), ("random", None)):
        left = {person: (wanted[person] if wanted else number) - (0 if wanted else len(given[person]))
                for person, number in lacking.items()}
        number = sum(left.values())
        if number <= 0:
            continue
        pool = _pool(session, picked, number * POOL + 50, only, {one for calls in given.values() for one in calls})
        if picked == "random":          # who was heard least comes first; the risky ones keep their order
            pool.sort(key=lambda one: heard[one.agent])
        for call in choose(pool, number):
            person = _for(call, left, teams, met, given, quotas.own_team)
            if person is not None:
                given[person].append(call.call_id)
                left[person] -= 1
                met[person, call.agent] += 1
    for person, calls in given.items():
        give(session, by, person, calls)
    assert sum(map(len, given.values())) <= total
    return dict(given)


def choose(pool: Sequence[Choice], number: int) -> list[Choice]:
    """The first `number` calls of the pool in its order, so that no agent has more than their part while others have calls."""
    if not pool:
        return []
    cap = -(-number // len({one.agent for one in pool}))
    taken, rest, of = [], [], Counter[str]()
    for one in pool:
        (taken if of[one.agent] < cap else rest).append(one)
        of[one.agent] += 1
    first = taken[:number]
    return first + rest[:number - len(first)]


def give(session: Session, by: str, person_id: int, calls: Iterable[str]) -> None:
    """Makes the calls wait for one person."""
    calls = list(calls)
    session.execute(update(Card).where(Card.call_id.in_(calls), WAITS).values(
        assigned_to=person_id, assigned_on=today(), version=Card.version + 1))
    audit.note(session, by, "calls.given", session.get_one(Person, person_id).login, calls=calls)


def take_back(session: Session, by: str) -> int:
    """Frees calls that were given on an earlier day and are not in anybody's hands now."""
    over = sorted(session.scalars(select(Card.call_id).where(
        Card.assigned_to.is_not(None), WAITS, Card.assigned_on < today(),
        Card.holder_id.is_(None) | (Card.held_until < datetime.now(UTC)))))
    if over:
        _free(session, over)
        audit.note(session, by, "calls.taken_back", calls=over)
    return len(over)


def reassign(session: Session, by: Person, call_id: str, person: Person | None) -> Card:
    """Gives a waiting call to another reviewer, or with None to nobody. What was judged so far stays. Raises Conflict for a call that
    is over, or that somebody has open right now, and for who may get none."""
    card = session.get(Card, call_id)
    if card is None or card.state not in ("open", "claimed"):
        raise Conflict("这通录音已经评完，不能再分配。")
    if card.holder_id and card.held_until and card.held_until > datetime.now(UTC) and (person is None or card.holder_id != person.id):
        raise Conflict(f"{session.get_one(Person, card.holder_id).name} 正在评这通录音，放回后才能改派。")
    if person is None:
        _free(session, [call_id])
        audit.note(session, by.login, "calls.taken_back", calls=[call_id])
    else:
        if not person.active or person.role not in ("reviewer", "team_leader", "supervisor") or halted(session, person.id):
            raise Conflict(f"{person.name} 现在不能接新的录音。")
        give(session, by.login, person.id, [call_id])
    session.expire(card)
    return card


def _free(session: Session, calls: Sequence[str]) -> None:
    session.execute(update(Card).where(Card.call_id.in_(calls)).values(
        assigned_to=None, assigned_on=None, version=Card.version + 1))


def _met_lately(session: Session, people: Collection[int]) -> Counter[tuple[int, str]]:
    """How many calls of an agent each of these reviewers has published lately."""
    rows = session.execute(select(Card.reviewer_id, Card.agent_id, func.count()).where(
        Card.reviewer_id.in_(people), Card.published_at >= datetime.now(UTC) - LATELY).group_by(Card.reviewer_id, Card.agent_id))
    return Counter({(reviewer or 0, agent or ""): number for reviewer, agent, number in rows.tuples()})


def _heard_lately(session: Session) -> Counter[str]:
    """How many calls of an agent anybody has published lately."""
    agent = func.coalesce(Card.agent_id, "")        # not the column: SQLite would read the whole table in the order of its index
    rows = session.execute(select(agent, func.count()).where(Card.published_at >= datetime.now(UTC) - LATELY).group_by(agent))
    return Counter(dict(rows.tuples().all()))


def _pool(session: Session, picked: str, number: int, only: ColumnElement[bool] | None, given: Collection[str]) -> list[Choice]:
    """Calls that nobody has: the riskiest first, of the random sample the oldest."""
    free = select(Card.call_id, Card.agent_id, Card.team).where(
        WAITS, Card.picked == picked, Card.kind == "recording", Card.assigned_to.is_(None),
        Card.holder_id.is_(None) | (Card.held_until < datetime.now(UTC)), true() if only is None else only)
    order = [Card.triage.desc()] if picked == "risk" else [Card.day]
    rows = session.execute(free.order_by(*order, Card.call_id).limit(number + len(given))).tuples()
    return [Choice(call_id, agent or "", team) for call_id, agent, team in rows if call_id not in given]


def _for(call: Choice, left: dict[int, int], teams: dict[int, str | None], met: Counter[tuple[int, str]],
         given: dict[int, list[str]], own_team: bool) -> int | None:
    """Who has heard this agent least lately, of those who still lack calls; then who has been given fewest."""
    able = [person for person, number in left.items() if number > 0 and (own_team or not call.team or teams[person] != call.team)]
    return min(able, key=lambda person: (met[person, call.agent], len(given[person]), person), default=None)
