"""The queue: what to hear next. Risk-picked calls and the random sample stand apart, because only the latter is unbiased."""
from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator, Field
from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from review.workbench import measuring, searching, views
from review.workbench.assigning import next_for, own_day
from review.workbench.behind import Behind, narrowed
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, Refused, allowed
from review.workbench.rights import may
from review.workbench.searching import MANY
from store.reviews import blind, said
from store.reviews.schema import APPEALED, PUBLISHED, WAITS, Card, Person
from store.tables import UNKNOWN_DAY

PAGE = 50
CHOICES_LAST = 60.0     # seconds for which the values that filters offer are kept

STATES = ("waiting", "held", "appealed", "done")
PARTS = (("risk", "risk", "waiting"), ("random", "random", "waiting"), ("held", "", "held"), ("appealed", "", "appealed"), ("done", "", "done"))
"""The tabs: name, and the `picked` and `state` that they open."""

router = APIRouter()


class Filters(Behind):
    """What the address line says; everything may be missing. Unknown names are ignored and of `picked` and `state` unknown
    values mean any, so old bookmarks go on working."""

    picked: Annotated[str, AfterValidator(lambda value: value if value in ("risk", "random") else "")] = "risk"
    state: Annotated[str, AfterValidator(lambda value: value if value in STATES else "")] = "waiting"
    team: str = ""
    agent: str = ""
    line: str = ""
    form: str = ""
    band: str = ""
    rule: str = ""
    since: str = ""
    until: str = ""
    reviewer: str = ""
    text: str = ""
    page: int = Field(default=1, ge=1)


@router.get("/")
def home(request: Request, person: Reader) -> Response:
    """The first page of each role."""
    if may(person, "queue"):
        return RedirectResponse("/queue", 303)
    return RedirectResponse("/mine" if person.role == "agent" else "/people", 303)


@router.get("/queue", dependencies=[Depends(allowed("queue"))])
def queue(request: Request, person: Reader, chosen: Annotated[Filters, Query()], tasks: BackgroundTasks) -> Response:
    bench = bench_of(request)
    tasks.add_task(bench.fill_queue)
    tasks.add_task(measuring.close_due, bench.database, bench.settings.review.bias_points)
    with bench.database.reading() as session:
        seen = blind.not_hidden_now(session, person.id) if may(person, "review") else true()
        wanted, by = matching(select(Card), person, chosen, seen), order(chosen)
        counts = _counts(session, person, seen)
        asked = searching.conditions(session, chosen.rule, chosen.text)
        if asked:
            shown = searching.page(session, wanted, by, asked, chosen.page, PAGE)
        else:
            total = session.scalar(select(counting(person, chosen, seen))) or 0
            rows = session.scalars(wanted.order_by(by.desc(), Card.call_id).limit(PAGE).offset(PAGE * (chosen.page - 1))).all()
            shown = searching.Found(list(rows), min(total, MANY), total > MANY)
        return render(
            request, "queue.html", rows=shown.rows, total=shown.total, more=shown.more, only=shown.only, chosen=chosen,
            excerpts=said.excerpts(session, [row.call_id for row in shown.rows], said.words_of(chosen.text)), led=_led(chosen),
            pages=-(-(shown.total + shown.more) // PAGE), titles=bench.titles,
            counts=counts, choices=choices(bench, session, person), names=_names(session), now=datetime.now(UTC),
            day=own_day(session, person, bench.settings.quotas), views=views.offered(session, person),
            asked={name: value for name, value in chosen.model_dump().items() if name != "page" and (value or name in ("picked", "state"))})


@router.get("/next", dependencies=[Depends(allowed("review"))])
def next_call(request: Request, person: Reader, picked: str = "risk") -> Response:
    """The next call of the reader's day (assigning.py); claiming happens on its page. Back to the queue when there is none."""
    bench = bench_of(request)
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Refused
    with bench.database.writing() as session:
        seen = blind.not_hidden_now(session, person.id)
        unclaimed = matching(select(Card.call_id), person, Filters(picked=picked), seen).where(free(), Card.assigned_to.is_(None))
        if person.role == "reviewer" and not bench.settings.quotas.own_team and person.team:
            unclaimed = unclaimed.where(Card.team.is_distinct_from(person.team))
        call_id = next_for(session, person, bench.settings.quotas, picked,
                           unclaimed.order_by(Card.triage.desc(), Card.call_id).limit(1))
    return RedirectResponse(f"/calls/{call_id}?claim=1" if call_id else "/queue", 303)


@router.get("/mine", dependencies=[Depends(allowed("acknowledge"))])
def mine(request: Request, person: Reader) -> Response:
    """An agent's own published cards, the newest first."""
    with bench_of(request).database.reading() as session:
        own = select(Card).where(Card.agent_id == person.agent_id, Card.state.in_(PUBLISHED))
        rows = session.scalars(own.order_by(Card.published_at.desc()).limit(200)).all() if person.agent_id else []
        return render(request, "mine.html", rows=rows, now=datetime.now(UTC), names=_names(session))


def _led(chosen: Filters) -> str:
    """What a row's link carries, so that the call opens where the words were said, at the rule's evidence, at the item."""
    asked = {name: value for name, value in (("text", chosen.text), ("rule", chosen.rule)) if value}
    return (f"?{urlencode(asked)}" if asked else "") + (f"#item-{quote(chosen.item)}" if chosen.item else "")


def free() -> Any:
    """A call that nobody holds right now."""
    return Card.holder_id.is_(None) | (Card.held_until < datetime.now(UTC))


def order(chosen: Filters) -> InstrumentedAttribute[Any]:
    """What the list is ordered by, the highest first: risk, and for reviewed calls the time."""
    return Card.published_at if chosen.state == "done" else Card.triage


def matching(query: Select[Any], person: Person, chosen: Filters, seen: ColumnElement[bool] | None = None) -> Select[Any]:
    """The query narrowed to what `person` may see and to the filters on the card itself (searching.py has the others); `seen` is what
    `blind.not_hidden_now` says where a page asks more than once."""
    states = {"waiting": WAITS, "done": Card.published_at.is_not(None), "appealed": APPEALED}
    if person.role == "team_leader":
        query = query.where(Card.team == person.team)
    if may(person, "review"):
        query = query.where(blind.not_hidden(person.id) if seen is None else seen)      # not what they still score blind
    if chosen.state in states:
        query = query.where(states[chosen.state])
    if chosen.state == "held":
        query = query.where(Card.holder_id == person.id)
    if chosen.picked in ("risk", "random"):
        query = query.where(Card.picked == chosen.picked)
    for column, value in ((Card.team, chosen.team), (Card.line, chosen.line), (Card.form, chosen.form),
                          (Card.machine_band, chosen.band), (Card.agent_id, chosen.agent)):
        if value:
            query = query.where(column == value)
    if chosen.reviewer.isdecimal():
        query = query.where(_of_reviewer(int(chosen.reviewer), chosen.state))
    if chosen.since or chosen.until:
        query = query.where(Card.day != UNKNOWN_DAY)
    if chosen.since:
        query = query.where(Card.day >= chosen.since)
    if chosen.until:
        query = query.where(Card.day <= chosen.until)
    return narrowed(query, chosen)


def _of_reviewer(number: int, state: str) -> ColumnElement[bool]:
    """The calls that somebody has reviewed and, before that, has in hand or was given; `state` leaves out what it rules out, so that the
    figures' lists are read from their index."""
    to_do, reviewed = (Card.holder_id == number) | (Card.assigned_to == number), Card.reviewer_id == number
    return to_do if state in ("waiting", "held") else reviewed if state else to_do | reviewed


def counting(person: Person, chosen: Filters, seen: ColumnElement[bool]) -> ScalarSelect[int]:
    """How many there are, up to one more than is shown: nobody pages through thousands of calls, and counting on costs."""
    some = matching(select(Card.call_id), person, chosen, seen).limit(MANY + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _counts(session: Session, person: Person, seen: ColumnElement[bool]) -> dict[str, int]:
    """How many there are in each part of the queue."""
    parts = {name: counting(person, Filters(picked=picked, state=state), seen) for name, picked, state in PARTS}
    return dict(zip(parts, session.execute(select(*parts.values())).one(), strict=True))


def choices(bench: Bench, session: Session, person: Person) -> dict[str, list[Any]]:
    """What the filters offer: only values that occur, for a leader in the own team."""
    only = person.team or "" if person.role == "team_leader" else None
    kept = bench.choices.get(only)
    if kept and monotonic() - kept[0] < CHOICES_LAST:
        return kept[1]
    def values(column: Any) -> list[Any]:
        query = select(column).distinct().where(column.is_not(None), true() if only is None else Card.team == only)
        return list(session.scalars(query.order_by(column).limit(2000)))
    found = {"team": values(Card.team), "line": values(Card.line), "form": values(Card.form), "agent": values(Card.agent_id),
             "rule": sorted(bench.titles), "reviewer": _reviewers(session)}
    bench.choices[only] = (monotonic(), found)
    return found


def _reviewers(session: Session) -> list[int]:
    return list(session.scalars(select(Person.id).where(Person.role.in_(("reviewer", "team_leader", "supervisor"))).order_by(Person.name)))


def _names(session: Session) -> dict[int, str]:
    return dict(session.execute(select(Person.id, Person.name).where(Person.role != "agent")).tuples().all())
