"""What a run leans on and can do without goes away; the clock jumps."""
from __future__ import annotations

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import select

from flows import commands
from flows.job import Progress, monitor
from settings import Monitoring, Settings
from store.reviews import audit
from store.reviews.database import Database
from store.reviews.schema import Audit
from tests.faults.lakes import ROOT, finish, recordings, same
from tests.stand_ins import StubScorer, StubTranscriber


def server_gone(folder: Path, thorough: bool) -> str:
    """kill -9 of Prefect's server in the middle of `tingjian run`; in the short form a server that never was there."""
    calls = recordings(folder / "calls")
    finish(calls, folder / "undisturbed")
    settings = Settings(monitoring=Monitoring(batch_seconds=3.5, prefect_home=folder / "prefect"))
    told: list[str] = []

    @contextmanager
    def stand_ins(of: Settings, form: str | None, tell: Any) -> Iterator[Any]:
        yield of, lambda _: (StubTranscriber(seconds=4.0 if thorough else 0.0), StubScorer())

    def note(self: Any, message: str) -> None:
        told.append(message)

    environment = {} if thorough else {"PREFECT_API_URL": "http://127.0.0.1:1/api"}
    killer = threading.Thread(target=_kill_server, daemon=True)
    with mock.patch("flows.cluster.spread", stand_ins), mock.patch("flows.progress.Shown.note", note), \
            mock.patch.dict(os.environ, environment):
        if thorough:
            os.environ.pop("PREFECT_API_URL", None)
            killer.start()
        summary = commands._run(str(calls), str(folder / "w"), settings, None, False)
    assert summary.done == 12 and any("server is gone" in message for message in told), told
    same(folder / "undisturbed", folder / "w")
    return "the run went on without its records, and left the lake of an undisturbed one"


def _kill_server() -> None:
    """Once the flow has begun: its process is a child of this one."""
    while "flows.monitor" not in sys.modules or not getattr(sys.modules["flows.monitor"], "_begun", None):
        time.sleep(0.05)
    while True:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if b"flows.server" in (entry / "cmdline").read_bytes() and f"PPid:\t{os.getpid()}\n" in (entry / "status").read_text():
                    time.sleep(1.0)
                    os.kill(int(entry.name), signal.SIGKILL)
                    return
            except OSError:
                continue
        time.sleep(0.05)


def clock_moved(folder: Path, thorough: bool) -> str:
    """The clock a day back, and a month forward, between commits and between runs; as Python tells it to all our code."""
    calls = recordings(folder / "calls")
    finish(calls, folder / "undisturbed")
    real, shift = dt.datetime, [dt.timedelta()]

    class Moved(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
            return real.now(tz) + shift[0]

    class Moving(Progress):
        calls = 0

        def call(self, failed: bool) -> None:
            self.calls += 1
            shift[0] = dt.timedelta(days=-1 if self.calls % 6 < 3 else 30)

    settings = Settings(monitoring=Monitoring(batch_seconds=3.5))
    with mock.patch("store.lake.datetime", Moved), mock.patch("store.failures.datetime", Moved), mock.patch("store.lock.datetime", Moved):
        done = []
        for days in (0, -2, 60):
            shift[0] = dt.timedelta(days=days)
            done.append(monitor(calls, folder / "w", settings, progress=Moving(),
                                load=lambda _: (StubTranscriber(), StubScorer())).done)
    assert done == [12, 0, 0], done
    same(folder / "undisturbed", folder / "w")
    return "moved by -1 and +30 days between commits, by -2 and +60 between runs: 12 calls done once, none again"


def database_gone(folder: Path, thorough: bool) -> str:
    """The review database taken by another for a while as people write, then killed off in the middle of a writer's transaction:
    writers wait, what was told to be saved is there, what was not is not; a run over the recordings does not notice."""
    calls = recordings(folder / "calls")
    finish(calls, folder / "undisturbed")
    settings = Settings(monitoring=Monitoring(batch_seconds=3.5))
    monitor(calls, folder / "w", settings, load=lambda _: (StubTranscriber(), StubScorer()))
    database = Database.open(folder / "w")
    with database.writing() as session:
        audit.note(session, "rui", "before")
    taken = sqlite3.connect(folder / "w" / "reviews.sqlite", isolation_level=None, check_same_thread=False)
    taken.execute("BEGIN EXCLUSIVE")

    def save(number: int) -> None:
        with database.writing() as session:
            audit.note(session, "rui", "saved", str(number))

    writers = [threading.Thread(target=save, args=(number,)) for number in range(5)]
    for writer in writers:
        writer.start()
    again = monitor(calls, folder / "w", settings, load=lambda _: (StubTranscriber("stub-2"), StubScorer()))
    time.sleep(3.0 if thorough else 0.5)
    assert all(writer.is_alive() for writer in writers), "nobody may save while it is away"
    taken.execute("ROLLBACK")
    for writer in writers:
        writer.join(30)
    done = subprocess.run([sys.executable, "-m", "tests.faults.away", str(folder / "w")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    with Database.open(folder / "w").reading() as session:
        subjects = sorted(session.scalars(select(Audit.subject).where(Audit.action == "saved")))
        checked = audit.verify(session)
    assert (again.done, subjects, checked.broken_at) == (12, list("01234"), None), (subjects, checked)
    return f"5 writers waited and all were kept, the one that was killed before its commit was not; {checked.entries} entries, chain whole"


def _die_while_saving(workspace: Path) -> None:
    with Database.open(workspace).writing() as session:
        audit.note(session, "rui", "saved", "half")
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    _die_while_saving(Path(sys.argv[1]))
