"""The sound beside a page: browsers play neither A-law nor AMR, so every recording becomes Opus in WebM, channels kept."""
from __future__ import annotations

from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError

BIT_RATE = 24_000       # a channel, bits a second: telephone speech is transparent at that


def write_sound(recording: Path, to: Path) -> bool:
    """Whether the sound could be written to `to` (.webm). What is damaged further on plays as far as it goes."""
    part = to.with_name(to.name + ".part")
    try:
        with av.open(str(recording)) as given, av.open(str(part), "w", format="webm") as made:
            heard = given.streams.audio[0]
            layout = "stereo" if heard.channels >= 2 else "mono"
            stream = made.add_stream("libopus", rate=48_000, layout=layout, bit_rate=BIT_RATE * (1 + (layout == "stereo")))
            resampler = av.AudioResampler(format="s16", layout=layout, rate=48_000)
            written = _convert(given, made, stream, resampler)
        if written:
            part.replace(to)
        return written
    except (OSError, FFmpegError, IndexError):
        return False
    finally:
        part.unlink(missing_ok=True)


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
