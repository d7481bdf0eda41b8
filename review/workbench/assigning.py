"""The day's share: handing calls out, everybody's progress against the quota, giving a call to somebody else."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from review.workbench.behind import seen
from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, allowed, changing, over
from settings import Quotas
from store.reviews import assignment
from store.reviews.schema import WAITS, Card, Person

SHOWN = 300             # calls given out that a page lists

router = APIRouter()
LEADS = [Depends(allowed("assign"))]


@router.get("/assignments", dependencies=LEADS)
def assignments(request: Request, person: Reader) -> Response:
    """Everybody's day, reviews begun whose feedback is overdue, and the calls that wait for somebody."""
    with bench_of(request).database.reading() as session:
        rows = session.scalars(select(Card).where(Card.assigned_to.is_not(None), WAITS, within(person))
                               .order_by(Card.assigned_to, Card.triage.desc()).limit(SHOWN)).all()
        late = session.scalars(select(Card).where(Card.state == "claimed", Card.due_at < datetime.now(UTC), within(person))
                               .order_by(Card.due_at).limit(SHOWN)).all()
        return render(request, "assignments.html", days=assignment.progress(session), today=assignment.midnight(),
                      opens={one.person_id: one for one in assignment.progress(session, only=seen(person))}, quotas=bench_of(request).settings.quotas,
                      rows=rows, late=late, names={one.id: one.name for one in takers(session)}, kinds=assignment.KINDS, people=takers(session))


@router.post("/assignments", dependencies=[*LEADS, Depends(changing)])
def hand_out(request: Request, person: Reader) -> Response:
    """Gives every active reviewer what their day still lacks; a leader gives calls of the own team."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        assignment.hand_out(session, person.login, bench.settings.quotas, within(person))
    return RedirectResponse("/assignments", 303)


@router.post("/assignments/{call_id:path}", dependencies=[*LEADS, Depends(changing)])
def reassign(request: Request, call_id: str, person: Reader, to: Annotated[str, Form()] = "") -> Response:
    """To another reviewer, or to nobody."""
    with bench_of(request).database.writing() as session:
        over(person, "assign", session.get(Card, call_id))
        assignment.reassign(session, person, call_id, session.get(Person, int(to)) if to.isdecimal() else None)
    return RedirectResponse("/assignments", 303)


def within(person: Person) -> ColumnElement[bool]:
    """The calls that a person may hand out."""
    return Card.team == person.team if person.role == "team_leader" else true()


def takers(session: Session) -> list[Person]:
    asked = select(Person).where(Person.active, Person.role.in_(("reviewer", "team_leader", "supervisor")))
    return list(session.scalars(asked.order_by(Person.role, Person.name)))


def own_day(session: Session, person: Person, quotas: Quotas) -> list[tuple[str, int, int]] | None:
    """A reviewer's progress for the head of the queue: kind, done, quota; None for who has no quota."""
    if person.role != "reviewer":
        return None
    day, = assignment.progress(session, [person.id])
    return [(kind, day.done[kind], wanted) for kind in assignment.KINDS if (wanted := getattr(quotas, kind))]


def next_for(session: Session, person: Person, quotas: Quotas, picked: str, free: Any) -> str | None:
    """The call that `person` does next: one that was given to them; if there is none the day's share is handed out to them first;
    when that is done, the riskiest that nobody has. `free` is the query for the last."""
    own = select(Card.call_id).where(Card.assigned_to == person.id, WAITS)
    wanted = own.order_by(Card.picked != picked, Card.triage.desc(), Card.call_id).limit(1)
    if call_id := session.scalar(wanted):
        return call_id
    if person.role == "reviewer" and assignment.hand_out(session, person.login, quotas, people=[person.id]):
        return session.scalar(wanted)
    return session.scalar(free)
