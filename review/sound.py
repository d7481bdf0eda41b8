"""The sound beside a page: browsers play neither A-law nor AMR, so every recording becomes Opus in WebM, channels kept.

Where personal data are said, a tone is laid over them (pipeline/masking/sound.py). A clip is a part of a recording.
"""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

from pipeline.decode import Refused, decode, opened
from pipeline.masking.sound import Stretch, masked_blocks, stretches
from records import Transcript

BIT_RATE = 24_000       # a channel, bits a second: telephone speech is transparent at that
LONGEST = 24.0          # hours; what was recognised is within speech.max_hours


def hidden_in(transcript: Transcript, wanted: bool = True) -> list[Stretch]:
    """What a tone must cover for who may not hear personal data; else (`wanted` false) only what was cut out of the text
    before it was stored (privacy.drop_cvv), which nobody may hear."""
    return stretches(transcript) if wanted else stretches(transcript, kinds=())


def write_sound(recording: Path, to: Path, hidden: Sequence[Stretch] = (), start: float = 0.0, end: float | None = None) -> bool:
    """Whether the sound could be written to `to` (.webm), readable by its owner only; from `start` to `end` in seconds.

    Without anything to hide or to cut, what is damaged further on plays as far as it goes; else a recording that cannot be
    decoded as it was for recognition is not written at all, rather than without its tones.
    """
    part = to.with_name(to.name + ".part")
    try:
        part.touch(0o600)
        if hidden or start or end is not None:
            _write_masked(recording, part, hidden, start, end)
            part.replace(to)
            return True
        with opened(recording) as given, av.open(str(part), "w", format="webm") as made:
            heard = given.streams.audio[0]
            layout = "stereo" if heard.channels >= 2 else "mono"
            stream = made.add_stream("libopus", rate=48_000, layout=layout, bit_rate=BIT_RATE * (1 + (layout == "stereo")))
            resampler = av.AudioResampler(format="s16", layout=layout, rate=48_000)
            written = _convert(given, made, stream, resampler)
        if written:
            part.replace(to)
        return written
    except (OSError, FFmpegError, IndexError, Refused):
        return False
    finally:
        part.unlink(missing_ok=True)


def _write_masked(recording: Path, part: Path, hidden: Sequence[Stretch], start: float, end: float | None) -> None:
    with decode(recording, max_hours=LONGEST) as audio, av.open(str(part), "w", format="webm") as made:
        layout = "stereo" if audio.channels == 2 else "mono"
        stream = made.add_stream("libopus", rate=audio.sample_rate, layout=layout, bit_rate=BIT_RATE * audio.channels)
        at = 0
        for block in masked_blocks(audio, hidden, start, end):
            samples = np.clip(np.rint(block.T * 32767), -32768, 32767).astype("<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate, frame.pts = audio.sample_rate, at
            at += block.shape[1]
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))


def _convert(given: InputContainer, made: OutputContainer, stream: av.AudioStream,
             resampler: av.AudioResampler) -> bool:
    written = False
    try:
        for frame in given.decode(audio=0):
            frame.pts = None
            for piece in resampler.resample(frame):
                made.mux(stream.encode(piece))
                written = True
    except FFmpegError:
        if not written:
            raise
    for piece in resampler.resample(None):
        made.mux(stream.encode(piece))
    made.mux(stream.encode(None))
    return written
