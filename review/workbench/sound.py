"""The sound of a call for the browser: a playable copy, made once, and the waveform of each channel.

Personal data lie under a tone. The original is for who has the right `original`, where [privacy] unmasked allows it, and is made
for the asking. Served only through these routes; the copies lie in the workspace, not in a folder that the web server gives
out. Who began to listen to what, and whether in full, is in the audit log.
"""
from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import numpy as np
import polars as pl
from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from pipeline.decode import Refused as Undecodable
from pipeline.decode import decode
from pipeline.fetching import NotHad, at_hand
from review.sound import Stretch, hidden_in, write_sound
from review.workbench.bench import Bench, bench_of
from review.workbench.gate import Reader, allowed, over
from review.workbench.rights import may
from store.reviews import audit
from store.reviews.schema import Card, Person

PEAKS = 1200            # points a channel: about the pixels of the widest player
BLOCK_SECONDS = 60.0
SAME_LISTENING = timedelta(hours=1)     # jumps within it belong to a listening that is in the log

router = APIRouter()
# Two reviewers opening one call make its copy once; a store that keeps one call waiting keeps few others waiting.
_making = [Lock() for _ in range(32)]
GONE = "录音已不在原处，或者损坏。The recording is gone or broken."
NOT_NOW = "现在取不到录音（对象存储），请稍后再试，或告诉管理员。The store of recordings does not give it now; try again, or tell your administrator."
TOO_LARGE = "录音太大，这里不能播放。The recording is too large to be played here."


@router.get("/calls/{call_id:path}/sound", dependencies=[Depends(allowed("hear"))])
def sound(request: Request, call_id: str, person: Reader, original: bool = False) -> Response:
    """Opus in WebM, channels kept; byte ranges are answered, so that the browser can jump. With `original` nothing is hidden from
    who may hear it; who may not gets the masked sound."""
    bench = bench_of(request)
    with bench.database.reading() as session:
        card = over(person, "hear", session.get(Card, call_id))
        full = original and bench.settings.privacy.unmasked and may(person, "original", card)
    hidden = bench.settings.privacy.masking != "off" and not full
    return served(request, person, playable(bench, card.call_id, hidden), "sound.heard" if hidden else "sound.heard_in_full", call_id)


def served(request: Request, person: Person, file: Path | None, action: str, subject: str) -> Response:
    """The file in byte ranges; the caller has asked for the right. In the log: hearing it from the beginning, and any other range
    unless the log has the same within the hour, so that jumps fill no pages and nobody hears the rest unlogged."""
    if file is None:
        return JSONResponse({"message": GONE}, 404)
    with bench_of(request).database.reading() as session:
        known = audit.lately(session, person.login, action, subject, SAME_LISTENING)
    if not known or request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        with bench_of(request).database.writing() as session:
            audit.note(session, person.login, action, subject)
    headers = {"Cache-Control": "private, no-store"}
    if not bench_of(request).lake.keys.current:
        return FileResponse(file, media_type="audio/webm", headers=headers)
    return ranged(bench_of(request).lake.keys.unseal_blob(file.read_bytes(), "sound") or b"", request.headers.get("range", ""), headers)


def ranged(sound: bytes, asked: str, headers: dict[str, str]) -> Response:
    """Bytes of a sealed copy as the browser asks for them, as FileResponse does it for a file: 206 for one range, 200 for all."""
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
    headers = headers | {"Accept-Ranges": "bytes"}
    if wanted is None:
        return Response(sound, media_type="audio/webm", headers=headers)
    first, last = int(wanted[1]), min(int(wanted[2] or len(sound)), len(sound) - 1)
    if first > last:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(sound)}"})
    told = {"Content-Range": f"bytes {first}-{last}/{len(sound)}"}
    return Response(sound[first:last + 1], 206, media_type="audio/webm", headers=headers | told)


@router.get("/calls/{call_id:path}/peaks", dependencies=[Depends(allowed("hear"))])
def peaks(request: Request, call_id: str, person: Reader) -> Response:
    """{"duration": seconds, "channels": [[…], …]}: the highest level of each of 1,200 stretches, 0 to 1."""
    bench = bench_of(request)
    return drawn_peaks(bench, _heard(bench, person, call_id))


def drawn_peaks(bench: Bench, call_id: str) -> Response:
    """The answer of `peaks`; the caller has asked for the right."""
    file = bench.sounds / f"{_name(call_id)}.json"
    if not file.exists():
        with _recording(bench, call_id) as recording:
            try:
                drawn = waveform(recording) if recording else None
            except Undecodable:
                drawn = None
        if drawn is None:
            return JSONResponse({"message": GONE}, 404)
        _write(file, json.dumps(drawn).encode())
    return Response(file.read_bytes(), media_type="application/json", headers={"Cache-Control": "private, no-store"})


def playable(bench: Bench, call_id: str, hidden: bool = True) -> Path | None:
    """The playable copy of a call, made where it is not there yet; None where the recording cannot be read.

    A copy is named by what lies under its tones too: once the words are corrected, a new one is made and the old one goes."""
    covered = hidden_in(bench.lake.transcript(call_id), hidden)
    kind = "masked" if hidden else "full"
    file = bench.sounds / f"{_name(call_id)}.{kind}-{_digest(covered)}.webm"
    with _making[hash(call_id) % len(_making)]:
        if not file.exists():
            with _recording(bench, call_id) as recording:
                if recording is None or not _write_copy(bench, recording, file, covered):
                    return None
            for old in bench.sounds.glob(f"{_name(call_id)}.*webm"):
                if old != file and not old.name.startswith(f"{_name(call_id)}.{'full' if hidden else 'masked'}-"):
                    old.unlink(missing_ok=True)
    return file


def clip(bench: Bench, call_id: str, covered: list[Stretch], start: float, end: float | None) -> Path | None:
    """A part of a call with tones over `covered`, kept beside its copies; None where the recording cannot be read."""
    file = bench.sounds / f"{_name(call_id)}.clip-{_digest(covered, start, end)}.webm"
    with _making[hash(call_id) % len(_making)]:
        if not file.exists():
            with _recording(bench, call_id) as recording:
                if recording is None or not _write_copy(bench, recording, file, covered, start, end):
                    return None
    return file


def waveform(recording: Path) -> dict[str, object]:
    """Peaks of each channel over equal stretches of the whole recording, read a minute at a time."""
    with decode(recording, max_hours=24) as audio:
        channels = []
        for channel in range(min(audio.channels, 2)):
            highest = np.zeros(PEAKS)
            at = 0.0
            while at < audio.duration:
                samples = np.abs(audio.read(channel, at, min(at + BLOCK_SECONDS, audio.duration)))
                moments = at + np.arange(len(samples)) / audio.sample_rate
                np.maximum.at(highest, np.minimum((moments / audio.duration * PEAKS).astype(int), PEAKS - 1), samples)
                at += BLOCK_SECONDS
            channels.append([round(float(value), 3) for value in highest])
        return {"duration": audio.duration, "channels": channels}


def _heard(bench: Bench, person: Reader, call_id: str) -> str:
    with bench.database.reading() as session:
        return over(person, "hear", session.get(Card, call_id)).call_id


@contextmanager
def _recording(bench: Bench, call_id: str) -> Iterator[Path | None]:
    """The recording as a file, of an object a copy that goes afterwards; None where it is gone. Raises NotHad."""
    found = bench.lake.calls().filter(pl.col("call_id") == call_id).select("recording").collect()["recording"].to_list()
    with at_hand(found[0], bench.settings.sources) if found and found[0] else nullcontext(None) as file:
        yield file if file and file.is_file() else None


async def answer_not_had(request: Request, fault: Exception) -> Response:
    """A recording in a store that cannot be had: what a listener is told has no address in it, the log has it all."""
    assert isinstance(fault, NotHad)
    logging.getLogger(__name__).warning("%s", fault)
    if fault.passes:
        return JSONResponse({"message": NOT_NOW}, 503)
    return JSONResponse({"message": TOO_LARGE if fault.code == "too_large" else GONE}, 404)


def _name(call_id: str) -> str:
    """A file name that says nothing of the call and fits every file system."""
    return hashlib.sha256(call_id.encode()).hexdigest()[:32]


def _write_copy(bench: Bench, recording: Path, file: Path, covered: list[Stretch], start: float = 0.0, end: float | None = None) -> bool:
    """The copy, sealed where the workspace is; it never lies there unsealed."""
    keys = bench.lake.keys
    if not keys.current:
        return write_sound(recording, file, covered, start, end)
    with TemporaryDirectory() as folder:
        open_copy = Path(folder) / "copy.webm"
        if not write_sound(recording, open_copy, covered, start, end):
            return False
        _write(file, keys.seal_blob(open_copy.read_bytes(), "sound") or b"")
    return True


def _digest(covered: list[Stretch], *cut: float | None) -> str:
    return hashlib.sha256(json.dumps([*covered, *cut]).encode()).hexdigest()[:16]


def _write(file: Path, content: bytes) -> None:
    part = file.with_suffix(".part")
    part.write_bytes(content)
    part.chmod(0o600)
    part.replace(file)
