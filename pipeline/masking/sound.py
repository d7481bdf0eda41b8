"""Personal data in the sound of a call: a 1 kHz tone over the words that say them.

Where a span of the text lies in time is told by the words' times, a little wider on both sides; a turn without them gives the share
of its characters, wider still; a turn without any times everything between its neighbours. Such guesses are marked (`Stretch.sure`).
What recognition did not write down cannot be found in the sound either.
"""
from __future__ import annotations

import re
import wave
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pipeline.decode import Audio
from pipeline.masking.call import mask_call
from pipeline.masking.finding import Span
from pipeline.masking.showing import STAR
from records import Transcript, Turn

TONE = 1000.0           # Hz
LEVEL = 0.1             # of full scale, -20 dBFS: about as loud as telephone speech
FADE = 0.01             # seconds in which speech turns into tone: a hard cut clicks
PADDING = 0.2           # seconds more on both sides: word times of Whisper are off by 0.1 s and more
SHARE_PADDING = 1.0     # seconds more where only the share of characters tells: nobody speaks evenly
LEAK = 0.1              # correlation from which a channel carries what is said on the other; a wrong yes only costs an interjection
DELAY = 0.05            # seconds by which a leak may come later or earlier
BLOCK_SECONDS = 30.0


class Stretch(NamedTuple):
    """Seconds of a recording to be hidden; `channel` says who speaks there (None: unknown, so all channels).
    `sure` where the times of words tell."""

    start: float
    end: float
    channel: int | None
    kind: str
    sure: bool = True


def stretches(transcript: Transcript, kinds: Sequence[str] | None = None) -> list[Stretch]:
    """Where personal data are said, in order of time; of `kinds` only, if given. What stands as stars is hidden under any kind."""
    turns = transcript.turns
    staff = [transcript.agent_name] if transcript.agent_name else []
    customers = [transcript.customer_name] if transcript.customer_name else []
    found = mask_call([turn.text for turn in turns], [turn.speaker for turn in turns], staff, customers)
    made = []
    for number, (turn, one) in enumerate(zip(turns, found, strict=True)):
        spans = [span for span in one.spans if kinds is None or span[2] in kinds]
        for span in [*spans, *starred(turn.text)]:
            start, end, sure = _times(turns, number, span, transcript.duration)
            made.append(Stretch(start, end, turn.channel, span[2], sure))
    return sorted(made)


def starred(text: str) -> list[Span]:
    """What was cut out of a text before it was stored (privacy.drop_cvv): runs of stars."""
    return [(found.start(), found.end(), "cvv") for found in re.finditer(re.escape(STAR) + "{2,}", text)]


def masked_blocks(audio: Audio, hidden: Sequence[Stretch], start: float = 0.0, end: float | None = None) -> Iterator[np.ndarray]:
    """The sound from `start` to `end` (seconds) with the stretches under a tone: float32 blocks (channels, samples) at 16 kHz."""
    end = audio.duration if end is None else min(end, audio.duration)
    placed = [(one.start, one.end, _channels(audio, one)) for one in hidden if one.start < end and one.end > start]
    at = start
    while at < end:
        until = min(at + BLOCK_SECONDS, end)
        yield tone_over(np.stack([audio.read(channel, at, until) for channel in range(audio.channels)]), audio.sample_rate, placed, at)
        at = until


def tone_over(samples: np.ndarray, rate: int, places: Sequence[tuple[float, float, Sequence[int]]], begins: float = 0.0) -> np.ndarray:
    """A copy of `samples` (channels, n; full scale 1) with a tone in `places`: start and end in seconds, channels.

    `begins` is the time of the first sample; block after block gives the same as the whole at once. Within a place nothing of the
    sound is left; the fades lie outside it.
    """
    out = samples.copy()
    first = round(begins * rate)
    for start, end, channels in places:
        low, high = max(int((start - FADE) * rate) - first, 0), min(int((end + FADE) * rate) + 1 - first, samples.shape[1])
        if low >= high:
            continue
        times = (first + np.arange(low, high)) / rate
        share = np.clip(np.minimum(times - (start - FADE), end + FADE - times) / FADE, 0.0, 1.0)
        tone = LEVEL * np.sin(2 * np.pi * TONE * times)
        for channel in channels:
            out[channel, low:high] = (out[channel, low:high] * (1 - share) + tone * share).astype(out.dtype)
    return out


def write_wav(audio: Audio, hidden: Sequence[Stretch], to: Path, start: float = 0.0, end: float | None = None) -> None:
    """The masked sound as a 16-bit WAV at 16 kHz, channels kept; readable by its owner only. OSError where it cannot be written."""
    part = to.with_name(to.name + ".part")
    try:
        part.touch(0o600)
        with wave.open(str(part), "wb") as made:
            made.setnchannels(audio.channels)
            made.setsampwidth(2)
            made.setframerate(audio.sample_rate)
            for block in masked_blocks(audio, hidden, start, end):
                made.writeframes(np.clip(np.rint(block.T * 32767), -32768, 32767).astype("<i2").tobytes())
        part.replace(to)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _times(turns: Sequence[Turn], number: int, span: Span, duration: float | None) -> tuple[float, float, bool]:
    """Seconds of a span of a turn's text, widened, and whether words tell them."""
    turn = turns[number]
    start, end, _ = span
    if times := _of_words(turn, start, end):
        return max(0.0, times[0] - PADDING), times[1] + PADDING, True
    if turn.start is None or turn.end is None:
        before = [one.end for one in turns[:number] if one.end is not None]
        after = [one.start for one in turns[number + 1:] if one.start is not None]
        last = duration if duration is not None else 24 * 3600.0
        return turn.start if turn.start is not None else max(before, default=0.0), \
            turn.end if turn.end is not None else min(after, default=last), False
    length = max(len(turn.text), 1)
    seconds = turn.end - turn.start
    return (max(0.0, turn.start - PADDING, turn.start + seconds * start / length - SHARE_PADDING),
            min(turn.end + PADDING, turn.start + seconds * end / length + SHARE_PADDING), False)


def _of_words(turn: Turn, start: int, end: int) -> tuple[float, float] | None:
    """From the first to the last word that a span touches; None where a character of it lies in no word."""
    places, cursor = [], 0
    for word in turn.words:
        text = word.text.strip()
        at = turn.text.find(text, cursor)
        if not text or at < 0:
            continue
        cursor = at + len(text)
        places.append((at, cursor, word.start, word.end))
    first = bisect_left(places, start + 1, key=lambda one: one[1])
    touched = [one for one in places[first:] if one[0] < end]
    covered = sum(min(one[1], end) - max(one[0], start) for one in touched)
    if not touched or covered < sum(character.isalnum() or character == STAR for character in turn.text[start:end]):
        return None
    return min(one[2] for one in touched), max(one[3] for one in touched)


def _channels(audio: Audio, stretch: Stretch) -> list[int]:
    """The channels in which a stretch is heard: the speaker's, and the other where it leaks into it."""
    if audio.channels == 1 or stretch.channel is None or not 0 <= stretch.channel < audio.channels:
        return list(range(audio.channels))
    end = min(stretch.end, stretch.start + BLOCK_SECONDS)
    here, there = (audio.read(channel, stretch.start, end) for channel in (stretch.channel, 1 - stretch.channel))
    return [0, 1] if _correlation(here, there, round(DELAY * audio.sample_rate)) >= LEAK else [stretch.channel]


def _correlation(one: np.ndarray, other: np.ndarray, most: int) -> float:
    """The highest normalised correlation of two channels within `most` samples of delay."""
    if len(one) <= most:
        return 1.0
    from scipy.signal import correlate

    one, other = one - one.mean(), other - other.mean()
    power = float(np.sqrt(np.sum(one ** 2) * np.sum(other ** 2)))
    if power < 1e-9:
        return 0.0
    middle = len(one) - 1
    return float(np.max(np.abs(correlate(one, other, method="fft")[middle - most:middle + most + 1])) / power)
