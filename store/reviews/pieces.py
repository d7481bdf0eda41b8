"""How a call reads once people have corrected, split and joined its turns: stretches of the machine's turns, and the pieces in their place.

Pure: what is kept stands in corrections.py. Times come from the words where the machine's turns have them, else from the share of letters.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple, cast

from records import Speaker, Transcript, Turn, Word
from store.reviews.cards import Conflict
from store.reviews.work_tables import Correction


class Piece(NamedTuple):
    """What stands as one turn: who says what, when (seconds of the recording), on which channel."""

    speaker: str
    text: str
    start: float | None
    end: float | None
    channel: int | None


class Stretch(NamedTuple):
    """`span` turns of the machine from number `first` on, and the pieces that they read as; `change` is what says so."""

    first: int
    span: int
    pieces: tuple[Piece, ...]
    change: Correction | None = None

    @property
    def whole(self) -> bool:
        """One turn of the machine that still is one."""
        return self.span == 1 and len(self.pieces) == 1


class Spot(NamedTuple):
    """Where a turn of the corrected call comes from: its stretch, and which of the stretch's pieces it is."""

    stretch: Stretch
    piece: int


def piece_of(turn: Turn) -> Piece:
    return Piece(turn.speaker, turn.text, turn.start, turn.end, turn.channel)


def stretches(transcript: Transcript, changes: Mapping[int, Correction]) -> list[Stretch]:
    """The call from end to end, by the corrections that hold (`corrections.standing`)."""
    made, number = [], 0
    while number < len(transcript.turns):
        change, heard = changes.get(number), transcript.turns[number]
        if change is None:
            made.append(Stretch(number, 1, (piece_of(heard),)))
        else:
            pieces = tuple(Piece(*one) for one in json.loads(change.pieces)) if change.pieces else (
                piece_of(heard)._replace(speaker=change.speaker, text=change.text),)
            made.append(Stretch(number, change.span or 1, pieces, change))
        number += made[-1].span
    return made


def read(transcript: Transcript, parts: Sequence[Stretch]) -> list[tuple[Spot, Turn]]:
    """The corrected call's turns with where each comes from; in order of their start again where turns were split or joined, since what
    the other says within a turn comes between its halves."""
    made = []
    for part in parts:
        heard = transcript.turns[part.first:part.first + part.span]
        made += [(Spot(part, number), _turn(piece, heard, part.whole)) for number, piece in enumerate(part.pieces)]
    if all(part.whole for part in parts) or any(turn.start is None for _, turn in made):
        return made
    return sorted(made, key=lambda one: one[1].start or 0.0)


def replaced(parts: Sequence[Stretch], new: Stretch) -> list[Stretch]:
    """The call's stretches with `new` in the place of those that it covers."""
    outside = [part for part in parts if part.first + part.span <= new.first or part.first >= new.first + new.span]
    return sorted([*outside, new], key=lambda part: part.first)


def cut(piece: Piece, at: int, heard: Sequence[Turn]) -> tuple[Piece, Piece]:
    """The piece in two, its text parted before character `at`. Raises Conflict where one of them would say nothing."""
    before, after = piece.text[:at].strip(), piece.text[at:].strip()
    if at < 0 or not letters(before) or not letters(after):
        raise Conflict("请把光标放在要拆开的两个字之间，拆开后两边都要有字。")
    end, start = _parted(piece, len(letters(before)), letters(before + after), heard)
    return piece._replace(text=before, end=end), piece._replace(text=after, start=start)


def merged(one: Piece, other: Piece) -> Piece:
    """Two pieces as one, said by whom the first was said by."""
    glue = " " if one.text[-1:].isascii() and one.text[-1:].isalnum() and other.text[:1].isascii() and other.text[:1].isalnum() else ""
    ends = [end for end in (one.end, other.end) if end is not None]
    return one._replace(text=one.text + glue + other.text, end=max(ends, default=None))


def letters(text: str) -> str:
    """What of a text is said: no punctuation, no spaces."""
    return "".join(filter(str.isalnum, text)).casefold()


def _turn(piece: Piece, heard: Sequence[Turn], whole: bool) -> Turn:
    """The piece as a turn. What is still word for word the machine's keeps word times, confidence and what was measured on the sound."""
    same = next((one for one in heard if piece_of(one)._replace(speaker=piece.speaker) == piece), None)
    if same is not None:
        return same.model_copy(update={"speaker": piece.speaker})
    if whole:       # reworded: no word times any more, as sure as a person is, the rate by the characters that were said
        turn = heard[0]
        rate = turn.rate * len(piece.text) / len(turn.text) if turn.rate and turn.text else turn.rate
        return turn.model_copy(update={"speaker": piece.speaker, "text": piece.text, "words": (), "confidence": 1.0, "rate": rate})
    shares = [(one, share) for one in heard if one.channel == piece.channel and (share := _share(one, piece)) > 0] or [(heard[0], 1.0)]
    first = shares[0][0]
    begins = first.start == piece.start
    words = _words(piece, heard)
    words = words if letters("".join(word.text for word in words)) == letters(piece.text) else ()
    sure = [word.confidence for word in words if word.confidence is not None] or [one.confidence for one, _ in shares if one.confidence is not None]
    verbatim = bool(words) or letters(piece.text) in letters("".join(one.text for one, _ in shares))
    return Turn(
        speaker=cast(Speaker, piece.speaker), text=piece.text, start=piece.start, end=piece.end, channel=piece.channel, words=words,
        confidence=(round(sum(sure) / len(sure), 3) if sure else None) if verbatim else 1.0,
        speech=_sum(shares, lambda one: one.speech), overlap=_sum(shares, lambda one: one.overlap),
        interruption=first.interruption if begins else None, latency=first.latency if begins else None,
        silence=first.silence if begins else None, rate=_mean(shares, lambda one: one.rate), loudness=_mean(shares, lambda one: one.loudness),
        pitch=_mean(shares, lambda one: one.pitch), pitch_spread=_mean(shares, lambda one: one.pitch_spread))


def _share(turn: Turn, piece: Piece) -> float:
    """How much of a turn of the machine lies in the piece's time, 0 to 1; all where there are no times."""
    if turn.start is None or turn.end is None or piece.start is None or piece.end is None:
        return 1.0
    if turn.end <= turn.start:
        return float(piece.start <= turn.start <= piece.end)
    return max(0.0, min(turn.end, piece.end) - max(turn.start, piece.start)) / (turn.end - turn.start)


Shares = Sequence[tuple[Turn, float]]


def _sum(shares: Shares, value: Callable[[Turn], float | None]) -> float | None:
    known = [number * share for one, share in shares if (number := value(one)) is not None]
    return round(sum(known), 2) if known else None


def _mean(shares: Shares, value: Callable[[Turn], float | None]) -> float | None:
    """Weighed by the seconds of speech."""
    known = [(number, share * (one.speech or 1.0)) for one, share in shares if (number := value(one)) is not None]
    weight = sum(share for _, share in known)
    return round(sum(number * share for number, share in known) / weight, 2) if weight else None


def _words(piece: Piece, heard: Sequence[Turn]) -> tuple[Word, ...]:
    if piece.start is None or piece.end is None:
        return ()
    begin, end = piece.start, piece.end
    inside = [word for one in heard if one.channel == piece.channel for word in one.words if begin <= (word.start + word.end) / 2 <= end]
    return tuple(sorted(inside, key=lambda word: word.start))


def _parted(piece: Piece, number: int, said: str, heard: Sequence[Turn]) -> tuple[float | None, float | None]:
    """When the letter before the cut ends and the one after it begins; `number` letters of `said` come before it."""
    times = [(word.start + (word.end - word.start) * at / len(text), word.start + (word.end - word.start) * (at + 1) / len(text))
             for word in _words(piece, heard) if (text := letters(word.text)) for at in range(len(text))]
    if len(times) > 1:
        written = letters("".join(word.text for word in _words(piece, heard)))
        at = min(max(1, _moved(written, said, number)), len(times) - 1)
        return round(times[at - 1][1], 3), round(times[at][0], 3)
    if piece.start is None or piece.end is None:
        return None, None
    moment = round(piece.start + (piece.end - piece.start) * number / len(said), 3)
    return moment, moment


def _moved(written: str, said: str, number: int) -> int:
    """The place in what the machine wrote that the place `number` in what was said corresponds to."""
    for same, start, end, begin, until in SequenceMatcher(None, written, said, autojunk=False).get_opcodes():
        if begin <= number <= until and until > begin:
            return start + (number - begin if same == "equal" else round((end - start) * (number - begin) / (until - begin)))
    return len(written)
