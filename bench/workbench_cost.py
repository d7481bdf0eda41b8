"""What a request of the workbench costs the processors, for bench/workbench.py: the server's time, and PostgreSQL's with it.

The kernel counts each thread's time on a processor in nanoseconds (/proc/PID/task/TID/schedstat, Linux), so one request can be
told from the next, however busy the machine is otherwise. What a server does after it has answered counts for the next request.
"""
from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import psutil


def of_processes(roots: Collection[int]) -> float | None:
    """Milliseconds on processors that these processes with all their children have had so far; None where the kernel does not
    tell. A thread or child that has ended counts no more, so compare two moments close to each other."""
    found = {process.pid for root in roots for process in (psutil.Process(root), *psutil.Process(root).children(recursive=True))}
    spent, told = 0, False
    for number in found:
        for file in Path(f"/proc/{number}/task").glob("*/schedstat"):
            try:
                spent, told = spent + int(file.read_text().split()[0]), True
            except (OSError, ValueError):       # it ended meanwhile
                continue
    return spent / 1e6 if told else None
