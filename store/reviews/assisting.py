"""Rules and items whose verdicts only assist for a while, because reviewers overruled them too often."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from records import Problem
from store.reviews import audit
from store.reviews.calibration_tables import Assist

Kind = Literal["item", "rule"]
KINDS: tuple[Kind, ...] = ("item", "rule")


def active(session: Session) -> dict[tuple[str, str], Assist]:
    """What only assists at present, by kind and name."""
    return {(one.kind, one.name): one for one in session.scalars(select(Assist).where(Assist.lifted_at.is_(None)))}


def changed_at(session: Session, kind: Kind) -> dict[str, datetime]:
    """When each was last put on assist or trusted again: only reviews after that speak for or against it."""
    rows = session.execute(select(Assist.name, func.max(Assist.at), func.max(Assist.lifted_at)).where(Assist.kind == kind).group_by(Assist.name))
    return {name: max(moment for moment in (begun, lifted) if moment) for name, begun, lifted in rows.tuples()}


def lifted_at(session: Session) -> dict[tuple[str, str], datetime]:
    """When each was last trusted again, by kind and name: what put it on assist since were reviews after that."""
    rows = session.execute(select(Assist.kind, Assist.name, func.max(Assist.lifted_at)).where(Assist.lifted_at.is_not(None))
                           .group_by(Assist.kind, Assist.name))
    return {(kind, name): moment for kind, name, moment in rows.tuples() if moment}


def begin(session: Session, kind: Kind, name: str, agreed: int, decided: int, below: float) -> Assist:
    made = Assist(kind=kind, name=name, at=datetime.now(UTC), agreed=agreed, decided=decided, below=below)
    session.add(made)
    audit.note(session, "tingjian", "trust.lost", f"{kind} {name}", agreed=agreed, decided=decided, below=below)
    return made


def lift(session: Session, by: str, assist_id: int, **why: int | str) -> None:
    """Trusts the rule or item again: by a supervisor, or by "tingjian" once reviewers agree with it."""
    there = session.get(Assist, assist_id)
    if there is None or there.lifted_at:
        raise Problem("这条规则已经恢复。It is trusted again already.")
    there.lifted_at, there.lifted_by = datetime.now(UTC), by
    audit.note(session, by, "trust.won", f"{there.kind} {there.name}", **why)
