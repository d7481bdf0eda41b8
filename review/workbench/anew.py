"""A call that was recognised anew (another model, another recording) after somebody took its card.

The draft of a card in somebody's hands, judged or published stays as it was shown; the words below it are today's. So a piece of
evidence, which names its turn by number, would point at other words than it quotes. Here it is followed to where its words stand now;
where they stand no longer it points nowhere. What it quotes, its time and its verdict are never touched.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from records import Draft, Evidence, Transcript, Turn
from records import Item as Line
from review.workbench.bench import Bench
from store.reviews.schema import Card

_NEAR = 1.0             # seconds that a piece may lie outside its turn: times of words are rounded
_UNSPOKEN = re.compile(r"[\W_]+")


class Placed(NamedTuple):
    """A draft over today's words: how many pieces of evidence stand elsewhere now, and how many nowhere."""

    draft: Draft
    moved: int
    lost: int


def placed(draft: Draft, transcript: Transcript) -> Placed:
    """The draft with each piece of evidence at the turn where its words stand in `transcript` (as corrected); the same draft where all
    stand where they stood."""
    said = [_bare(turn.text) for turn in transcript.turns]
    begins = list(accumulate(map(len, said), initial=0))
    call = "".join(said)        # what was said over two turns is quoted in one piece
    known: dict[Evidence, Evidence] = {}

    def follow(pieces: Sequence[Evidence]) -> tuple[Evidence, ...]:
        for piece in pieces:
            if piece not in known:
                known[piece] = _followed(piece, transcript.turns, call, begins)
        return tuple(known[piece] for piece in pieces)

    items = tuple(one.model_copy(update={"evidence": follow(one.evidence)}) for one in draft.items)
    findings = tuple(one.model_copy(update={"evidence": follow(one.evidence)}) for one in draft.findings)
    changed = [(old, new) for old, new in known.items() if old.turn != new.turn]
    if not changed:
        return Placed(draft, 0, 0)
    lost = sum(new.turn is None for _, new in changed)
    return Placed(draft.model_copy(update={"items": items, "findings": findings}), len(changed) - lost, lost)


def offered(bench: Bench, card: Card, kept: Placed) -> dict[str, Any] | None:
    """For the page: that the call was recognised anew, and what the machine would say of it now, which nobody has taken over; None
    where the card's evidence stands where it stood."""
    if not card.draft or not (kept.moved or kept.lost):
        return None
    new = bench.lake.draft(card.call_id, card.day)
    now: dict[str, Line] = {item.id: item for item in new.items}
    differ = [(item.id, item.title, item.verdict, now[item.id].verdict) for item in kept.draft.items
              if item.id in now and now[item.id].verdict != item.verdict]
    return {"moved": kept.moved, "lost": kept.lost, "score": new.score, "differ": differ}


def _followed(piece: Evidence, turns: Sequence[Turn], call: str, begins: Sequence[int]) -> Evidence:
    text = _bare(piece.text)
    if piece.turn is None or not text:
        return piece

    def quotes(at: int) -> bool:
        return -1 < call.find(text, begins[at]) < begins[at + 1] and piece.speaker in (None, turns[at].speaker)

    if piece.turn < len(turns) and quotes(piece.turn):
        return piece
    places = [at for at in range(len(turns)) if quotes(at)]
    near = [at for at in places if _within(piece, turns[at])]
    found = near if len(near) == 1 else places
    return piece.model_copy(update={"turn": found[0] if len(found) == 1 else None})


def _within(piece: Evidence, turn: Turn) -> bool:
    if piece.start is None or turn.start is None or turn.end is None:
        return False
    return turn.start - _NEAR <= piece.start <= turn.end + _NEAR


def _bare(text: str) -> str:
    return _UNSPOKEN.sub("", text)
