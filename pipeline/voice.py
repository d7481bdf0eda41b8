"""How each turn was said, measured on the sound: rate, overlap, silence, answering time, level, pitch (domain.md, 语音指标).

Everything rests on when a speaker really speaks: the words of a turn, short pauses bridged. What a turn is measured by is what
a channel's voice detector, pitch tracker and recogniser have gathered on the way, a few numbers for each 20 or 32 ms, so
memory stays small for a recording of hours. A mono recording has both speakers in one channel: there level and pitch are
taken only where nobody else speaks, by the words and by the diariser's voices.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.voice_activity import STEP, Activity, Span
from pipeline.pitch import Pitch
from records import Speaker, Turn

PAUSE = 0.5             # seconds without a word from which the speaker is not speaking; between clauses people take 0.3 to 0.4
ENOUGH = 1.0            # seconds of speech below which a turn's rate says nothing
FEWEST_FRAMES = 10      # voiced pitch frames (0.2 s) below which a turn has no pitch
WEAK = 25.0             # dB under the speaker's usual level; a weaker frame is the room's or the other channel's pitch
SPEAKING: tuple[Speaker, ...] = ("agent", "customer")


class Sound(NamedTuple):
    """What is known of one channel's sound."""

    activity: Activity
    pitch: Pitch


def measure(turns: Sequence[Turn], sounds: Mapping[int, Sound], voices: Mapping[Speaker, Sequence[Span]] | None = None
            ) -> tuple[Turn, ...]:
    """The turns with their measures (records.Turn). `voices` is given for mono: where the diariser hears each speaker, in
    order; what they share is then nobody's."""
    stretches = [speech(turn) for turn in turns]
    heard: dict[Speaker, list[Span]] = {who: list(spans) for who, spans in (voices or {}).items()}
    for turn, own in zip(turns, stretches, strict=True):
        heard.setdefault(turn.speaker, []).extend(own)
    others: dict[Speaker, list[Span]] = {
        who: joined(s for other, spans in heard.items() if other != who for s in spans) for who in heard}
    voiced = joined([span for sound in sounds.values() for span in sound.activity.voiced()]
                    + [s for own in stretches for s in own], 0.0)
    clear: dict[Speaker, list[Span]] = {who: [] if voices is None else others[who] for who in heard}
    pitch = _pitch(turns, stretches, sounds, clear)
    made: list[Turn] = []
    last = 0.0                          # when the latest of the turns so far ended
    for index, (turn, own) in enumerate(zip(turns, stretches, strict=True)):
        other = others[turn.speaker] if turn.speaker in SPEAKING else []
        seconds = length(own)
        sound = sounds.get(turn.channel or 0)
        height, spread = pitch[index]
        made.append(turn.model_copy(update={
            "speech": round(seconds, 2), "rate": rate(turn.text, seconds), "overlap": round(length(common(own, other)), 2),
            "interruption": (cut_in := interruption(own, other)), "latency": _latency(turns, index, cut_in),
            "silence": _silence(last, turn.start or 0.0, voiced),
            "loudness": level(sound.activity, own, clear[turn.speaker]) if sound else None,
            "pitch": height, "pitch_spread": spread}))
        last = max(last, turn.end or 0.0)
    return tuple(made)


def speech(turn: Turn) -> list[Span]:
    """When the turn's speaker speaks: its words, pauses under PAUSE bridged; without words the whole turn."""
    if turn.words:
        return joined([Span(word.start, word.end) for word in turn.words])
    return [] if turn.start is None or turn.end is None else [Span(turn.start, turn.end)]


def rate(text: str, seconds: float) -> float | None:
    """Characters (letters and digits) a minute of `seconds` of speech; None for too little of it."""
    return round(sum(map(str.isalnum, text)) / seconds * 60, 1) if seconds >= ENOUGH else None


def interruption(own: Sequence[Span], other: Sequence[Span]) -> float:
    """Seconds for which both speak on when `own` begins while the other speaks; 0 where it begins in a pause."""
    if not own:
        return 0.0
    start = own[0].start
    cut = next((span for span in _near(other, start, start) if span.start < start < span.end), None)
    return round(length(common(own, [cut])), 2) if cut else 0.0


def _latency(turns: Sequence[Turn], index: int, cut_in: float) -> float | None:
    """Seconds from the end of the other speaker's turn before to the start of this one, below 0 where this one cuts in; None
    where the turn before is not the other's."""
    before, turn = turns[index - 1] if index else None, turns[index]
    if before is None or before.end is None or turn.start is None or turn.speaker not in SPEAKING:
        return None
    if before.speaker not in SPEAKING or before.speaker == turn.speaker:
        return None
    return -cut_in if cut_in else round(max(0.0, turn.start - before.end), 2)


def _silence(before: float, start: float, voiced: Sequence[Span]) -> float:
    """Seconds of the longest stretch without any voice between `before`, where all that was said ended, and `start`."""
    edges = [before, *(edge for span in _near(voiced, before, start) for edge in span), start]
    edges = [min(max(edge, before), start) for edge in edges] if start > before else [start, start]
    return round(max(end - begin for begin, end in zip(edges[::2], edges[1::2], strict=True)), 2)


def level(activity: Activity, own: Sequence[Span], clear_of: Sequence[Span] = ()) -> float | None:
    """dBFS: the median of the voiced windows of `own`, as far as nobody else speaks in them (any, where there are none).

    A median, because an automatic gain that opens in a pause makes the first syllables loud, and a click is louder yet.
    """
    windows = _windows(activity, own)
    voiced = windows[activity.probability[windows] >= 0.5]
    alone = np.setdiff1d(voiced, _windows(activity, common(own, clear_of)), assume_unique=True)
    chosen = next((each for each in (alone, voiced, windows) if len(each)), None)
    return None if chosen is None else round(float(np.median(activity.level[chosen])), 1)


def _windows(activity: Activity, spans: Iterable[Span]) -> NDArray[np.int64]:
    """Indexes of the activity's windows whose middle lies in the spans."""
    parts = [np.arange(max(0, int(np.ceil(span.start / STEP - 0.5))), min(len(activity.level), int(np.ceil(span.end / STEP - 0.5))))
             for span in spans]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _pitch(turns: Sequence[Turn], stretches: Sequence[Sequence[Span]], sounds: Mapping[int, Sound],
           clear_of: Mapping[Speaker, Sequence[Span]]) -> list[tuple[float | None, float | None]]:
    """Each turn's pitch (Hz, geometric mean) and its spread (standard deviation, semitones)."""
    found: list[tuple[float | None, float | None]] = [(None, None)] * len(turns)
    voices: set[tuple[int, Speaker]] = {(turn.channel or 0, turn.speaker) for turn in turns}
    for channel, who in voices:
        track = sounds[channel].pitch if channel in sounds else None
        mine = [index for index, turn in enumerate(turns) if (turn.channel or 0, turn.speaker) == (channel, who)]
        if track is None or not len(track.time):
            continue
        frames = track.inside(joined(s for index in mine for s in stretches[index])) & ~track.inside(clear_of[who])
        if frames.any():
            frames &= track.level > np.median(track.level[frames]) - WEAK
        semitones = track.of(frames)
        for index in mine:
            part = [slice(*np.searchsorted(track.time, span)) for span in stretches[index]]
            heights = np.concatenate([semitones[each] for each in part] or [np.zeros(0)])
            heights = heights[~np.isnan(heights)]
            if len(heights) >= FEWEST_FRAMES:
                found[index] = round(float(2 ** (heights.mean() / 12)), 1), round(float(heights.std()), 2)
    return found


# --- spans of time -------------------------------------------------------------------------------------------------------

def joined(spans: Iterable[Span], pause: float = PAUSE) -> list[Span]:
    """Spans in order, those that overlap or are less than `pause` apart made one, empty ones left out."""
    made: list[Span] = []
    for start, end in sorted(spans):
        if made and (start - made[-1].end < pause or start <= made[-1].end):
            made[-1] = Span(made[-1].start, max(made[-1].end, end))
        elif end > start:
            made.append(Span(start, end))
    return made


def common(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    """Where both are; each is in order and does not overlap itself."""
    return [Span(max(a.start, b.start), min(a.end, b.end)) for a in one for b in _near(other, a.start, a.end)
            if min(a.end, b.end) > max(a.start, b.start)]


def length(spans: Iterable[Span]) -> float:
    """Seconds."""
    return sum(span.end - span.start for span in spans)


def _near(spans: Sequence[Span], start: float, end: float) -> Sequence[Span]:
    """Those of the spans, which are in order and do not overlap, that touch start … end."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if spans[middle].end < start else (low, middle)
    stop = low
    while stop < len(spans) and spans[stop].start <= end:
        stop += 1
    return spans[low:stop]
