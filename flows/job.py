"""One run over a source: plain Python, no Prefect, so that it can be tested and called by itself.

`Job` holds the workspace, plans in the background and does batch after batch on one worker thread; monitor.py
wraps it in a Prefect flow. `monitor` here does the same without one.
"""
from __future__ import annotations

import errno
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from flows.admission import admitted
from flows.plan import Batch, Plan, Versions, audio_file, make_plan
from flows.redacting import redact
from flows.status import Noting
from pipeline import faults, memory, sources
from pipeline.manifest import Listing
from pipeline.masking import cut_card_values
from records import Draft, Failure, Problem, Recording, Transcript
from settings import Settings
from store.erasing import erased_ids, silenced_ids
from store.lake import AudioFile, Failed, Lake, Result

RETRY_PAUSE = 2.0           # seconds before another try; a file that is being copied, a share that comes back
# Faults of a whole batch that pass by themselves: the storage or the network was away.
PASSING = {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ETIMEDOUT, errno.ESTALE, errno.ECONNRESET, errno.ENETDOWN,
           errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH}


class Transcribing(Protocol):
    """What a job needs of pipeline.transcribe.Transcriber."""

    @property
    def version(self) -> str: ...

    def length(self, recording: Recording) -> float: ...

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = ...,
            seconds_limit: Callable[[float], float] | None = None) -> Iterator[tuple[Recording, Transcript | Failure]]: ...


class Scoring(Protocol):
    """What a job needs of pipeline.scorecard.Scorer."""

    @property
    def version(self) -> str: ...

    def draft(self, transcript: Transcript, form: str | None = None) -> Draft: ...

    def form(self, form: str) -> Any: ...


class Progress:
    """Told what happens, from any thread; this one keeps silent."""

    def planned(self, plan: Plan) -> None: ...

    def audio(self, seconds: float) -> None: ...

    def call(self, failed: bool) -> None: ...

    def note(self, message: str) -> None: ...


class MayPass(Exception):
    """Some calls of a batch failed for a reason that may pass: try them again. The others are committed."""


class Stopped(BaseException):
    """Raised out of the transcriber when the user wants to stop; no step may take it for a call's own failure."""


@dataclass
class Summary:
    """What a run did. `seconds` of audio of the calls recognised, `elapsed` seconds of the clock, `guarded` characters that
    were taken out after recognition; `waiting` recordings were not ready yet, `erased` calls stay erased."""

    done: int = 0
    rescored: int = 0
    finished_before: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0
    bands: Counter[str] = field(default_factory=Counter)
    fatal: int = 0
    review_calls: int = 0
    review_items: int = 0
    failures: list[Failure] = field(default_factory=list)
    left: int = 0
    guarded: int = 0
    waiting: tuple[Failure, ...] = ()
    erased: int = 0

    def count(self, result: Result, recognised: bool) -> None:
        draft, transcript = result.draft, result.transcript
        assert draft is not None and transcript is not None
        self.done += recognised
        self.rescored += not recognised
        self.seconds += (transcript.duration or 0.0) if recognised else 0.0
        self.guarded += sum(len(removal.text) for removal in transcript.removed) if recognised else 0
        self.bands[draft.band or "not_scored"] += 1
        self.fatal += draft.fatal
        waiting = sum(item.verdict == "needs_review" for item in draft.items)
        self.review_items += waiting
        self.review_calls += waiting > 0


Load = Callable[[Settings], tuple[Transcribing, Scoring]]


def load_models(settings: Settings) -> tuple[Transcribing, Scoring]:
    """The scorer, so that a mistake in the rules is told at once, then the transcriber, whose models load when it is used."""
    from pipeline.fetching import Fetching
    from pipeline.scorecard import Scorer
    from pipeline.transcribe import Transcriber

    scorer = Scorer.from_settings(settings)
    return Fetching(Transcriber.from_settings(settings), settings), scorer


class Job:
    """Use as a context manager: it holds the workspace, side by side with runs over other sources, from entry to exit."""

    def __init__(self, source: str | Path, workspace: str | Path, settings: Settings, *, form: str | None = None,
                 progress: Progress | None = None, load: Load = load_models):
        self.source, self.workspace = str(source), str(workspace)
        self.settings, self.form, self.load = settings, form, load
        self.progress = progress or Progress()
        self.stopping = threading.Event()
        self.summary = Summary()
        self._source_key = sources.key(self.source)
        self._failed: list[Failed] = []
        self._waiting: dict[int, list[Recording]] = {}
        self._tries: Counter[int] = Counter()
        self._ahead: dict[int, Future[None]] = {}
        self._over: set[int] = set()

    def __enter__(self) -> Job:
        memory.steady()
        self._began = time.monotonic()
        self.lake = Lake.create(self.workspace)
        self._held = ExitStack()
        self._held.enter_context(self.lake.running(self._source_key))
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self.noting = Noting(self.lake.root, self._source_key)
        self._prepared = self._worker.submit(self._prepare)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stopping.set()
        if error is not None:
            self.noting.broken(error)
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._held.close()

    @property
    def plan(self) -> Plan:
        """What there is to do; waits until the rules and the source are read."""
        return self._prepared.result()

    def batch(self, number: int) -> None:
        """Does a batch and commits it. Raises `MayPass` when part of it should be tried again: call it again then. A batch
        that is over is not done again."""
        if number in self._over:
            return
        future = self._ahead.pop(number, None) or self._worker.submit(self._attempt, number)
        future.result()
        self._over.add(number)

    def finish(self) -> Summary:
        """Settles what failed and returns the figures. After a stop the batches not done are left for the next run."""
        for ahead in self._ahead.values():  # begun before the stop and never asked for: its calls count all the same
            with suppress(MayPass):
                ahead.result()
        summary = self.summary
        summary.left = sum(map(len, self._waiting.values()))
        failed = self._failed + self.plan.known_failures
        if not self.stopping.is_set():
            self.lake.settle_failures(self._source_key, failed)
        summary.failures = [one.failure for one in failed]
        summary.finished_before = self.plan.finished
        summary.elapsed = time.monotonic() - self._began
        self.noting.finished(summary, self.stopping.is_set())
        return summary

    def _prepare(self) -> Plan:
        """Reads the source and the rules, plans, then begins with the first batch without waiting to be asked. Models are
        loaded by the first batch that recognises: a run with nothing to do takes a second or two."""
        listing = admitted(sources.read(self.source, self.settings), self.lake.root, self.settings.privacy.apart)
        listing = self._without_erased(listing)
        self.transcriber, self.scorer = self.load(self.settings)
        if self.form is not None:
            self.scorer.form(self.form)     # a name that is wrong is told before anything is recognised
        self.versions = Versions(self.transcriber.version, self.scorer.version, self.form)
        plan = make_plan(listing.recordings, listing.refused, self.lake, self.versions, self._source_key,
                         self.settings.monitoring.batch_seconds, self.transcriber.length)
        self._waiting = {number: list(batch.recordings) for number, batch in enumerate(plan.batches)}
        self.progress.planned(plan)
        self.noting.planned(plan)
        if plan.batches:
            self._ahead[0] = self._worker.submit(self._attempt, 0)
        return plan

    def _without_erased(self, listing: Listing) -> Listing:
        """Calls that were erased stay so although the source still lists them; one that lost only its sound is done."""
        self.summary.waiting = listing.waiting
        gone, silenced = erased_ids(self.lake), silenced_ids(self.lake)
        recordings = [one for one in listing.recordings if one.call.call_id not in gone]
        refused = [one for one in listing.refused
                   if one.call_id not in gone and not (one.code == "not_found" and one.call_id in silenced)]
        self.summary.erased = len(listing.recordings) + len(listing.refused) - len(recordings) - len(refused)
        return listing._replace(recordings=recordings, refused=refused)

    def _attempt(self, number: int) -> None:
        if self.stopping.is_set():
            return
        batch = self.plan.batches[number]
        self._tries[number] += 1
        results: list[Result] = []
        try:
            for result in self._recognised(number) if batch.recognise else self._scored_again(batch):
                results.append(result)
                if result.failure is None or not result.failure.retryable:
                    self.progress.call(result.failure is not None)
        except Stopped:
            pass
        except OSError as fault:
            if fault.errno not in PASSING or not self._tries_left(number):
                raise
            raise MayPass(str(fault)) from fault
        finally:
            kept, again = self._sort_out(number, results)
            self._keep(number, kept)
        if again:
            raise MayPass(f"{len(again)} calls, first {again[0].recording.call.call_id}: {_why(again[0])}")

    def _recognised(self, number: int) -> Iterator[Result]:
        before = {one.call.call_id: audio_file(one) for one in self._waiting[number]}
        for recording, outcome in self.transcriber.run(self._waiting[number], self._on_audio):
            state = before[recording.call.call_id]
            yield self._result(recording, outcome if audio_file(recording) == state else _changed(recording), state)
            if self.stopping.is_set():
                return

    def _scored_again(self, batch: Batch) -> Iterator[Result]:
        for recording in batch.recordings:
            if self.stopping.is_set():
                return
            stored = self.lake.transcript(recording.call.call_id)
            told = {**recording.call.model_dump(), "duration": stored.duration}
            renewed = Transcript.model_validate(stored.model_dump() | told)
            yield self._result(recording, renewed, audio_file(recording), recognised=renewed != stored)

    def _result(self, recording: Recording, outcome: Transcript | Failure, audio: AudioFile, recognised: bool = True) -> Result:
        """`audio` is the state of the recording before it was read: what is done to it later is new to the next run."""
        version = self.versions.transcriber
        if isinstance(outcome, Failure):
            return Result(recording, audio, version, failure=outcome)
        try:
            draft = self.scorer.draft(outcome, self.form)
        except Problem:
            raise
        except Exception as fault:
            failure = Failure(call_id=outcome.call_id, recording=recording.path, code="internal_error", stage="scoring",
                              message=f"{outcome.call_id}: scoring failed with {faults.told(fault)}")
            return Result(recording, audio, version, failure=failure)
        if self.settings.privacy.drop_cvv:
            said = outcome
            outcome, draft = cut_card_values(outcome, draft)
            if outcome is not said and (copies := self.settings.privacy.redacted) and (failed := redact(recording, said, copies, self.settings.sources)):
                return Result(recording, audio_file(recording), version, failure=failed)
        sha256 = outcome.recognition.get("audio", {}).get("sha256", "")
        return Result(recording, replace(audio, sha256=sha256), version, transcript=outcome, draft=draft,
                      scorer_version=self.versions.scorer, form_asked=self.form, recognised=recognised)

    def _sort_out(self, number: int, results: list[Result]) -> tuple[list[Result], list[Result]]:
        """What is final, and what should be tried again in this run (a call that was too slow only in the next one)."""
        again = [result for result in results if result.failure is not None and result.failure.retryable
                 and result.failure.code != "time_limit" and self._tries_left(number)]
        return [result for result in results if result not in again], again

    def _tries_left(self, number: int) -> bool:
        return self._tries[number] <= self.settings.monitoring.retries and not self.stopping.is_set()

    def _keep(self, number: int, results: list[Result]) -> None:
        if results:
            self.lake.commit(results, self._source_key)
        over = {result.recording.call.call_id for result in results}
        self._waiting[number] = [one for one in self._waiting[number] if one.call.call_id not in over]
        for result in results:
            if result.failure is not None:
                if result.failure.retryable:
                    self.progress.call(True)
                self._failed.append(Failed(result.failure, self._source_key, result.audio, result.transcriber_version))
            else:
                self.summary.count(result, self.plan.batches[number].recognise)
        self.noting.kept(results)
        memory.give_back()

    def _on_audio(self, seconds: float) -> None:
        if self.stopping.is_set():
            raise Stopped
        self.progress.audio(seconds)
        self.noting.audio(seconds)


def monitor(source: str | Path, workspace: str | Path, settings: Settings, **options: Any) -> Summary:
    """The whole run without Prefect; `options` as those of `Job`."""
    with Job(source, workspace, settings, **options) as job:
        return run_batches(job)


def run_batches(job: Job, pause: float = RETRY_PAUSE) -> Summary:
    """Every batch in turn, again where a fault may pass."""
    for number in range(len(job.plan.batches)):
        while not job.stopping.is_set():
            try:
                job.batch(number)
                break
            except MayPass as fault:
                job.progress.note(f"Trying again: {fault}")
                job.stopping.wait(pause)
    return job.finish()


def _changed(recording: Recording) -> Failure:
    name = Path(recording.path).name
    return Failure(call_id=recording.call.call_id, recording=recording.path, code="changed_while_read", stage="decode",
                   retryable=True, message=f"{name} was replaced or written to while it was done; it is taken again, by the next "
                                           "run if need be, when it stands still.")


def _why(result: Result) -> str:
    return result.failure.message if result.failure else ""
