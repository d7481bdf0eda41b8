"""Who may change a workspace: any number of runs side by side, or one that has it for itself; and one commit at a time.

The locks are the operating system's, on files in the workspace, so they end with the process that holds them however that
dies: there is no stale lock to clear by hand. A JSON file beside a lock says who holds it, for the message to the next comer.
They hold between machines too where the workspace lies on a file system with locks (NFS 4, CephFS, …).
"""
from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from records import Problem


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the workspace for oneself; `Problem` with the holder's process and host when a run or another has it."""
    with _held(root, "lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
        if not held:
            raise _taken(root, root / "lock.json", "")
        _sign(root / "lock.json")
        yield


@contextmanager
def side_by_side(root: Path, work: str) -> Iterator[None]:
    """Hold the workspace together with others that do different work; `Problem` when it is held by one for itself or when
    the same `work` (a run over the same source) is under way."""
    with _held(root, "lock", fcntl.LOCK_SH | fcntl.LOCK_NB) as held:
        if not held:
            raise _taken(root, root / "lock.json", "")
        _sign(root / "lock.json")
        (root / "runs").mkdir(exist_ok=True)
        name = hashlib.sha256(work.encode()).hexdigest()[:16]
        with _held(root, f"runs/{name}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB) as mine:
            if not mine:
                raise _taken(root, root / "runs" / f"{name}.json", f" for {work}")
            _sign(root / "runs" / f"{name}.json")
            yield


class Turn:
    """One commit at a time, between threads and between processes: `with turn:` waits for it; may be entered again inside."""

    def __init__(self, root: Path):
        self._root, self._threads, self._depth = root, threading.RLock(), 0

    def __enter__(self) -> bool:
        """Whether this is the outermost entry."""
        self._threads.acquire()
        try:
            if not self._depth:
                self._file = _open(self._root / "commit.lock")
                fcntl.flock(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise
        self._depth += 1
        return self._depth == 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if not self._depth:
            os.close(self._file)
        self._threads.release()


@contextmanager
def _held(root: Path, name: str, how: int) -> Iterator[bool]:
    file = _open(root / name)
    try:
        try:
            fcntl.flock(file, how)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(file)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o664)


def _sign(path: Path) -> None:
    me = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
    path.write_text(json.dumps(me), encoding="utf-8")


def _taken(root: Path, signed: Path, work: str) -> Problem:
    try:
        who = json.loads(signed.read_text(encoding="utf-8"))
        holder = f"process {who['pid']} on {who['host']} writes to it{work} since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        holder = f"another process writes to it{work}"
    return Problem(f"{root} is in use: {holder}. Wait until it has finished, or stop it (Ctrl-C keeps what is done); then run "
                   "the same command again.")


def alive(process: int) -> bool:
    """Whether a process of this number runs on this machine, whoever's it is."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
