"""Turns as a person heard them, kept beside the machine's; the card drafted anew from them.

The lake's transcript stays what the machine heard. `corrected` lays the corrections over it; whoever learns from reviewers or
trains a recogniser reads both through `every`.
"""
from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from records import Draft, Transcript, Turn
from store.reviews import audit
from store.reviews.cards import Conflict, held, items
from store.reviews.schema import Card, Hit, Item, Person
from store.reviews.work_tables import Correction, Redraft

SPEAKERS = ("agent", "customer", "unknown", "ivr")
LONGEST = 2000          # characters of one turn


def standing(session: Session, call_id: str) -> dict[int, Correction]:
    """By turn, the correction that holds; turns that were given back to the machine's words have none."""
    rows = session.scalars(select(Correction).where(Correction.call_id == call_id).order_by(Correction.id))
    last = {row.turn: row for row in rows}
    return {turn: row for turn, row in last.items() if (row.text, row.speaker) != (row.machine_text, row.machine_speaker)}


def corrected(transcript: Transcript, changes: Mapping[int, Correction]) -> Transcript:
    """The transcript with the corrections laid over it. A turn whose words were changed has no word times any more, is as sure as
    a person is, and its speaking rate counts the characters that were said."""
    if not changes:
        return transcript
    return transcript.model_copy(update={"turns": tuple(
        _turn(turn, changes[number]) if number in changes else turn for number, turn in enumerate(transcript.turns))})


def correct(session: Session, person: Person, call_id: str, version: int, number: int, heard: Turn, speaker: str,
            text: str) -> Correction:
    """Keeps how turn `number` (as `heard` by the machine) is to read. Raises Conflict for an older version of the card, a call
    held by somebody else, an unknown speaker, an empty or endless text."""
    card = held(session, person, call_id, version)
    if card.kind != "recording":
        raise Conflict("这张评分表没有录音文本。")
    text = text.replace("\0", "")       # PostgreSQL keeps none
    if speaker not in SPEAKERS or not text.strip() or len(text) > LONGEST:
        raise Conflict(f"更正后的文本不能为空，最长 {LONGEST} 字。")
    made = Correction(call_id=call_id, turn=number, machine_speaker=heard.speaker, machine_text=heard.text, speaker=speaker,
                      text=text.strip(), person_id=person.id, at=datetime.now(UTC))
    session.add(made)
    session.flush()
    audit.note(session, person.login, "turn.corrected", call_id, turn=number, speaker=speaker, correction=made.id)
    return made


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
    """The corrections that hold, by call and turn."""
    last: dict[tuple[str, int], Correction] = {}
    for row in session.scalars(select(Correction).order_by(Correction.id)):
        last[row.call_id, row.turn] = row
    return (last[key] for key in sorted(last)
            if (last[key].text, last[key].speaker) != (last[key].machine_text, last[key].machine_speaker))


def _turn(turn: Turn, change: Correction) -> Turn:
    if change.text == turn.text:
        return turn.model_copy(update={"speaker": change.speaker})
    rate = turn.rate * len(change.text) / len(turn.text) if turn.rate and turn.text else turn.rate
    return turn.model_copy(update={"speaker": change.speaker, "text": change.text, "words": (), "confidence": 1.0, "rate": rate})
