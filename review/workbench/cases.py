"""The case library, and what went wrong most this week: for team meetings and for training, with nobody pilloried.

Personal data are always hidden here, in words and under a tone. Agents and analysts see what is shared with all, without the
call's id and with the agent's name and number hidden, too.
"""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from pipeline.masking.staff import without_staff
from records import Draft, Transcript
from review.masking import masked
from review.page import turn_view
from review.sound import hidden_in
from review.workbench.behind import seen
from review.workbench.bench import Bench, bench_of, render
from review.workbench.gate import Reader, Refused, allowed, changing, over
from review.workbench.rights import may
from review.workbench.sound import clip, served
from store.reviews import audit, library
from store.reviews.calibration_tables import Case
from store.reviews.library import Kept
from store.reviews.schema import Card, Person

AROUND = 0.3            # seconds before and after a clip's words
WORST = 10              # items of the week's page
EXAMPLES = 3            # cases beside each

router = APIRouter()
KEEPS = [Depends(allowed("keep_case")), Depends(changing)]


@router.get("/cases", dependencies=[Depends(allowed("cases"))])
def cases(request: Request, person: Reader, rule: str = "", tag: str = "", kind: str = "") -> Response:
    bench = bench_of(request)
    with bench.database.reading() as session:
        rules, tags = library.choices(session, person)
        return render(request, "cases.html", rows=library.find(session, person, rule, tag, kind), rules=rules, tags=tags, titles=bench.titles,
                      chosen={"rule": rule, "tag": tag, "kind": kind}, nameless=nameless(person))


@router.get("/cases/new", dependencies=[Depends(allowed("keep_case"))])
def new(request: Request, person: Reader, call: str) -> Response:
    """The form: from which sentence to which, good or bad, why."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        card = over(person, "keep_case", session.get(Card, call))
        draft, transcript = masked(bench.draft(card), bench.words(session, card).corrected)
        failed = [one.rule for one in draft.findings if one.verdict == "fail"]
        return render(request, "case_new.html", card=card, turns=[turn for turn in transcript.turns if turn.start is not None],
                      rules=[*failed, *sorted(set(bench.titles) - set(failed))], failed=len(failed), titles=bench.titles)


@router.post("/cases", dependencies=KEEPS)
def keep(request: Request, person: Reader, call: Annotated[str, Form()], kind: Annotated[str, Form()], title: Annotated[str, Form()],
         why: Annotated[str, Form()], rule: Annotated[str, Form()] = "", tags: Annotated[str, Form()] = "", starts: Annotated[str, Form()] = "",
         ends: Annotated[str, Form()] = "", shared: Annotated[str, Form()] = "") -> Response:
    with bench_of(request).database.writing() as session:
        card = over(person, "keep_case", session.get(Card, call))
        made = library.keep(session, person, card, kind, title, why, rule, tags, _seconds(starts), _seconds(ends), bool(shared))
    return RedirectResponse(f"/cases/{made.id}", 303)


@router.get("/cases/{case_id}", dependencies=[Depends(allowed("cases"))])
def case(request: Request, case_id: int, person: Reader) -> Response:
    bench = bench_of(request)
    with bench.database.reading() as session:
        kept = _kept(session, person, case_id)
        draft, transcript = _words(bench, session, kept.card, nameless(person))
    with bench.database.writing() as session:
        audit.note(session, person.login, "case.seen", kept.card.call_id, case=case_id)
    language: Any = "en" if person.language == "en" else "zh"
    _, shown = masked(draft, transcript)
    turns = [turn_view(number, turn, [], language) for number, turn in enumerate(shown.turns) if _within(kept.case, turn.start, turn.end)]
    return render(request, "case.html", kept=kept, turns=turns, titles=bench.titles, nameless=nameless(person),
                  may_change=_may_change(person, kept.case), sound=kept.card.kind == "recording")


@router.get("/cases/{case_id}/sound", dependencies=[Depends(allowed("cases"))])
def sound(request: Request, case_id: int, person: Reader) -> Response:
    """The clip alone, never more of the call, with personal data under a tone. Analysts hear nothing, here neither."""
    bench = bench_of(request)
    if person.role == "analyst":
        raise Refused
    with bench.database.reading() as session:
        kept = _kept(session, person, case_id)
        _, transcript = _words(bench, session, kept.card, nameless(person))
    start, end = span(kept.case)
    file = clip(bench, kept.card.call_id, hidden_in(transcript), start, end)
    return served(request, person, file, "case.heard", kept.card.call_id)


@router.post("/cases/{case_id}/{act}", dependencies=KEEPS)
def change(request: Request, case_id: int, act: str, person: Reader) -> Response:
    """`share` with all, `unshare`, or `withdraw`: by who keeps the case, or a supervisor."""
    with bench_of(request).database.writing() as session:
        there = _kept(session, person, case_id).case
        if act not in ("share", "unshare", "withdraw") or not _may_change(person, there):
            raise Refused
        if act == "withdraw":
            library.withdraw(session, person, there)
        else:
            library.share(session, person, there, act == "share")
    return RedirectResponse("/cases" if act == "withdraw" else f"/cases/{case_id}", 303)


@router.get("/week", dependencies=[Depends(allowed("cases"))])
def week(request: Request, person: Reader, monday: str = "") -> Response:
    """What failed most on the cards published in a week, against the week before, with examples and how to say it. No names."""
    bench = bench_of(request)
    since = _monday(monday)
    with bench.database.reading() as session:
        only = None if person.role in ("agent", "team_leader") else seen(person)      # whose numbers open calls counts the calls they may open
        now, before = (library.failures(session, start, start + timedelta(days=7), only) for start in (since, since - timedelta(days=7)))
        mine = library.failures(session, since, since + timedelta(days=7), seen(person)) if person.role == "team_leader" else now
        worst = sorted((one for one in now.values() if one.failed), key=lambda one: (-one.failed, -one.failed / one.judged, one.item))[:WORST]
        rows = [{"now": one, "mine": mine.get(one.item), "before": before.get(one.item), "cases": library.find(session, person, rules=one.rules)[:EXAMPLES],
                 "coach": [rule for rule in one.rules if bench.coach(rule)]} for one in worst]
        return render(request, "week.html", rows=rows, monday=since.date(), weeks=[since - timedelta(days=7), since, since + timedelta(days=7)], earlier=(since - timedelta(days=7)).date(),
                      later=(since + timedelta(days=7)).date() if since + timedelta(days=7) <= datetime.now().astimezone() else None)


def nameless(person: Person) -> bool:
    """Whether the agent stays unknown to this reader."""
    return person.role in ("agent", "analyst")


def span(case: Case) -> tuple[float, float | None]:
    """Seconds of the recording that the case plays: the clip with a little around it, or all."""
    if case.starts is None or case.ends is None:
        return 0.0, None
    return max(0.0, case.starts - AROUND), case.ends + AROUND


def _words(bench: Bench, session: Session, card: Card, nobody: bool) -> tuple[Draft, Transcript]:
    transcript = bench.words(session, card).corrected
    return bench.draft(card).model_copy(update={"findings": (), "items": ()}), without_staff(transcript) if nobody else transcript


def _within(case: Case, start: float | None, end: float | None) -> bool:
    if case.starts is None or case.ends is None:
        return True
    return start is not None and start < case.ends and (end if end is not None else start) > case.starts


def _kept(session: Session, person: Person, case_id: int) -> Kept:
    found = library.find(session, person, case_id=case_id)
    if not found:
        raise Refused
    return found[0]


def _may_change(person: Person, case: Case) -> bool:
    return may(person, "keep_case") and (case.made_by == person.id or person.role == "supervisor")


def _seconds(text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError:
        raise Refused from None


def _monday(text: str) -> datetime:
    """Midnight of the Monday of the week that a date lies in, in this machine's zone; without one of this week."""
    try:
        day = datetime.fromisoformat(text) if text else datetime.now()
    except ValueError:
        day = datetime.now()
    monday = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(days=day.weekday())
    return monday.astimezone(UTC).astimezone()
