"""What a command spends, told from outside: wall and CPU time, and the peak of its memory with its children's."""
from __future__ import annotations

import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import psutil

LOOKS = 0.1     # seconds between two looks at the memory; a peak that is shorter may be missed


class Spent(NamedTuple):
    """One run: its standard output and exit status, when it `began` (as time.time()), `wall` and `cpu` seconds with those of all
    its children that ended, `peak` bytes of resident memory of it and its children together."""

    out: str
    status: int
    began: float
    wall: float
    cpu: float
    peak: int


def by(command: Sequence[str], environment: Mapping[str, str], errors: IO[str] | int = subprocess.DEVNULL,
       folder: Path | None = None) -> Spent:
    """Runs a command to its end; `errors` takes its standard error. Raises OSError where it cannot be started.

    No other child of this process may end meanwhile: its CPU time would count as the command's.
    """
    began, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=errors)
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    out = process.communicate()[0]
    wall, after = time.time() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    watcher.join()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(out, process.returncode, began, wall, cpu, peak[0])


def _watch(pid: int, peak: list[int]) -> None:
    while True:
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return
            peak[0] = max(peak[0], sum(each.memory_info().rss for each in (process, *process.children(recursive=True))))
        except psutil.NoSuchProcess:
            return
        time.sleep(LOOKS)
