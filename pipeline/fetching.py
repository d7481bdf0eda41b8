"""Objects of a store become files just before they are recognised, and go again after it: a cache that stays small.

`Fetching` stands before a transcriber and does what it does; recordings that are files pass through untouched. Objects are
fetched a piece of the batch at a time, of at most `[sources] cache_gb`, several side by side, while the piece before is still
recognised. One that cannot be had is a failure with its reason, tried again by this run or the next if it may pass.

`at_hand` does it for one recording that somebody wants to hear, copy or cut.
"""
from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from records import Failure, Problem, Recording, Transcript
from settings import Settings, Sources
from store import objects
from store.lock import alive

SIDE_BY_SIDE = 8
BYTES_A_SECOND = 16_000         # of an object whose header has not been seen: 8 kHz, 16 bits, one channel

Outcome = tuple[Recording, Transcript | Failure]
Coming = list[tuple[Recording, Future[Recording | Failure]]]


class NotHad(Problem):
    """An object that cannot be had now: `code` as of a Failure, `passes` where it may be had later; the message says why."""

    def __init__(self, code: str, why: str, passes: bool):
        super().__init__(why)
        self.code, self.passes = code, passes


@contextmanager
def at_hand(recording: str, sources: Sources, state: int | None = None) -> Iterator[Path]:
    """The recording as a file of this machine: itself, or of an object a copy in the cache, which goes at the end, whatever happens.

    Raises NotHad where the object is gone, larger than `[sources] cache_gb`, out of reach, or (with `state`) another by now."""
    if not objects.is_address(recording):
        yield Path(recording)
        return
    try:
        home = _home(sources.cache.expanduser())
    except OSError as fault:
        raise NotHad("unreadable", f"{recording} cannot be kept in {sources.cache} ({fault.strerror or fault}): name another folder as "
                     "cache under [sources].", True) from fault
    try:
        try:
            file = _got(recording, home, sources.cache_gb * 1e9, state)
        except NotHad as fault:
            raise NotHad(fault.code, f"{recording} could not be fetched: {fault}.", fault.passes) from fault
        yield file
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Transcribes(Protocol):
    """What stands behind: pipeline.transcribe.Transcriber, or a stand-in."""

    @property
    def version(self) -> str: ...

    def length(self, recording: Recording) -> float: ...

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = ...,
            seconds_limit: Callable[[float], float] | None = None) -> Iterator[Outcome]: ...


class Fetching:
    """A transcriber of recordings wherever they lie."""

    def __init__(self, transcriber: Transcribes, settings: Settings):
        self._behind = transcriber
        self._cache = settings.sources.cache.expanduser()
        self._most = max(settings.sources.cache_gb * 1e9 / 2, 1.0)      # a piece is used while the next one comes

    @property
    def version(self) -> str:
        return self._behind.version

    def length(self, recording: Recording) -> float:
        """Seconds of audio: of a file by its header, of an object guessed from its size, since nothing is fetched to plan."""
        if objects.is_address(recording.path):
            return (recording.size or 0) / BYTES_A_SECOND
        return self._behind.length(recording)

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = lambda seconds: None,
            seconds_limit: Callable[[float], float] | None = None) -> Iterator[Outcome]:
        """As the transcriber behind does: each recording with its transcript or failure. May be left in the middle."""
        if not any(objects.is_address(one.path) for one in recordings):
            yield from self._behind.run(recordings, on_audio, seconds_limit)
            return
        home = _home(self._cache)
        pieces = list(_pieces(recordings, self._most))
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="fetch") as crew:
            coming = [_begin(crew, home, piece) for piece in pieces[:1]]
            try:
                for following in [*pieces[1:], []]:
                    coming.append(_begin(crew, home, following))
                    yield from self._piece(coming.pop(0), on_audio, seconds_limit)
            finally:
                crew.shutdown(wait=True, cancel_futures=True)
                shutil.rmtree(home, ignore_errors=True)

    def _piece(self, coming: Coming, on_audio: Callable[[float], None],
               seconds_limit: Callable[[float], float] | None) -> Iterator[Outcome]:
        here: list[Recording] = []
        asked: dict[str, Recording] = {}
        for recording, future in coming:
            got = future.result()
            if isinstance(got, Failure):
                yield recording, got
            else:
                here.append(got)
                asked[got.call.call_id] = recording
        for local, outcome in self._behind.run(here, on_audio, seconds_limit) if here else ():
            recording = asked[local.call.call_id]
            if isinstance(outcome, Failure):
                outcome = outcome.model_copy(update={"recording": recording.path})
            if local.path != recording.path:
                Path(local.path).unlink(missing_ok=True)
            yield recording, outcome


def _home(cache: Path) -> Path:
    """A folder of this run's own in the cache. Those of runs of this machine that were killed go."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in cache.glob(f"{socket.gethostname()}-*-*"):
        number = old.name.rsplit("-", 2)[1]
        if number.isdigit() and not alive(int(number)):
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{socket.gethostname()}-{os.getpid()}-", dir=cache))


def _pieces(recordings: Sequence[Recording], most: float) -> Iterator[list[Recording]]:
    """The batch in pieces whose objects have at most `most` bytes together; a larger object is a piece by itself."""
    piece: list[Recording] = []
    size = 0
    for one in recordings:
        more = (one.size or 0) if objects.is_address(one.path) else 0
        if piece and size + more > most:
            yield piece
            piece, size = [], 0
        piece.append(one)
        size += more
    yield piece


def _begin(crew: ThreadPoolExecutor, home: Path, piece: Sequence[Recording]) -> Coming:
    return [(one, crew.submit(_fetched, home, one)) for one in piece]


def _fetched(home: Path, recording: Recording) -> Recording | Failure:
    """The recording as a file of this machine; as it is where it is one."""
    if not objects.is_address(recording.path):
        return recording
    try:
        return recording.model_copy(update={"path": str(_got(recording.path, home, None, recording.state))})
    except NotHad as fault:
        return Failure(call_id=recording.call.call_id, recording=recording.path, code=fault.code, stage="fetch", retryable=fault.passes,
                       message=f"{recording.call.call_id} could not be fetched: {fault}.")


def _got(address: str, home: Path, most: float | None, state: int | None) -> Path:
    """The object as a file in `home`, of at most `most` bytes and still as `state` says. Raises NotHad."""
    file = home / (hashlib.sha256(address.encode()).hexdigest()[:16] + PurePosixPath(address).suffix)
    try:
        found = objects.fetch(address, file, most)
    except objects.Missing:
        raise NotHad("not_found", "it is not in the store any more", False) from None
    except objects.TooLarge as fault:
        raise NotHad("too_large", f"{fault} ([sources] cache_gb)", False) from fault
    except objects.Unreachable as fault:
        raise NotHad("store_unreachable", str(fault), True) from fault
    except Problem as fault:
        raise NotHad("no_access", str(fault), True) from fault
    except OSError as fault:
        raise NotHad("no_space" if fault.errno == errno.ENOSPC else "unreadable",
                     f"it cannot be kept in {home.parent} ({fault.strerror or fault})", True) from fault
    if state is not None and found.state != state:
        raise NotHad("changed_while_read", "it was replaced in the store meanwhile", True)
    return file
