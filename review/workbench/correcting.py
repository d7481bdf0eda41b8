"""Correcting what the machine heard: a turn's words or speaker, after which the call is scored again at once."""
from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pipeline.masking.showing import STAR
from records import Draft, Transcript
from review.masking import masked
from review.workbench import intake
from review.workbench.bench import Bench, bench_of
from review.workbench.gate import Reader, allowed, changing, over
from store.reviews import corrections, said
from store.reviews.cards import Conflict
from store.reviews.schema import Card
from store.reviews.work_tables import Correction

router = APIRouter()


class Corrected(BaseModel):
    """A turn as it should read. `shown` is the text that the page offered to change; `restore` gives it back to the machine."""

    version: int
    turn: int
    speaker: str = ""
    text: str = ""
    shown: str = ""
    restore: bool = False


@router.post("/calls/{call_id:path}/correct", dependencies=[Depends(allowed("review")), Depends(changing)])
def correct(request: Request, call_id: str, person: Reader, sent: Corrected) -> Response:
    """Keeps the correction, scores the call again on its form, and answers with the items whose verdict is now another."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        card = over(person, "review", session.get(Card, call_id))
        words = bench.words(session, card)
    if not 0 <= sent.turn < len(words.heard.turns):
        raise Conflict("没有这一句，请刷新后再改。")
    heard, now = words.heard.turns[sent.turn], words.corrected.turns[sent.turn]
    speaker = heard.speaker if sent.restore else sent.speaker or now.speaker
    text = heard.text if sent.restore else unhidden(now.text, display(bench, words.corrected)[sent.turn], sent.shown, sent.text)
    with bench.database.writing() as session:
        card = over(person, "review", session.get(Card, call_id))
        made = corrections.correct(session, person, call_id, sent.version, sent.turn, heard, speaker, text)
        after = corrections.corrected(words.heard, corrections.standing(session, call_id))
        changed = rescore(bench, session, card, made, after)
        return JSONResponse({"version": card.version, "changed": changed})


def rescore(bench: Bench, session: Session, card: Card, made: Correction, after: Transcript) -> list[str]:
    """Drafts the card anew from the corrected words, on the form that it has: judgements stay with their items. A call is scored in
    some milliseconds, so it is done where the correction is kept, and both hold or neither."""
    draft = bench.scorer.draft(after, card.form)
    form = bench.forms.get(draft.form)
    lines = intake.stored_items(card.call_id, intake.lines_of(draft, form, bench.titles), form)
    changed = corrections.redraft(session, card, made, draft, intake.card(draft, after, 0.0), lines, intake.hits(draft))
    said.keep(session, card.call_id, display(bench, after))
    return changed


def display(bench: Bench, transcript: Transcript) -> list[str]:
    """The turns' texts as this installation shows them."""
    return intake.shown(transcript, bench.settings.privacy.masking != "off")


def unhidden(full: str, hidden: str, shown: str, typed: str) -> str:
    """What was typed over a text in which personal data stood as stars, with the data back in their places.

    >>> unhidden("我叫王小明", "我叫王**", "我叫王**", "我就叫王**。")
    '我就叫王小明。'
    """
    if shown.strip() == full.strip():
        return typed
    if shown.strip() != hidden.strip():
        raise Conflict("这一句已经改过了，请刷新后再改。")
    out = []
    for same, start, end, begin, until in SequenceMatcher(None, hidden, typed, autojunk=False).get_opcodes():
        piece = typed[begin:until]
        if same != "equal" and STAR in piece:
            raise Conflict("隐去的内容（***）请原样保留，或整段重写。")
        out.append(full[start:end] if same == "equal" else piece)
    return "".join(out)


def beside(heard: Transcript, draft: Draft, changes: Mapping[int, Correction], names: Mapping[int, str], hidden: bool) -> dict[int, Any]:
    """For the page: by corrected turn what the machine heard, and who changed it when."""
    if not changes:
        return {}
    _, shown = masked(draft, heard, hidden)
    return {number: {"text": shown.turns[number].text, "speaker": one.machine_speaker, "moved": one.speaker != one.machine_speaker,
                     "reworded": one.text != one.machine_text, "by": names.get(one.person_id, ""), "at": one.at}
            for number, one in changes.items()}
