"""Decoding in processes of its own, so that a recording that crashes, floods or hangs a decoder costs one call and no run.

    with Decoders(Limits(memory=1024)) as decoders:
        decoders.probe(path, seconds=30)                      # as pipeline.decode.probe
        audio = decoders.decode(path, max_hours=8, seconds=90)    # as pipeline.decode.decode

Both raise pipeline.decode.Refused as the functions of decode.py do, and besides with the codes `decoder_crashed` (the process
died, twice), `decoder_memory` (it wanted more than `Limits.memory`) and `time_limit` (more than `seconds`, of the clock or of
the processor). A process is started when one is first needed, serves recording after recording, and is put in place of by
another when it dies; sound comes back as an open file (memory below 32 MB, else an unnamed temporary file) and is not copied.
What a process may do is in decoder_process.py. May be used by any number of threads: each gets a process while it decodes.
"""
from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.decode import Audio, Probe, Refused

STARTS_WITHIN = 60.0        # seconds; 0.3 on an idle machine
PROBED_WITHIN = 30.0        # seconds for looking at a header
TRIES = 2                   # a process may die for a reason that is not the recording's


class Limits(NamedTuple):
    """`memory`: MiB of address space a process may take for a recording, beyond what it needs to start; 0 is no limit."""

    memory: int = 1024


class _Died(Exception):
    """The process is gone; `status` as subprocess gives it, below 0 the signal."""

    def __init__(self, status: int):
        super().__init__(status)
        self.status = status


class _Late(Exception):
    """The process did not answer in time and was ended."""


class Decoders:
    """A pool of decoder processes. They end with `close`, with this object, or with this process however it ends."""

    def __init__(self, limits: Limits = Limits(), program: str = "pipeline.decoder_process"):  # noqa: B008
        """`program` is the module that the processes run; tests put another one in its place."""
        self._limits, self._program = limits, program
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._finalizer = weakref.finalize(self, _end_all, self._idle)

    def __enter__(self) -> Decoders:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the processes that are idle; a later call starts new ones."""
        with self._lock:
            idle, self._idle[:] = list(self._idle), []
        _end_all(idle)

    def probe(self, path: str | Path, seconds: float = PROBED_WITHIN) -> Probe:
        """The header of a recording. Raises Refused."""
        answer, _ = self._ask({"do": "probe", "path": os.fspath(path), "seconds": seconds})
        return Probe(*answer["probe"])

    def decode(self, path: str | Path, *, max_hours: float, seconds: float) -> Audio:
        """The whole recording; `seconds` is what decoding may take. Raises Refused."""
        answer, file = self._ask({"do": "decode", "path": os.fspath(path), "max_hours": max_hours, "seconds": seconds})
        facts = answer["audio"]
        assert file is not None
        return Audio(os.fdopen(file, "rb"), facts.pop("frames"), facts.pop("channels"),
                     **facts | {"warnings": tuple(facts["warnings"])})

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
        name = Path(request["path"]).name
        for last in range(TRIES):
            try:
                return self._asked(request, name)
            except _Died as died:
                if -died.status == signal.SIGXCPU:
                    raise _too_slow(name, request["seconds"]) from None
                if last == TRIES - 1:
                    raise _crashed(name, died.status) from None
            except _Late:
                raise _too_slow(name, request["seconds"]) from None
        raise AssertionError

    def _asked(self, request: dict[str, Any], name: str) -> tuple[dict[str, Any], int | None]:
        with self._lock:
            process = self._idle.pop() if self._idle else None
        process = process or _Process(self._program, self._limits)
        answer, file = process.ask(request)
        with self._lock:
            self._idle.append(process)
        if told := answer.get("refused"):
            refused = Refused(told["code"], told["message"], told["retryable"])
            raise refused from (OSError(told["errno"], os.strerror(told["errno"])) if told["errno"] else None)
        if answer.get("memory"):
            raise Refused("decoder_memory", f"{name} needs more than {self._limits.memory} MiB to be decoded, which no call "
                          "does; export it again, or raise speech.decoder_memory.")
        if told := answer.get("fault"):
            raise RuntimeError(told)
        return answer, file


class _Process:
    """One decoder process and the socket to it."""

    def __init__(self, program: str, limits: Limits):
        self._wire, theirs = socket.socketpair()
        home = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", program, str(theirs.fileno()), str(limits.memory)], pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
        theirs.close()
        self.pid = self._process.pid
        ready, _ = self._answer(STARTS_WITHIN)
        self.network: bool = ready["ready"]["network"]

    def ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], int | None]:
        with suppress(OSError):         # it is gone: told below
            self._wire.sendall(json.dumps(request).encode() + b"\n")
        return self._answer(request["seconds"])

    def _answer(self, seconds: float) -> tuple[dict[str, Any], int | None]:
        """The next line, and the file that came with it. Raises _Died or _Late; the process is then ended."""
        data, files, until = b"", [], time.monotonic() + seconds
        try:
            while not data.endswith(b"\n"):
                self._wire.settimeout(max(0.001, until - time.monotonic()))
                more, came, _, _ = socket.recv_fds(self._wire, 1 << 16, 1)
                files += came
                if not more:
                    raise ConnectionResetError
                data += more
        except TimeoutError:
            self._drop(files)
            raise _Late from None
        except OSError:
            self._drop(files, wait=1.0)
            raise _Died(self._process.poll() or 0) from None
        return json.loads(data), files[0] if files else None

    def _drop(self, files: list[int], wait: float = 0.0) -> None:
        for file in files:
            os.close(file)
        self.end(wait)

    def end(self, wait: float = 1.0) -> None:
        """Without work it ends by itself when its socket closes; one that waits for a dead disk cannot even be killed, and
        is left behind."""
        self._wire.close()
        for kill in (False, True):
            if kill:
                self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0 if kill else wait)
                return


def _end_all(processes: list[_Process]) -> None:
    for process in processes:
        process.end()


def _crashed(name: str, status: int) -> Refused:
    if -status == signal.SIGKILL:
        return Refused("decoder_crashed", f"{name}: its decoder was killed, twice, as a system does that is short of memory; "
                       "see the system's log. The call is tried again; the others go on.", retryable=True)
    why = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return Refused("decoder_crashed", f"{name} crashes the decoder ({why}, twice) and is put aside; export it again from the "
                   "recorder. The other calls go on.")


def _too_slow(name: str, seconds: float) -> Refused:
    return Refused("time_limit", f"{name} was not decoded within {seconds:.0f} s, and was given up; check that the disk or share it "
                   "lies on answers, and whether a player opens it. The other calls go on.", retryable=True)
