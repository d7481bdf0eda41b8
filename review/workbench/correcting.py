"""Correcting what the machine heard: a turn's words or speaker, one turn that is two, two that are one. The call is scored again at once."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from pipeline.masking.showing import STAR
from records import Draft, Transcript, Turn
from review.masking import masked
from review.workbench import intake
from review.workbench.bench import Bench, Words, bench_of
from review.workbench.gate import Reader, allowed, changing, over
from rules.operators.voice import DEAD_AIR
from store.reviews import corrections, said
from store.reviews.cards import Conflict
from store.reviews.pieces import Spot, Stretch, cut, merged, piece_of, read, replaced, stretches
from store.reviews.schema import Card, Person
from store.reviews.work_tables import Correction

router = APIRouter()


class Corrected(BaseModel):
    """What is to be corrected against which version of the card. `turn` counts the turns as the card shows them now.

    `do`: `reword` (words, speaker), `split` the turn before character `at` of its text, the second half said by `then`; `join` it with
    the next one of its channel; `restore` gives the machine's turn or turns back; `undo` takes the call's last correction back. `text`
    is the turn as it should read (null: as it is), `shown` the text that was offered to change (null: what the card shows now)."""

    version: int
    turn: int = 0
    do: Literal["reword", "split", "join", "restore", "undo"] = "reword"
    speaker: str = ""
    text: str | None = None
    shown: str | None = None
    at: int = 0
    then: str = ""


ACTIONS = {"reword": "turn.corrected", "split": "turn.split", "join": "turn.joined", "restore": "turn.restored"}


@router.post("/calls/{call_id:path}/correct", dependencies=[Depends(allowed("review")), Depends(changing)])
def correct(request: Request, call_id: str, person: Reader, sent: Corrected) -> Response:
    """Keeps the correction, scores the call again on its form, and answers with the items whose verdict is now another."""
    version, changed = keep(bench_of(request), person, call_id, sent)
    return JSONResponse({"version": version, "changed": changed})


def keep(bench: Bench, person: Person, call_id: str, sent: Corrected) -> tuple[int, list[str]]:
    """A correction by page or API: the card's new version and the items whose verdict changed. Raises Conflict."""
    committed = intake.state_of(bench.lake)
    with bench.database.reading() as session:
        card = over(person, "review", session.get(Card, call_id))
        words = bench.words(session, card)
    new = None if sent.do == "undo" else _planned(bench, words, sent)
    with bench.database.writing() as session:
        card = over(person, "review", session.get(Card, call_id))
        # A batch may have recognised the call anew meanwhile. One that does so from here on is no harm: a correction names its words.
        if card.kind == "recording" and intake.state_of(bench.lake) != committed and bench.lake.transcript(call_id, card.day) != words.heard:
            raise Conflict("这通录音刚刚重新识别过，请刷新后再改。")
        made = corrections.undo(session, person, call_id, sent.version) if new is None else \
            corrections.keep(session, person, call_id, sent.version, ACTIONS[sent.do], words.heard, new)
        after = corrections.corrected(words.heard, corrections.standing(session, call_id, words.heard))
        changed = rescore(bench, session, card, made, after)
        return card.version, changed


def _planned(bench: Bench, words: Words, sent: Corrected) -> Stretch:
    """The stretch of the call as it is to read."""
    if not 0 <= sent.turn < len(words.corrected.turns):
        raise Conflict("没有这一句，请刷新后再改。")
    if {sent.speaker, sent.then} - {"", *corrections.SPEAKERS}:
        raise Conflict(f"没有这样的说话人，只能是 {'、'.join(corrections.SPEAKERS)}。")
    parts = stretches(words.heard, words.changes)
    turns = read(words.heard, parts)
    (part, number), now = turns[sent.turn]
    heard = words.heard.turns[part.first:part.first + part.span]
    if sent.do == "restore":
        return part._replace(pieces=tuple(map(piece_of, heard)))
    hidden = display(bench, words.corrected)[sent.turn]
    text = now.text if sent.text is None else unhidden(now.text, hidden, hidden if sent.shown is None else sent.shown, sent.text)
    if not text.strip():
        raise Conflict("更正后的文本不能为空。")
    piece = part.pieces[number]._replace(speaker=sent.speaker or now.speaker, text=text)
    reworded = part._replace(pieces=(*part.pieces[:number], piece, *part.pieces[number + 1:]))
    if sent.do == "reword":
        return reworded
    if sent.do == "split":
        first, second = cut(piece, sent.at, heard)
        new = part._replace(pieces=(*part.pieces[:number], first, second._replace(speaker=sent.then or piece.speaker), *part.pieces[number + 1:]))
    else:
        new = _joined(replaced(parts, reworded), reworded, number, turns, sent.turn)
    _reveals_nothing(bench, words.heard, replaced(parts, reworded), replaced(parts, new))
    return new


def _joined(parts: Sequence[Stretch], part: Stretch, number: int, turns: Sequence[tuple[Spot, Turn]], at: int) -> Stretch:
    """The piece `number` of `part`, turn `at` of the call, made one with the next turn on its channel."""
    piece = part.pieces[number]
    following = next(((spot, turn) for spot, turn in turns[at + 1:] if turn.channel == piece.channel), None)
    if following is None:
        raise Conflict("后面没有可以合并的句子。")
    (other, second), _ = following
    gap = (other.pieces[second].start or 0.0) - (piece.end or 0.0)
    if gap >= DEAD_AIR:
        raise Conflict(f"两句相隔 {gap:.1f} 秒，合并会把这段静默藏起来；{DEAD_AIR:g} 秒以内的才能合并。")
    first, last = min(part.first, other.first), max(part.first + part.span, other.first + other.span)
    inside = [(one.first, place, there) for one in parts if first <= one.first < last for place, there in enumerate(one.pieces)]
    joined = merged(piece, other.pieces[second])
    return Stretch(first, last - first, tuple(
        joined if (begin, place) == (part.first, number) else there
        for begin, place, there in inside if (begin, place) != (other.first, second)))


def _reveals_nothing(bench: Bench, heard: Transcript, before: Sequence[Stretch], after: Sequence[Stretch]) -> None:
    """Refuses a cut through a name or a number after which a part of it would no longer be recognised and hidden."""
    def stars(parts: Sequence[Stretch]) -> Counter[str]:
        transcript = heard.model_copy(update={"turns": tuple(turn for _, turn in read(heard, parts))})
        shown = display(bench, transcript)
        return Counter(said for turn, text in zip(transcript.turns, shown, strict=True)
                       for said, seen in zip(turn.text, text, strict=True) if seen == STAR and not said.isspace())
    if stars(before) - stars(after):
        raise Conflict("这样会露出隐去的个人信息，请换个位置拆分，或先改写这一句。")


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


def beside(words: Words, draft: Draft, names: Mapping[int, str], hidden: bool) -> dict[int, Any]:
    """For the page: by turn of the corrected call what the machine heard, and who changed it when. Of the pieces of one stretch the
    first tells it, the others only that they belong to it."""
    if not words.changes:
        return {}
    _, shown = masked(draft, words.heard, hidden)
    made = dict[int, Any]()
    for number, (spot, _) in enumerate(read(words.heard, stretches(words.heard, words.changes))):
        part, one = spot.stretch, spot.stretch.change
        if one is None:
            continue
        heard = list(shown.turns[part.first:part.first + part.span]) if spot.piece == 0 else []
        recut = not part.whole
        made[number] = {"turns": heard, "moved": recut or one.speaker != one.machine_speaker, "recut": recut,
                        "reworded": recut or one.text != one.machine_text, "by": names.get(one.person_id, ""), "at": one.at}
    return made
