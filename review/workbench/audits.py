"""The quarterly audit: the same problem with different agents, and in different months, with what the reviewers said."""
from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import ColumnElement, Select, case, func, select, true
from sqlalchemy.orm import Session

from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, allowed
from store.reviews import blind
from store.reviews.schema import PUBLISHED, Card, Item, Person
from store.tables import UNKNOWN_DAY

MONTHS = 6              # two quarters, so that one can be set beside the one before
SHOWN = 100

router = APIRouter()


@router.get("/audits", dependencies=[Depends(allowed("audit"))])
def audits(request: Request, person: Reader, item: str = "", agent: str = "", month: str = "") -> Response:
    """One item: on how many reviewed calls it failed, by agent and month; and the calls of what is chosen."""
    since = first_month(date.today(), MONTHS)
    only = (Card.team == person.team if person.role == "team_leader" else true()) & blind.not_hidden(person.id)
    with bench_of(request).database.reading() as session:
        items = _items(session, only, since)
        item = item or (items[0][0] if items else "")
        cells, names = _cells(session, only, since, item)
        months = sorted({when for _, when in cells})
        calls = session.execute(_calls(only, since, item, agent, month)).tuples().all()
        totals = {when: _sum(value for (_, at), value in cells.items() if at == when) for when in months}
        agents = sorted(names, key=lambda one: -_share(_sum(value for (who, _), value in cells.items() if who == one)))
        return render(request, "audits.html", items=items, item=item, agent=agent, month=month, months=months, agents=agents, names=names,
                      cells=cells, totals=totals, calls=calls)


def first_month(today: date, months: int) -> str:
    """The first of `months` months that end with today's, as 2026-06."""
    number = today.year * 12 + today.month - months
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _reviewed(only: ColumnElement[bool], since: str, *columns: Any) -> Select[Any]:
    return (select(*columns).select_from(Card).join(Item, Item.call_id == Card.call_id)
            .where(only, Card.state.in_(PUBLISHED), Card.day >= since, Card.day != UNKNOWN_DAY, Item.final_verdict.in_(("pass", "fail")),
                   Item.bonus.is_(None)))


def _items(session: Session, only: ColumnElement[bool], since: str) -> list[tuple[str, str, int]]:
    """Items with how often they failed, the most often first."""
    failed = func.sum(case((Item.final_verdict == "fail", 1), else_=0))
    rows = session.execute(_reviewed(only, since, Item.item, func.max(Item.title), failed).group_by(Item.item).order_by(failed.desc(), Item.item))
    return [(item, title, int(number)) for item, title, number in rows]


def _cells(session: Session, only: ColumnElement[bool], since: str, item: str) -> tuple[dict[tuple[str, str], tuple[int, int]], dict[str, str]]:
    """By agent and month: failed, reviewed; and the agents' names."""
    month = func.substr(Card.day, 1, 7)
    rows = session.execute(_reviewed(only, since, Card.agent_id, func.max(Card.agent_name), month, Item.final_verdict, func.count())
                           .where(Item.item == item, Card.agent_id.is_not(None)).group_by(Card.agent_id, month, Item.final_verdict))
    cells: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    names: dict[str, str] = {}
    for agent, name, when, verdict, number in rows:
        failed, of = cells[agent, when]
        cells[agent, when] = failed + (number if verdict == "fail" else 0), of + number
        names[agent] = name or ""
    return dict(cells), names


def _calls(only: ColumnElement[bool], since: str, item: str, agent: str, month: str) -> Select[Any]:
    """The calls on which it failed, at the first or the last word, the newest first."""
    query = (select(Card, Item, Person.name).join(Item, Item.call_id == Card.call_id).outerjoin(Person, Person.id == Card.reviewer_id)
             .where(only, Card.state.in_(PUBLISHED), Card.day >= since, Card.day != UNKNOWN_DAY, Item.item == item,
                    (Item.human_verdict == "fail") | (Item.final_verdict == "fail")))
    if agent:
        query = query.where(Card.agent_id == agent)
    if month:
        query = query.where(Card.day.startswith(month, autoescape=True))
    return query.order_by(Card.day.desc(), Card.call_id).limit(SHOWN)


def _sum(values: Any) -> tuple[int, int]:
    pairs = list(values)
    return sum(failed for failed, _ in pairs), sum(of for _, of in pairs)


def _share(value: tuple[int, int]) -> float:
    return value[0] / value[1] if value[1] else 0.0
