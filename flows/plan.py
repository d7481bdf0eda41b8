"""What a run has to do: which calls are new, which are only to be scored again, which are finished, in batches.

A call is finished when its sound (SHA-256), what recognised it, what scored it, the form asked for and what is told about
it are all as before. Where only the last three differ it is scored again from the stored transcript.
"""
from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from records import Failure, Recording
from store.lake import AudioFile, Failed, Known, Lake, metadata_sha256

RESCORED_AT_ONCE = 500      # calls in a batch that is only scored: each takes milliseconds


@dataclass(frozen=True)
class Versions:
    """What would make the transcripts and drafts of this run."""

    transcriber: str
    scorer: str
    form: str | None = None


@dataclass
class Batch:
    """Calls that are done together and committed together. `seconds` of audio as the headers tell it."""

    recordings: list[Recording]
    seconds: float
    recognise: bool = True


@dataclass
class Plan:
    batches: list[Batch] = field(default_factory=list)
    finished: int = 0
    seconds: float = 0.0
    known_failures: list[Failed] = field(default_factory=list)

    @property
    def to_recognise(self) -> int:
        return sum(len(batch.recordings) for batch in self.batches if batch.recognise)

    @property
    def to_score(self) -> int:
        return sum(len(batch.recordings) for batch in self.batches if not batch.recognise)


def make_plan(recordings: Sequence[Recording], refused: Sequence[Failure], lake: Lake, versions: Versions, source: str,
              batch_seconds: float, length: Callable[[Recording], float]) -> Plan:
    """`length` tells a recording's seconds of audio from its header (0 where it cannot)."""
    plan = Plan(known_failures=[Failed(failure, source, AudioFile(), "") for failure in refused])
    known = lake.known([recording.call.call_id for recording in recordings])
    failed = {(one.failure.call_id, one.failure.recording): one for one in lake.failed()}
    fresh, again = [], []
    for recording in recordings:
        held = known.get(recording.call.call_id)
        before = failed.get((recording.call.call_id, recording.path))
        if before and _hopeless(before, recording, versions):
            plan.known_failures.append(replace(before, source=source))
        elif held is None or not _same_words(held, recording, versions):
            fresh.append(recording)
        elif _same_card(held, recording, versions):
            plan.finished += 1
        else:
            again.append(recording)
    plan.batches = [Batch(again[start:start + RESCORED_AT_ONCE], 0.0, recognise=False)
                    for start in range(0, len(again), RESCORED_AT_ONCE)]
    plan.batches += list(_by_length(fresh, batch_seconds, length))
    plan.seconds = sum(batch.seconds for batch in plan.batches)
    return plan


def waiting_since(plan: Plan) -> float | None:
    """When the oldest call that is still to be recognised began (or its file was written), seconds since 1970; None: none waits."""
    times = [_time(recording) for batch in plan.batches if batch.recognise for recording in batch.recordings]
    return min((one for one in times if one is not None), default=None)


def _time(recording: Recording) -> float | None:
    try:
        if recording.call.started_at:
            return datetime.fromisoformat(recording.call.started_at).timestamp()
        return Path(recording.path).stat().st_mtime
    except (ValueError, OSError):
        return None


def audio_file(recording: Recording, sha256: str = "") -> AudioFile:
    """The state of the file now, of an object as the store told it; size and time are None where it cannot be looked at."""
    if recording.state is not None:
        return AudioFile(sha256, recording.size, recording.state)
    try:
        state = Path(recording.path).stat()
    except OSError:
        return AudioFile(sha256)
    return AudioFile(sha256, state.st_size, state.st_mtime_ns)


def _same_words(held: Known, recording: Recording, versions: Versions) -> bool:
    """Whether recognition would give the stored transcript again. Reads the file only if it was touched or moved."""
    if (held.transcriber_version, held.agent_channel) != (versions.transcriber, recording.agent_channel):
        return False
    now = audio_file(recording)
    if held.recording == recording.path and (held.audio.size, held.audio.mtime_ns) == (now.size, now.mtime_ns):
        return True
    return held.audio.size == now.size and held.audio.sha256 == _sha256(recording.path)


def _same_card(held: Known, recording: Recording, versions: Versions) -> bool:
    now = audio_file(recording)
    return (held.scorer_version, held.form_asked, held.metadata_sha256, held.recording, held.audio.mtime_ns) == (
        versions.scorer, versions.form, metadata_sha256(recording), recording.path, now.mtime_ns)


def _hopeless(before: Failed, recording: Recording, versions: Versions) -> bool:
    """A failure that would only come again: nothing has changed and it does not pass by itself."""
    now = audio_file(recording)
    same = (before.audio.size, before.audio.mtime_ns) == (now.size, now.mtime_ns)
    mended = before.failure.stage == "scoring"      # the rules may have been put right since: cheap to try again
    return same and not before.again and before.transcriber_version == versions.transcriber and not before.failure.retryable and not mended


def _sha256(path: str) -> str:
    try:
        with open(os.fspath(path), "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _by_length(recordings: Iterable[Recording], most: float, length: Callable[[Recording], float]) -> Iterator[Batch]:
    """Batches of at most `most` seconds of audio, in the order of the source; a longer call is a batch by itself.

    Within a batch the longest call goes first, so that at its end no core waits for another's long call.
    """
    batch: list[tuple[float, Recording]] = []
    seconds = 0.0
    for recording in recordings:
        more = length(recording)
        if batch and seconds + more > most:
            yield _longest_first(batch)
            batch, seconds = [], 0.0
        batch.append((more, recording))
        seconds += more
    if batch:
        yield _longest_first(batch)


def _longest_first(batch: list[tuple[float, Recording]]) -> Batch:
    ordered = sorted(batch, key=lambda one: -one[0])
    return Batch([recording for _, recording in ordered], sum(seconds for seconds, _ in ordered))
