"""Turns as a person heard them, kept beside the machine's; the card drafted anew from them.

The lake's transcript stays what the machine heard. `corrected` lays the corrections over it; whoever learns from reviewers or
trains a recogniser reads both through `every`.
"""
from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from records import Draft, Transcript
from store.reviews import audit
from store.reviews.cards import Conflict, held, items
from store.reviews.pieces import Piece, Stretch, piece_of, read, stretches
from store.reviews.schema import Card, Hit, Item, Person
from store.reviews.work_tables import Correction, Redraft

SPEAKERS = ("agent", "customer", "unknown", "ivr")
LONGEST = 2000          # characters of one turn


def standing(session: Session, call_id: str, heard: Transcript) -> dict[int, Correction]:
    """By first turn of what the machine `heard`, the corrections that hold; turns that were given back to its words have none."""
    return holding(session.scalars(select(Correction).where(Correction.call_id == call_id).order_by(Correction.id)), heard)


def holding(rows: Iterable[Correction], heard: Transcript | None = None) -> dict[int, Correction]:
    """Of a call's corrections in the order they were made, by first turn those that hold: a later one over any of the same turns takes
    the place of the earlier, unless it was taken back.

    A call may have been recognised anew since (a better model, another recording): a correction follows the words that it was made
    upon to where they stand in `heard`, and is set aside where they are no longer, rather than laid over others."""
    rows = list(rows)
    undone, last = {row.undoes for row in rows}, dict[int, Correction]()
    for row in rows:
        if row.undoes is None and row.id not in undone:
            at = row.turn if heard is None else _place(row, heard)
            if at is not None:
                last = {turn: other for turn, other in last.items() if turn + other.span <= at or turn >= at + row.span}
                last[at] = row
    return {turn: row for turn, row in sorted(last.items())
            if row.pieces or (row.text, row.speaker) != (row.machine_text, row.machine_speaker)}


def _place(row: Correction, heard: Transcript) -> int | None:
    """The turn where the words that were corrected stand: where they stood, or else in the only other place."""
    def here(at: int) -> bool:
        return at + row.span <= len(texts) and "\n".join(texts[at:at + row.span]) == row.machine_text

    texts = [turn.text for turn in heard.turns]
    if here(row.turn):
        return row.turn
    places = [at for at in range(len(texts)) if here(at)]
    return places[0] if len(places) == 1 else None


def corrected(transcript: Transcript, changes: Mapping[int, Correction]) -> Transcript:
    """The transcript with the corrections laid over it. A turn whose words were changed has no word times any more, is as sure as
    a person is, and its speaking rate counts the characters that were said."""
    if not changes:
        return transcript
    return transcript.model_copy(update={"turns": tuple(turn for _, turn in read(transcript, stretches(transcript, changes)))})


def keep(session: Session, person: Person, call_id: str, version: int, action: str, heard: Transcript, new: Stretch) -> Correction:
    """Keeps how a stretch of the call that the machine `heard` is to read; `action` is the word for the log. Raises Conflict for an
    older version of the card, a call held by somebody else, an unknown speaker, an empty or endless text."""
    card = held(session, person, call_id, version)
    if card.kind != "recording":
        raise Conflict("这张评分表没有录音文本。")
    pieces = [piece._replace(text=piece.text.replace("\0", "").strip()) for piece in new.pieces]       # PostgreSQL keeps no \0
    if any(piece.speaker not in SPEAKERS or not piece.text or len(piece.text) > LONGEST for piece in pieces):
        raise Conflict(f"更正后的文本不能为空，最长 {LONGEST} 字。")
    machine = [piece_of(turn) for turn in heard.turns[new.first:new.first + new.span]]
    plain = new.whole or pieces == machine
    made = Correction(
        call_id=call_id, turn=new.first, span=new.span, machine_speaker=machine[0].speaker, machine_text=_text(machine),
        speaker=pieces[0].speaker, text=_text(pieces), pieces=None if plain else json.dumps(pieces, ensure_ascii=False),
        person_id=person.id, at=datetime.now(UTC))
    session.add(made)
    session.flush()
    audit.note(session, person.login, action, call_id, turn=new.first, turns=new.span, speaker=made.speaker, correction=made.id)
    return made


def undo(session: Session, person: Person, call_id: str, version: int) -> Correction:
    """Takes the last correction of the call back that still counts, whatever it did; what held before it holds again. Raises Conflict
    as `keep`, and where there is none."""
    held(session, person, call_id, version)
    last = last_step(session, call_id)
    if last is None:
        raise Conflict("没有可以撤销的更正。")
    made = Correction(call_id=call_id, turn=last.turn, span=last.span, machine_speaker=last.machine_speaker, machine_text=last.machine_text,
                      speaker=last.machine_speaker, text=last.machine_text, undoes=last.id, person_id=person.id, at=datetime.now(UTC))
    session.add(made)
    session.flush()
    audit.note(session, person.login, "turn.undone", call_id, turn=last.turn, turns=last.span, correction=made.id, undoes=last.id)
    return made


def last_step(session: Session, call_id: str) -> Correction | None:
    """The correction that `undo` would take back."""
    rows = list(session.scalars(select(Correction).where(Correction.call_id == call_id).order_by(Correction.id)))
    undone = {row.undoes for row in rows}
    return next((row for row in reversed(rows) if row.undoes is None and row.id not in undone), None)


def redraft(session: Session, card: Card, after: Correction, new: Draft, drafted: Card, lines: Sequence[Item],
            hits: Mapping[str, str]) -> list[str]:
    """Puts the draft of the corrected words in the place of the one before, which is kept; gives the ids of items whose verdict is
    now another. What people have judged stays. `drafted`, `lines` and `hits` are what the queue makes of the draft."""
    assert card.draft is not None, "a claimed card has its draft"
    session.add(Redraft(call_id=card.call_id, until=after.id, draft=card.draft))
    card.draft = zlib.compress(new.model_dump_json().encode())
    for name in ("machine_score", "machine_band", "fatal", "complaint", "unsure", "triage", "reasons"):
        setattr(card, name, getattr(drafted, name))
    changed = []
    fresh = {line.item: line for line in lines}
    for item in items(session, card.call_id):
        line = fresh.get(item.item)
        if line is None:
            continue
        if line.machine_verdict != item.machine_verdict:
            changed.append(item.item)
            first = item.heard_verdict or item.machine_verdict
            item.heard_verdict = None if first == line.machine_verdict else first
        item.machine_verdict, item.machine_points = line.machine_verdict, line.machine_points
        item.machine_confidence = line.machine_confidence
    session.execute(delete(Hit).where(Hit.call_id == card.call_id))
    session.add_all(Hit(call_id=card.call_id, rule=rule, verdict=verdict) for rule, verdict in hits.items())
    card.version += 1
    audit.note(session, "tingjian", "card.redrafted", card.call_id, correction=after.id, changed=changed, score=new.score)
    return changed


def earlier_drafts(session: Session, call_id: str) -> list[str]:
    """The drafts that corrections took the place of, as JSON, the one from the words as heard first."""
    rows = session.scalars(select(Redraft.draft).where(Redraft.call_id == call_id).order_by(Redraft.id))
    return [zlib.decompress(row).decode() for row in rows]


def every(session: Session) -> Iterator[Correction]:
    """The corrections that hold of calls as they were recognised then, by call and turn; over words of today lay `standing`."""
    rows = session.scalars(select(Correction).order_by(Correction.call_id, Correction.id))
    return (row for _, group in groupby(rows, key=lambda one: one.call_id) for row in holding(group).values())


def _text(pieces: Sequence[Piece]) -> str:
    return "\n".join(piece.text for piece in pieces)
