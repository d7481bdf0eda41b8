"""Corrections as training material: what the machine heard beside what was said, with the place in the sound."""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from review.masking import masked
from store.reviews import corrections
from store.reviews.pieces import read, stretches
from store.reviews.schema import Person

if TYPE_CHECKING:
    from store.lake import Lake
    from store.reviews.database import Database


def lines(lake: Lake, database: Database, hidden: bool) -> Iterator[str]:
    """A JSON object a corrected stretch that holds over the words of today, by call and turn; personal data hidden in both texts if
    asked for.

    `turn` is the machine's first turn of it, `span` how many it is (more than one where turns were joined); `start` and `end` are
    seconds of the recording, `channel` 0 or 1 where the sound has two. `pieces` are the turns that it reads as, with their own times."""
    with database.reading() as session:
        logins = {person.id: person.login for person in session.query(Person)}
        for call_id in dict.fromkeys(one.call_id for one in corrections.every(session)):
            draft, heard = lake.draft(call_id), lake.transcript(call_id)
            changes = corrections.standing(session, call_id, heard)
            now = corrections.corrected(heard, changes)
            before, after = masked(draft, heard, hidden)[1], masked(draft, now, hidden)[1]
            spots = read(heard, stretches(heard, changes))
            for number, one in changes.items():
                was = before.turns[number:number + one.span]
                pieces = [turn for turn, (spot, _) in zip(after.turns, spots, strict=True) if spot.stretch.first == number]
                yield json.dumps({
                    "call_id": call_id, "turn": number, "span": one.span, "start": was[0].start, "end": was[-1].end, "channel": was[0].channel,
                    "machine_speaker": was[0].speaker, "machine_text": "\n".join(turn.text for turn in was), "machine_confidence": was[0].confidence,
                    "speaker": pieces[0].speaker, "text": "\n".join(turn.text for turn in pieces),
                    "pieces": [{"speaker": turn.speaker, "text": turn.text, "start": turn.start, "end": turn.end} for turn in pieces],
                    "by": logins.get(one.person_id, ""), "at": one.at.isoformat(timespec="seconds"),
                    "recogniser": heard.recognition.get("recogniser")}, ensure_ascii=False)
