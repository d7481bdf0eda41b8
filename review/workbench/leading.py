"""What led to a call's page: words that were searched, a rule whose calls were listed. The page opens where they are."""
from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from records import Draft, Transcript
from store.reviews import said

Spans = Mapping[int, list[tuple[int, int]]]     # by turn: first character and the one after the last


class Place(NamedTuple):
    """A turn, and the second to hear it from where that is known."""

    turn: int
    start: float | None


class Led(NamedTuple):
    """A word or the id of a rule (the other is empty), and where it is in the call, in order."""

    word: str
    rule: str
    places: list[Place]


def spans(transcript: Transcript, typed: str) -> dict[int, list[tuple[int, int]]]:
    """Where the words of a search stand, by turn, in the text as it is displayed."""
    words = said.words_of(typed)
    return {number: found for number, turn in enumerate(transcript.turns) if words and (found := said.places(turn.text, words))}


def led(transcript: Transcript, draft: Draft, typed: str, rule: str) -> list[Led]:
    """Every word of the search and the rule, with their places; what is nowhere in this call is told by having none."""
    found = [Led(word, "", [Place(number, turn.start) for number, turn in enumerate(transcript.turns) if said.places(turn.text, (word,))])
             for word in said.words_of(typed)]
    struck = {(piece.turn, piece.start) for one in draft.findings if one.rule == rule for piece in one.evidence}
    if rule:
        found.append(Led("", rule, [Place(turn, start) for turn, start in sorted(
            ((turn, start) for turn, start in struck if turn is not None), key=lambda one: (one[0], one[1] or 0.0))]))
    return found
