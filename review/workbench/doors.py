"""Signing in and out, and setting a password from a one-time link."""
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from records import Problem
from review.workbench.bench import bench_of, render
from review.workbench.gate import COOKIE, Reader, changing
from store.reviews import people

router = APIRouter()
Field = Annotated[str, Form()]


@router.get("/sign-in")
def sign_in_page(request: Request, to: str = "/") -> Response:
    return render(request, "sign_in.html", to=ours(to), wrong=None)


@router.post("/sign-in")
def sign_in(request: Request, login: Field, password: Field, to: Field = "/") -> Response:
    """One answer for a wrong name and a wrong password; after too many tries the door stays shut for a quarter of an hour."""
    address = request.client.host if request.client else ""
    with bench_of(request).database.writing() as session:
        if not people.may_try(session, login, address):
            return render(request, "sign_in.html", 429, to=ours(to), wrong="too_many")
        secret = people.sign_in(session, login, password, address)
    if secret is None:
        return render(request, "sign_in.html", 401, to=ours(to), wrong="wrong_password")
    answer = RedirectResponse(ours(to), 303)
    keep(request, answer, secret)
    return answer


def keep(request: Request, answer: Response, secret: str) -> None:
    """The session's secret into the browser's cookie."""
    answer.set_cookie(COOKIE, secret, max_age=int(people.SESSION.total_seconds()), httponly=True, samesite="lax",
                      secure=request.url.scheme == "https")


@router.post("/sign-out", dependencies=[Depends(changing)])
def sign_out(request: Request, person: Reader) -> Response:
    with bench_of(request).database.writing() as session:
        people.sign_out(session, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/welcome/{link}")
def password_page(request: Request, link: str) -> Response:
    with bench_of(request).database.reading() as session:
        good = people.link_holds(session, link)
    return render(request, "password.html", 200 if good else 410, link=link, wrong=None if good else "link_used")


@router.post("/welcome/{link}")
def set_password(request: Request, link: str, password: Field, again: Field) -> Response:
    """The link's secret stands in the path alone and works once, so a forged request could do no more than its owner. Who has set a
    password is signed in, but for a form on another site: it would sign a stranger in as its maker."""
    if password != again:
        return render(request, "password.html", 400, link=link, wrong="not_alike")
    try:
        with bench_of(request).database.writing() as session:
            person = people.set_password(session, link, password)
            from_here = request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
            secret = people.sign_in(session, person.login, password, request.client.host if request.client else "") if person and from_here else None
    except Problem:
        return render(request, "password.html", 400, link=link, wrong="too_short")
    if person is None:
        return render(request, "password.html", 410, link=link, wrong="link_used")
    answer = RedirectResponse("/" if secret else "/sign-in", 303)
    if secret:
        keep(request, answer, secret)
    return answer


def ours(to: str) -> str:
    """A path of this site; anything else becomes the first page."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) else "/"
