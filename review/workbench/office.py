"""What is done beside the cards: appeals to decide, people and their rights, the audit log."""
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from records import Problem
from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing
from review.workbench.logged import told
from review.workbench.words import say
from store.reviews import audit, people, standing
from store.reviews.cards import Conflict
from store.reviews.schema import ROLES, Appeal, Audit, Card, Item, Person

PAGE = 100

router = APIRouter()


@router.get("/appeals", dependencies=[Depends(allowed("decide"))])
def appeals(request: Request, person: Reader) -> Response:
    """Appeals with what all sides said, the undecided first."""
    with bench_of(request).database.reading() as session:
        rows = session.execute(
            select(Appeal, Card, Item, Person).join(Card, Card.call_id == Appeal.call_id)
            .join(Item, (Item.call_id == Appeal.call_id) & (Item.item == Appeal.item))
            .join(Person, Person.id == Appeal.person_id)
            .order_by(Appeal.granted.is_not(None), Appeal.at.desc()).limit(PAGE)).tuples().all()
        return render(request, "appeals.html", rows=rows)


@router.get("/people", dependencies=[Depends(allowed("people"))])
def people_page(request: Request, person: Reader) -> Response:
    return _people(request)


@router.post("/people", dependencies=[Depends(allowed("people")), Depends(changing)])
def add_person(request: Request, person: Reader, login: Annotated[str, Form()], name: Annotated[str, Form()],
               role: Annotated[str, Form()], team: Annotated[str, Form()] = "", agent_id: Annotated[str, Form()] = "",
               language: Annotated[str, Form()] = "zh") -> Response:
    """Adds somebody and shows the link to hand over, once."""
    try:
        with bench_of(request).database.writing() as session:
            made = people.add(session, person.login, login.strip(), name.strip(), role, team.strip() or None,
                              agent_id.strip() or None, "en" if language == "en" else "zh")
            link = people.one_time_link(session, made)
    except Problem as problem:
        return _people(request, wrong=str(problem))
    return _people(request, link=(made.name, f"{request.base_url}welcome/{link}"))


@router.post("/people/{person_id}/{act}", dependencies=[Depends(allowed("people")), Depends(changing)])
def change_person(request: Request, person: Reader, person_id: int, act: str) -> Response:
    """`link`: a new one-time link; `off`: nobody signs in by that name any more; `on`: they may again."""
    with bench_of(request).database.writing() as session:
        other = session.get(Person, person_id)
        if other is None or act not in ("link", "off", "on"):
            raise Refused
        if act == "link":
            audit.note(session, person.login, "link.made", other.login)
            link = people.one_time_link(session, other)
            return _people(request, link=(other.name, f"{request.base_url}welcome/{link}"))
        if other.id == person.id:
            raise Conflict("不能停用自己的账号。")
        if act == "off":
            people.deactivate(session, person.login, other)
        else:
            other.active = True
            audit.note(session, person.login, "person.activated", other.login)
    return RedirectResponse("/people", 303)


@router.get("/log", dependencies=[Depends(allowed("log"))])
def log(request: Request, person: Reader, subject: str = "", who: str = "", page: int = 1) -> Response:
    """Who did what, the newest first."""
    with bench_of(request).database.reading() as session:
        query = select(Audit).order_by(Audit.id.desc())
        if subject:
            query = query.where(Audit.subject == subject)
        if who:
            query = query.where(Audit.who == who)
        rows = session.scalars(query.limit(PAGE + 1).offset(PAGE * (max(page, 1) - 1))).all()
        bench, language = bench_of(request), "en" if person.language == "en" else "zh"

        def word(name: str) -> str:
            return say(name, language)

        def titled(name: str) -> str:
            return bench.titled(name, language)
        return render(request, "log.html", rows=[told(row, word, titled) for row in rows[:PAGE]], more=len(rows) > PAGE, page=max(page, 1), subject=subject, who=who)


@router.post("/language", dependencies=[Depends(changing)])
def language(request: Request, person: Reader, language: Annotated[str, Form()]) -> Response:
    """The reader's own language, kept with the person."""
    with bench_of(request).database.writing() as session:
        session.get_one(Person, person.id).language = "en" if language == "en" else "zh"
    return RedirectResponse("/", 303)


def _people(request: Request, link: tuple[str, str] | None = None, wrong: str | None = None) -> Response:
    with bench_of(request).database.reading() as session:
        rows = session.scalars(select(Person).order_by(Person.active.desc(), Person.role, Person.login)).all()
        shadows = {one.newcomer_id: session.get_one(Person, one.experienced_id).name for one in standing.shadowings(session)}
        return render(request, "people.html", 400 if wrong else 200, rows=rows, roles=ROLES, link=link, wrong=wrong, shadows=shadows)
