"""Trends in the workbench: what, by what, over which period; every point and every row opens its calls.

Analysts and supervisors see the centre, a leader the own team. Rules are counted by `tingjian trends`' own functions; phrases that
rose are looked for in a sample small enough for a page that somebody waits for.
"""
from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from insight.trends import Period, days_there, span_of
from insight.wanted import By, Span, Who
from records import Problem
from review import trends
from review.trend_words import say
from review.trends_view import changed_rows, chart, period_name, rise_rows, study_rows, together_rows
from review.wording import Language
from review.workbench.behind import queue_of
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, allowed

SAMPLE = 2_000              # calls of each period in which phrases are looked for: two seconds or so
PLAIN = re.compile(r"[^{}\[\]|…=]+")     # a phrase that the queue's search finds as it stands
QUEUE = {"team": "team", "agent": "agent", "line": "line"}      # what the queue can narrow to; it knows no tier

router = APIRouter()


class Asked(BaseModel):
    """What the address line says; everything may be missing."""

    model_config = ConfigDict(extra="ignore")

    rule: str = ""
    phrase: str = ""
    by: By | None = None
    period: Period = "week"
    who: Who = "any"
    by_sound: bool = False
    since: str = ""
    until: str = ""
    team: str = ""


@router.get("/trends", dependencies=[Depends(allowed("dashboard"))])
def page(request: Request, person: Reader) -> Response:
    """Without a rule or a phrase: what changed and what rose in the last period that is over."""
    bench, language = bench_of(request), "en" if person.language == "en" else "zh"
    values = {name: value for name, value in request.query_params.items() if value}
    problem, shown, asked = "", {}, Asked()
    try:
        asked = Asked.model_validate(values)
    except ValueError:
        problem = say("what", language)
    if person.role == "team_leader":
        asked = asked.model_copy(update={"team": person.team or ""})
    nothing = bench.lake.rows("calls").select("call_id").head(1).collect().is_empty()
    if not problem and not nothing:
        try:
            shown = _shown(bench, asked, language)
        except Problem as fault:
            problem = str(fault)
    return render(request, "trends_bench.html", 400 if problem else 200, asked=asked, problem=problem, nothing=nothing, rules={rule: bench.titled(rule, language) for rule in bench.titles}, teams=_teams(bench, asked, person.role),
                  own=person.role == "team_leader", tell=lambda word: say(word, language), **({"study": None, "overview": None} | shown))


def _shown(bench: Bench, asked: Asked, language: Language) -> dict[str, Any]:
    only: trends.Only = (("team", asked.team),) if asked.team else ()
    span = span_of(bench.lake, asked.period, asked.since or None, asked.until or None)
    wanted = trends.asked(bench.rules, [asked.rule] if asked.rule else [], [asked.phrase] if asked.phrase.strip() else [], [], asked.who, asked.by_sound)
    if wanted:
        if asked.rule and language == "en":
            wanted = [replace(wanted[0], title=bench.titled(asked.rule, language))]
        study = trends.study(bench.lake, wanted[0], span, asked.period, asked.by, only)
        rows = study_rows(study, language)
        for row in rows:
            row |= {"queue": _queue(asked, row), "all_calls": _all_calls(asked, row), "led": _led(asked)}
        return {"study": {"title": study.title, "chart": chart(study, language), "rows": rows, "together": [(_beside(asked, span, outcome), cells) for outcome, cells in
                                                                                 zip(study.together["outcome"], together_rows(study.together, language), strict=True)],
                          "queue": _queue(asked, None)}}
    overview = trends.overview_of(bench.lake, bench.rules, asked.period, span, asked.by, only, ("customer", "agent") if asked.who == "any" else (asked.who,),
                                  SAMPLE)
    rows = changed_rows(overview, language)
    changed = [row for row in rows if row["change"] in ("up", "down")]
    for row in rows:
        ruled = asked.model_copy(update={"rule": row["rule"]})
        row |= {"queue": _queue(ruled, row), "all_calls": _all_calls(asked, row), "led": _led(ruled), "title": bench.titled(row["rule"], language)}
        row["trend"] = "/trends?" + urlencode({"rule": row["rule"], "period": asked.period, **({"by": asked.by} if asked.by else {})})
    rises = [(who, [row | {"trend": "/trends?" + urlencode({"phrase": row["phrase"], "who": who, "period": asked.period}), "led": _led(Asked(phrase=row["phrase"]))} for row in rise_rows(found, language)])
             for who, found in overview.rises]
    return {"overview": {"period": period_name(overview.begin, overview.period), "rows": changed or rows[:10], "changed": bool(changed), "rises": rises,
                         "grouped": asked.by is not None}}


def _led(asked: Asked) -> str:
    """What a call's link carries, so that it opens where the rule or the words were met; empty where the page cannot find them."""
    if asked.rule:
        return "?" + urlencode({"rule": asked.rule})
    return "?" + urlencode({"text": asked.phrase}) if PLAIN.fullmatch(asked.phrase) and not asked.by_sound else ""


def _queue(asked: Asked, row: dict[str, Any] | None) -> str:
    """The queue narrowed to the calls behind a row, or what all rows have in common; empty where the queue cannot say it."""
    if asked.by == "tier" or (not asked.rule and (asked.by_sound or not PLAIN.fullmatch(asked.phrase))):
        return ""
    told = {"picked": "", "state": "", **({"rule": asked.rule} if asked.rule else {"text": asked.phrase}), **({"team": asked.team} if asked.team else {})}
    if row is not None:
        told |= {"since": row["begin"].isoformat(), "until": row["end"].isoformat()}
        if asked.by in QUEUE:
            if row["key"] is None:
                return ""
            told[QUEUE[asked.by]] = row["key"]
    return "/queue?" + urlencode(told)


def _beside(asked: Asked, span: Span, outcome: str) -> str:
    """The queue with the calls that have this outcome too; empty where the queue cannot say it."""
    queue = _queue(asked.model_copy(update={"by": None}), None)
    return f"{queue}&{urlencode({'outcome': outcome, 'since': span.since, 'until': span.until})}" if queue else ""


def _all_calls(asked: Asked, row: dict[str, Any]) -> str:
    """The queue with all the calls of a row's period and group, its denominator; empty where the queue cannot say it."""
    if asked.by == "tier" or (asked.by and row["key"] is None):
        return ""
    told = {"team": asked.team, **({QUEUE[asked.by]: row["key"]} if asked.by else {})}
    return queue_of(state="", since=row["begin"].isoformat(), until=row["end"].isoformat(), **told)


def _teams(bench: Bench, asked: Asked, role: str) -> list[str]:
    if role == "team_leader":
        return [asked.team] if asked.team else []
    try:
        days_there(bench.lake)
    except Problem:
        return []
    return bench.lake.rows("calls").select("team").unique().collect(engine="streaming")["team"].drop_nulls().sort().to_list()
