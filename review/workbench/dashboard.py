"""The dashboard: what the reviews say, every figure a way to the calls behind it.

Means are taken over the random sample alone; risk-picked calls are worse by choice. How far machine and human agree is
shown item by item, so that a rule that cries wolf is found before reviewers stop believing it.
"""
from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from insight.agreement import gwet_ac1
from review.workbench.behind import seen
from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, allowed
from store.reviews import assisting, figures

BANDS = ("excellent", "good", "needs_improvement", "below_standard")
ENOUGH = 20             # reviews from which an agreement is worth reading
TROUBLED = 0.7          # AC1 below which a rule's verdicts are marked: reviewers overrule it too often
GROUP_WEEKS = 4         # weeks over which teams and agents are set side by side: some twelve reviewed calls an agent
MOST_AGENTS = 50        # lines of the tables of agents unless all are asked for; the worst stand first
VERDICTS = 3            # pass, fail, not_applicable

router = APIRouter()


@router.get("/dashboard", dependencies=[Depends(allowed("dashboard"))])
def dashboard(request: Request, person: Reader, everybody: str = "") -> Response:
    """`everybody` lists all agents, not the worst alone."""
    lines = None if everybody else MOST_AGENTS
    only = seen(person)
    monday = date.today() - timedelta(days=date.today().weekday())
    bench = bench_of(request)
    with bench.database.reading() as session:
        weeks = figures.weeks(session, only)
        cards = figures.newest(session, only)
        active = assisting.active(session)
        since = datetime.combine(monday - timedelta(weeks=GROUP_WEEKS - 1), time.min).astimezone()
        month = since.date().isoformat()
        teams, agents = figures.groups(session, only, month)
        items = [health(one) | {"assist": ("item", one.item) in active} for one in figures.judged(session, cards)]
        load, told_since, covered = [], None, []
        if person.role == "analyst":        # sees no names
            agents = []
        else:
            load, told_since = figures.load(session, only, since, cards)
            covered = figures.coverage(session, only, monday.isoformat())
        return render(
            request, "dashboard.html", weeks=weeks, sundays=sundays(weeks), items=items, chart=chart(weeks), bands=BANDS, enough=ENOUGH,
            load=load, load_since=since, told_since=told_since, recent=figures.LATE, a_week=bench.settings.sampling.per_week, monday=monday.isoformat(),
            month=month, teams=teams, agents=agents[:lines], all_agents=len(agents), coverage=covered[:lines], all_covered=len(covered))


def health(one: figures.Judged) -> dict[str, Any]:
    """An item's line: how often it failed, how far machine and human agree, false alarms and misses of the machine."""
    agreement = gwet_ac1(one.pairs, VERDICTS)
    return {
        "item": one.item, "title": one.title, "reviews": one.reviews, "failed": one.failed, "since": one.since, "decided": len(one.pairs),
        "agreed": sum(machine == human for machine, human in one.pairs), "ac1": agreement,
        "alarms": one.pairs.count(("fail", "pass")), "missed": one.pairs.count(("pass", "fail")),
        "troubled": agreement is not None and len(one.pairs) >= ENOUGH and agreement < TROUBLED}


def sundays(weeks: list[figures.Week]) -> list[str]:
    """The last day of each week, to which the calls behind its figures were made."""
    return [(date.fromisoformat(week.monday) + timedelta(days=6)).isoformat() for week in weeks]


def chart(weeks: list[figures.Week]) -> dict[str, Any]:
    """What static/dashboard.js draws: weeks, cards by band, and the mean of the random sample."""
    return {"weeks": [week.monday for week in weeks], "means": [week.random_mean for week in weeks],
            "bands": {band: [week.bands.get(band, 0) for week in weeks] for band in BANDS}}
