"""Calibration sessions: opened by a supervisor, scored blind, then compared; reviewers over time, pauses and shadowing."""
from __future__ import annotations

from datetime import date, datetime
from statistics import fmean
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from review.workbench import intake, measuring
from review.workbench.bench import bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing
from review.workbench.rights import may
from review.workbench.scoring import lines_for
from rules.form import Bands
from store.reviews import audit, blind, calibration, standing
from store.reviews.calibration_tables import BlindCall, BlindCard, Calibration, Pause, Shadowing
from store.reviews.cards import Conflict
from store.reviews.schema import Card, Person

router = APIRouter()
SUPERVISES = [Depends(allowed("calibrate")), Depends(changing)]


@router.get("/calibration", dependencies=[Depends(allowed("score_blind"))])
def sessions(request: Request, person: Reader) -> Response:
    """What waits to be scored, the sessions one may see, and for a supervisor a form to open one."""
    bench = bench_of(request)
    measuring.close_due(bench.database, bench.settings.review.bias_points)
    with bench.database.reading() as session:
        rows = [one for one in session.scalars(select(Calibration).order_by(Calibration.id.desc()).limit(100)) if _sees(session, person, one)]
        return render(
            request, "calibration.html", rows=rows, waiting=blind.to_score(session, person.id), to_shadow=blind.to_shadow(session, person.id),
            shadowed=standing.shadowing(session, person.id), halted=standing.halted(session, person.id), is_over=calibration.is_over,
            progress={one.id: _sum(blind.progress(session, one.id)) for one in rows}, names=_names(session), people=_reviewing(session),
            seed=date.today().isoformat())


@router.post("/calibration", dependencies=SUPERVISES)
def open_session(request: Request, person: Reader, name: Annotated[str, Form()], number: Annotated[int, Form()] = 0,
                       seed: Annotated[str, Form()] = "", calls: Annotated[str, Form()] = "", gold: Annotated[str, Form()] = "",
                       closes_at: Annotated[str, Form()] = "", who: Annotated[list[int], Form()] = []) -> Response:  # noqa: B006
    """`calls` by hand (ids, parted by blanks), else `number` drawn with `seed`. `closes_at` is a time of this machine's zone."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        people = [session.get_one(Person, number) for number in dict.fromkeys(who)]
        judge = session.get(Person, int(gold)) if gold.isdecimal() else None
        chosen = list(dict.fromkeys(calls.split())) or calibration.draw(session, number, seed, {one.id for one in [*people, *([judge] if judge else [])]})
        lines = {call_id: lines_for(session, card, bench.draft(card)) for call_id in chosen for card in [_call(session, call_id)]}
    with bench.database.writing() as session:
        made = calibration.open_session(session, person, name, lines, people, judge, _moment(closes_at), "" if calls.split() else seed)
    return RedirectResponse(f"/calibration/{made.id}", 303)


@router.get("/calibration/{number}", dependencies=[Depends(allowed("score_blind"))])
def session_page(request: Request, number: int, person: Reader) -> Response:
    """While the session is open how far everybody is; once it is over what came out."""
    bench = bench_of(request)
    measuring.close_due(bench.database, bench.settings.review.bias_points)
    with bench.database.reading() as session:
        one = session.get(Calibration, number)
        if one is None or not _sees(session, person, one):
            raise Refused
        names, over = _names(session), calibration.is_over(one)
        told: dict[str, Any] = {"one": one, "names": names, "over": over, "progress": blind.progress(session, number),
                                "waiting": [row for row in blind.to_score(session, person.id) if row[2] and row[2].id == number]}
        told["calls"] = calibration.calls(session, number) if may(person, "calibrate") else []
        if over:
            calls = calibration.scored(session, one)
            standings = measuring.standings(calls, one.gold_id)
            told |= {"people": [row.person_id for row in standings], "standings": standings, "compared": [(call, differing(call)) for call in calls],
                     "items": measuring.by_item(calls, one.gold_id), "rules": measuring.by_rule(calls, one.gold_id, bench.titles),
                     "overall": measuring.overall(calls, one.gold_id)}
    if over:
        with bench.database.writing() as session:
            audit.note(session, person.login, "calibration.seen", str(number))
    return render(request, "calibration_one.html", **told)


@router.post("/calibration/{number}/close", dependencies=SUPERVISES)
def close(request: Request, number: int, person: Reader) -> Response:
    bench = bench_of(request)
    with bench.database.writing() as session:
        measuring.settle(session, person.login, [session.get_one(Calibration, number)], bench.settings.review.bias_points)
    return RedirectResponse(f"/calibration/{number}", 303)


@router.get("/reviewers", dependencies=[Depends(allowed("calibrate"))])
def reviewers(request: Request, person: Reader) -> Response:
    """Everybody's difference to the others, session by session; who is paused; who shadows whom and how alike they score."""
    bench = bench_of(request)
    measuring.close_due(bench.database, bench.settings.review.bias_points)
    with bench.database.reading() as session:
        leaning = measuring.leanings(session, bench.settings.review.bias_points)
        people = _reviewing(session)
        pauses = {one.person_id: one for one in session.scalars(select(Pause).where(Pause.lifted_at.is_(None)))}
        shadows = session.scalars(select(Shadowing).order_by(Shadowing.ended_at.is_not(None), Shadowing.id.desc()).limit(50)).all()
        return render(request, "reviewers.html", people=people, leaning=leaning, pauses=pauses, points=bench.settings.review.bias_points,
                      shadows=[(one, *alike(session, one)) for one in shadows], names=_names(session))


@router.post("/reviewers/{person_id}/pause", dependencies=SUPERVISES)
def pause(request: Request, person_id: int, person: Reader, why: Annotated[str, Form()]) -> Response:
    with bench_of(request).database.writing() as session:
        standing.pause(session, person.login, _person(session, person_id), why)
    return RedirectResponse("/reviewers", 303)


@router.post("/reviewers/{person_id}/lift", dependencies=SUPERVISES)
def lift(request: Request, person_id: int, person: Reader, note: Annotated[str, Form()] = "") -> Response:
    with bench_of(request).database.writing() as session:
        standing.lift(session, person, _person(session, person_id), note)
    return RedirectResponse("/reviewers", 303)


@router.post("/shadowing", dependencies=SUPERVISES)
def shadow(request: Request, person: Reader, newcomer: Annotated[int, Form()], experienced: Annotated[int, Form()]) -> Response:
    with bench_of(request).database.writing() as session:
        standing.shadow(session, person, _person(session, newcomer), _person(session, experienced))
    return RedirectResponse("/reviewers", 303)


@router.post("/shadowing/{number}/end", dependencies=SUPERVISES)
def end_shadowing(request: Request, number: int, person: Reader) -> Response:
    with bench_of(request).database.writing() as session:
        standing.end_shadowing(session, person, number)
    return RedirectResponse("/reviewers", 303)


def differing(call: calibration.Scored) -> list[blind.Line]:
    """The lines on which those who scored the call are not all of one mind: what the meeting talks about."""
    return [line for line in call.lines if len({said.get(line.item) for said in call.verdicts.values()} - {None}) > 1]


def alike(session: Session, one: Shadowing) -> tuple[measuring.Agreement | None, float | None, int]:
    """Of a shadowing: agreement of the two, the newcomer's mean difference in points, and over how many calls."""
    pairs = blind.shadowed_pairs(session, one.id)
    units = [{0: own[line.item], 1: theirs[line.item]} for call, own, theirs in pairs for line in blind.lines_of(call)
             if line.item in own and line.item in theirs]
    scores = [[intake.result(blind.rows_of(blind.lines_of(call), said), Bands())[0] for said in (own, theirs)] for call, own, theirs in pairs]
    differences = [own - other for own, other in scores if own is not None and other is not None]
    return measuring.agreement("", "", units), fmean(differences) if differences else None, len(pairs)


def _sees(session: Session, person: Person, one: Calibration) -> bool:
    """A supervisor sees every session, others those in which they take part."""
    return may(person, "calibrate") or session.scalar(
        select(BlindCard.id).join(BlindCall).where(BlindCall.calibration_id == one.id, BlindCard.person_id == person.id).limit(1)) is not None


def _reviewing(session: Session) -> list[Person]:
    return list(session.scalars(select(Person).where(Person.active, Person.role.in_(standing.REVIEWING)).order_by(Person.role, Person.name)))


def _names(session: Session) -> dict[int, str]:
    return dict(session.execute(select(Person.id, Person.name).where(Person.role.in_(standing.REVIEWING))).tuples().all())


def _person(session: Session, number: int) -> Person:
    person = session.get(Person, number)
    if person is None or person.role not in standing.REVIEWING:
        raise Refused
    return person


def _call(session: Session, call_id: str) -> Card:
    card = session.get(Card, call_id)
    if card is None or card.kind != "recording":
        raise Conflict(f"没有这通录音：{call_id}。")
    return card


def _sum(progress: dict[int, tuple[int, int]]) -> tuple[int, int]:
    return sum(done for done, _ in progress.values()), sum(of for _, of in progress.values())


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone() if text else None
    except ValueError:
        raise Conflict(f"结束时间“{text}”不是时间。") from None
