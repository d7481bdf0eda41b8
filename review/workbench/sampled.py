"""How far the kept sampling plans are kept to, each number a way to its calls; and a supervisor makes the next plan."""
from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select

from insight import appraisal, delivered, judging, planning, reviewed
from insight.sampling import Period, digest, population
from records import Problem
from review import planned
from review.workbench.appraising import delivered_in
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing
from store.plans import RANDOM, Plan, Plans
from store.reviews.schema import Card, Person

MANY = 1000             # calls behind a number that a page lists

router = APIRouter(dependencies=[Depends(allowed("queue"))])


@router.get("/sample")
def sample(request: Request, person: Reader, plan: str = "") -> Response:
    """The newest plan, or the one named; without any, how one is made."""
    return _page(request, person, plan)


@router.post("/sample", dependencies=[Depends(allowed("plan")), Depends(changing)])
def make(request: Request, person: Reader, week: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = "") -> Response:
    """Draws the plan of a week by the settings and marks the queue by it. Its seed is its name: nobody draws until it pleases, and another
    draw of the same week wants a reason."""
    bench = bench_of(request)
    try:
        period = Period.week(week) if week else planning.newest_week(bench.lake)
        drawn = planning.make(bench.lake, period, bench.settings.sampling, period.name, _agents(bench), planned.scores(bench.database, period),
                              reason.strip(), bench.days)
        Plans(bench.lake.root).keep(drawn)
    except Problem as problem:
        return _page(request, person, "", str(problem))
    planned.into_queue(bench.database, drawn, person.login)
    return RedirectResponse(f"/sample?plan={drawn.name}", 303)


@router.get("/sample/calls")
def behind(request: Request, person: Reader, plan: str, part: str = "", agent: str | None = None, heard: str = "", monitor: str = "",
           overdue: str = "", of: str = "", alone: str = "", marked: str = "") -> Response:
    """The calls behind a number of a plan. `part`: random, risk (and those picked for their line), or all calls of its days; `heard` yes or
    no; `overdue` by today; `of` what is estimated, from random calls `alone`, and only those `marked` by it."""
    bench = bench_of(request)
    plans = Plans(bench.lake.root)
    if plan not in plans.names():
        raise Refused
    shown = plans.named(plan)
    with bench.database.reading() as session:
        cards, items = reviewed.cards(session, shown.first, shown.last), reviewed.items(session, shown.first, shown.last)
    calls, changed = _population(bench, shown) if part == "all" else (shown.calls, False)
    done = pl.col("call_id").is_in(cards["call_id"].to_list())
    calls = calls.with_columns(heard=done)
    asked = {RANDOM: pl.col("picked") == RANDOM, "risk": pl.col("picked") != RANDOM}.get(part)
    conditions = [asked, pl.col("agent_id") == agent if agent is not None else None, {"yes": done, "no": ~done}.get(heard),
                  pl.col("monitor") == monitor if monitor else None, ~done & (pl.col("check_on") < date.today()) if overdue else None]
    if of:
        if person.role not in ("supervisor", "analyst"):
            raise Refused
        conditions.append(pl.col("call_id").is_in(judging.behind(shown, cards, items, of, bool(alone), bool(marked))))
    if person.role == "team_leader":
        conditions.append(pl.col("team") == person.team)
    calls = calls.filter([one for one in conditions if one is not None])
    told = {"part": part, "agent": agent, "heard": heard, "monitor": monitor, "overdue": overdue, "of": of, "alone": alone, "marked": marked}
    return render(request, "sample_calls.html", plan=shown, rows=calls.head(MANY).rows(named=True), total=calls.height, changed=changed, asked=told,
                  there=_there(bench, person, shown), names_shown=person.role != "analyst")


def _page(request: Request, person: Person, plan: str, wrong: str = "") -> Response:
    bench = bench_of(request)
    plans = Plans(bench.lake.root)
    names = plans.names()
    policy = bench.settings.sampling
    if not names:
        return render(request, "sample.html", 409 if wrong else 200, plan=None, names=[], wrong=wrong, newest=_newest(bench), policy=policy)
    shown = plans.named(plan if plan in names else names[-1])
    with bench.database.reading() as session:
        cards = reviewed.cards(session, shown.first, shown.last)
        items = reviewed.items(session, shown.first, shown.last)
    rows = planning.coverage(shown, cards)
    calls = shown.calls.with_columns(heard=pl.col("call_id").is_in(cards["call_id"].to_list()))
    if person.role == "team_leader":
        rows, calls = (frame.filter(pl.col("team") == person.team) for frame in (rows, calls))
    centre: list[Any] = judging.estimates_of(shown, cards, items) if person.role in ("supervisor", "analyst") else []
    seen = cards if person.role != "team_leader" else cards.filter(pl.col("team") == person.team)
    mine = shown if person.role != "team_leader" else _of_team(shown, person)
    return render(
        request, "sample.html", 409 if wrong else 200, plan=shown, names=names, rows=rows.rows(named=True), short=int(rows["short"].sum()),
        heard=int(rows["heard"].sum()), asked=int(rows["quota"].sum()), there=_there(bench, person, shown), wrong=wrong, newest=_newest(bench), policy=policy,
        monitors=[one for one in planning.monitors(mine, seen, date.today()).rows(named=True)
                  if person.role == "supervisor" or one["monitor"] in (person.login, person.name)],
        waiting=calls.filter(~pl.col("heard")).head(200).rows(named=True), estimates=centre, names_shown=person.role != "analyst")


def _of_team(plan: Plan, person: Person) -> Plan:
    """The plan as a leader sees it: of a plan's calls those of the own team."""
    return Plan(plan.name, plan.first, plan.last, plan.seed, plan.population, plan.calls.filter(pl.col("team") == person.team), plan.quotas)


def _there(bench: Bench, person: Person, plan: Plan) -> set[str]:
    """The plan's calls that have a page for this reader."""
    asked = select(Card.call_id).where(Card.day >= str(plan.first), Card.day <= str(plan.last))
    with bench.database.reading() as session:
        return set(session.scalars(asked.where(Card.team == person.team) if person.role == "team_leader" else asked))


def _population(bench: Bench, plan: Plan) -> tuple[pl.DataFrame, bool]:
    """All calls of the plan's days as the lake has them now, with the plan's columns; whether they are others than it was drawn from."""
    calls = population(bench.lake.rows("calls"), Period(plan.first, plan.last))
    return (calls.join(plan.calls.select("call_id", "picked", "monitor", "check_on"), on="call_id", how="left", maintain_order="left"),
            digest(calls) != plan.population)


def _agents(bench: Bench) -> pl.DataFrame | None:
    """Who works here, where another system has delivered agents.csv; without it nobody is known as new."""
    file = appraisal.in_folder(delivered_in(bench)).get(delivered.AGENTS.name)
    return delivered.read(file, delivered.AGENTS).rows if file else None


def _newest(bench: Bench) -> str:
    """The newest week that has calls, as a browser's week field writes it; empty without any."""
    try:
        return planning.newest_week(bench.lake).name
    except Problem:
        return ""
