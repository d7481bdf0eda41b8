"""Calibration sessions: who scores which calls blind until when; and what came out once a session is over."""
from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from store.reviews import audit, blind
from store.reviews.calibration_tables import BlindCall, BlindCard, BlindVerdict, Calibration
from store.reviews.cards import Conflict
from store.reviews.schema import PUBLISHED, Card, Person
from store.reviews.standing import REVIEWING

MOST_CALLS = 50


class Scored(NamedTuple):
    """A call of a session that is over: its lines, and by person what they handed in (verdicts by item, and the score)."""

    call_id: str
    lines: list[blind.Line]
    verdicts: dict[int, dict[str, str]]
    scores: dict[int, float | None]
    comments: dict[int, str]


def draw(session: Session, number: int, seed: str, people: Collection[int]) -> list[str]:
    """`number` calls of the random sample that none of `people` has reviewed or holds and no session has had. In the order
    of a hash of seed and id: the same seed draws the same calls, and nobody can steer it."""
    had = select(BlindCall.call_id).where(BlindCall.calibration_id.is_not(None))
    calls = session.scalars(select(Card.call_id).where(Card.picked == "random", Card.kind == "recording", Card.call_id.not_in(had),
                                                       Card.call_id.not_in(_known(people))))
    return sorted(calls, key=lambda call_id: hashlib.sha256(f"{seed}\0{call_id}".encode()).digest())[:number]


def open_session(session: Session, by: Person, name: str, calls: Mapping[str, Sequence[blind.Line]], people: Sequence[Person],
                 gold: Person | None, closes_at: datetime | None, seed: str = "") -> Calibration:
    """Opens a session: a blind card for everybody and every call. Raises Conflict for what cannot be compared."""
    scorers = {person.id: person for person in [*people, *([gold] if gold else [])]}
    everyone = list(scorers.values())
    if not name.strip() or not 1 <= len(calls) <= MOST_CALLS:
        raise Conflict(f"校准要有名称和 1 到 {MOST_CALLS} 通录音。")
    if len({person.id for person in people} - {gold.id if gold else 0}) < (1 if gold else 2):
        raise Conflict("校准至少要两位参加者，或者一位参加者加标准答案。")
    if strange := [person.name for person in everyone if person.role not in REVIEWING or not person.active]:
        raise Conflict(f"{'、'.join(strange)} 不能评分。")
    if closes_at and closes_at <= datetime.now(UTC):
        raise Conflict("结束时间已经过去。")
    if known := sorted(session.scalars(_known(scorers).where(Card.call_id.in_(list(calls))))):
        raise Conflict(f"参加者中有人评过或正在评这些通话，不能盲评：{'、'.join(known)}。")
    made = Calibration(name=name.strip(), opened_by=by.id, opened_at=datetime.now(UTC), closes_at=closes_at,
                       gold_id=gold.id if gold else None, seed=seed)
    session.add(made)
    session.flush()
    for position, (call_id, lines) in enumerate(calls.items()):
        call = blind.snapshot(session, call_id, lines, position, made.id)
        session.add_all(BlindCard(blind_call_id=call.id, person_id=person.id) for person in everyone)
    audit.note(session, by.login, "calibration.opened", str(made.id), name=made.name, calls=list(calls), seed=seed,
               people=[person.login for person in people], gold=gold.login if gold else None,
               closes_at=closes_at.isoformat() if closes_at else None)
    return made


def close(session: Session, by: str, calibration: Calibration) -> None:
    """Ends the session; what was not handed in stays out of its figures."""
    if calibration.closed_at:
        raise Conflict("这次校准已经结束。")
    now = datetime.now(UTC)
    calibration.closed_at = min(now, calibration.closes_at) if calibration.closes_at else now
    audit.note(session, by, "calibration.closed", str(calibration.id))


def due(session: Session) -> list[Calibration]:
    """Sessions whose time is up and that nobody has closed yet."""
    return list(session.scalars(select(Calibration).where(Calibration.closed_at.is_(None), Calibration.closes_at <= datetime.now(UTC))))


def is_over(calibration: Calibration) -> bool:
    return bool(calibration.closed_at or (calibration.closes_at and calibration.closes_at <= datetime.now(UTC)))


def everyone_done(session: Session, calibration: Calibration) -> bool:
    return all(done == of for done, of in blind.progress(session, calibration.id).values())


def calls(session: Session, number: int) -> list[str]:
    """The ids of a session's calls, in their order."""
    return list(session.scalars(select(BlindCall.call_id).where(BlindCall.calibration_id == number).order_by(BlindCall.position)))


def scored(session: Session, calibration: Calibration) -> list[Scored]:
    """The session's calls with what was handed in. Raises Conflict while it is open: nobody sees it before."""
    if not is_over(calibration):
        raise Conflict("校准结束以后才能看大家的评分。")
    calls = session.scalars(select(BlindCall).where(BlindCall.calibration_id == calibration.id).order_by(BlindCall.position)).all()
    cards = session.scalars(select(BlindCard).where(BlindCard.blind_call_id.in_([call.id for call in calls]),
                                                    BlindCard.submitted_at.is_not(None))).all()
    said: dict[int, dict[str, str]] = defaultdict(dict)
    for row in session.scalars(select(BlindVerdict).where(BlindVerdict.blind_card_id.in_([card.id for card in cards]))):
        said[row.blind_card_id][row.item] = row.verdict
    return [Scored(call.call_id, blind.lines_of(call), {card.person_id: said[card.id] for card in of},
                   {card.person_id: card.score for card in of}, {card.person_id: card.comment for card in of if card.comment})
            for call in calls for of in [[card for card in cards if card.blind_call_id == call.id]]]


def over(session: Session, last: int = 12) -> list[Calibration]:
    """The last sessions that are over, the newest last."""
    rows = session.scalars(select(Calibration).where(or_(Calibration.closed_at.is_not(None), Calibration.closes_at <= datetime.now(UTC)))
                           .order_by(Calibration.id.desc()).limit(last))
    return sorted(rows, key=lambda one: one.id)


def _known(people: Collection[int]) -> Select[tuple[str]]:
    """Calls on which one of `people` has already decided something."""
    return select(Card.call_id).where(or_(Card.reviewer_id.in_(people) & Card.state.in_(PUBLISHED),
                                          Card.holder_id.in_(people) & (Card.state == "claimed")))
