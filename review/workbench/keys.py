"""Tokens of the API: made, shown once, revoked. For administrators."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from records import Problem
from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, allowed, changing
from store.reviews import tokens
from store.reviews.schema import Person
from store.reviews.token_tables import Token

router = APIRouter()
RIGHT = [Depends(allowed("people"))]


@router.get("/tokens", dependencies=RIGHT)
def tokens_page(request: Request, person: Reader) -> Response:
    return _page(request)


@router.post("/tokens", dependencies=[*RIGHT, Depends(changing)])
def make(request: Request, person: Reader, name: Annotated[str, Form()], login: Annotated[str, Form()],
         scopes: Annotated[list[str] | None, Form()] = None, days: Annotated[int, Form()] = 365) -> Response:
    """Makes a token and shows its secret, once."""
    try:
        with bench_of(request).database.writing() as session:
            holder = session.scalar(select(Person).where(Person.login == login))
            if holder is None:
                raise Problem(f"There is nobody with the login {login}.")
            secret = tokens.issue(session, person.login, holder, name, scopes or [], days)
    except Problem as problem:
        return _page(request, wrong=str(problem))
    return _page(request, made=(name, secret))


@router.post("/tokens/{token_id}/revoke", dependencies=[*RIGHT, Depends(changing)])
def revoke(request: Request, person: Reader, token_id: int) -> Response:
    with bench_of(request).database.writing() as session:
        tokens.revoke(session, person.login, token_id)
    return RedirectResponse("/tokens", 303)


def _page(request: Request, made: tuple[str, str] | None = None, wrong: str | None = None) -> Response:
    with bench_of(request).database.reading() as session:
        rows = session.execute(select(Token, Person).join(Person, Person.id == Token.person_id)
                               .order_by(Token.revoked_at.is_not(None), Token.created_at.desc())).tuples().all()
        people = session.scalars(select(Person).where(Person.active).order_by(Person.login)).all()
        return render(request, "tokens.html", 400 if wrong else 200, rows=rows, people=people, scopes=tokens.SCOPES,
                      longest=tokens.LONGEST, made=made, wrong=wrong, now=datetime.now(UTC))
