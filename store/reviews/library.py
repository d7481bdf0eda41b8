"""The case library: calls or clips kept as good and bad examples, found again by rule and tag; and what goes wrong most."""
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from store.reviews import audit, blind
from store.reviews.calibration_tables import Case, CaseTag
from store.reviews.cards import Conflict
from store.reviews.schema import PUBLISHED, Card, Item, Person

MOST_TAGS, LONGEST_TAG = 8, 40
PAGE = 100


class Kept(NamedTuple):
    """A case with its tags, its call's card, and who keeps it."""

    case: Case
    tags: list[str]
    card: Card
    by: Person


class Failed(NamedTuple):
    """An item on the cards published in a while: on how many it was judged (N/A left out), on how many of them it failed."""

    item: str
    title: str
    rules: list[str]
    judged: int
    failed: int


def keep(session: Session, person: Person, card: Card, kind: str, title: str, why: str, rule: str | None, tags: str,
         starts: float | None, ends: float | None, shared: bool) -> Case:
    """Keeps a call as a case, or the seconds from `starts` to `ends`. `tags` are parted by blanks or commas."""
    if kind not in ("good", "bad") or not title.strip() or not why.strip():
        raise Conflict("案例要有标题、好或坏、以及一句为什么。")
    if (starts is None) != (ends is None) or (starts is not None and ends is not None and not 0 <= starts < ends):
        raise Conflict("片段的开始要早于结束。")
    if ends is not None and card.duration is not None and starts is not None and starts >= card.duration:
        raise Conflict("片段在录音结束之后。")
    words = list(dict.fromkeys(tag[:LONGEST_TAG] for tag in re.split(r"[\s,，、;；]+", tags) if tag))[:MOST_TAGS]
    made = Case(call_id=card.call_id, starts=starts, ends=ends, kind=kind, title=title.strip()[:120], why=why.strip(), rule=rule or None,
                shared=shared, made_by=person.id, made_at=datetime.now(UTC))
    session.add(made)
    session.flush()
    session.add_all(CaseTag(case_id=made.id, tag=tag) for tag in words)
    audit.note(session, person.login, "case.kept", card.call_id, case=made.id, kind=kind, rule=rule or "", tags=words, shared=shared,
               starts=starts, ends=ends)
    return made


def share(session: Session, person: Person, case: Case, shared: bool) -> None:
    case.shared = shared
    audit.note(session, person.login, "case.shared" if shared else "case.unshared", case.call_id, case=case.id)


def withdraw(session: Session, person: Person, case: Case) -> None:
    """Takes the case out of the library; the log keeps that it was there."""
    case.withdrawn_at = datetime.now(UTC)
    audit.note(session, person.login, "case.withdrawn", case.call_id, case=case.id)


def visible(person: Person) -> ColumnElement[bool]:
    """Which cases `person` sees: agents and analysts what is shared, a leader also the team's, others all; nobody one of a call
    that they still score blind."""
    if person.role in ("agent", "analyst"):
        seen = Case.shared
    elif person.role == "team_leader":
        seen = Case.shared | (Card.team == person.team)
    else:
        seen = true()
    return seen & Case.withdrawn_at.is_(None) & Case.call_id.not_in(blind.hidden_calls(person.id))


def find(session: Session, person: Person, rule: str = "", tag: str = "", kind: str = "", case_id: int | None = None,
         rules: Sequence[str] = ()) -> list[Kept]:
    """The cases that `person` sees, the newest first; of one rule, or of any of `rules`; with a tag; good or bad."""
    query = (select(Case, Card, Person).join(Card, Card.call_id == Case.call_id).join(Person, Person.id == Case.made_by)
             .where(visible(person)).order_by(Case.id.desc()).limit(PAGE))
    if rule or rules:
        query = query.where(Case.rule.in_([rule] if rule else rules))
    if kind:
        query = query.where(Case.kind == kind)
    if tag:
        query = query.where(Case.id.in_(select(CaseTag.case_id).where(CaseTag.tag == tag)))
    if case_id is not None:
        query = query.where(Case.id == case_id)
    rows = session.execute(query).tuples().all()
    tags: dict[int, list[str]] = defaultdict(list)
    for one in session.scalars(select(CaseTag).where(CaseTag.case_id.in_([case.id for case, _, _ in rows])).order_by(CaseTag.tag)):
        tags[one.case_id].append(one.tag)
    return [Kept(case, tags[case.id], card, by) for case, card, by in rows]


def choices(session: Session, person: Person) -> tuple[list[str], list[tuple[str, int]]]:
    """Rules and tags of the cases that `person` sees; tags with how many carry them, the most used first."""
    seen = select(Case.id).join(Card, Card.call_id == Case.call_id).where(visible(person))
    rules = session.scalars(select(Case.rule).distinct().where(Case.id.in_(seen), Case.rule.is_not(None)).order_by(Case.rule))
    tags = session.execute(select(CaseTag.tag, func.count()).where(CaseTag.case_id.in_(seen)).group_by(CaseTag.tag)
                           .order_by(func.count().desc(), CaseTag.tag)).tuples()
    return [rule for rule in rules if rule], list(tags)


def failures(session: Session, since: datetime, until: datetime, only: ColumnElement[bool] | None = None) -> dict[str, Failed]:
    """By item how the cards published from `since` until before `until` came out, without anybody's name; those that `only` lets in."""
    said = select(Item.item, func.max(Item.title), Item.final_verdict, func.count(), func.max(Item.call_id)).join(Card, Card.call_id == Item.call_id)
    rows = session.execute(said.where(
        Card.state.in_(PUBLISHED), Card.published_at >= since, Card.published_at < until, Item.bonus.is_(None), true() if only is None else only,
        Item.final_verdict.in_(("pass", "fail"))).group_by(Item.item, Item.final_verdict)).tuples().all()
    found: dict[str, Failed] = {}
    for item, title, verdict, number, call_id in rows:
        known = found.get(item) or Failed(item, title, session.get_one(Item, (call_id, item)).rules, 0, 0)
        found[item] = known._replace(judged=known.judged + number, failed=known.failed + (number if verdict == "fail" else 0))
    return found
