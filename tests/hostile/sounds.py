"""Recordings that are none: damaged at random, decompression bombs, playlists, links, pipes and devices. In decoder processes with limits."""
from __future__ import annotations

import io
import os
import random
from collections import Counter
from functools import cache
from pathlib import Path

import av
import numpy as np

from pipeline.decode import Refused
from pipeline.decoders import Decoders, Limits
from pipeline.manifest import read_source
from review.sound import write_sound
from tests.hostile import Clock, Outcome, mutated

KINDS = {"wav": ("wav", "pcm_s16le", 8000), "alaw": ("wav", "pcm_alaw", 8000), "mp3": ("mp3", "libmp3lame", 16000), "flac": ("flac", "flac", 16000),
         "opus": ("ogg", "libopus", 16000), "m4a": ("mp4", "aac", 16000), "webm": ("webm", "libopus", 16000), "aiff": ("aiff", "pcm_s16be", 8000)}
MEMORY = 512            # MiB a decoder may take


@cache
def sound(kind: str, seconds: float = 0.4, silent: bool = False) -> bytes:
    """A short recording of a kind."""
    container, codec, rate = KINDS[kind]
    made = io.BytesIO()
    with av.open(made, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        values = np.zeros(rate) if silent else np.random.default_rng(0).normal(0, 3000, int(rate * min(seconds, 1)))
        one = values.astype(np.int16).reshape(1, -1)
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size or None)    # type: ignore[attr-defined]
        for at in range(max(1, int(seconds))):
            frame = av.AudioFrame.from_ndarray(one, format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, at * one.shape[1]
            for piece in resampler.resample(frame):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return made.getvalue()


def damaged(folder: Path, scale: float) -> list[Outcome]:
    """Thousands of damaged files of each format: decoded or refused with a code, never a crash or a hang."""
    chance, codes, clock = random.Random(8), Counter[str](), Clock("damaged recordings")
    with Decoders(Limits(memory=MEMORY)) as decoders:
        for number in range(round(4000 * scale)):
            kind = chance.choice(list(KINDS))
            file = folder / f"{number % 50}.{'ogg' if kind == 'opus' else 'wav' if kind == 'alaw' else kind}"
            file.write_bytes(mutated(sound(kind), chance))
            with clock.one():
                try:
                    decoders.decode(file, max_hours=1, seconds=8).close()
                    codes["decoded"] += 1
                except Refused as refused:
                    codes[refused.code] += 1
    assert not codes["decoder_crashed"] + codes["time_limit"], codes
    return [Outcome("damaged recordings, 8 formats", clock.tried, ", ".join(f"{code} {count}" for code, count in codes.most_common()), clock.slowest)]


def bombs(folder: Path, scale: float) -> list[Outcome]:
    """Small files that decode to very much: refused by their length, before the disk is full."""
    found = []
    for kind, hours in (("flac", 10 if scale >= 1 else 1), ("opus", 1 if scale >= 1 else 0.2)):
        file = folder / f"bomb.{'ogg' if kind == 'opus' else kind}"
        file.write_bytes(sound(kind, 3600 * hours, silent=True))
        clock = Clock("bombs")
        with Decoders(Limits(memory=MEMORY)) as decoders, clock.one():
            code = _code(decoders, file, max_hours=0.1)
        assert code == "too_long", code
        found.append(Outcome(f"decompression bomb, {kind} of {file.stat().st_size >> 10} KiB", 1, "too_long", clock.slowest))
    header = bytearray(sound("wav"))
    header[4:8] = header[40:44] = b"\xf0\xff\xff\x7f"
    (folder / "huge.wav").write_bytes(header)
    with Decoders(Limits(memory=MEMORY)) as decoders:
        code = _code(decoders, folder / "huge.wav", max_hours=8)
    assert code in ("too_long", "truncated", "decoded"), code
    return [*found, Outcome("WAV whose header announces 2 GB", 1, code)]


def disguised(folder: Path, scale: float) -> list[Outcome]:
    """Playlists that name other files, links, pipes, devices, directories with the name of a recording."""
    (folder / "outside").mkdir()
    (folder / "outside" / "secret.wav").write_bytes(sound("wav"))
    calls = folder / "calls"
    calls.mkdir()
    secret = (folder / "outside" / "secret.wav").resolve()
    texts = {"hls.m4a": f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n", "concat.wav": f"ffconcat version 1.0\nfile '{secret}'\n",
             "sdp.wav": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n", "svg.mp3": f'<svg><image href="file://{secret}"/></svg>',
             "zip.wav": "PK\x03\x04", "html.wav": "<html><script>alert(1)</script>", "subject.ogg": "subfile,,start,0,end,0,,:" + str(secret)}
    for name, text in texts.items():
        (calls / name).write_text(text, encoding="latin-1")
    os.mkfifo(calls / "pipe.wav")
    (calls / "folder.wav").mkdir()
    (calls / "zero.wav").symlink_to("/dev/zero")
    (calls / "loop.wav").symlink_to(calls / "loop.wav")
    codes, clock = {}, Clock("disguised files")
    with Decoders(Limits(memory=MEMORY)) as decoders:
        for path in sorted(calls.iterdir()):
            with clock.one():
                codes[path.name] = _code(decoders, path, max_hours=1)
                assert not write_sound(path, folder / "copy.webm"), path
    assert "decoded" not in codes.values(), codes
    told = [Outcome("playlists, pages, archives as recordings", len(texts), "refused by content", clock.slowest),
            Outcome("pipe, device, directory, endless link as recordings", 4, "refused, not opened", clock.slowest)]
    for target in (secret, secret.parent):
        (calls / f"to-{target.name}").symlink_to(target)
    (calls / "manifest.csv").write_text("call_id,recording\n" + "\n".join(f"c{at},{name}" for at, name in enumerate((
        "../outside/secret.wav", "/etc/passwd", str(secret), "to-secret.wav", "to-outside/secret.wav", "..\\outside\\secret.wav", "C:\\x.wav",
        "file:///etc/passwd", "a/../../outside/secret.wav", "http://127.0.0.1:1/x.wav", "."))), encoding="utf-8")
    listing = read_source(calls)
    assert not listing.recordings, listing.recordings
    came = Counter(one.code for one in listing.refused)
    return [*told, Outcome("manifest rows that lead out of its folder", sum(came.values()), ", ".join(f"{code} {count}" for code, count in came.items()))]


def _code(decoders: Decoders, path: Path, max_hours: float) -> str:
    try:
        decoders.decode(path, max_hours=max_hours, seconds=9).close()
        return "decoded"
    except Refused as refused:
        return refused.code
