"""A channel of sound to words with times: voice activity, chunks of voice, recognition, times put back.

Voice is cut out and packed into chunks of at most 30 s, because a recogniser's work goes by chunks and half of a channel is
silence. Samples are read from the decoded audio chunk by chunk, so memory does not grow with the recording.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from models.recogniser import Segment
from models.voice_activity import BELIEVED, STEP, Activity, Span, VoiceActivity, half_believed
from records import Word

BLOCK = 60.0            # seconds read at once for voice activity; a whole number of its 512-sample windows
# Measured on the stereo samples (base, int8): pad 0.25 and bridge 0.8 give 15.9 % wrong characters, 0.4 and 1.2 13.4 %,
# 0.5 and 2.0 9.2 %, at the same speed; a recogniser needs the pauses it was trained with.
PAD = 0.5               # seconds of sound kept before and after a voice
BRIDGED = 2.0           # seconds; shorter pauses stay in a chunk as they are
LONGEST_SYLLABLE = 0.8  # seconds a character; alignment gives a word all the noise before it
UNHEARD = 0.9           # seconds of voice without a word that are listened to again; shorter ones are mostly breath and 嗯
FAINTER = 15.0          # dB under a channel's own voice: leaks lie lower (25 dB in data/), a soft 嗯 does not
TAIL = 0.12             # a word may outlast the detected voice by this: final vowels fade


class Readable(Protocol):
    """What this stage needs of pipeline.decode.Audio."""

    @property
    def duration(self) -> float: ...

    def read(self, channel: int, start: float = 0.0, end: float | None = None) -> np.ndarray: ...


class Chunk(NamedTuple):
    """Pieces of one channel, in order, that are recognised as one stretch of sound; `again` for a second look."""

    channel: int
    pieces: tuple[Span, ...]
    again: bool = False

    @property
    def duration(self) -> float:
        return sum(piece.end - piece.start for piece in self.pieces)


@dataclass(frozen=True)
class Heard:
    """What the recogniser heard in one chunk, its words at their times in the recording."""

    chunk: Chunk
    segment: Segment
    words: tuple[Word, ...]


def find_voice(audio: Readable, channel: int, detector: VoiceActivity) -> Activity:
    """Voice and level of a whole channel, read block by block; half believed beginnings are heard again with a fresh ear, if they
    are not as faint as what leaks from another channel."""
    def blocks() -> Iterator[np.ndarray]:
        start = 0.0
        while start < audio.duration:
            yield audio.read(channel, start, min(start + BLOCK, audio.duration))
            start += BLOCK

    activity = detector.detect(blocks())
    probability = activity.probability.copy()
    spoken = activity.level[probability >= BELIEVED]
    faint = float(np.median(spoken)) - FAINTER if len(spoken) else -np.inf
    for windows in half_believed(activity.probability):
        again = detector.detect([audio.read(channel, windows.start * STEP, windows.stop * STEP)])
        heard = again.level[again.probability >= BELIEVED]
        if not len(heard) or heard.max() < faint:
            continue
        there = probability[windows.start:windows.start + len(again.probability)]
        np.maximum(there, again.probability[:len(there)], out=there)
    return replace(activity, probability=probability)


def pack(activity: Activity, channel: int, duration: float, window: float) -> list[Chunk]:
    """The channel's voice as chunks of at most `window` seconds."""
    chunks: list[Chunk] = []
    pieces: list[Span] = []
    filled = 0.0
    for piece in _pieces(activity, duration, window):
        length = piece.end - piece.start
        if pieces and filled + length > window:
            chunks.append(Chunk(channel, tuple(pieces)))
            pieces, filled = [], 0.0
        pieces.append(piece)
        filled += length
    if pieces:
        chunks.append(Chunk(channel, tuple(pieces)))
    return chunks


def _pieces(activity: Activity, duration: float, window: float) -> Iterator[Span]:
    """Padded stretches of voice, short pauses bridged, the too long ones cut at their quietest place."""
    padded: list[Span] = []
    for voice in activity.voiced():
        span = Span(max(0.0, voice.start - PAD), min(duration, voice.end + PAD))
        if padded and span.start - padded[-1].end < BRIDGED - 2 * PAD:
            padded[-1] = Span(padded[-1].start, span.end)
        else:
            padded.append(span)
    for span in padded:
        start, end = span
        while end - start > window:
            cut = _quietest(activity, start + window / 2, start + window - 2 * STEP)
            yield Span(start, cut)
            start = cut
        yield Span(start, end)


def _quietest(activity: Activity, start: float, end: float) -> float:
    """The time between start and end where a voice is least likely for about 0.2 s."""
    curve = activity.probability[activity.slice(start, end)]
    smooth = np.convolve(curve, np.ones(7) / 7, mode="same")
    # "same" pads with zeros: its ends would always look quiet
    smooth[:3] = smooth[-3:] = 1.0
    return start + int(np.argmin(smooth)) * STEP


def samples(audio: Readable, chunk: Chunk) -> np.ndarray:
    """The chunk's sound, float32 at 16 kHz."""
    return np.concatenate([audio.read(chunk.channel, piece.start, piece.end) for piece in chunk.pieces])


def place(chunk: Chunk, segment: Segment, voice: Sequence[Span]) -> Heard:
    """A segment's words back on the recording's time line, none of them stretching over a pause between voices."""
    starts = np.concatenate(([0.0], np.cumsum([piece.end - piece.start for piece in chunk.pieces])))
    words: list[Word] = []
    for word in segment.words:
        # A word after a pause is given the pause too, so its end tells better where it was said than its start.
        told = word.start + 0.8 * (word.end - word.start)
        index = int(np.clip(np.searchsorted(starts, told, side="right") - 1, 0, len(chunk.pieces) - 1))
        piece = chunk.pieces[index]
        shift = piece.start - float(starts[index])
        start, end = (min(max(time + shift, piece.start), piece.end) for time in (word.start, word.end))
        start, end = _within_voice(start, end, voice)
        start = max(start, end - LONGEST_SYLLABLE * max(1, sum(map(str.isalnum, word.text))))
        words.append(word.model_copy(update={"start": round(start, 2), "end": round(max(start, end), 2)}))
    return Heard(chunk, segment, tuple(words))


def unheard(heard: Heard, voice: Sequence[Span]) -> Chunk | None:
    """The voice of a chunk in which the recogniser heard nothing, as a chunk to be recognised again; None where there is none.

    Recognisers leave out the end of a chunk now and then, and what a second speaker says in between. A second look has none.
    """
    if heard.chunk.again:
        return None
    words = sorted((word.start, word.end) for word in heard.words)
    pieces: list[Span] = []
    for part in heard.chunk.pieces:
        for span in _near(voice, part.start, part.end):
            for piece in _between(Span(max(span.start, part.start), min(span.end, part.end)), words, part):
                if pieces and piece.start <= pieces[-1].end:
                    piece = Span(pieces.pop().start, piece.end)
                pieces.append(piece)
    return Chunk(heard.chunk.channel, tuple(pieces), again=True) if pieces else None


def _between(span: Span, words: Sequence[tuple[float, float]], within: Span) -> Iterator[Span]:
    """Stretches of `span` longer than UNHEARD where no word lies, with the sound around them up to the next words."""
    before = within.start
    at = span.start
    for start, end in [*words, (within.end, within.end)]:
        if min(start, span.end) - at > UNHEARD:
            yield Span(max(before, at - PAD), min(start, span.end + PAD, within.end))
        if start >= span.end:
            break
        before, at = max(before, end), max(at, end)


def _within_voice(start: float, end: float, voice: Sequence[Span]) -> tuple[float, float]:
    """Start and end drawn in to the voice that the word lies in, by its later part; as they are where there is none."""
    told = start + 0.8 * (end - start)
    best = min(_near(voice, start, end), key=lambda span: max(span.start - told, told - span.end, 0.0), default=None)
    if best is None or min(end, best.end) <= max(start, best.start):
        return start, end
    return max(start, best.start - TAIL), min(end, best.end + TAIL)


def _near(voice: Sequence[Span], start: float, end: float) -> Sequence[Span]:
    """The spans that may touch start … end; `voice` is in order."""
    low = int(np.searchsorted([span.end for span in voice], start))
    high = int(np.searchsorted([span.start for span in voice], end))
    return voice[low:high + 1]
