"""A call: the sound, what was said, the card beside it; and everything that can be done to the card."""
from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from records import Draft, Transcript
from records import Item as Line
from review.masking import masked
from review.page import LONG_SILENCE, by_turn, call_facts, turn_view
from review.workbench import following, health, intake, leading
from review.workbench.anew import offered, placed
from review.workbench.assigning import takers
from review.workbench.bench import Bench, bench_of, render
from review.workbench.correcting import beside
from review.workbench.gate import Reader, allowed, changing, over
from review.workbench.rights import may
from rules.form import Bands
from store.reviews import audit, cards, corrections, listened
from store.reviews.schema import PUBLISHED, Appeal, Card, Item, Person

router = APIRouter()
REVIEW = [Depends(allowed("review")), Depends(changing)]


class Judged(BaseModel):
    """A reviewer's word on one item. `points` only where it is worth something between nothing and all."""

    verdict: str
    points: float | None = None
    reason: str = ""


class Judgements(BaseModel):
    """What the page saves: against which version of the card, and the items that changed."""

    version: int
    items: dict[str, Judged] = {}
    comment: str | None = None


@router.post("/calls/{call_id:path}/claim", dependencies=REVIEW)
def claim(request: Request, call_id: str, person: Reader) -> Response:
    bench = bench_of(request)
    with bench.database.writing() as session:
        card = over(person, "review", session.get(Card, call_id))
        taken(bench, session, person, card, bench.draft(card))
    return RedirectResponse(request.url_for("call", call_id=call_id).path + (f"?{request.url.query}" if request.url.query else ""), 303)


@router.post("/calls/{call_id:path}/release", dependencies=REVIEW)
def release(request: Request, call_id: str, person: Reader) -> Response:
    with bench_of(request).database.writing() as session:
        given_back(session, person, over(person, "review", session.get(Card, call_id)))
    return RedirectResponse("/queue", 303)


@router.post("/calls/{call_id:path}/judge", dependencies=REVIEW)
def judge(request: Request, call_id: str, person: Reader, sent: Judgements) -> Response:
    """Saves what changed and answers with the card as it now stands."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        card = over(person, "review", session.get(Card, call_id))
        judged = {item: (one.verdict, one.points, one.reason) for item, one in sent.items.items()}
        card = cards.judge(session, person, call_id, sent.version, judged)
        if sent.comment is not None:
            card = cards.comment(session, person, call_id, card.version, sent.comment)
        return JSONResponse(standing(bench, session, card))


@router.post("/calls/{call_id:path}/publish", dependencies=REVIEW)
def publish(request: Request, call_id: str, person: Reader, version: Annotated[int, Form()], tasks: BackgroundTasks,
            then: Annotated[str, Form()] = "") -> Response:
    """Ends the review; `then` "next" goes on with the next call of the reviewer's day, else back to the queue."""
    bench = bench_of(request)
    tasks.add_task(health.settle, bench)
    with bench.database.writing() as session:
        card = published(bench, session, person, over(person, "review", session.get(Card, call_id)), version)
    return RedirectResponse(f"/{'next' if then == 'next' else 'queue'}?picked={card.picked}", 303)


def published(bench: Bench, session: Session, person: Person, card: Card, version: int) -> Card:
    """Ends the review with the score of what was judged, by page or API."""
    score, band, _ = intake.result(cards.items(session, card.call_id), _bands(bench, card))
    card = cards.publish(session, person, card.call_id, version, score, band, intake.feedback_due(bench.days))
    following.after_publication(bench, session, card)
    return card


@router.post("/calls/{call_id:path}/acknowledge", dependencies=[Depends(allowed("acknowledge")), Depends(changing)])
def acknowledge(request: Request, call_id: str, person: Reader) -> Response:
    with bench_of(request).database.writing() as session:
        over(person, "acknowledge", session.get(Card, call_id))
        cards.acknowledge(session, person, call_id)
    return RedirectResponse(request.url_for("call", call_id=call_id).path, 303)


@router.post("/calls/{call_id:path}/appeal", dependencies=[Depends(allowed("appeal")), Depends(changing)])
def appeal(request: Request, call_id: str, person: Reader, item: Annotated[str, Form()],
           text: Annotated[str, Form()]) -> Response:
    with bench_of(request).database.writing() as session:
        over(person, "appeal", session.get(Card, call_id))
        cards.appeal(session, person, call_id, item, text)
    return RedirectResponse(request.url_for("call", call_id=call_id).path, 303)


@router.post("/appeals/{appeal_id}", dependencies=[Depends(allowed("decide")), Depends(changing)])
def decide(request: Request, appeal_id: int, person: Reader, verdict: Annotated[str, Form()],
           answer: Annotated[str, Form()]) -> Response:
    """`verdict` "upheld" keeps the reviewer's word; pass, fail or not_applicable grants the appeal with that verdict."""
    bench = bench_of(request)
    with bench.database.writing() as session:
        card = decided(bench, session, person, appeal_id, verdict, answer)
    return RedirectResponse(request.url_for("call", call_id=card.call_id).path, 303)


def decided(bench: Bench, session: Session, person: Person, appeal_id: int, verdict: str, answer: str) -> Card:
    """Ends an appeal and scores its card anew, by page or API. Raises Conflict as `cards.decide`."""
    if verdict not in ("upheld", "pass", "fail", "not_applicable"):
        raise cards.Conflict("裁定只能是维持原判、通过、不通过或不适用。")
    card = cards.decide(session, person, appeal_id, verdict != "upheld", verdict, answer)
    card.score, card.band, _ = intake.result(cards.items(session, card.call_id), _bands(bench, card), final=True)
    following.after_decision(bench, session, card)
    return card


@router.get("/calls/{call_id:path}", name="call")
def call(request: Request, call_id: str, person: Reader, claim: bool = False, original: bool = False, text: str = "",
         rule: str = "") -> Response:
    """The page. With `claim` a free call is taken on the way, so that "next call" is one step. Personal data are hidden, but
    for who may ask for the original; then the log says so. It opens where the words of `text` were said, at the evidence of `rule`."""
    bench = bench_of(request)
    # The lake is read and the page made outside the write transaction: writers are let in one at a time.
    with bench.database.reading() as session:
        card = over(person, "see", session.get(Card, call_id))
        draft, words = bench.draft(card), bench.words(session, card)
    readable = bench.settings.privacy.unmasked and may(person, "original", card)
    hidden = bench.settings.privacy.masking != "off" and not (original and readable)
    trouble = None
    with bench.database.writing() as session:
        if claim and may(person, "review", card) and request.headers.get("sec-fetch-site") != "cross-site":
            try:
                taken(bench, session, person, card, draft)
            except cards.Conflict as conflict:
                trouble = str(conflict)
        audit.note(session, person.login, "card.seen" if hidden else "card.seen_in_full", call_id)
    kept = placed(draft, words.corrected)
    shown, transcript = masked(kept.draft, words.corrected, hidden)
    with bench.database.reading() as session:
        return render(request, "card.html", trouble=trouble, readable=readable and hidden, original=original and readable,
                      anew=offered(bench, card, kept), before=beside(words, draft, _names(session), hidden), step=corrections.last_step(session, call_id),
                      led=leading.led(transcript, shown, text, rule), led_by={name: value for name, value in (("text", text), ("rule", rule)) if value},
                      **_page(bench, session, person, session.get_one(Card, call_id), shown, transcript, leading.spans(transcript, text)))


def given_back(session: Session, person: Person, card: Card) -> None:
    """Releases a call, by page or API; a card without a recording on which nothing was judged is gone."""
    if card.kind != "recording" and not cards.begun(session, card.call_id):
        listened.drop(session, person, cards.held(session, person, card.call_id, None))
    else:
        cards.release(session, person, card.call_id)


def taken(bench: Bench, session: Session, person: Person, card: Card, draft: Draft) -> Card:
    """Claims a call, by page or API; the feedback is due a working day later."""
    return cards.claim(session, person, card.call_id, draft.model_dump_json(), bench.settings.quotas.own_team, intake.feedback_due(bench.days))


def _page(bench: Bench, session: Session, person: Person, card: Card, draft: Draft, transcript: Transcript, asked: leading.Spans) -> dict[str, Any]:
    items = {item.item: item for item in cards.items(session, card.call_id)}
    lines = [line for line in intake.lines_of(draft, bench.forms.get(draft.form), bench.titles) if line.id in items]
    holder = session.get(Person, card.holder_id) if card.holder_id else None
    mine = card.state == "claimed" and card.holder_id == person.id
    reviewer = session.get(Person, card.reviewer_id) if card.reviewer_id else None
    score, band, fatal = (card.score, card.band, any(i.fatal and i.final_verdict == "fail" for i in items.values())) \
        if card.state in PUBLISHED else intake.result(list(items.values()), _bands(bench, card))
    evidence = by_turn(draft)
    return {
        "card": card, "draft": draft, "transcript": transcript, "facts": call_facts(transcript, _language(person)),
        "turns": [turn_view(number, turn, evidence[number], _language(person), asked.get(number, ())) for number, turn in enumerate(transcript.turns)],
        "sections": _sections(lines, items), "findings": _others(draft, lines), "titles": bench.titles,
        "coach": {one.rule: bench.rules[one.rule].coach for one in draft.findings
                  if one.verdict == "fail" and one.rule in bench.rules and bench.rules[one.rule].coach},
        "agent_channel": agent_channel(transcript), "regions": regions(draft, transcript),
        "mine": mine, "free": card.state in ("open", "claimed") and not (holder and card.held_until
                                                                        and card.held_until > datetime.now(UTC)),
        "holder": holder, "reviewer": reviewer, "score": score, "band": band, "fatal": fatal,
        "undecided": sum(item.human_verdict is None for item in items.values()),
        "published": card.state in PUBLISHED, "sure_from": bench.settings.review.sure_from,
        "appeals": list(session.scalars(select(Appeal).where(Appeal.call_id == card.call_id))),
        "contestable": cards.contestable, "names": _names(session), "now": datetime.now(UTC), "assisted": health.assisted(session, list(items.values())),
        "takers": takers(session) if may(person, "assign", card) and card.kind == "recording" else [],
        "followups": following.of_agent(session, card.agent_id) if may(person, "follow") else {}}


def regions(draft: Draft, transcript: Transcript) -> list[dict[str, Any]]:
    """What the waveform marks: evidence that failed or is unsure, signals, and stretches in which nobody speaks."""
    marks = [{"start": piece.start, "end": piece.end if piece.end is not None else piece.start + 1, "kind": finding.verdict,
              "turn": piece.turn, "rule": finding.rule}
             for finding in draft.findings if finding.verdict in ("fail", "needs_review", "found")
             for piece in finding.evidence if piece.start is not None]
    at = 0.0
    for turn in sorted(transcript.turns, key=lambda one: one.start or 0.0):
        if turn.start is not None and turn.start - at >= LONG_SILENCE:
            marks.append({"start": at, "end": turn.start, "kind": "silence", "turn": None, "rule": ""})
        at = max(at, turn.end or at)
    return marks


def agent_channel(transcript: Transcript) -> int | None:
    """The channel on which the agent says most turns, 0 or 1; None where the turns name no channel."""
    heard = Counter(turn.channel for turn in transcript.turns if turn.speaker == "agent" and turn.channel is not None)
    return heard.most_common(1)[0][0] if heard else None


def standing(bench: Bench, session: Session, card: Card) -> dict[str, Any]:
    """How far a card is judged."""
    lines = cards.items(session, card.call_id)
    score, band, fatal = intake.result(lines, _bands(bench, card))
    return {"version": card.version, "score": score, "band": band, "fatal": fatal,
            "undecided": sum(item.human_verdict is None for item in lines),
            "items": {item.item: {"verdict": item.human_verdict, "points": item.human_points,
                                  "overridden": item.overridden, "reason": item.reason} for item in lines}}


def _sections(lines: list[Line], items: dict[str, Item]) -> list[tuple[str, list[tuple[Line, Item]]]]:
    sections: dict[str, list[tuple[Line, Item]]] = {}
    for line in lines:
        sections.setdefault(line.section, []).append((line, items[line.id]))
    return list(sections.items())


def _others(draft: Draft, lines: list[Line]) -> list[Any]:
    """Findings that no line of the card rests on, yet tell something."""
    used = {rule for line in lines for rule in line.rules}
    return [one for one in draft.findings if one.rule not in used and one.verdict in ("fail", "needs_review", "found")]


def _names(session: Session) -> dict[int, str]:
    """Everybody who may have had a hand in a card; agents, of whom there are many, have none."""
    return dict(session.execute(select(Person.id, Person.name).where(Person.role != "agent")).tuples().all())


def _bands(bench: Bench, card: Card) -> Bands:
    form = bench.forms.get(card.form)
    return form.bands if form else Bands()


def _language(person: Person) -> Any:
    return "en" if person.language == "en" else "zh"
