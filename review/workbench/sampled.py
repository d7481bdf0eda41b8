"""How far the kept sampling plans are kept to: who is short, by how many; which monitor is behind; the plan's calls to open."""
from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from insight import planning, reviewed
from insight.judging import estimates_of
from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, allowed
from store.plans import Plans
from store.reviews.schema import Card

router = APIRouter(dependencies=[Depends(allowed("queue"))])


@router.get("/sample")
def sample(request: Request, person: Reader, plan: str = "") -> Response:
    """The newest plan, or the one named; without any, how one is made."""
    bench = bench_of(request)
    plans = Plans(bench.lake.root)
    names = plans.names()
    if not names:
        return render(request, "sample.html", plan=None, names=[])
    shown = plans.named(plan if plan in names else names[-1])
    with bench.database.reading() as session:
        cards = reviewed.cards(session, shown.first, shown.last)
        items = reviewed.items(session, shown.first, shown.last)
        there = {call_id for (call_id,) in session.query(Card.call_id).filter(Card.day >= str(shown.first), Card.day <= str(shown.last))}
    rows = planning.coverage(shown, cards)
    calls = shown.calls.with_columns(heard=pl.col("call_id").is_in(cards["call_id"].to_list()))
    if person.role == "team_leader":
        rows, calls = (frame.filter(pl.col("team") == person.team) for frame in (rows, calls))
    centre: list[Any] = estimates_of(shown, cards, items) if person.role in ("supervisor", "analyst") else []
    return render(
        request, "sample.html", plan=shown, names=names, rows=rows.rows(named=True), short=int(rows["short"].sum()),
        heard=int(rows["heard"].sum()), asked=int(rows["quota"].sum()), there=there,
        monitors=[one for one in planning.monitors(shown, cards, date.today()).rows(named=True)
                  if person.role == "supervisor" or one["monitor"] in (person.login, person.name)],
        waiting=calls.filter(~pl.col("heard")).head(200).rows(named=True), estimates=centre, names_shown=person.role != "analyst")
