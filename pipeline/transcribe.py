"""Recordings to transcripts: runs the stages over many calls at once and keeps the cores busy.

The stages of one call, each in its own file: decode → channels → voice activity → recognition (speech.py) → guards →
speakers (mono) → roles → turns, and how they are spoken (voice.py, pitch.py). Here stands only their order, what calls share, and
what happens when one fails.
"""
from __future__ import annotations

import errno
import functools
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from models.diariser import Diariser, open_diariser
from models.recogniser import Recogniser, Segment, on_demand
from models.voice_activity import Activity, Span, VoiceActivity
from pipeline import channels, crosstalk, decode, faults, guards, hints, music, pitch, roles, speakers, speech, turns, voice
from pipeline.crew import Crew, Step
from pipeline.decoders import Decoders, Limits
from pipeline.memory import steady
from records import Failure, Recording, Removal, Speaker, Transcript, Word
from settings import Models, Settings

log = logging.getLogger(__name__)

# Raised by one whenever a stage changes what it makes of the same words and sound: stored transcripts are then made anew.
STAGES = {"speech": 6, "guards": 2, "speakers": 2, "roles": 2, "turns": 2, "voice": 2}
SLOWEST_DECODING = 20_000   # bytes of file a second; AMR, the slowest, has 150,000 on an idle core
GIVEN_UP = 10.0         # seconds a decoder process has to answer or be ended before its thread is given up too
OPENING, VOICE, RECOGNITION = 2, 1, 0       # within a call, what is nearest to the end goes first


MACHINE = 2             # the voice of an announcement, in mono


class OutOfTime(Exception):
    """A call took longer than it may."""


class _Hung(Exception):
    """Decoding came to no end."""


class Transcriber:
    """Turns recordings into transcripts. Models are loaded once and shared by all calls; one `run` at a time."""

    def __init__(self, recogniser: Recogniser, detector: VoiceActivity, models: Models, *, max_hours: float = 8.0,
                 limit: Callable[[float], float] | None = None, organisations: Sequence[str] | None = None,
                 decoders: Decoders | None = None):
        """`organisations` are the names that agents answer with where the call does not say; None gives no call any hints.
        `decoders` decode in processes of their own; None decodes in this one, which a broken recording may then crash."""
        steady()
        self.recogniser, self.detector, self.organisations, self.decoders = recogniser, detector, organisations, decoders
        self._models, self._max_hours = models, max_hours
        self.limit = limit or (lambda duration: max(60.0, 4 * duration))
        self._diariser: Diariser | None = None
        self._diarising = threading.Lock()

    @classmethod
    def from_settings(cls, s: Settings) -> Transcriber:
        """With the models that the settings name, which load at the first `run`; weights that are not here are fetched now.
        Raises records.Problem when they cannot be had."""
        floor, factor = s.monitoring.time_limit_floor, s.monitoring.time_limit_factor
        return cls(on_demand(s.models, s.speech), VoiceActivity(), s.models, max_hours=s.speech.max_hours,
                   limit=lambda duration: max(floor, factor * duration),
                   organisations=tuple(s.scoring.organisations) if s.speech.hints else None,
                   decoders=Decoders(Limits(s.speech.decoder_memory)))

    def length(self, recording: Recording) -> float:
        """Seconds of audio by the recording's header; 0 where it does not tell."""
        try:
            return (self.decoders.probe if self.decoders else decode.probe)(recording.path).duration
        except decode.Refused:
            return 0.0

    @property
    def version(self) -> str:
        """Changes when anything changes that shapes a transcript: weights, options, diariser, our own stages."""
        hinted = self.organisations is not None     # which names they are belongs to scoring, and is no reason to listen again
        shaping = json.dumps([self.recogniser.version, self.detector.name, self._models.diariser, STAGES, hinted], sort_keys=True)
        return "sha256:" + hashlib.sha256(shaping.encode()).hexdigest()[:16]

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = lambda seconds: None,
            seconds_limit: Callable[[float], float] | None = None) -> Iterator[tuple[Recording, Transcript | Failure]]:
        """Yields each recording with its transcript, or why there is none, as they get done.

        `on_audio` is called from any thread with seconds of audio as they get done; over a call they add up to its length.
        `seconds_limit` gives the working seconds that a call of so many seconds may take; without it the settings' limit.
        Raises what is no fault of a single call: MemoryError, a full disk.
        """
        waiting = iter(enumerate(recordings))
        crew: Crew

        def begin() -> bool:
            index, recording = next(waiting, (0, None))
            if recording is None:
                return False
            call = _Call(self, crew, index, recording, on_audio, seconds_limit or self.limit)
            limit = call.decode_limit() + (GIVEN_UP if self.decoders else 0.0)
            crew.add([Step((index, OPENING), do=call.guarded("decode", call.open), limit=limit, late=call.hangs)])
            return True

        workers, batch = self.recogniser.workers, self.recogniser.batch
        # Where a GPU recognises batches, the cores prepare the next ones meanwhile.
        threads = workers if batch == 1 else max(workers, len(os.sched_getaffinity(0)))
        crew = Crew(threads, batch, begin, workers)
        with threadpool_limits(1, "blas"):      # the crew has a thread a core; numpy's own threads would only get in its way
            yield from crew.results()

    def recognise(self, parts: list[tuple[_Call, speech.Chunk]]) -> None:
        """One turn of the recogniser over chunks, which may belong to several calls."""
        parts = [(call, chunk) for call, chunk in parts if not call.over]
        if not parts:
            return
        began = time.monotonic()
        try:
            found = self.recogniser.recognise([speech.samples(call.audio, chunk) for call, chunk in parts],
                                              [() if chunk.again else call.hints for call, chunk in parts])
        except Exception as fault:
            for call, _ in parts:
                call.fail(fault, "recognition")
            return
        spent = (time.monotonic() - began) / len(parts)
        for (call, chunk), segment in zip(parts, found, strict=True):
            call.busy += spent
            call.guarded("turns", call.heard)([(chunk, segment)])

    def diariser(self) -> Diariser:
        """Loaded at the first mono call: most centres record in stereo, and it is by far the heaviest part."""
        if self._diariser is None:
            self._diariser = open_diariser(self._models, threads=1)
        return self._diariser

    def diarise(self, samples: np.ndarray) -> Any:
        """One window at a time: its memory is the largest of all."""
        with self._diarising:
            return self.diariser().diarise(samples)


class _Call:
    """One call on its way. Its steps run one after the other or side by side, on any of the crew's threads."""

    audio: decode.Audio
    layout: channels.Layout

    def __init__(self, owner: Transcriber, crew: Crew, index: int, recording: Recording,
                 on_audio: Callable[[float], None], limit: Callable[[float], float]):
        self.owner, self.crew, self.index, self.recording = owner, crew, index, recording
        self.on_audio, self.limit = on_audio, limit
        self.hints = () if owner.organisations is None else hints.expected(recording.call, owner.organisations)
        self.busy = 0.0                     # seconds of work so far
        self.over = False                   # finished or failed
        self._lock = threading.Lock()
        self._pending = 0                   # steps still to come before the call can be finished
        self._reported = 0.0
        self._activity: dict[int, Activity] = {}
        self._voice: dict[int, list[Span]] = {}
        self._pitch: dict[int, pitch.Pitch] = {}
        self._heard: list[speech.Heard] = []
        self._windows: list[speakers.Window] = []

    def guarded(self, stage: str, do: Callable[[Any], None]) -> Callable[[list[Any]], None]:
        """A step's function with its time taken and its failure caught."""
        def timed(parts: list[Any]) -> None:
            if self.over:
                return
            began = time.monotonic()
            try:
                do(parts[0])
            except Exception as fault:
                self.fail(fault, stage)
            finally:
                self.busy += time.monotonic() - began
        return timed

    def decode_limit(self) -> float:
        """Seconds that decoding may take, by the size of the file."""
        try:
            size = Path(self.recording.path).stat().st_size
        except OSError:
            size = 0
        return self.limit(0.0) + size / SLOWEST_DECODING

    def hangs(self) -> None:
        """The decoder has taken far too long; the call fails, whatever it still does."""
        self.fail(_Hung(), "decode")

    def open(self, _: Any) -> None:
        """Decodes the recording and sends each channel to voice activity, a mono one to the diariser too."""
        path, hours = self.recording.path, self.owner._max_hours
        if self.owner.decoders:
            audio = self.owner.decoders.decode(path, max_hours=hours, seconds=self.decode_limit())
        else:
            audio = decode.decode(path, max_hours=hours)
        with self._lock:
            if self.over:               # given up meanwhile
                audio.close()
                return
            self.audio = audio
        self.layout = channels.layout(self.audio)
        stereo = self.layout.kind == "stereo"
        steps = [Step((self.index, VOICE), do=self.guarded("voice_activity", self.voice), part=channel)
                 for channel in ((0, 1) if stereo else (self.layout.channel,))]
        if not stereo:
            steps += [Step((self.index, VOICE), do=self.guarded("diarisation", self.diarise), part=window)
                      for window in speakers.windows(self.audio.duration)]
        self._go_on(steps, done=0)

    def voice(self, channel: int) -> None:
        """Where the channel has a voice, and its chunks for the recogniser."""
        activity = speech.find_voice(self.audio, channel, self.owner.detector)
        chunks = speech.pack(activity, channel, self.audio.duration, self.owner.recogniser.window)
        with self._lock:
            self._activity[channel] = activity
            self._voice[channel] = activity.voiced()
        self._go_on([Step((self.index, VOICE), do=self.guarded("pitch", self.pitch), part=channel),
                     *(Step((self.index, RECOGNITION), do=self.owner.recognise, part=(self, chunk), joinable=True)
                       for chunk in chunks)])

    def pitch(self, channel: int) -> None:
        found = pitch.track(self.audio, channel, self._voice[channel])
        with self._lock:
            self._pitch[channel] = found
        self._go_on([])

    def diarise(self, window: Span) -> None:
        found = self.owner.diarise(self.audio.read(self.layout.channel, window.start, window.end))
        with self._lock:
            self._windows.append(speakers.Window(window.start, found))
        self._go_on([])

    def heard(self, part: tuple[speech.Chunk, Segment]) -> None:
        """A chunk's words, and a second look at its voice that has none; with the last of them the call is finished."""
        chunk, segment = part
        placed = speech.place(chunk, segment, self._voice[chunk.channel])
        with self._lock:
            self._heard.append(placed)
        missed = speech.unheard(placed, self._voice[chunk.channel])
        self._go_on([Step((self.index, RECOGNITION), do=self.owner.recognise, part=(self, missed), joinable=True)] if missed else [])

    def _go_on(self, steps: list[Step], done: int = 1) -> None:
        """Counts a step as done, reports progress, and finishes the call when nothing is left to do."""
        if self.busy > self.limit(self.audio.duration):
            raise OutOfTime
        with self._lock:
            self._pending += len(steps) - done
            last = not self._pending
            share = self.audio.duration if last else self._reported + (self.audio.duration - self._reported) / (
                1 + self._pending) * done
            seconds, self._reported = share - self._reported, share
        if seconds:
            self.on_audio(seconds)
        self.crew.add(steps)
        if last:
            self.finish()

    def finish(self) -> None:
        transcript = self._transcript()
        self.over = True
        self.audio.close()
        self.crew.give((self.recording, transcript))

    def _transcript(self) -> Transcript:
        """From what was heard to the record: guards, speakers, roles, turns."""
        heard = sorted(self._heard, key=lambda each: (each.chunk.channel, each.chunk.pieces[0].start))
        removed: list[Removal] = []
        kept: dict[int, list[Any]] = {}
        for channel, activity in sorted(self._activity.items()):
            words, gone = guards.guard([each for each in heard if each.chunk.channel == channel], activity, channel)
            removed += gone
            words, gone = guards.without_music(words, channel, functools.partial(music.share, self.audio, channel))
            removed += gone
            kept[channel] = words
        if self.layout.bleed is not None:
            leaks = crosstalk.Crosstalk(self.audio, self.layout.bleed, dict(kept))
            for channel, words in kept.items():
                kept[channel], gone = guards.without_bleed(words, channel, leaks.leaked)
                removed += gone
        call = self.recording.call
        stereo = self.layout.kind == "stereo"
        voices, cast = self._who(kept)
        said = [turns.Said(word, cast.speaker(who, word), who if stereo else self.layout.channel)
                for who, words in voices.items() for word in words]
        sounds = {channel: voice.Sound(activity, self._pitch[channel]) for channel, activity in self._activity.items()}
        measured = voice.measure(turns.turns(said), sounds, None if stereo else self._sides(voices, cast))
        return Transcript(
            **{**call.model_dump(), "duration": round(self.audio.duration, 2)},
            turns=measured, removed=tuple(sorted(removed, key=lambda each: each.start)),
            recognition=self._facts(cast))

    def _who(self, kept: dict[int, list[Word]]) -> tuple[dict[int, list[Word]], roles.Cast]:
        """The words by voice, and who each voice is: a channel is a voice, in mono they are told apart by sound and wording."""
        if self.layout.kind == "stereo":
            given = {"left": 0, "right": 1}.get(self.recording.agent_channel or "")
            return kept, roles.cast(kept, self.recording.call.direction, given)
        persons, machine = roles.persons_and_machine(kept.get(self.layout.channel, []))
        voices = speakers.attribute(persons, self._windows)
        cast = roles.cast(voices, self.recording.call.direction, spoken=())
        return {**voices, MACHINE: machine}, cast._replace(roles={**cast.roles, MACHINE: "ivr"})

    def _sides(self, voices: dict[int, list[Word]], cast: roles.Cast) -> dict[Speaker, list[Span]]:
        """Where each speaker sounds, in mono."""
        persons = {who: words for who, words in voices.items() if who != MACHINE}
        return {cast.roles[who]: spans for who, spans in speakers.heard(persons, self._windows).items() if who in cast.roles}

    def _facts(self, cast: roles.Cast) -> dict[str, Any]:
        owner, audio = self.owner, self.audio
        voiced = [round(sum(span.end - span.start for span in spans), 2) for _, spans in sorted(self._voice.items())]
        mono = self.layout.kind != "stereo"
        return {
            "recogniser": owner.recogniser.name, "version": owner.recogniser.version,
            "weights": getattr(owner.recogniser, "weights", ""), "options": getattr(owner.recogniser, "options", {}),
            "voice_activity": owner.detector.name, "diariser": owner.diariser().name if mono else None,
            "layout": {"kind": self.layout.kind, "reason": self.layout.reason},
            "roles": {"confidence": cast.confidence, "reason": cast.reason},
            "audio": {"sha256": audio.sha256, "codec": audio.codec, "channels": audio.channels,
                      "sample_rate": audio.source_rate},
            "speech_seconds": voiced, "stages": STAGES,
        }

    def fail(self, fault: Exception, stage: str) -> None:
        """Ends the call with a Failure; what is no fault of this call goes on up."""
        root = fault.__cause__ if isinstance(fault, decode.Refused) else fault
        if isinstance(root, MemoryError) or (isinstance(root, OSError) and root.errno == errno.ENOSPC):
            raise root
        with self._lock:
            if self.over:
                return
            self.over = True
        if hasattr(self, "audio"):
            self.audio.close()
        self.crew.give((self.recording, self._failure(fault, stage)))

    def _failure(self, fault: Exception, stage: str) -> Failure:
        name = self.recording.path.rsplit("/", 1)[-1]
        facts: dict[str, Any] = {"call_id": self.recording.call.call_id, "recording": self.recording.path, "stage": stage}
        if isinstance(fault, decode.Refused):
            return Failure(**facts | {"stage": "decode"}, code=fault.code, message=str(fault), retryable=fault.retryable)
        if isinstance(fault, _Hung):
            return Failure(**facts, code="time_limit", retryable=True, message=(
                f"{name} was not decoded within {self.decode_limit():.0f} s, and was given up; check that the disk or share it "
                "lies on answers, and whether a player opens it. The other calls go on."))
        if isinstance(fault, OutOfTime):
            limit = self.limit(self.audio.duration)
            return Failure(**facts, code="time_limit", retryable=True, message=(
                f"{name} is {self.audio.duration:.0f} s long and took more than {limit:.0f} s of work; raise "
                "monitoring.time_limit_factor if this machine is slow."))
        log.error("%s: %s failed with %s\n%s", name, stage, faults.told(fault), faults.trace(fault))
        message = f"{name}: {stage} failed with {faults.told(fault)}; the log has the details."
        return Failure(**facts, code="internal_error", message=message)
