"""The monthly appraisal in the workbench: supervisors see the centre, a leader the own team; every figure opens what it rests on.

The figures are those of `tingjian appraisal` and `tingjian complaints`; the files of other systems lie where `[appraisal] files` says, or in
the workspace's `delivered/`.
"""
from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from insight import appraisal, reviewed
from insight.appraisal import Month, Sources
from insight.complaints import INDICATORS, Figures, indicators, tagged_calls
from insight.delivered import SHEETS, Read
from insight.planning import newest_week
from records import Problem
from review.appraisal_words import FIGURES, in_chinese, noted, shown_number, sourced, to_note, worked_out
from review.wording import Language
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, Refused, allowed
from store.reviews.schema import Card, Person

DELIVERED = "delivered"
CASES = 200             # of an indicator that a page lists

router = APIRouter(dependencies=[Depends(allowed("appraise"))])


@router.get("/appraisal")
def appraised(request: Request, person: Reader, month: str = "", grade: str = "") -> Response:
    """All agents that the reader may see, or those of a grade; the spread of grades, and the complaint indicators of the centre."""
    bench = bench_of(request)
    when = _month(bench, month)
    sources, reads = _sources(bench, when)
    told = str if _language(person) == "en" else in_chinese
    there = appraisal.in_folder(delivered_in(bench))
    table = appraisal.appraise(sources, when, bench.settings.appraisal)
    rows = [row | {"notes": to_note(row, _language(person))} for row in _mine(table, person).iter_rows(named=True)
            if grade in ("", row["grade"])]
    whole = person.role == "supervisor"
    return render(
        request, "appraisal.html", month=when, rows=rows, grade=grade, spread=appraisal.spread(table).rows(named=True) if whole else [],
        refused=[told(message) for read in reads if whole for message in read.messages()], complaints=_complaints(bench, when, sources, reads) if whole else [],
        first=when.first, last=when.last, from_files=bool(sources.volumes.rows.filter(pl.col("month") == str(when)).height),
        bad_rows=sum(read.refused.height for read in reads), given=[sheet.name for sheet in SHEETS if sheet.name in there], missing=[sheet.name for sheet in SHEETS if sheet.name not in there], shown=shown_number)


@router.get("/indicators/{name}")
def counted(request: Request, person: Reader, name: str, month: str = "", tier: str = "", hit: str = "") -> Response:
    """What an indicator was made of: all work orders or calls of its denominator, or with `hit` those of its numerator."""
    if person.role != "supervisor" or name not in INDICATORS:
        raise Refused
    bench = bench_of(request)
    when = _month(bench, month)
    sources, _ = _sources(bench, when)
    rows = _indicators(bench, when, sources).counted.filter(pl.col("indicator") == name, pl.col("tier").eq_missing(pl.lit(tier or None)))
    rows = rows.filter("hit") if hit else rows
    with bench.database.reading() as session:
        there = set(session.scalars(select(Card.call_id).where(Card.call_id.in_(rows["call_id"].drop_nulls().head(CASES)))))
    return render(request, "indicator.html", month=when, words=INDICATORS[name], tier=tier, total=rows.height, rows=rows.head(CASES).rows(named=True),
                  there=there, shown=shown_number)


@router.get("/appraisal/{agent:path}")
def one_agent(request: Request, person: Reader, agent: str, month: str = "", figure: str = "") -> Response:
    """One agent's month worked out, with the cards, calls and lines that it rests on; those of one `figure`, if asked for."""
    bench = bench_of(request)
    when = _month(bench, month)
    sources, _ = _sources(bench, when)
    policy, language = bench.settings.appraisal, _language(person)
    mine = _mine(appraisal.appraise(sources, when, policy), person).filter(pl.col("agent_id") == agent)
    if mine.is_empty():
        raise Refused
    row = mine.row(0, named=True)
    rests = appraisal.trail(sources, when, policy, agent)
    if figure in FIGURES:
        rests = rests.filter(pl.col("figure") == figure)
    calls = appraisal.calls_of(sources, when, agent)
    with bench.database.reading() as session:
        there = {call_id for (call_id,) in session.query(Card.call_id).filter(Card.agent_id == agent)}
    return render(
        request, "appraisal_one.html", month=when, figure=figure if figure in FIGURES else "", row=row, lines=worked_out(row, policy, language), rests=[one | {"note": noted(one["note"], language).split(), "place": sourced(one["source"], language)} for one in rests.iter_rows(named=True)],
        calls=calls.rows(named=True), mean=calls["duration"].mean(), there=there, shown=shown_number,
        figures={name: words[language == "en"] for name, words in FIGURES.items()})


def _month(bench: Bench, text: str) -> Month:
    if text:
        return Month.of(text)
    try:
        newest = newest_week(bench.lake).last
    except Problem:
        newest = date.today()
    return Month(newest.year, newest.month)


def delivered_in(bench: Bench) -> Path:
    """Where files of other systems lie."""
    return bench.settings.appraisal.files or bench.lake.root / DELIVERED


def _sources(bench: Bench, month: Month) -> tuple[Sources, list[Read]]:
    with bench.database.reading() as session:
        cards = reviewed.cards(session, month.before.first, month.last)
    return appraisal.gather(bench.lake.rows("calls"), cards, appraisal.in_folder(delivered_in(bench)))


def _mine(table: pl.DataFrame, person: Person) -> pl.DataFrame:
    """A leader sees the own team."""
    return table.filter(pl.col("team") == person.team) if person.role == "team_leader" else table


def _complaints(bench: Bench, month: Month, sources: Sources, reads: list[Read]) -> list[dict[str, Any]]:
    """The indicators with their cases; none without a file of work orders."""
    if sources.orders.rows.is_empty():
        return []
    figures = _indicators(bench, month, sources)
    cases = figures.cases.partition_by("indicator", "tier", as_dict=True)
    return [row | {"words": INDICATORS[row["indicator"]], "cases": cases[key].head(CASES).rows(named=True) if (key := (row["indicator"], row["tier"])) in cases else []}
            for row in figures.table.iter_rows(named=True)]


def _indicators(bench: Bench, month: Month, sources: Sources) -> Figures:
    told = sources.volumes.rows.filter(pl.col("month") == str(month))
    calls = int(told["calls"].sum()) if told.height else sources.calls.filter(month.inside).select(pl.len()).collect().item()
    tagged = tagged_calls(bench.lake.rows("hits"), bench.lake.rows("calls"), month.first, month.last)
    return indicators(sources.orders.rows, tagged, calls, month.first, month.last, datetime.now(UTC))


def _language(person: Person) -> Language:
    return "en" if person.language == "en" else "zh"
