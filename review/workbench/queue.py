"""The queue: what to hear next. Risk-picked calls and the random sample stand apart, because only the latter is unbiased."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from review.workbench.assigning import next_for, own_day
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, Refused, allowed
from review.workbench.rights import may
from store.reviews import blind
from store.reviews.schema import PUBLISHED, Card, Hit, Item, Person
from store.tables import UNKNOWN_DAY

PAGE = 50
SEARCH_LIMIT = 500      # calls that a text search may bring; more says "narrow it down"

# How a card's item came out, as the dashboard's figures ask for it.
WAS: dict[str, ColumnElement[bool]] = {
    "fail": Item.final_verdict == "fail", "alarm": (Item.machine_verdict == "fail") & (Item.human_verdict == "pass"),
    "missed": (Item.machine_verdict == "pass") & (Item.human_verdict == "fail")}

STATES = ("waiting", "held", "appealed", "done")

router = APIRouter()


class Filters(BaseModel):
    """What the address line says; everything may be missing. Unknown names are ignored and of `picked` and `state` unknown
    values mean any, so old bookmarks go on working."""

    model_config = ConfigDict(extra="ignore")

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
    item: str = ""
    was: str = ""
    final: str = ""
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
    found = _search(bench, chosen.text) if chosen.text.strip() else None
    with bench.database.reading() as session:
        wanted = matching(select(Card), person, chosen, found)
        total = session.scalar(matching(select(func.count()).select_from(Card), person, chosen, found)) or 0
        order = [Card.published_at.desc()] if chosen.state == "done" else [Card.triage.desc()]
        rows = session.scalars(wanted.order_by(*order, Card.call_id).limit(PAGE).offset(PAGE * (chosen.page - 1))).all()
        return render(
            request, "queue.html", rows=rows, total=total, chosen=chosen, pages=-(-total // PAGE), titles=bench.titles,
            counts=_counts(session, person), choices=_choices(session, person), names=_names(session), now=datetime.now(UTC),
            day=own_day(session, person, bench.settings.quotas), narrowed=found is not None and len(found) >= SEARCH_LIMIT,
            asked={name: value for name, value in chosen.model_dump().items() if value and name != "page"})


@router.get("/next", dependencies=[Depends(allowed("review"))])
def next_call(request: Request, person: Reader, picked: str = "risk") -> Response:
    """The next call of the reader's day (assigning.py); claiming happens on its page. Back to the queue when there is none."""
    bench = bench_of(request)
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Refused
    with bench.database.writing() as session:
        unclaimed = matching(select(Card.call_id), person, Filters(picked=picked), None).where(free(), Card.assigned_to.is_(None))
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


def free() -> Any:
    """A call that nobody holds right now."""
    return Card.holder_id.is_(None) | (Card.held_until < datetime.now(UTC))


def matching(query: Select[Any], person: Person, chosen: Filters, found: list[str] | None) -> Select[Any]:
    """The query narrowed to what `person` may see and what is asked for; `found` are the calls a text search brought."""
    states = {"waiting": ("open", "claimed"), "done": PUBLISHED, "appealed": ("appealed",)}
    if person.role == "team_leader":
        query = query.where(Card.team == person.team)
    if may(person, "review"):
        query = query.where(Card.call_id.not_in(blind.hidden_calls(person.id)))     # what they still score blind
    if chosen.state in states:
        query = query.where(Card.state.in_(states[chosen.state]))
    if chosen.state == "held":
        query = query.where(Card.holder_id == person.id)
    if chosen.picked in ("risk", "random"):
        query = query.where(Card.picked == chosen.picked)
    for column, value in ((Card.team, chosen.team), (Card.line, chosen.line), (Card.form, chosen.form),
                          (Card.machine_band, chosen.band), (Card.agent_id, chosen.agent)):
        if value:
            query = query.where(column == value)
    if chosen.reviewer.isdigit():
        query = query.where(Card.reviewer_id == int(chosen.reviewer))
    if chosen.since or chosen.until:
        query = query.where(Card.day != UNKNOWN_DAY)
    if chosen.since:
        query = query.where(Card.day >= chosen.since)
    if chosen.until:
        query = query.where(Card.day <= chosen.until)
    if chosen.final:
        query = query.where(Card.band == chosen.final)
    if chosen.item and chosen.was in WAS:
        query = query.where(Card.call_id.in_(select(Item.call_id).where(Item.item == chosen.item, WAS[chosen.was])))
    if chosen.rule:
        query = query.where(Card.call_id.in_(select(Hit.call_id).where(Hit.rule == chosen.rule)))
    return query if found is None else query.where(Card.call_id.in_(found))


def _search(bench: Bench, text: str) -> list[str]:
    """Calls in whose turns the words stand as typed."""
    turns = bench.lake.turns().filter(pl.col("text").str.contains(text.strip(), literal=True))
    return turns.select("call_id").unique().head(SEARCH_LIMIT).collect()["call_id"].to_list()


def _counts(session: Session, person: Person) -> dict[str, int]:
    """How many wait in each part of the queue."""
    def count(picked: str = "", state: str = "waiting") -> int:
        asked = Filters(picked=picked, state=state)
        return session.scalar(matching(select(func.count()).select_from(Card), person, asked, None)) or 0
    return {"risk": count("risk"), "random": count("random"), "held": count(state="held"),
            "appealed": count(state="appealed"), "done": count(state="done")}


def _choices(session: Session, person: Person) -> dict[str, list[Any]]:
    """What the filters offer: only values that occur in what the person may see."""
    seen = Filters(picked="", state="")
    def values(column: Any) -> list[Any]:
        query = matching(select(column).distinct(), person, seen, None).where(column.is_not(None)).order_by(column)
        return list(session.scalars(query.limit(500)))
    rules = session.scalars(select(Hit.rule).distinct().order_by(Hit.rule))
    return {"team": values(Card.team), "line": values(Card.line), "form": values(Card.form), "rule": list(rules),
            "agent": values(Card.agent_id)}


def _names(session: Session) -> dict[int, str]:
    return dict(session.execute(select(Person.id, Person.name)).tuples().all())
