"""Corrections as training material: what the machine heard beside what was said, with the place in the sound."""
from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from review.masking import masked
from store.reviews import corrections
from store.reviews.schema import Person

if TYPE_CHECKING:
    from store.lake import Lake
    from store.reviews.database import Database


def lines(lake: Lake, database: Database, hidden: bool) -> Iterator[str]:
    """A JSON object a corrected turn that holds, by call and turn; personal data hidden in both texts if asked for.

    `start` and `end` are seconds of the recording, `channel` 0 or 1 where the sound has two."""
    with database.reading() as session:
        logins = {person.id: person.login for person in session.query(Person)}
        for call_id, group in groupby(corrections.every(session), key=lambda one: one.call_id):
            changes = {one.turn: one for one in group}
            draft, heard = lake.draft(call_id), lake.transcript(call_id)
            now = corrections.corrected(heard, changes)
            before, after = masked(draft, heard, hidden)[1], masked(draft, now, hidden)[1]
            for number, one in changes.items():
                was, is_ = before.turns[number], after.turns[number]
                yield json.dumps({
                    "call_id": call_id, "turn": number, "start": was.start, "end": was.end, "channel": was.channel,
                    "machine_speaker": was.speaker, "machine_text": was.text, "machine_confidence": was.confidence,
                    "speaker": is_.speaker, "text": is_.text, "by": logins.get(one.person_id, ""),
                    "at": one.at.isoformat(timespec="seconds"), "recogniser": heard.recognition.get("recogniser")}, ensure_ascii=False)
