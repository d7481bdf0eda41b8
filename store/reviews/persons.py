"""One person's rows in the review database: the cards of some calls, and an agent's own account and follow-ups."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import MetaData, func, select
from sqlalchemy.orm import Session

from store.reviews import audit
from store.reviews.calibration_tables import BlindCall, BlindCard, BlindVerdict, Case, CaseTag
from store.reviews.database import Database
from store.reviews.redaction import AT_ONCE
from store.reviews.schema import Base, Card, Person, Ticket
from store.reviews.work_tables import Followup, Note

ERASED = "erased"
UNTOLD = {"draft", "password_hash", "secret_sha256", "csrf"}


def cards_of(database: Database, call_ids: Sequence[str]) -> int:
    """How many of these calls have a card."""
    with database.reading() as session:
        return sum(session.scalar(select(func.count()).select_from(Card).where(Card.call_id.in_(some))) or 0 for some in _parts(call_ids))


def rows_of(database: Database, call_ids: Sequence[str], agent_id: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """What every table holds about these calls (cards, items, appeals, corrections, the case library with its tags, blind scores …), and an
    agent's account, follow-ups and their notes, as plain values by table. A table that comes to the schema later is among them."""
    found: dict[str, list[dict[str, Any]]] = {}
    with database.reading() as session:
        for table in sorted((one.class_ for one in Base.registry.mappers), key=lambda one: one.__tablename__):
            if "call_id" in table.__table__.c and table is not Followup:
                rows = [one for some in _parts(call_ids) for one in session.scalars(select(table).where(table.call_id.in_(some)))]
                found[table.__tablename__] = [_plain(one) for one in rows]
        for table, above in ((CaseTag, CaseTag.case_id), (BlindCard, BlindCard.blind_call_id)):
            kept = [one["id"] for one in found[{CaseTag: Case, BlindCard: BlindCall}[table].__tablename__]]
            found[table.__tablename__] = [_plain(one) for one in session.scalars(select(table).where(above.in_(kept)))]
        scored = [one["id"] for one in found[BlindCard.__tablename__]]
        verdicts = session.scalars(select(BlindVerdict).where(BlindVerdict.blind_card_id.in_(scored)))
        found[BlindVerdict.__tablename__] = [_plain(one) for one in verdicts]
        if agent_id:
            followups = session.scalars(select(Followup).where(Followup.agent_id == agent_id)).all()
            notes = session.scalars(select(Note).where(Note.followup_id.in_([one.id for one in followups]))).all()
            people = session.scalars(select(Person).where(Person.agent_id == agent_id)).all()
            found |= {"person": [_plain(one) for one in people], "followup": [_plain(one) for one in followups],
                      "followup_note": [_plain(one) for one in notes]}
    return found


def erase_agent(database: Database, agent_id: str, who: str) -> dict[str, int]:
    """An agent's follow-ups with their notes go, and rows of any other table that name the staff number; the account is closed and
    loses name, team and password. Its login stays as `erased-N`, since the log refers to accounts. How many rows, by table."""
    gone: dict[str, int] = {}
    metadata = MetaData()
    metadata.reflect(database.engine)
    with database.writing() as session:
        followups = list(session.scalars(select(Followup.id).where(Followup.agent_id == agent_id)))
        gone["followup_note"] = session.query(Note).filter(Note.followup_id.in_(followups)).delete()
        for table in reversed(metadata.sorted_tables):
            if "agent_id" in table.c and table.name not in ("person", "card"):
                gone[table.name] = session.connection().execute(table.delete().where(table.c.agent_id == agent_id)).rowcount
        people = session.scalars(select(Person).where(Person.agent_id == agent_id)).all()
        for person in people:
            _close(session, person)
        gone["person"] = len(people)
        audit.note(session, who, "person.closed", "", accounts=len(people))
    return gone


def _close(session: Session, person: Person) -> None:
    session.query(Ticket).filter_by(person_id=person.id).delete()
    person.login, person.name, person.team, person.agent_id = f"{ERASED}-{person.id}", ERASED, None, None
    person.password_hash, person.active = None, False


def _plain(row: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.c if column.name not in UNTOLD}


def _parts(call_ids: Collection[str]) -> list[list[str]]:
    wanted = sorted(call_ids)
    return [wanted[start:start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE)]
