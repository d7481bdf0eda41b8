"""Scoring a call blind: sound, words and an empty card; nothing of what the machine or anybody else says."""
from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from records import Draft
from review.masking import masked
from review.page import call_facts, turn_view
from review.workbench import intake
from review.workbench.bench import Bench, bench_of, render
from review.workbench.calls import Judgements, agent_channel, regions
from review.workbench.gate import Reader, Refused, allowed, changing
from review.workbench.sound import drawn_peaks, playable, served
from rules.form import Bands
from store.reviews import audit, blind, cards
from store.reviews.blind import Line
from store.reviews.calibration_tables import BlindCall, BlindCard
from store.reviews.schema import Card, Person

router = APIRouter()
CHANGES = [Depends(allowed("score_blind")), Depends(changing)]


@router.post("/blind/shadow/{call_id:path}", dependencies=CHANGES)
def begin(request: Request, call_id: str, person: Reader) -> Response:
    """Begins the blind scoring of a call that the experienced reviewer has published."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        card = _card(session, call_id)
        lines = lines_for(session, card, bench.draft(card))
    with bench.database.writing() as session:
        made = blind.begin_shadowed(session, person, _card(session, call_id), lines)
    return RedirectResponse(f"/blind/{made.id}", 303)


@router.get("/blind/{card_id}", dependencies=[Depends(allowed("score_blind"))])
def page(request: Request, card_id: int, person: Reader) -> Response:
    bench = bench_of(request)
    with bench.database.reading() as session:
        mine, call = _mine(session, person, card_id)
        card = _card(session, call.call_id)
        transcript, draft = bench.words(session, card).corrected, bench.draft(card).model_copy(update={"findings": (), "items": ()})
    _, transcript = masked(draft, transcript, bench.settings.privacy.masking != "off")
    with bench.database.writing() as session:
        audit.note(session, person.login, "blind.seen", call.call_id, card=card_id)
    language: Any = "en" if person.language == "en" else "zh"
    with bench.database.reading() as session:
        judged, lines = blind.verdicts(session, card_id), blind.lines_of(call)
        sections: dict[str, list[Line]] = {}
        for line in lines:
            sections.setdefault(line.section, []).append(line)
        score, band, fatal = intake.result(blind.rows_of(lines, judged), _bands(bench, card))
        return render(
            request, "blind.html", card=card, blind=mine, judged=judged, sections=list(sections.items()), score=score, band=band,
            fatal=fatal, undecided=len(blind.undecided(lines, judged)), points=blind.points, facts=call_facts(transcript, language),
            turns=[turn_view(number, turn, [], language) for number, turn in enumerate(transcript.turns)],
            agent_channel=agent_channel(transcript), regions=regions(draft, transcript), shadowing=call.shadowing_id is not None,
            back=f"/calibration/{call.calibration_id}" if call.calibration_id else "/calibration")


@router.post("/blind/{card_id}/judge", dependencies=CHANGES)
def judge(request: Request, card_id: int, person: Reader, sent: Judgements) -> Response:
    """Saves what changed and answers with the card as it now stands, as for a card of the queue."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        card = blind.judge(session, person, card_id, sent.version, {item: one.verdict for item, one in sent.items.items()}, sent.comment)
        _, call = _mine(session, person, card_id)
        lines, judged = blind.lines_of(call), blind.verdicts(session, card_id)
        rows = blind.rows_of(lines, judged)
        score, band, fatal = intake.result(rows, _bands(bench, _card(session, call.call_id)))
        return JSONResponse({
            "version": card.version, "score": score, "band": band, "fatal": fatal, "undecided": len(blind.undecided(lines, judged)),
            "items": {row.item: {"verdict": row.human_verdict, "points": row.human_points, "overridden": False, "reason": ""} for row in rows}})


@router.post("/blind/{card_id}/submit", dependencies=CHANGES)
def submit(request: Request, card_id: int, person: Reader, version: Annotated[int, Form()]) -> Response:
    """Hands the card in, and opens the next one that waits."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        _, call = _mine(session, person, card_id)
        rows = blind.rows_of(blind.lines_of(call), blind.verdicts(session, card_id))
        score, _, _ = intake.result(rows, _bands(bench, _card(session, call.call_id)))
        blind.submit(session, person, card_id, version, score)
        session.flush()
        waiting = blind.to_score(session, person.id)
    return RedirectResponse(f"/blind/{waiting[0][0].id}" if waiting else "/calibration", 303)


@router.get("/blind/{card_id}/sound", dependencies=[Depends(allowed("score_blind"))])
def sound(request: Request, card_id: int, person: Reader) -> Response:
    bench = bench_of(request)
    with bench.database.reading() as session:
        call_id = _mine(session, person, card_id)[1].call_id
    return served(request, person, playable(bench, call_id, bench.settings.privacy.masking != "off"), "sound.heard", call_id)


@router.get("/blind/{card_id}/peaks", dependencies=[Depends(allowed("score_blind"))])
def peaks(request: Request, card_id: int, person: Reader) -> Response:
    bench = bench_of(request)
    with bench.database.reading() as session:
        call_id = _mine(session, person, card_id)[1].call_id
    return drawn_peaks(bench, call_id)


def lines_for(session: Session, card: Card, draft: Draft) -> list[Line]:
    """The card's lines as they stand now, for blind scoring."""
    drafted = {line.id: line for line in draft.items}
    return [Line(item.item, item.title, drafted[item.item].section if item.item in drafted else intake.FATAL_SECTION,
                 drafted[item.item].mode if item.item in drafted else "auto", item.max_points, list(item.rules), item.machine_verdict,
                 item.fatal, item.bonus) for item in cards.items(session, card.call_id)]


def _card(session: Session, call_id: str) -> Card:
    card = session.get(Card, call_id)
    if card is None:
        raise Refused
    return card


def _mine(session: Session, person: Person, card_id: int) -> tuple[BlindCard, BlindCall]:
    found = blind.mine(session, person, card_id)
    if found is None:
        raise Refused
    return found


def _bands(bench: Bench, card: Card) -> Bands:
    form = bench.forms.get(card.form)
    return form.bands if form else Bands()
