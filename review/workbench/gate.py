"""The gate before every route: who is it, may they, and does a change come from a page of ours.

A route asks for `Reader` (signed in), or `allowed("review")` for a right; routes that change something also go through
`changing`, which compares the session's token with the one that the page sends along (against forged requests).
"""
from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import object_session

from review.workbench.bench import bench_of, render
from review.workbench.rights import Right, may
from store.reviews import blind, people
from store.reviews.cards import Conflict
from store.reviews.schema import Card, Person

COOKIE = "tingjian"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
                               "media-src 'self' blob:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}


class SignInFirst(Exception):
    """Nobody is signed in; answered with the sign-in page, or 401 where a script asks."""


class Refused(Exception):
    """Signed in, but not allowed. `missing` looks the same as forbidden, so that ids cannot be guessed."""


def signed_in(request: Request) -> Person:
    """The person whose session the cookie names."""
    with bench_of(request).database.reading() as session:
        found = people.of_session(session, request.cookies.get(COOKIE, ""))
    if found is None:
        raise SignInFirst
    request.state.person, request.state.csrf = found
    return found[0]


Reader = Annotated[Person, Depends(signed_in)]


async def changing(request: Request, person: Reader) -> None:
    """Refuses a change whose token is not the session's."""
    sent = request.headers.get("X-CSRF") or str((await request.form()).get("csrf", ""))
    if not hmac.compare_digest(sent.encode(), request.state.csrf.encode()):
        raise Refused


def allowed(right: Right) -> Callable[[Request, Person], Person]:
    """A dependency: the person signed in, if their role has the right."""
    def check(request: Request, person: Reader) -> Person:
        if not may(person, right):
            raise Refused
        return person
    return check


def over(person: Person, right: Right, card: Card | None) -> Card:
    """The card, if the person has the right over it; else Refused, also where there is no such card. Who still scores the
    call blind may hear it, but sees nothing of its card before (Conflict)."""
    if card is None or not may(person, right, card):
        raise Refused
    if right != "hear" and (session := object_session(card)) and blind.hidden(session, person.id, card.call_id):
        raise Conflict("您正在盲评这通录音（校准或跟评），结束前看不到机器和别人的评分。请从“校准”页打开。")
    return card


def wants_json(request: Request) -> bool:
    return "application/json" in (request.headers.get("accept", ""), request.headers.get("content-type", ""))


async def answer_sign_in(request: Request, fault: Exception) -> Response:
    if wants_json(request) or request.method != "GET":
        return JSONResponse({"message": "请重新登录。Sign in again."}, 401)
    # Only the path goes along, never a host: nobody can be led elsewhere after signing in.
    return RedirectResponse(f"/sign-in?to={request.url.path}", 303)


async def answer_refused(request: Request, fault: Exception) -> Response:
    if wants_json(request):
        return JSONResponse({"message": "没有权限，或没有这通录音。Not yours to see, or not there."}, 403)
    return render(request, "refused.html", 403)


async def answer_broken(request: Request, fault: Exception) -> Response:
    """500 in words: the fault itself goes to the server's log alone, and judgements wait in the browser."""
    when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if wants_json(request):
        return JSONResponse({"message": f"服务器出错（{when}），请稍后再试。The server failed; try again."}, 500)
    return render(request, "broken.html", 500, when=when)


async def with_headers(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await go_on(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
