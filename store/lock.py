"""One writer at a time: two runs on one workspace would do every call twice.

The lock is the operating system's, on the file `lock`, so it ends with the process that holds it however that dies: there
is no stale lock to clear by hand. `lock.json` beside it says who holds it, for the message to the second comer.
"""
from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from records import Problem


@contextmanager
def only_writer(root: Path) -> Iterator[None]:
    """Hold the workspace for writing; `Problem` with the holder's process and host when another run has it."""
    lock = FileLock(root / "lock", blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise Problem(
            f"{root} is in use: {_holder(root)}. Wait until it has finished, or stop it (Ctrl-C keeps what is done); "
            "then run the same command again.") from None
    try:
        me = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        (root / "lock.json").write_text(json.dumps(me), encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(root: Path) -> str:
    try:
        who = json.loads((root / "lock.json").read_text(encoding="utf-8"))
        return f"process {who['pid']} on {who['host']} writes to it since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process writes to it"
