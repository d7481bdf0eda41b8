"""Who gets new calls: not a reviewer who is paused, nor one who still shadows another. And who shadows whom."""
from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from records import Problem
from store.reviews import audit
from store.reviews.calibration_tables import Pause, Shadowing
from store.reviews.schema import Person

REVIEWING = ("reviewer", "team_leader", "supervisor")


def halted(session: Session, person_id: int) -> str | None:
    """Why `person_id` gets no new calls, as a sentence; None where they do. Asked by claiming and by assignment alike."""
    if paused(session, person_id):
        return "您的评分暂停中：校准里与大家的差距持续偏大。请找主管复盘，由主管恢复。"
    if shadowing(session, person_id):
        return "您在跟评期间：请在“校准”页里盲评带教人评过的通话，跟评结束后再领取新的通话。"
    return None


def halted_people(session: Session) -> set[int]:
    """Everybody of whom `halted` says why."""
    return {*session.scalars(select(Pause.person_id).where(Pause.lifted_at.is_(None))),
            *session.scalars(select(Shadowing.newcomer_id).where(Shadowing.ended_at.is_(None)))}


def paused(session: Session, person_id: int) -> Pause | None:
    return session.scalar(select(Pause).where(Pause.person_id == person_id, Pause.lifted_at.is_(None)).limit(1))


def pause(session: Session, by: str, person: Person, why: str) -> Pause | None:
    """Stops new calls for `person`; None where they are paused already. What they hold stays with them."""
    if paused(session, person.id):
        return None
    if not why.strip():
        raise Problem("暂停要写明原因。Say why the person is paused.")
    made = Pause(person_id=person.id, at=datetime.now(UTC), why=why.strip(), note="")
    session.add(made)
    audit.note(session, by, "reviewer.paused", person.login, why=why.strip())
    return made


def lift(session: Session, by: Person, person: Person, note: str) -> None:
    """Lets `person` take calls again; sessions before this moment are not held against them any more."""
    there = paused(session, person.id)
    if there is None:
        raise Problem(f"{person.name} 没有被暂停。{person.name} is not paused.")
    there.lifted_at, there.lifted_by, there.note = datetime.now(UTC), by.login, note.strip()
    audit.note(session, by.login, "reviewer.resumed", person.login, note=note.strip())


def last_lifted(session: Session, person_id: int) -> datetime | None:
    """When the person's last pause ended."""
    return session.scalar(select(Pause.lifted_at).where(Pause.person_id == person_id, Pause.lifted_at.is_not(None))
                          .order_by(Pause.lifted_at.desc()).limit(1))


def shadowing(session: Session, newcomer_id: int) -> Shadowing | None:
    """Whom the person shadows at present."""
    return session.scalar(select(Shadowing).where(Shadowing.newcomer_id == newcomer_id, Shadowing.ended_at.is_(None)).limit(1))


def shadowings(session: Session) -> list[Shadowing]:
    """Those that are not over."""
    return list(session.scalars(select(Shadowing).where(Shadowing.ended_at.is_(None))))


def shadow(session: Session, by: Person, newcomer: Person, experienced: Person) -> Shadowing:
    """`newcomer` scores blind what `experienced` publishes from now on, until a supervisor ends it."""
    if newcomer.id == experienced.id or {newcomer.role, experienced.role} - set(REVIEWING):
        raise Problem("跟评要有两位不同的质检员。Shadowing takes two different people who may review.")
    if shadowing(session, newcomer.id) or shadowing(session, experienced.id):
        raise Problem("两人中已有人在跟评。One of them shadows somebody already.")
    made = Shadowing(newcomer_id=newcomer.id, experienced_id=experienced.id, began_at=datetime.now(UTC))
    session.add(made)
    audit.note(session, by.login, "shadowing.begun", newcomer.login, experienced=experienced.login)
    return made


def end_shadowing(session: Session, by: Person, shadowing_id: int) -> None:
    there = session.get(Shadowing, shadowing_id)
    if there is None or there.ended_at:
        raise Problem("这段跟评已经结束。This shadowing is over.")
    there.ended_at = datetime.now(UTC)
    audit.note(session, by.login, "shadowing.ended", session.get_one(Person, there.newcomer_id).login)
