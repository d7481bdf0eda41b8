"""Blind scoring, in a calibration session or while shadowing: cards that nobody else sees before it is over.

While somebody still has to score a call blind, the call's ordinary page, its queue row and every figure on it are closed to
them (`hidden`): the machine's draft is hidden too, since else agreement with the machine would be measured. Points are all or
nothing here, so that two people with the same verdicts have the same score.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select, true, union
from sqlalchemy.orm import Session

from store.reviews import audit
from store.reviews.calibration_tables import BlindCall, BlindCard, BlindVerdict, Calibration, Shadowing
from store.reviews.cards import Conflict
from store.reviews.schema import PUBLISHED, Card, Item, Moment, Person

VERDICTS = ("pass", "fail", "not_applicable")
LISTED = 500            # hidden calls that a query names one by one


class Line(NamedTuple):
    """One item as it stood when the call was taken for blind scoring; `machine` is shown when all is over."""

    item: str
    title: str
    section: str
    mode: str
    max_points: float
    rules: list[str]
    machine: str
    fatal: bool
    bonus: float | None


def lines_of(call: BlindCall) -> list[Line]:
    return [Line(**line) for line in call.lines]


def is_open(now: Any) -> ColumnElement[bool]:
    """The calibration sessions that are not over at `now`."""
    return Calibration.closed_at.is_(None) & or_(Calibration.closes_at.is_(None), Calibration.closes_at > now)


def hidden_calls(person_id: int) -> Select[tuple[str]]:
    """The calls whose cards `person_id` must not see yet: see `not_hidden`."""
    return _hidden(person_id, datetime.now(UTC))


def not_hidden(person_id: int) -> ColumnElement[bool]:
    """The condition that leaves those calls out. Most people have none at a time: then no call's id is compared at all, and a
    count needs no more than its index."""
    return ~select(hidden_calls(person_id).subquery().c.call_id).exists() | Card.call_id.not_in(hidden_calls(person_id))


def not_hidden_now(session: Session, person_id: int) -> ColumnElement[bool]:
    """The same as a list of calls asked for once, for a page with several queries: most often no condition at all."""
    calls = session.scalars(_HIDDEN.limit(LISTED + 1), _asked(person_id)).all()
    if not calls:
        return true()
    return not_hidden(person_id) if len(calls) > LISTED else Card.call_id.not_in(calls)


def hidden(session: Session, person_id: int, call_id: str) -> bool:
    """Whether `person_id` must not see this call's card yet."""
    return session.scalar(_IS_HIDDEN, _asked(person_id) | {"call_id": call_id}) is not None


def snapshot(session: Session, call_id: str, lines: Sequence[Line], position: int = 0, calibration_id: int | None = None,
             shadowing_id: int | None = None) -> BlindCall:
    made = BlindCall(call_id=call_id, position=position, calibration_id=calibration_id, shadowing_id=shadowing_id,
                     lines=[line._asdict() for line in lines])
    session.add(made)
    session.flush()
    return made


def to_score(session: Session, person_id: int) -> list[tuple[BlindCard, BlindCall, Calibration | None]]:
    """What lies open before `person_id`: cards not submitted, of sessions that are not over."""
    rows = session.execute(
        select(BlindCard, BlindCall, Calibration).join(BlindCall, BlindCall.id == BlindCard.blind_call_id)
        .outerjoin(Calibration, Calibration.id == BlindCall.calibration_id)
        .outerjoin(Shadowing, Shadowing.id == BlindCall.shadowing_id)
        .where(BlindCard.person_id == person_id, BlindCard.submitted_at.is_(None),
               or_(Calibration.id.is_not(None) & is_open(datetime.now(UTC)), Shadowing.id.is_not(None) & Shadowing.ended_at.is_(None)))
        .order_by(BlindCall.calibration_id, BlindCall.position, BlindCard.id))
    return [(card, call, calibration) for card, call, calibration in rows.tuples()]


def to_shadow(session: Session, newcomer_id: int) -> list[Card]:
    """Cards that the experienced one has published and `newcomer_id` has not begun to score, the oldest first."""
    begun = select(BlindCall.call_id).join(BlindCard).where(BlindCard.person_id == newcomer_id, BlindCall.shadowing_id.is_not(None))
    return list(session.scalars(
        select(Card).join(Shadowing, _published()).where(
            Shadowing.newcomer_id == newcomer_id, Shadowing.ended_at.is_(None), Card.state.in_(PUBLISHED), Card.kind == "recording", Card.call_id.not_in(begun))
        .order_by(Card.published_at).limit(50)))


def begin_shadowed(session: Session, person: Person, card: Card, lines: Sequence[Line]) -> BlindCard:
    """A blind card of `person` for a call that the one they shadow has published."""
    if card.call_id not in {one.call_id for one in to_shadow(session, person.id)}:
        raise Conflict("这通录音不在您的跟评里。")
    there = session.scalar(select(Shadowing).where(Shadowing.newcomer_id == person.id, Shadowing.ended_at.is_(None)).limit(1))
    assert there
    call = snapshot(session, card.call_id, lines, shadowing_id=there.id)
    made = BlindCard(blind_call_id=call.id, person_id=person.id)
    session.add(made)
    session.flush()
    audit.note(session, person.login, "blind.begun", card.call_id)
    return made


def mine(session: Session, person: Person, card_id: int) -> tuple[BlindCard, BlindCall] | None:
    """One's own blind card, while it may still be worked on or after it was submitted; nobody else's."""
    card = session.get(BlindCard, card_id)
    return (card, session.get_one(BlindCall, card.blind_call_id)) if card and card.person_id == person.id else None


def verdicts(session: Session, card_id: int) -> dict[str, str]:
    rows = session.execute(select(BlindVerdict.item, BlindVerdict.verdict).where(BlindVerdict.blind_card_id == card_id))
    return dict(rows.tuples().all())


def judge(session: Session, person: Person, card_id: int, version: int, judged: Mapping[str, str], comment: str | None) -> BlindCard:
    """Keeps verdicts by item. Raises Conflict for an older version, a submitted card, a session that is over."""
    card, call = _open(session, person, card_id, version)
    known = {line.item for line in lines_of(call)}
    for item, verdict in judged.items():
        if item not in known or verdict not in VERDICTS:
            raise Conflict(f"没有这个评分项：{item}（{verdict}）。")
        session.merge(BlindVerdict(blind_card_id=card.id, item=item, verdict=verdict))
    if comment is not None:
        card.comment = comment.strip()
    card.version += 1
    # Which items, not how: a supervisor who takes part may read the log.
    audit.note(session, person.login, "blind.judged", call.call_id, card=card.id, items=sorted(judged))
    session.flush()
    return card


def submit(session: Session, person: Person, card_id: int, version: int, score: float | None) -> BlindCard:
    """Hands the card in; it cannot be changed afterwards. The log keeps the verdicts' hash until they may be seen."""
    card, call = _open(session, person, card_id, version)
    if waiting := undecided(lines_of(call), verdicts(session, card.id)):
        raise Conflict(f"还有 {len(waiting)} 项没有判定：{'、'.join(waiting[:3])}{'…' if len(waiting) > 3 else ''}。")
    card.submitted_at, card.score = datetime.now(UTC), score
    card.version += 1
    said = json.dumps([verdicts(session, card.id), score], sort_keys=True)
    audit.note(session, person.login, "blind.submitted", call.call_id, card=card.id, sha256=hashlib.sha256(said.encode()).hexdigest())
    return card


def undecided(lines: Sequence[Line], judged: Mapping[str, str]) -> list[str]:
    """Titles of the lines without a verdict; what is only given beside the 100 points may stay without one."""
    return [line.title for line in lines if line.item not in judged and line.bonus is None]


def rows_of(lines: Sequence[Line], judged: Mapping[str, str]) -> list[Item]:
    """The lines with their verdicts as items (never stored), for what reckons scores."""
    return [Item(call_id="", item=line.item, position=number, title=line.title, max_points=line.max_points, rules=line.rules,
                 machine_verdict="needs_review", machine_points=None, machine_confidence=0.0, fatal=line.fatal, bonus=line.bonus,
                 human_verdict=judged.get(line.item), human_points=points(line, judged.get(line.item)), reason="")
            for number, line in enumerate(lines)]


def points(line: Line, verdict: str | None) -> float | None:
    """All or nothing; a bonus what it is worth; None for what does not apply or has no verdict."""
    if verdict in (None, "not_applicable"):
        return None
    if line.bonus is not None:
        return line.bonus
    return line.max_points if verdict == "pass" else 0.0


def shadowed_pairs(session: Session, shadowing_id: int) -> list[tuple[BlindCall, dict[str, str], dict[str, str]]]:
    """The submitted cards of a shadowing: call, the newcomer's verdicts, the experienced one's."""
    rows = session.execute(select(BlindCall, BlindCard.id).join(BlindCard, BlindCard.blind_call_id == BlindCall.id)
                           .where(BlindCall.shadowing_id == shadowing_id, BlindCard.submitted_at.is_not(None)).order_by(BlindCard.submitted_at))
    return [(call, verdicts(session, card_id), {item: said for item, said in session.execute(
        select(Item.item, Item.human_verdict).where(Item.call_id == call.call_id)).tuples() if said}) for call, card_id in rows.tuples()]


def progress(session: Session, calibration_id: int) -> dict[int, tuple[int, int]]:
    """By person: cards handed in, cards in all."""
    rows = session.execute(select(BlindCard.person_id, func.count(BlindCard.submitted_at), func.count())
                           .join(BlindCall, BlindCall.id == BlindCard.blind_call_id).where(BlindCall.calibration_id == calibration_id)
                           .group_by(BlindCard.person_id))
    return {person: (done, of) for person, done, of in rows.tuples()}


def _published() -> ColumnElement[bool]:
    """Cards that the experienced one has published since the shadowing began."""
    return (Card.reviewer_id == Shadowing.experienced_id) & (Card.published_at >= Shadowing.began_at)


def _in_hand() -> ColumnElement[bool]:
    """Cards that the experienced one holds: their verdicts stand on the page already."""
    return (Card.holder_id == Shadowing.experienced_id) & (Card.state == "claimed")


def _scored(person_id: Any) -> Select[tuple[str]]:
    return (select(BlindCall.call_id).join(BlindCard, BlindCard.blind_call_id == BlindCall.id)
            .where(BlindCard.person_id == person_id, BlindCard.submitted_at.is_not(None)))


def _hidden(person_id: Any, now: Any) -> Select[tuple[str]]:
    """`hidden_calls` of a person at a time, both values or parameters."""
    calibrated = (select(BlindCall.call_id).join(BlindCard, BlindCard.blind_call_id == BlindCall.id)
                  .join(Calibration, Calibration.id == BlindCall.calibration_id).where(BlindCard.person_id == person_id, is_open(now)))
    # Each condition of its own, so that each is found by its index.
    shadowed = [select(Card.call_id).join(Shadowing, shown)
                .where(Shadowing.newcomer_id == person_id, Shadowing.ended_at.is_(None), Card.call_id.not_in(_scored(person_id)))
                for shown in (_published(), _in_hand())]
    return select(union(calibrated, *shadowed).subquery().c.call_id)


def _asked(person_id: int) -> dict[str, Any]:
    return {"person": person_id, "now": datetime.now(UTC)}


def _open(session: Session, person: Person, card_id: int, version: int) -> tuple[BlindCard, BlindCall]:
    found = mine(session, person, card_id)
    if found is None:
        raise Conflict("这张盲评表不是您的。")
    card, call = found
    if card.submitted_at:
        raise Conflict("这张盲评表已经提交，不能再改。")
    if call.calibration_id and not session.scalar(select(Calibration.id).where(Calibration.id == call.calibration_id,
                                                                              is_open(datetime.now(UTC)))):
        raise Conflict("这次校准已经结束，您的修改没有保存。")
    if call.shadowing_id and session.get_one(Shadowing, call.shadowing_id).ended_at:
        raise Conflict("跟评已经结束，您的修改没有保存。")
    if card.version != version:
        raise Conflict("这张评分表在别的窗口里改过了，请刷新后再改。")
    return card, call


# Asked with every request, so made once: to build the statement takes longer than to run it.
_HIDDEN = _hidden(bindparam("person"), bindparam("now", type_=Moment))
_CALLS = _HIDDEN.subquery()
_IS_HIDDEN = select(_CALLS.c.call_id).where(_CALLS.c.call_id == bindparam("call_id")).limit(1)
