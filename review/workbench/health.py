"""Rule health: how far reviewers agree with each item and rule; what is overruled too often only assists from then on.

The drafts in the lake stay as they are. The workbench leaves what only assists out of “confirm the sure ones” and says why on
the card, so a person looks at it.
"""
from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import ColumnElement, String, cast, select, true
from sqlalchemy.orm import Session

from insight.agreement import gwet_ac1
from insight.trust import Trust, trust
from review.workbench.behind import WAS, moment_of, seen
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing
from store.reviews import assisting, blind, figures
from store.reviews.calibration_tables import Assist
from store.reviews.schema import PUBLISHED, Card, Item, Person

LAST = 200              # reviews of an item or rule that its figures are made of; as many are listed behind them
TABS = ("alarm", "missed", "agreed", "overruled", "decided", "reviewed")

router = APIRouter()


@router.get("/health", dependencies=[Depends(allowed("dashboard"))])
def health(request: Request, person: Reader) -> Response:
    bench = bench_of(request)
    settle(bench, at_once=True)
    review = bench.settings.review
    only = seen(person)
    with bench.database.reading() as session:
        active = assisting.active(session)
        judged = figures.judged_both(session, only, {}, LAST)
        rows = {kind: sorted((line(one, active.get((kind, one.item)), review.assist_below, review.assist_reviews, bench.titles)
                              for one in judged[kind]), key=lambda one: one["trust"].share if one["trust"] else 2.0)
                for kind in assisting.KINDS}
        past = session.scalars(select(Assist).where(Assist.lifted_at.is_not(None)).order_by(Assist.lifted_at.desc()).limit(20)).all()
        titles = bench.titles | {one["name"]: one["title"] for one in rows["item"]}
        return render(request, "health.html", rows=rows, past=past, titles=titles, below=review.assist_below, least=review.assist_reviews,
                      lifted=assisting.lifted_at(session), whole=person.role != "team_leader")


@router.get("/health/{kind}/{name}", dependencies=[Depends(allowed("dashboard"))])
def disagreements(request: Request, kind: str, name: str, person: Reader, was: str = "alarm", since: str = "", until: str = "") -> Response:
    """The reviews behind a number, the newest first, with the reviewer's reason: of the last ones published between two moments (both
    included) those that came out as `was` says."""
    if kind not in assisting.KINDS or was not in WAS:
        raise Refused
    first, last = moment_of(since), moment_of(until)
    between = (Card.published_at >= first if first else true()) & (Card.published_at <= last if last else true())
    with bench_of(request).database.reading() as session:
        newest = (select(Item.call_id, Item.item).join(Card, Card.call_id == Item.call_id)
                  .where(_named(kind, name), Card.state.in_(PUBLISHED), Item.bonus.is_(None), seen(person), between)
                  .order_by(Card.published_at.desc(), Item.position).limit(LAST)).subquery()
        rows = session.execute(
            select(Card, Item, Person).join(Item, Item.call_id == Card.call_id).outerjoin(Person, Person.id == Card.reviewer_id)
            .join(newest, (newest.c.call_id == Item.call_id) & (newest.c.item == Item.item))
            .where(WAS[was]).order_by(Card.published_at.desc(), Item.position)).tuples().all()
        title = bench_of(request).titles.get(name, rows[0][1].title if rows else name)
        return render(request, "disagreements.html", rows=rows, kind=kind, name=name, was=was, title=title, tabs=TABS, since=since, until=until)


def _named(kind: str, name: str) -> ColumnElement[bool]:
    """The lines of an item, or those that rest on a rule. JSON lists are compared as text: the same in both databases, and ids hold
    no quotes."""
    return Item.item == name if kind == "item" else cast(Item.rules, String).contains(f'"{name}"', autoescape=True)


@router.post("/health/{assist_id}/lift", dependencies=[Depends(allowed("calibrate")), Depends(changing)])
def lift(request: Request, assist_id: int, person: Reader) -> Response:
    """A supervisor trusts it again, after its rule was mended for instance; reviews before this moment no longer count."""
    with bench_of(request).database.writing() as session:
        assisting.lift(session, person.login, assist_id)
    return RedirectResponse("/health", 303)


def settle(bench: Bench, at_once: bool = False) -> None:
    """Puts on assist what has lost trust, and takes off what has won it back; at most once a minute unless `at_once`."""
    if not at_once and time.monotonic() - bench.weighed_at < 60:
        return
    bench.weighed_at = time.monotonic()
    review = bench.settings.review
    with bench.database.reading() as session:
        active = assisting.active(session)
        judged = figures.judged_both(session, true(), {kind: assisting.changed_at(session, kind) for kind in assisting.KINDS})
        changes: list[tuple[assisting.Kind, figures.Judged, Trust]] = [
            (kind, one, said) for kind in assisting.KINDS for one in judged[kind]
            if (said := trust(_agreed(one), len(one.pairs), review.assist_below, review.assist_reviews))
            and said.says == ("won" if (kind, one.item) in active else "lost")]
    if not changes:
        return
    with bench.database.writing() as session:
        active = assisting.active(session)      # somebody may have been quicker
        for kind, one, said in changes:
            there = active.get((kind, one.item))
            if there and said.says == "won":
                assisting.lift(session, "tingjian", there.id, agreed=_agreed(one), decided=len(one.pairs))
            elif not there and said.says == "lost":
                assisting.begin(session, kind, one.item, _agreed(one), len(one.pairs), review.assist_below)


def assisted(session: Session, items: list[Item]) -> dict[str, Assist]:
    """By item id what makes it assist only: its own record, else that of one of its rules."""
    active = assisting.active(session)
    if not active:
        return {}
    found = {item.item: next((there for key in [("item", item.item), *(("rule", rule) for rule in item.rules)] if (there := active.get(key))), None)
             for item in items}
    return {item: there for item, there in found.items() if there}


def line(one: figures.Judged, assist: Assist | None, below: float, least: int, titles: dict[str, str]) -> dict[str, Any]:
    """A row of the page: agreement with its interval, AC1, false alarms, misses."""
    said = trust(_agreed(one), len(one.pairs), below, least)
    return {"name": one.item, "since": one.since, "title": titles.get(one.item, one.title), "reviews": one.reviews, "decided": len(one.pairs), "trust": said,
            "ac1": gwet_ac1(one.pairs, len(blind.VERDICTS)), "alarms": one.pairs.count(("fail", "pass")),
            "missed": one.pairs.count(("pass", "fail")), "assist": assist, "few": len(one.pairs) < least}


def _agreed(one: figures.Judged) -> int:
    return sum(machine == human for machine, human in one.pairs)
