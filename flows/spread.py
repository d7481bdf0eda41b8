"""A batch spread over the machines of a Dask cluster: workers recognise and score, this process alone commits.

A batch is cut into shares of a few calls; a worker has one share at a time and keeps its models loaded between them (`work`).
This process says who gets what, and so knows what runs where since when:

- a worker that is gone (killed, cut off) costs its share a second try on another; a share that took two workers down is cut into
  single calls, and a call that takes two down is a failure, `worker_died`;
- when nothing waits, a share that takes far longer than its audio should is given to an idle worker too; the first answer
  counts, the other is thrown away before it comes near the lake;
- a worker that would recognise with other weights or score by other rules is given nothing, and said so;
- when the cluster is gone it is waited for, then the run ends as on Ctrl-C: committed batches are kept.
"""
from __future__ import annotations

import os
import socket
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.job import Load, Scoring, Transcribing
from records import Draft, Failure, Problem, Recording, Transcript
from settings import Settings

if TYPE_CHECKING:
    from distributed import Client

LOOK_EVERY = 1.0            # seconds between looks at which workers there are
SHARES_A_WORKER = 4         # of a batch: fewer lose less between shares, more leave less idle at the batch's end
SHORTEST, LONGEST = 20.0, 240.0     # seconds of audio in a share, unless one call is longer
MOST_CALLS = 64             # in a share
DEATHS = 2                  # workers that a share may take down before it is cut up, a call before it is given up
STRAGGLES = 3.0             # times as long as shares have taken, by their audio …
STRAGGLES_FROM = 20.0       # … and at least this many seconds

Outcome = tuple[Recording, Transcript | Failure]
Versions = tuple[str, str]


class Done(NamedTuple):
    """A worker's answer: what became of each call, with its draft where there is one. `seconds` of the clock."""

    outcomes: list[tuple[Recording, Transcript | Failure, Draft | None]]
    seconds: float
    worker: str


class _Foreign(Exception):
    """A worker has other weights, options or rules than this process."""


_kept: dict[tuple[str, Load], tuple[Transcribing, Scoring]] = {}       # of a worker: the models of the settings it served last


def work(settings: Settings, load: Load, form: str | None, expected: Versions, recordings: Sequence[Recording]) -> Done:
    """Runs on a worker: its share of a batch, with models that stay loaded for the next."""
    key = settings.model_dump_json(), load
    if key not in _kept:
        _kept.clear()
        _kept[key] = load(settings)
    transcriber, scorer = _kept[key]
    if (own := (transcriber.version, scorer.version)) != expected:
        raise _Foreign(f"transcripts {own[0]}, cards {own[1]}; wanted are {expected[0]}, {expected[1]}")
    began = time.monotonic()
    outcomes = []
    for recording, outcome in transcriber.run(recordings):
        outcomes.append((recording, outcome, _draft(scorer, outcome, form)))
    return Done(outcomes, time.monotonic() - began, f"{socket.gethostname()}:{os.getpid()}")


def _draft(scorer: Scoring, outcome: Transcript | Failure, form: str | None) -> Draft | None:
    """None where scoring fails: the job that commits scores again, and tells why."""
    if isinstance(outcome, Failure):
        return None
    try:
        return scorer.draft(outcome, form)
    except Exception:
        return None


@dataclass
class Share:
    """Calls that one worker does together. `deaths`: workers that were lost over it; `copies` under way."""

    recordings: list[Recording]
    seconds: float
    deaths: int = 0
    copies: int = 0
    done: bool = False


@dataclass
class _Attempt:
    share: Share
    worker: str
    future: Any
    began: float = field(default_factory=time.monotonic)


class Delivered:
    """The scorer of a run whose workers score: hands out their drafts, and makes those that did not come."""

    def __init__(self, scorer: Scoring):
        self._scorer = scorer
        self.drafts: dict[str, Draft] = {}

    @property
    def version(self) -> str:
        return self._scorer.version

    def draft(self, transcript: Transcript, form: str | None = None) -> Draft:
        return self.drafts.pop(transcript.call_id, None) or self._scorer.draft(transcript, form)

    def form(self, form: str) -> Any:
        return self._scorer.form(form)


class Spread:
    """A transcriber whose work is done by the workers of `client`; see the module. `patience`: seconds to wait for a cluster
    that is gone or has no worker. `told` hears what the user should know."""

    def __init__(self, client: Client, settings: Settings, load: Load, form: str | None, patience: float,
                 told: Callable[[str], None] = lambda message: None):
        self._client, self._settings, self._load, self._form = client, settings, load, form
        self._patience, self._told = patience, told
        self._own, scorer = load(settings)
        self.scorer = Delivered(scorer)
        self._lengths: dict[str, float] = {}
        self._running: dict[str, _Attempt] = {}         # by worker, also of batches before whose copy came first
        self._answers: SimpleQueue[_Attempt] = SimpleQueue()
        self._workers: set[str] = set()
        self._left_out: dict[str, str] = {}             # worker and why
        self._looked = self._seen = float("-inf")
        self._cut = False                               # the scheduler was gone: what ran then is lost, through no fault of its own
        self._paces: list[float] = []                   # seconds of the clock a second of audio, of shares done
        self.again = 0                                  # shares that were given to a second worker

    @property
    def version(self) -> str:
        return self._own.version

    def length(self, recording: Recording) -> float:
        self._lengths[recording.path] = length = self._own.length(recording)
        return length

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = lambda seconds: None,
            seconds_limit: object = None) -> Iterator[Outcome]:
        """Yields each call as its share comes back, in any order."""
        self._look()
        waiting = deque(shares(recordings, [self._lengths.get(one.path, 60.0) for one in recordings], len(self._workers)))
        left = len(waiting)
        try:
            while left:
                self._look()
                left += self._take_back(waiting)
                while dead := next((share for share in waiting if share.deaths >= DEATHS and len(share.recordings) == 1), None):
                    waiting.remove(dead)
                    left -= 1
                    yield dead.recordings[0], _died(dead.recordings[0])
                self._give_out(waiting)
                for attempt in self._answered():
                    share = attempt.share
                    if (done := self._result(attempt, waiting)) is None or share.done:
                        continue
                    share.done, left = True, left - 1
                    self._paces.append(done.seconds / max(share.seconds, 1.0))
                    for recording, outcome, draft in done.outcomes:
                        on_audio(outcome.duration or 0.0 if isinstance(outcome, Transcript) else 0.0)
                        self.scorer.drafts.pop(recording.call.call_id, None)       # of a try that did not count
                        if draft is not None:
                            self.scorer.drafts[draft.call_id] = draft
                        yield recording, outcome
        finally:
            for attempt in self._running.values():
                if not attempt.share.done:
                    attempt.share.done = True
                    attempt.future.cancel()

    def _give_out(self, waiting: deque[Share]) -> None:
        for worker in sorted(self._idle()):
            if waiting:
                self._submit(waiting.popleft(), worker)
            elif late := self._straggler():
                self.again += 1
                self._told(f"A share of {len(late.recordings)} calls takes long; {worker} does it too, the first answer counts.")
                self._submit(late, worker)

    def _submit(self, share: Share, worker: str) -> None:
        share.copies += 1
        future = self._client.submit(
            work, self._settings, self._load, self._form, (self.version, self.scorer.version), share.recordings,
            workers=[worker], allow_other_workers=False, pure=False, retries=0)
        attempt = self._running[worker] = _Attempt(share, worker, future)
        future.add_done_callback(lambda _: self._answers.put(attempt))

    def _idle(self) -> set[str]:
        return self._workers - self._running.keys() - self._left_out.keys()

    def _straggler(self) -> Share | None:
        """The share that has run longest beyond what its audio lets expect, if it runs only once."""
        pace = statistics.median(self._paces) if self._paces else None
        late = [(time.monotonic() - one.began, one.share) for one in self._running.values()
                if not one.share.done and one.share.copies == 1 and pace is not None
                and time.monotonic() - one.began > max(STRAGGLES_FROM, STRAGGLES * pace * one.share.seconds)]
        return max(late, key=lambda one: one[0])[1] if late else None

    def _answered(self) -> Iterator[_Attempt]:
        """What has come, waiting for the first a moment."""
        timeout = LOOK_EVERY
        while True:
            try:
                attempt = self._answers.get(timeout=timeout)
            except Empty:
                return
            if self._running.get(attempt.worker) is attempt:
                del self._running[attempt.worker]
                yield attempt
            timeout = 0.001

    def _result(self, attempt: _Attempt, waiting: deque[Share]) -> Done | None:
        """The worker's answer, or None where it has none: the share then waits again."""
        share, future = attempt.share, attempt.future
        share.copies -= 1
        if future.status == "finished":
            return future.result()
        if share.done:
            return None
        fault = future.exception() if future.status == "error" else None
        if fault is None or type(fault).__name__ in ("KilledWorker", "CommClosedError", "CancelledError"):
            share.deaths += 1
        else:
            self._left_out[attempt.worker] = why = f"{type(fault).__name__}: {fault}"
            self._told(f"Worker {attempt.worker} is left out ({why}); the others go on.")
            if not self._idle() and not self._running:
                raise Problem(f"No worker of the cluster can do the calls; {attempt.worker}: {why}. Mend it, then run the same "
                              "command again; finished batches are kept.")
        if not share.copies:
            waiting.appendleft(share)
        return None

    def _take_back(self, waiting: deque[Share]) -> int:
        """Shares of workers that are gone wait again; one that took several down is cut up. How many more shares there are."""
        cut, self._cut = self._cut, False
        for worker in [one for one in self._running if cut or one not in self._workers]:
            attempt = self._running.pop(worker)
            share = attempt.share
            if share.done:
                continue
            share.deaths, share.copies = share.deaths + (not cut), share.copies - 1
            attempt.future.cancel()
            self._told(f"Worker {worker} is gone; its {len(share.recordings)} calls are given to another.")
            if not share.copies:
                waiting.appendleft(share)
        more = 0
        for share in [one for one in waiting if one.deaths >= DEATHS and len(one.recordings) > 1]:
            waiting.remove(share)
            waiting.extend(Share([one], self._lengths.get(one.path, 60.0)) for one in share.recordings)
            more += len(share.recordings) - 1
        return more

    def _look(self) -> None:
        """Which workers there are now; raises Problem when there have been none for too long."""
        while True:
            now = time.monotonic()
            if now - self._looked < LOOK_EVERY:
                return
            self._looked = now
            try:
                self._workers = set(self._client.scheduler_info()["workers"])
            except Exception:       # the scheduler is gone or does not answer; the client goes on trying to reach it
                self._workers, self._cut = set(), True
            if self._workers:
                self._seen = time.monotonic()
                return
            if self._seen == float("-inf"):
                self._seen = now
                self._told("Waiting for workers: tingjian worker SCHEDULER on each machine.")
            if now - self._seen > self._patience:
                raise Problem(f"The cluster {_address(self._client)} has had no worker for {self._patience:.0f} s: see that its scheduler runs "
                              "and start workers (`tingjian worker SCHEDULER`), then run the same command again; finished batches are kept.")
            time.sleep(LOOK_EVERY)


def shares(recordings: Sequence[Recording], lengths: Sequence[float], workers: int) -> list[Share]:
    """The calls of a batch, each with its seconds of audio, in shares for so many workers; the longest first."""
    size = min(LONGEST, max(SHORTEST, sum(lengths) / max(1, workers) / SHARES_A_WORKER))
    made: list[Share] = []
    for length, recording in sorted(zip(lengths, recordings, strict=True), key=lambda one: -one[0]):
        if not made or made[-1].seconds + length > size or len(made[-1].recordings) >= MOST_CALLS:
            made.append(Share([], 0.0))
        made[-1].recordings.append(recording)
        made[-1].seconds += length
    return made


def _died(recording: Recording) -> Failure:
    name = recording.path.rsplit("/", 1)[-1]
    return Failure(call_id=recording.call.call_id, recording=recording.path, code="worker_died", stage="recognition",
                   message=f"{name}: {DEATHS} workers died while they did it alone; the system's log may say of what (want of memory?). "
                           "Listen to it, then `tingjian retry`. The other calls go on.")


def _address(client: Client) -> str:
    return getattr(getattr(client, "scheduler", None), "address", "") or "?"
