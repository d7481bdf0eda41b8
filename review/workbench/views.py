"""Saved views of the queue: a set of filters under a name, one's own or for everybody."""
from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from review.workbench.bench import bench_of
from review.workbench.gate import Reader, Refused, allowed, changing
from store.reviews import audit
from store.reviews.cards import Conflict
from store.reviews.schema import Person
from store.reviews.work_tables import View

AT_MOST = 30            # views of one person

router = APIRouter()
QUEUE = [Depends(allowed("queue")), Depends(changing)]


@router.post("/views", dependencies=QUEUE)
def save(request: Request, person: Reader, name: Annotated[str, Form()], query: Annotated[str, Form()] = "",
         shared: Annotated[str, Form()] = "") -> Response:
    """Keeps the filters under a name; one's own view of that name is replaced. Back to the queue as it was."""
    name, query = name.strip(), urlencode(parse_qsl(query, keep_blank_values=True))
    if not name or len(name) > 40 or len(query) > 600:
        raise Conflict("视图要有名称（最长 40 字），筛选条件也不能太长。")
    with bench_of(request).database.writing() as session:
        own = session.scalars(select(View).where(View.person_id == person.id)).all()
        there = next((one for one in own if one.name == name), None)
        if there is None:
            if len(own) >= AT_MOST:
                raise Conflict(f"每人最多 {AT_MOST} 个视图，请先删掉几个。")
            there = View(person_id=person.id, name=name)
            session.add(there)
        there.query, there.shared = query, shared == "yes"
        audit.note(session, person.login, "view.saved", name, shared=there.shared)
    return RedirectResponse(f"/queue?{query}", 303)


@router.post("/views/{number}/remove", dependencies=QUEUE)
def remove(request: Request, person: Reader, number: int) -> Response:
    """One's own; a supervisor also those that others share."""
    with bench_of(request).database.writing() as session:
        view = session.get(View, number)
        if view is None or not (view.person_id == person.id or (view.shared and person.role == "supervisor")):
            raise Refused
        audit.note(session, person.login, "view.removed", view.name)
        session.delete(view)
    return RedirectResponse("/queue", 303)


def offered(session: Session, person: Person) -> list[View]:
    """The person's own views, then what others share."""
    rows = session.scalars(select(View).where((View.person_id == person.id) | View.shared).order_by(View.name).limit(200))
    return sorted(rows, key=lambda view: (view.person_id != person.id, view.name))
