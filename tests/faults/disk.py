"""A disk that fills, and recordings that do not stand still."""
from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flows.job import Progress, monitor
from pipeline.decode import Refused
from pipeline.decoders import Decoders
from records import Failure, Problem, Recording, Transcript
from settings import Monitoring, Settings
from store.lake import Lake
from tests.faults.lakes import ROOT, contents, finish, recordings, same
from tests.stand_ins import StubScorer, StubTranscriber
from tests.test_decode import write_wav


def full(folder: Path, thorough: bool) -> str:
    """A file system of a megabyte or so, mounted in a name space of its own: `tests.faults.disk` does the rest there."""
    calls = recordings(folder / "calls")
    finish(calls, folder / "undisturbed")
    small, sizes = folder / "small", (600, 650, 700, 750, 800, 850) if thorough else (750,)
    small.mkdir()
    script = 'mount -t tmpfs -o size=64m none "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(small), sys.executable, "-m", "tests.faults.disk",
         str(calls), str(small), str(folder / "undisturbed"), *map(str, sizes)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _on_small_disk(calls: Path, disk: Path, undisturbed: Path, sizes: Sequence[str]) -> None:
    settings = Settings(monitoring=Monitoring(batch_seconds=3.5))
    stopped = []
    for size in sizes:
        workspace = disk / size
        Lake.create(workspace)
        used = int(subprocess.run(["du", "-sk", disk], capture_output=True, text=True, check=True).stdout.split()[0])
        # Room for part of the run only; every size ends elsewhere.
        subprocess.run(["mount", "-o", f"remount,size={used + int(size) - 500}k", disk], check=True)
        try:
            monitor(calls, workspace, settings, load=lambda _: (StubTranscriber(), StubScorer()))
        except Problem as problem:
            assert "disk is full. Make room" in str(problem) and "\n" not in str(problem), problem
        else:
            continue        # enough room
        held = contents(workspace)
        done = held["calls"].height
        stopped.append(done)
        assert done % 3 == 0 and len(held["transcripts"]) == len(held["drafts"]) == done, "whole batches only"
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        monitor(calls, workspace, settings, load=lambda _: (StubTranscriber(), StubScorer()))
        same(undisturbed, workspace)
    assert stopped
    print(f"{len(stopped)} sizes of disk, full after {', '.join(map(str, stopped))} of 12 calls: one message, whole batches in the lake, "
          "and with room made the next run ended as an undisturbed one")


class _Slow(StubTranscriber):
    """Reads each recording, tells so, and takes its time before it answers."""

    def __init__(self, read: Callable[[str], None]):
        super().__init__()
        self._read = read

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = lambda seconds: None,
            seconds_limit: object = None) -> Iterator[tuple[Recording, Transcript | Failure]]:
        for outcome in super().run(recordings, on_audio):
            self._read(outcome[0].call.call_id)
            yield outcome


def replaced(folder: Path, thorough: bool) -> str:
    """A recording replaced between its reading and its commit, and one overwritten under the decoder."""
    calls = recordings(folder / "calls", 3)
    old, new = (calls / "call-01.wav").read_bytes(), (calls / "call-02.wav").read_bytes()[::-1]

    def exchange(call_id: str) -> None:
        if call_id == "call-01" and (calls / "call-01.wav").read_bytes() == old:
            (folder / "new").write_bytes(new)
            (folder / "new").replace(calls / "call-01.wav")

    notes: list[str] = []

    class Told(Progress):
        def note(self, message: str) -> None:
            notes.append(message)

    summary = monitor(calls, folder / "w", Settings(), progress=Told(), load=lambda _: (_Slow(exchange), StubScorer()))
    said = Lake.open(folder / "w").transcript("call-01")
    assert summary.done == 3 and "call-01.wav was replaced" in notes[0], notes
    assert said.recognition["audio"]["sha256"] == _sha256(calls / "call-01.wav")
    again = monitor(calls, folder / "w", Settings(), load=lambda _: (_Slow(exchange), StubScorer()))
    assert (again.done, again.finished_before) == (0, 3)
    code = _overwritten_while_decoded(folder, 600 if not thorough else 3600)
    assert code == "changed_while_read", code
    return f"replaced before its commit: done again in the same run, from the new file; overwritten under the decoder: refused as {code}"


def _overwritten_while_decoded(folder: Path, seconds: int) -> str:
    path = write_wav(folder / "long.wav", bytes(16000 * seconds))
    with Decoders() as decoders:
        decoders.probe(path)
        writer = threading.Thread(target=_overwrite, args=(path,))
        writer.start()
        try:
            while writer.is_alive():
                decoders.decode(path, max_hours=8, seconds=60).close()
        except Refused as refused:
            return refused.code
        finally:
            writer.join()
    raise AssertionError("nothing was noticed")


def _overwrite(path: Path) -> None:
    time.sleep(0.1)
    with path.open("r+b") as file:
        file.seek(44)       # the header stays whole
        for _ in range(20):
            file.write(b"\1" * 16000)
            file.flush()
            time.sleep(0.02)


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    _on_small_disk(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
