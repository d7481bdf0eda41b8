"""What is done beside the cards: appeals to decide, the audit log, one's own language."""
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from review.workbench.bench import bench_of, render
from review.workbench.doors import ours
from review.workbench.gate import Reader, allowed, changing
from review.workbench.logged import told
from review.workbench.words import say
from store.reviews.schema import Appeal, Audit, Card, Item, Person

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
def language(request: Request, person: Reader, language: Annotated[str, Form()], to: Annotated[str, Form()] = "/") -> Response:
    """The reader's own language, kept with the person; back to the page on which it was chosen."""
    with bench_of(request).database.writing() as session:
        session.get_one(Person, person.id).language = "en" if language == "en" else "zh"
    return RedirectResponse(ours(to), 303)
