"""The API under /api/v1: queue, cards, reviews and appeals, for a call centre's own programs.

A program carries a token (`Authorization: Bearer tj_…`) that an administrator made for a person: it acts as that person, may
what that person may and what its scopes name, and leaves the same entries in the audit log. The pages and the API share
the rights (rights.py), the queries (queue.py) and what a change does (store/reviews/cards.py).
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import func, select
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from records import Problem
from review.masking import masked
from review.workbench import intake, searching
from review.workbench.anew import placed
from review.workbench.api_models import (
    AppealIn,
    AppealOut,
    CardOut,
    Corrections,
    DecisionIn,
    Evidence,
    Message,
    Page,
    PublishIn,
    ReviewIn,
    Standing,
    Turn,
    appeal_of,
    item_of,
    line_of,
)
from review.workbench.bench import Bench, bench_of
from review.workbench.calls import decided, given_back, published, standing, taken
from review.workbench.correcting import Corrected, keep
from review.workbench.gate import Refused, over
from review.workbench.queue import PAGE, Filters, matching, order
from review.workbench.rights import may
from store.reviews import audit, cards, tokens
from store.reviews.cards import Conflict
from store.reviews.schema import PUBLISHED, Appeal, Card, Person

VERSION = "1"
DESCRIPTION = __doc__.split("\n\n", 1)[1] if __doc__ else ""
_bearer = HTTPBearer(auto_error=False, description="A token that an administrator made under 人员 › 接口令牌")
ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"model": Message, "description": "The request cannot be read"},
    401: {"model": Message, "description": "No token, or one that opens nothing any more"},
    403: {"model": Message, "description": "Beyond the scopes or the person's rights, or no such call"},
    409: {"model": Message, "description": "The card was changed meanwhile, or does not allow this now; nothing was saved"},
    422: {"model": Message, "description": "The request does not fit its schema"}}


class Unknown(Exception):
    """No token, or one that opens nothing."""


class Beyond(Exception):
    """The token has no such scope."""


class Caller(NamedTuple):
    """Whom the token acts as."""

    person: Person
    scopes: tuple[str, ...]


def caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Caller:
    bench = bench_of(request)
    with bench.database.reading() as session:
        found = tokens.holder(session, given.credentials) if given else None
    if found is None:
        raise Unknown
    person, token = found
    if tokens.stale(token):
        with bench.database.writing() as session:
            tokens.used(session, token.id)
    return Caller(person, tuple(token.scopes))


def scope(name: str) -> Callable[[Caller], Person]:
    """A dependency: the person, if the token carries the scope."""
    def check(called: Annotated[Caller, Depends(caller)]) -> Person:
        if name not in called.scopes:
            raise Beyond(name)
        return called.person
    return check


QueueReader = Annotated[Person, Depends(scope("queue:read"))]
CardReader = Annotated[Person, Depends(scope("cards:read"))]
ReviewWriter = Annotated[Person, Depends(scope("reviews:write"))]
AppealReader = Annotated[Person, Depends(scope("appeals:read"))]
AppealWriter = Annotated[Person, Depends(scope("appeals:write"))]


def create_api(bench: Bench) -> FastAPI:
    """The application that app.py mounts under /api/v1; its description is served as /api/v1/openapi.json."""
    api = FastAPI(title="Tingjian 听检", version=VERSION, description=DESCRIPTION, docs_url=None, redoc_url=None,
                  openapi_url="/openapi.json", responses=ANSWERS, servers=[{"url": "/api/v1"}], root_path_in_servers=False)
    api.state.bench = bench
    for fault, status in ((Unknown, 401), (Beyond, 403), (Refused, 403), (OverflowError, 403), (DataError, 403), (Conflict, 409),
                          (Problem, 409), (RequestValidationError, 422)):
        api.add_exception_handler(fault, _answer(status))
    api.add_exception_handler(HTTPException, _as_it_is)
    api.get("/queue", response_model=Page, tags=["queue"])(queue)
    api.get("/cards/{call_id:path}", response_model=CardOut, tags=["cards"])(card)
    api.post("/cards/{call_id:path}/claim", response_model=Standing, tags=["reviews"])(claim)
    api.post("/cards/{call_id:path}/release", status_code=204, response_class=Response, tags=["reviews"])(release)
    api.post("/cards/{call_id:path}/review", response_model=Standing, tags=["reviews"])(review)
    api.post("/cards/{call_id:path}/correct", response_model=Corrections, tags=["reviews"])(correct)
    api.post("/cards/{call_id:path}/publish", response_model=Standing, tags=["reviews"])(publish)
    api.post("/cards/{call_id:path}/acknowledge", status_code=204, response_class=Response, tags=["appeals"])(acknowledge)
    api.get("/appeals", response_model=list[AppealOut], tags=["appeals"])(appeals)
    api.post("/cards/{call_id:path}/appeals", response_model=AppealOut, status_code=201, tags=["appeals"])(appeal)
    api.post("/appeals/{appeal_id}/decision", response_model=AppealOut, tags=["appeals"])(decide)
    return api


def queue(request: Request, person: QueueReader, asked: Annotated[Filters, Query()]) -> Page:
    """Calls by the filters of the queue's page, the riskiest first (reviewed ones: the newest first), 50 a page.

    `state` is waiting, held, appealed or done, empty for any; `picked` risk or random, empty for both; `text` is searched in what was said,
    a single character in the first 10,000 calls of the list."""
    bench = bench_of(request)
    if not may(person, "queue"):
        raise Refused
    with bench.database.reading() as session:
        narrowed, by = matching(select(Card), person, asked), order(asked)
        if conditions := searching.conditions(session, asked.rule, asked.text):
            found = searching.page(session, narrowed, by, conditions, asked.page, PAGE)
            if searching.unindexed(conditions):
                return Page(total=found.total, page=asked.page, pages=-(-found.total // PAGE), cards=[line_of(one) for one in found.rows])
            rows, narrowed = found.rows, narrowed.where(searching.looked_up(conditions))
        else:
            rows = list(session.scalars(narrowed.order_by(by.desc(), Card.call_id).limit(PAGE).offset(PAGE * (asked.page - 1))))
        total = session.scalar(narrowed.with_only_columns(func.count())) or 0
        return Page(total=total, page=asked.page, pages=-(-total // PAGE), cards=[line_of(one) for one in rows])


def card(request: Request, person: CardReader, call_id: str) -> CardOut:
    """A call's card with evidence, the three values of each item, and what was said with personal data hidden."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        shown = over(person, "see", session.get(Card, call_id))
        draft, words = bench.draft(shown), bench.words(session, shown)
        items = cards.items(session, call_id)
        made = list(session.scalars(select(Appeal).where(Appeal.call_id == call_id).order_by(Appeal.id)))
    draft, transcript = masked(placed(draft, words.corrected).draft, words.corrected, bench.settings.privacy.masking != "off")
    lines = {line.id: line for line in intake.lines_of(draft, bench.forms.get(draft.form), bench.titles)}
    with bench.database.writing() as session:
        audit.note(session, person.login, "card.seen", call_id, by="api")
    return CardOut(
        card=line_of(shown), comment=shown.comment, appeals=[appeal_of(one) for one in made],
        items=[item_of(item, lines[item.item].section if item.item in lines else "",
                       [Evidence.model_validate(one) for one in lines[item.item].evidence] if item.item in lines else [])
               for item in items],
        transcript=[Turn.model_validate(turn) for turn in transcript.turns])


def claim(request: Request, person: ReviewWriter, call_id: str) -> Any:
    """Takes a call for half an hour after the last change; again, it lasts longer."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        draft = bench.draft(over(person, "review", session.get(Card, call_id)))
    with bench.database.writing() as session:
        return standing(bench, session, taken(bench, session, person, over(person, "review", session.get(Card, call_id)), draft))


def release(request: Request, person: ReviewWriter, call_id: str) -> Response:
    """Gives a claimed call back."""
    with bench_of(request).database.writing() as session:
        given_back(session, person, over(person, "review", session.get(Card, call_id)))
    return Response(status_code=204)


def review(request: Request, person: ReviewWriter, call_id: str, sent: ReviewIn) -> Any:
    """Keeps verdicts and comment of a call that was claimed; all of them or, where one does not fit, none."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        over(person, "review", session.get(Card, call_id))
        judged = {item: (one.verdict, one.points, one.reason) for item, one in sent.items.items()}
        changed = cards.judge(session, person, call_id, sent.version, judged)
        if sent.comment is not None:
            changed = cards.comment(session, person, call_id, changed.version, sent.comment)
        return standing(bench, session, changed)


def correct(request: Request, person: ReviewWriter, call_id: str, sent: Corrected) -> Any:
    """Corrects a turn of a call that was claimed (words, speaker, split, join, restore, undo) and scores the card anew.

    Turns count as `GET /cards/CALL` gives them now, whose texts are those to send back: hidden data stay where their stars stay."""
    bench = bench_of(request)
    _, changed = keep(bench, person, call_id, sent)
    with bench.database.reading() as session:
        return standing(bench, session, session.get_one(Card, call_id)) | {"changed": changed}


def publish(request: Request, person: ReviewWriter, call_id: str, sent: PublishIn) -> Any:
    """Ends the review: the agent sees the card and may appeal for two days. Every item must be decided."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        done = published(bench, session, person, over(person, "review", session.get(Card, call_id)), sent.version)
        return standing(bench, session, done)


def acknowledge(request: Request, person: AppealWriter, call_id: str) -> Response:
    """The agent has read the card."""
    with bench_of(request).database.writing() as session:
        over(person, "acknowledge", session.get(Card, call_id))
        cards.acknowledge(session, person, call_id)
    return Response(status_code=204)


def appeals(request: Request, person: AppealReader, undecided: bool = False, page: Annotated[int, Query(ge=1)] = 1) -> list[AppealOut]:
    """Appeals over cards that the person may see, the newest first, 50 a page; `undecided` leaves out what is decided."""
    if not may(person, "see"):
        raise Refused
    with bench_of(request).database.reading() as session:
        query = select(Appeal).join(Card, Card.call_id == Appeal.call_id)
        query = matching(query, person, Filters(picked="", state="")) if person.role != "agent" else query.where(
            Card.agent_id == (person.agent_id or ""), Card.state.in_(PUBLISHED))
        query = query.where(Appeal.granted.is_(None)) if undecided else query
        rows = session.scalars(query.order_by(Appeal.at.desc(), Appeal.id).limit(PAGE).offset(PAGE * (page - 1)))
        return [appeal_of(one) for one in rows]


def appeal(request: Request, person: AppealWriter, call_id: str, sent: AppealIn) -> AppealOut:
    """An agent's appeal against an item of an own card, once, within two days after it was published."""
    with bench_of(request).database.writing() as session:
        over(person, "appeal", session.get(Card, call_id))
        made = cards.appeal(session, person, call_id, sent.item, sent.text)
        session.flush()
        return appeal_of(made)


def decide(request: Request, person: AppealWriter, appeal_id: int, sent: DecisionIn) -> AppealOut:
    """The supervisor's word, which is final."""
    bench = bench_of(request)
    if not may(person, "decide"):
        raise Refused
    with bench.database.writing() as session:
        decided(bench, session, person, appeal_id, sent.verdict or "upheld", sent.answer)
        return appeal_of(session.get_one(Appeal, appeal_id))


def _answer(status: int) -> Any:
    async def answer(request: Request, fault: Exception) -> Response:
        headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Bearer"} if status == 401 else {})
        return JSONResponse({"message": _said(fault)}, status, headers)
    return answer


async def _as_it_is(request: Request, fault: Exception) -> Response:
    """What the framework refuses (no such path, a method there is none of, a body that cannot be read), in our words' form."""
    assert isinstance(fault, HTTPException)
    return JSONResponse({"message": str(fault.detail)}, fault.status_code, fault.headers)


def _said(fault: Exception) -> str:
    if isinstance(fault, Unknown):
        return "Send a valid token: Authorization: Bearer tj_… (it may be over or revoked)."
    if isinstance(fault, Beyond):
        return f"The token lacks the scope {fault}."
    if isinstance(fault, Refused | OverflowError | DataError):      # the last two: numbers that no database has
        return "Not yours to see or change, or not there."
    if isinstance(fault, RequestValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in fault.errors()[:5])
    return str(fault)

