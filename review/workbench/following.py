"""Follow-ups: what an agent is coached on, what came of it, with the calls behind; agents see their own."""
from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from review.workbench import intake
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing, over
from store.reviews import followups
from store.reviews.cards import Conflict
from store.reviews.schema import Card, Item, Person
from store.reviews.work_tables import Followup

PAGE = 100
LEADS = ("team_leader", "supervisor")

router = APIRouter()
FOLLOW = [Depends(allowed("follow"))]
Field = Annotated[str, Form()]


@router.get("/followups", dependencies=FOLLOW)
def listing(request: Request, person: Reader, show: str = "open", agent: str = "", page: int = 1) -> Response:
    """Open, overdue, come back, closed; the most urgent first."""
    today = date.today().isoformat()
    with bench_of(request).database.reading() as session:
        def chosen(which: str, query: Select[Any]) -> Select[Any]:
            query = _mine(query, person)
            if agent:
                query = query.where(Followup.agent_id == agent)
            if which == "closed":
                return query.where(Followup.state == "closed")
            query = query.where(Followup.state == "open")
            return {"overdue": query.where(Followup.due_on < today), "returned": query.where(Followup.returns > 0)}.get(which, query)

        kinds = ("open", "overdue", "returned", "closed")
        counts = {kind: session.scalar(chosen(kind, select(func.count()).select_from(Followup))) or 0 for kind in kinds}
        order = [Followup.closed_at.desc()] if show == "closed" else [Followup.returns.desc(), Followup.due_on]
        rows = session.scalars(chosen(show, select(Followup)).order_by(*order, Followup.id).limit(PAGE).offset(PAGE * (max(page, 1) - 1))).all()
        return render(request, "followups.html", rows=rows, counts=counts, show=show, agent=agent, today=today, names=_names(session),
                      needed=bench_of(request).settings.followups.calls, page=max(page, 1), pages=-(-counts.get(show, 0) // PAGE))


@router.get("/followups/{number}", dependencies=FOLLOW, name="followup")
def one(request: Request, person: Reader, number: int) -> Response:
    with bench_of(request).database.reading() as session:
        found = _found(session, person, number)
        later = followups.seen(session, [found], from_opening=True)[found.agent_id, found.item]
        if person.role == "agent":      # drafts are no result; they count, but an agent is shown what a person has said
            later = [call for call in later if call.by_person]
        first = session.get(Card, found.call_id) if found.call_id else None
        todo = advised(bench_of(request), found.todo, person.language)
        return render(request, "followup.html", one=found, todo=todo, notes=followups.notes(session, found), later=later[::-1][:PAGE], first=first,
                      names=_names(session) | {person.id: person.name}, people=_owners(session) if person.role in LEADS else [],
                      leads=person.role in LEADS, today=date.today().isoformat(), needed=bench_of(request).settings.followups.calls)


@router.post("/calls/{call_id:path}/followup", dependencies=[*FOLLOW, Depends(changing)])
def open_by_hand(request: Request, call_id: str, person: Reader, item: Field) -> Response:
    """A reviewer or leader wants an agent coached on an item of this call."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        card = over(person, "review", session.get(Card, call_id))
        line = session.get(Item, (call_id, item))
        if line is None:
            raise Refused
        made = followups.opened_by(session, person, card, line, coaching(bench, line), due_on(bench))
        if made is None:
            raise Conflict("这个坐席的这一项已经有未完成的辅导。")
        number = made.id
    return RedirectResponse(f"/followups/{number}", 303)


@router.post("/followups/{number}/{act}", dependencies=[*FOLLOW, Depends(changing)])
def change(request: Request, person: Reader, number: int, act: str, version: Annotated[int, Form()] = 0, owner: Field = "",
           due_on: Field = "", todo: Field = "", text: Field = "") -> Response:
    """`note`: everybody whom it concerns; `done`: the agent; `change`, `close`: leads."""
    with bench_of(request).database.writing() as session:
        found = _found(session, person, number)
        if act == "note":
            followups.write(session, person, found, text)
        elif act == "done" and person.role == "agent":
            followups.done(session, person, found)
        elif act == "close" and person.role in LEADS:
            followups.close(session, person, found, version)
        elif act == "change" and person.role in LEADS:
            followups.change(session, person, found, version, int(owner) if owner.isdecimal() else None, _day(due_on), todo)
        else:
            raise Refused
    return RedirectResponse(f"/followups/{number}", 303)


def after_publication(bench: Bench, session: Session, card: Card) -> None:
    """What failed opens follow-ups, what stayed away long enough closes them."""
    followups.after_publication(session, card, bench.settings.followups, lambda item: coaching(bench, item), due_on(bench))


def after_decision(bench: Bench, session: Session, card: Card) -> None:
    """A follow-up that rested on the verdict is taken back."""
    session.flush()
    if card.agent_id:
        followups.watch(session, [card.agent_id], bench.settings.followups.calls, due_on(bench))


def coaching(bench: Bench, item: Item) -> str:
    """What the rules of an item say to do better, a line a rule."""
    return "\n".join(f"{bench.titles[rule]}：{bench.coach(rule)}" for rule in item.rules if bench.coach(rule))


def advised(bench: Bench, todo: str, language: str) -> str:
    """What is to be done, in the reader's language as far as it is the rules' own words; a person's words stay as they were written."""
    if language != "en":
        return todo
    own = {f"{bench.titles[rule]}：{bench.coach(rule)}": f"{bench.titled(rule, 'en')}: {bench.coach(rule, 'en')}" for rule in bench.rules}
    return "\n".join(own.get(line.strip(), line) for line in todo.splitlines())


def due_on(bench: Bench) -> str:
    return intake.working_day(bench.settings.followups.days, bench.days).isoformat()


def of_agent(session: Session, agent: str | None) -> dict[str, Followup]:
    """By item the follow-ups of an agent, for a call's page."""
    if not agent:
        return {}
    return {row.item: row for row in session.scalars(select(Followup).where(Followup.agent_id == agent))}


def _mine(query: Select[Any], person: Person) -> Select[Any]:
    """Narrowed to what concerns the person: an agent's own, a leader's team, everything for reviewers and supervisors."""
    if person.role == "agent":
        return query.where(Followup.agent_id == (person.agent_id or ""))
    return query.where(Followup.team == person.team) if person.role == "team_leader" else query


def _found(session: Session, person: Person, number: int) -> Followup:
    found = session.scalar(_mine(select(Followup).where(Followup.id == number), person))
    if found is None:
        raise Refused
    return found


def _owners(session: Session) -> list[Person]:
    asked = select(Person).where(Person.active, Person.role.in_(("team_leader", "supervisor", "reviewer")))
    return list(session.scalars(asked.order_by(Person.role.desc(), Person.name)))


def _names(session: Session) -> dict[int, str]:
    return dict(session.execute(select(Person.id, Person.name).where(Person.role != "agent")).tuples().all())


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Conflict("到期日要写成 2026-11-30。") from None
