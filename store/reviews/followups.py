"""Follow-ups: a problem of an agent is coached and watched over the later calls until it stays away (domain.md section 4).

One follow-up for an agent and an item, for ever: a problem that comes back opens the same one again. What is watched is the item's
line of every later call of the agent: the final verdict where the card is published, else the machine's draft. A call in which the
item does not apply, or is undecided, says nothing.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from settings import Followups
from store.reviews import audit
from store.reviews.cards import Conflict
from store.reviews.schema import PUBLISHED, Card, Item, Person
from store.reviews.work_tables import Followup, Note

LATELY = timedelta(days=30)         # in which published failures are counted towards `opens_after`
AT_MOST = 2000                      # later calls of an agent that are looked at
AT_ONCE = 20                        # agents whose later calls are read together


class Seen(NamedTuple):
    """A later call: when it began, whether the problem was there, and whether a person has said so."""

    call_id: str
    at: datetime
    failed: bool
    by_person: bool


def opened_by(session: Session, person: Person | None, card: Card, item: Item, todo: str, due_on: str) -> Followup | None:
    """Opens a follow-up, or opens the one there is again; None where it is open already. `person` None: by itself, at publication."""
    if not card.agent_id:
        raise Conflict("这通录音没有坐席工号，不能开辅导。")
    now = datetime.now(UTC)
    there = session.scalar(select(Followup).where(Followup.agent_id == card.agent_id, Followup.item == item.item))
    if there is not None and (there.state == "open" or (person is None and _older(there, card))):
        return None
    if there is None:
        there = Followup(agent_id=card.agent_id, agent_name=card.agent_name, team=card.team, item=item.item, title=item.title,
                         opened_at=now, closed_why="", good=0, returns=0, version=0, by_hand=False, todo=todo, owner_id=None)
        session.add(there)
    elif person is None:
        there.returns += 1
    there.state, there.call_id, there.since, there.due_on, there.good = "open", card.call_id, now, due_on, 0
    there.by_hand, there.done_at, there.closed_at, there.closed_why = person is not None, None, None, ""
    there.owner_id = there.owner_id or _leader(session, card.team)
    there.version += 1
    session.flush()
    _say(session, there, person, f"opened {card.call_id}")
    audit.note(session, person.login if person else "tingjian", "followup.opened", card.call_id, followup=there.id, item=item.item)
    return there


def after_publication(session: Session, card: Card, settings: Followups, todo: Callable[[Item], str], due_on: str) -> None:
    """Opens what a published card's failed items ask for, and looks whether others may close."""
    if not card.agent_id:
        return
    session.flush()
    failed = session.scalars(select(Item).where(Item.call_id == card.call_id, Item.final_verdict == "fail", Item.bonus.is_(None))
                             .order_by(Item.position)).all()
    often = _failures(session, card.agent_id, [one.item for one in failed]) if settings.opens_after > 1 else {}
    for one in failed:
        if settings.opens_after == 1 or often.get(one.item, 0) >= settings.opens_after:
            opened_by(session, None, card, one, todo(one), due_on)
    watch(session, [card.agent_id], settings.calls, due_on)


def watch(session: Session, agents: Collection[str], needed: int, due_on: str) -> None:
    """Brings the follow-ups of these agents up to their later calls: closes after `needed` calls in a row without the problem, opens
    again when it is back (due on `due_on`), takes back what rested on a verdict that no longer stands. Safe to do again."""
    agents = sorted(agents)
    for start in range(0, len(agents), AT_ONCE):
        rows = session.scalars(select(Followup).where(Followup.agent_id.in_(agents[start:start + AT_ONCE]))).all()
        later = seen(session, rows)
        for one in rows:
            _settle(session, one, later[one.agent_id, one.item], needed, due_on)


def seen(session: Session, rows: Sequence[Followup], from_opening: bool = False) -> dict[tuple[str, str], list[Seen]]:
    """By agent and item the later calls that say something, the earliest first: those after `since`, or all since the opening."""
    found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    if not rows:
        return found
    start = {(row.agent_id, row.item): row.opened_at if from_opening else row.since for row in rows}
    first = min(start.values()).astimezone() - timedelta(days=1)      # a day's slack: `day` is that of the call's own clock
    query = select(Card.call_id, Card.agent_id, Card.started_at, Card.state, Item.item, Item.machine_verdict, Item.final_verdict).join(
        Item, Item.call_id == Card.call_id).where(
        Card.agent_id.in_({row.agent_id for row in rows}), Card.day >= first.date().isoformat(),
        Item.item.in_({row.item for row in rows})).order_by(Card.day.desc()).limit(AT_MOST * len(rows))
    for call_id, agent, started, state, item, machine, final in session.execute(query).tuples():
        verdict, at = final if state in PUBLISHED else machine, _moment(started)
        since = start.get((agent or "", item))
        if since is not None and at is not None and at > since and verdict in ("pass", "fail"):
            found[agent or "", item].append(Seen(call_id, at, verdict == "fail", state in PUBLISHED))
    for calls in found.values():
        calls.sort(key=lambda one: (one.at, one.call_id))
    return found


def change(session: Session, person: Person, one: Followup, version: int, owner_id: int | None, due_on: str, todo: str) -> None:
    """Who sees to it, till when, what is to be done. Raises Conflict for an older version."""
    _unchanged(one, version)
    if owner_id is not None and session.get(Person, owner_id) is None:
        raise Conflict("没有这个人。")
    one.owner_id, one.due_on, one.todo = owner_id, due_on, todo.strip()
    one.version += 1
    audit.note(session, person.login, "followup.changed", one.call_id or "", followup=one.id, due_on=due_on, owner=owner_id)


def close(session: Session, person: Person, one: Followup, version: int) -> None:
    _unchanged(one, version)
    if one.state == "open":
        _close(session, one, person, "by_hand")


def done(session: Session, person: Person, one: Followup) -> None:
    """The agent has done what was asked; whether it helped, the next calls say."""
    if one.state == "open" and one.done_at is None:
        one.done_at = datetime.now(UTC)
        one.version += 1
        _say(session, one, person, "done")
        audit.note(session, person.login, "followup.done", one.call_id or "", followup=one.id)


def write(session: Session, person: Person, one: Followup, text: str) -> None:
    if not text.strip():
        raise Conflict("写点什么再提交。")
    _say(session, one, person, f"note {text.strip()}")
    audit.note(session, person.login, "followup.note", one.call_id or "", followup=one.id)


def notes(session: Session, one: Followup) -> list[Note]:
    return list(session.scalars(select(Note).where(Note.followup_id == one.id).order_by(Note.id)))


def _settle(session: Session, one: Followup, later: Sequence[Seen], needed: int, due_on: str) -> None:
    failures = [call for call in later if call.failed]
    if one.state == "closed":
        if not failures:
            return
        back = failures[-1]
        one.state, one.call_id, one.since, one.due_on, one.by_hand = "open", back.call_id, back.at, due_on, False
        one.done_at, one.closed_at, one.closed_why = None, None, ""
        one.returns += 1
        one.version += 1
        _say(session, one, None, f"returned {back.call_id}")
        audit.note(session, "tingjian", "followup.returned", back.call_id, followup=one.id)
        later, failures = [call for call in later if call.at > back.at], []
    good = [call for call in later if not failures or call.at > failures[-1].at]
    if not failures and not one.by_hand and _withdrawn(session, one):
        _close(session, one, None, "withdrawn")
        return
    if len(good) != one.good:
        one.good = len(good)
        one.version += 1
    if len(good) >= needed:
        one.since = good[-1].at
        _close(session, one, None, "stayed_away", " ".join(call.call_id for call in good[-needed:]))


def _close(session: Session, one: Followup, person: Person | None, why: str, calls: str = "") -> None:
    now = datetime.now(UTC)
    one.state, one.closed_at, one.closed_why = "closed", now, why
    if why != "stayed_away":        # else it is watched from the last of those calls on
        one.since = now
    one.version += 1
    _say(session, one, person, f"closed_{why} {calls}".strip())
    audit.note(session, person.login if person else "tingjian", "followup.closed", one.call_id or "", followup=one.id, why=why)


def _withdrawn(session: Session, one: Followup) -> bool:
    """Whether the verdict that it rests on is no failure any more: an appeal was granted, a reviewer overruled the machine."""
    row = session.execute(select(Card.state, Item.machine_verdict, Item.final_verdict).join(Item, Item.call_id == Card.call_id).where(
        Card.call_id == one.call_id, Item.item == one.item)).first()
    if row is None:
        return False
    state, machine, final = row
    return (final if state in PUBLISHED else machine) in ("pass", "not_applicable")


def _older(one: Followup, card: Card) -> bool:
    """Whether the call was before the ones that closed the follow-up: reviewed late, it is no return of the problem."""
    at = _moment(card.started_at)
    return one.closed_why != "withdrawn" and at is not None and at <= one.since


def _failures(session: Session, agent: str, items: Collection[str]) -> dict[str, int]:
    rows = session.execute(select(Item.item, func.count()).join(Card, Card.call_id == Item.call_id).where(
        Card.agent_id == agent, Card.published_at >= datetime.now(UTC) - LATELY, Item.item.in_(items),
        Item.final_verdict == "fail").group_by(Item.item))
    return dict(rows.tuples().all())


def _leader(session: Session, team: str | None) -> int | None:
    return session.scalar(select(Person.id).where(Person.role == "team_leader", Person.active, Person.team == team)
                          .order_by(Person.id).limit(1)) if team else None


def _unchanged(one: Followup, version: int) -> None:
    if one.version != version:
        raise Conflict("这条辅导刚刚变过，请刷新后再改。")


def _say(session: Session, one: Followup, person: Person | None, text: str) -> None:
    session.add(Note(followup_id=one.id, person_id=person.id if person else None, at=datetime.now(UTC), text=text))


def _moment(started_at: str | None) -> datetime | None:
    """When a call began, in UTC; None where it is not told or not readable. Without an offset it is this machine's clock."""
    try:
        return datetime.fromisoformat(started_at).astimezone(UTC) if started_at else None
    except ValueError:
        return None
