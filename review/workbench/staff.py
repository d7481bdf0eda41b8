"""People and their rights: adding one or a list of them, changing who does what, links to sign in with, deactivating."""
from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, or_, select

from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing
from review.workbench.words import say
from store.reviews import audit, people, standing
from store.reviews.cards import Conflict
from store.reviews.schema import ROLES, Person

SHOWN = 100             # people that the page lists; the others are found by name
COLUMNS = ("login", "name", "role", "team", "agent_id")

router = APIRouter()
RIGHT = [Depends(allowed("people"))]


class Link(NamedTuple):
    """A one-time link to hand over."""

    login: str
    name: str
    address: str


@router.get("/people", dependencies=RIGHT)
def page(request: Request, person: Reader, find: str = "") -> Response:
    return _page(request, find=find.strip())


@router.post("/people", dependencies=[*RIGHT, Depends(changing)])
def add(request: Request, person: Reader, login: Annotated[str, Form()], name: Annotated[str, Form()],
        role: Annotated[str, Form()], team: Annotated[str, Form()] = "", agent_id: Annotated[str, Form()] = "",
        language: Annotated[str, Form()] = "zh") -> Response:
    """Adds somebody and shows the link to hand over, once."""
    return _added(request, person, [(0, [login, name, role, team, agent_id])], language)


@router.post("/people/list", dependencies=[*RIGHT, Depends(changing)])
def add_list(request: Request, person: Reader, rows: Annotated[str, Form(max_length=200_000)],
             language: Annotated[str, Form()] = "zh") -> Response:
    """Adds everybody of a list or, where a line is wrong, nobody; shows all links, once."""
    return _added(request, person, list(_lines(rows)), language, rows)


@router.post("/people/{person_id}/change", dependencies=[*RIGHT, Depends(changing)])
def change(request: Request, person: Reader, person_id: int, name: Annotated[str, Form()], role: Annotated[str, Form()],
           team: Annotated[str, Form()] = "", agent_id: Annotated[str, Form()] = "") -> Response:
    """Another name, role, team or agent id; what somebody may see follows at their next click."""
    with bench_of(request).database.writing() as session:
        other = session.get(Person, person_id)
        if other is None:
            raise Refused
        if other.id == person.id and role != other.role:
            raise Conflict("不能改自己的角色。")
        people.change(session, person.login, other, name=name.strip(), role=role, team=team.strip() or None, agent_id=agent_id.strip() or None)
        login = other.login
    return _page(request, find=login)


@router.post("/people/{person_id}/{act}", dependencies=[*RIGHT, Depends(changing)])
def act(request: Request, person: Reader, person_id: int, act: str) -> Response:
    """`link`: a new one-time link; `off`: nobody signs in by that name any more; `on`: they may again."""
    with bench_of(request).database.writing() as session:
        other = session.get(Person, person_id)
        if other is None or act not in ("link", "off", "on"):
            raise Refused
        if act == "link":
            audit.note(session, person.login, "link.made", other.login)
            link = Link(other.login, other.name, f"{request.base_url}welcome/{people.one_time_link(session, other)}")
            return _page(request, links=[link])
        if other.id == person.id:
            raise Conflict("不能停用自己的账号。")
        if act == "off":
            people.deactivate(session, person.login, other)
        else:
            other.active = True
            audit.note(session, person.login, "person.activated", other.login)
    return RedirectResponse("/people", 303)


def _lines(rows: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line that holds any, with its number: pasted from a spreadsheet (tabs) or written with commas; a head is left out."""
    for number, line in enumerate(rows.splitlines(), 1):
        cells = [cell.strip() for cell in next(csv.reader([line.replace("，", ",")], delimiter="\t" if "\t" in line else ","), [])]
        if any(cells) and not (number == 1 and cells[0].lower() in ("login", "账号")):
            yield number, [*cells, *[""] * len(COLUMNS)][:len(COLUMNS)]


def _role(told: str) -> str:
    """A role by its id or by what a page calls it, in either language."""
    return next((role for role in ROLES if told.lower() in (role, *(word.lower() for word in (say(role), say(role, "en"))))), told)


def _added(request: Request, by: Person, lines: list[tuple[int, list[str]]], language: str, rows: str = "") -> Response:
    """`rows` is what was typed, given back where a line of it is wrong; the line's number is told with what is wrong."""
    made: list[Link] = []
    at = 0
    try:
        with bench_of(request).database.writing() as session:
            for at, (login, name, role, team, agent_id) in lines:     # noqa: B007
                one = people.add(session, by.login, login.strip(), name.strip(), _role(role.strip()), team.strip() or None,
                                 agent_id.strip() or None, "en" if language == "en" else "zh")
                made.append(Link(one.login, one.name, f"{request.base_url}welcome/{people.one_time_link(session, one)}"))
    except Conflict as conflict:
        return _page(request, wrong=str(conflict), line=at, rows=rows)
    return _page(request, links=made)


def _page(request: Request, links: list[Link] | None = None, wrong: str = "", line: int = 0, rows: str = "", find: str = "") -> Response:
    with bench_of(request).database.reading() as session:
        asked = select(Person)
        if find:
            asked = asked.where(or_(*(column.contains(find, autoescape=True) for column in (Person.login, Person.name, Person.team, Person.agent_id))))
        shown = session.scalars(asked.order_by(Person.active.desc(), Person.role, Person.login).limit(SHOWN)).all()
        shadows = {one.newcomer_id: session.get_one(Person, one.experienced_id).name for one in standing.shadowings(session)}
        return render(request, "people.html", 400 if wrong else 200, people=shown, roles=ROLES, links=links or [], wrong=wrong, line=line, rows=rows, shadows=shadows,
                      find=find, total=session.scalar(select(func.count()).select_from(asked.subquery())))
