"""Processes that die at once, as by kill -9, a power cut or the system's want of memory."""
from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

from pytest import MonkeyPatch

from flows import cluster, spread
from flows.job import Progress, monitor
from settings import Cluster, Monitoring, Settings
from store.lake import Lake
from tests import cluster_models
from tests.faults.lakes import CALLS, contents, finish, heights, recordings, same, start

SEED = 20261125
SECONDS_A_CALL = 0.03
MOMENTS = 30            # of the thorough form


def killed(folder: Path, thorough: bool) -> str:
    """kill -9 at chance moments from the first instruction to the last commit; run again, the lake is an undisturbed run's."""
    calls = recordings(folder / "calls")
    began = time.monotonic()
    timed = start(calls, folder / "undisturbed", SECONDS_A_CALL)
    assert timed.stdout is not None and timed.stdout.readline() == b"begun\n"
    reading = time.monotonic() - began
    timed.communicate()
    working = time.monotonic() - began - reading
    chance = random.Random(SEED)
    caught = over = 0
    for number in range(MOMENTS if thorough else 2):
        workspace = folder / f"w{number}"
        run = start(calls, workspace, SECONDS_A_CALL)
        if number % 5:      # most of them while it works
            assert run.stdout is not None and run.stdout.readline() == b"begun\n"
            time.sleep(chance.uniform(0, working))
        else:
            time.sleep(chance.uniform(0, reading))
        over += run.poll() is not None
        run.kill()
        run.communicate()
        if workspace.joinpath("version").exists():
            caught += 0 < len(contents(workspace)["calls"]) < CALLS
        finish(calls, workspace)
        same(folder / "undisturbed", workspace)
    return (f"{number + 1} kills (seed {SEED}), {caught} of them with part of the calls committed, {over} after the end; each time "
            f"the next run left the lake of an undisturbed one, {CALLS} calls and one refusal, nothing twice")


class _Told(Progress):
    """Counts the calls done, and keeps what the user is told."""

    def __init__(self) -> None:
        self.calls, self.notes = 0, []

    def call(self, failed: bool) -> None:
        self.calls += 1

    def note(self, message: str) -> None:
        self.notes.append(message)


def worker_killed(folder: Path, thorough: bool) -> str:
    """kill -9 of workers of a real cluster in the middle of a run; their calls are done by the others."""
    from distributed import Client

    calls = recordings(folder / "calls", 60 if thorough else 24)
    finish(calls, folder / "undisturbed")
    chance, told, kills = random.Random(SEED), _Told(), 4 if thorough else 1
    with MonkeyPatch.context() as patch, cluster.local(2) as address, Client(address, set_as_default=False) as client:
        patch.setattr(spread, "SHORTEST", 3.0)       # seconds of audio in a share: each of a few calls
        client.wait_for_workers(2, timeout=120)

        def kill() -> None:
            for number in range(kills):
                while told.calls < 3 + number * len(list(calls.iterdir())) // (kills + 1):
                    time.sleep(0.01)
                time.sleep(chance.uniform(0, 0.1))
                os.kill(int((calls / "done.log").read_text().split()[-1]), signal.SIGKILL)      # the one that began last

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        settings = Settings(cluster=Cluster(scheduler=address), monitoring=Monitoring(batch_seconds=6))
        with cluster.spread(settings, None, told.note, cluster_models.slow) as (over_all, load):
            summary = monitor(calls, folder / "w", over_all, progress=told, load=load)
        killer.join()
    same(folder / "undisturbed", folder / "w")
    lines = [line.split()[0] for line in (calls / "done.log").read_text().splitlines()]
    twice = len(lines) - len(set(lines))
    assert twice, "no worker was killed at work"
    return (f"{kills} kills of a worker at work, of two: {summary.done} calls as in an undisturbed run, {twice} begun a second time, none committed "
            f"twice")


def worker_lags(folder: Path, thorough: bool) -> str:
    """In a real cluster: a worker that hangs in a share, a call that takes its worker down once, and one that always does."""
    from distributed import Client

    calls = recordings(folder / "calls", 12)
    for kind in ("slow", "once", "deadly"):
        shutil.copy(calls / "call-00.wav", calls / f"{kind}-1.wav")
    told = _Told()
    with MonkeyPatch.context() as patch, cluster.local(3) as address, Client(address, set_as_default=False) as client:
        patch.setattr(spread, "SHORTEST", 2.0)
        patch.setattr(spread, "STRAGGLES_FROM", 3.0)
        client.wait_for_workers(3, timeout=120)
        settings = Settings(cluster=Cluster(scheduler=address), monitoring=Monitoring(batch_seconds=60))
        began = time.monotonic()
        with cluster.spread(settings, None, told.note, cluster_models.slow) as (over_all, load):
            summary = monitor(calls, folder / "w", over_all, progress=told, load=load)
        took = time.monotonic() - began
    lake = Lake.open(folder / "w")
    assert {one.failure.call_id: one.failure.code for one in lake.failed()} == {"call-bad": "not_audio", "deadly-1": "worker_died"}
    assert summary.done == len(lake.call_ids()) == 14 and heights(folder / "w")["calls"] == 14, "nothing twice"
    ran = [line.split() for line in (calls / "done.log").read_text().splitlines()]
    twice = {pid for name, pid in ran if name == "slow-1"}
    assert len(twice) == 2 and took < cluster_models.HANGS, "the share of the worker that hangs was given to another, and not waited for"
    return f"a worker that hangs for {cluster_models.HANGS} s: its share done by another, all over after {took:.0f} s; a call that kills its workers put aside alone"


def coordinator_killed(folder: Path, thorough: bool) -> str:
    """kill -9 of the process that commits; its workers end with it, and the next run goes on."""
    calls = recordings(folder / "calls", 24)
    finish(calls, folder / "undisturbed")
    left = []
    for number in range(3 if thorough else 1):
        run = start(calls, folder / f"w{number}", 0.0, "tests.faults.spread_run")
        assert run.stdout is not None
        pids = list(map(int, run.stdout.readline().split()))
        for _ in range(5 + 4 * number):
            assert run.stdout.readline() == b"call\n"
        run.kill()
        run.communicate()
        until = time.monotonic() + 30
        while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "workers outlive the run"
        left.append(contents(folder / f"w{number}")["calls"].height)
        finish(calls, folder / f"w{number}")
        same(folder / "undisturbed", folder / f"w{number}")
    return f"killed with {', '.join(map(str, left))} of 24 calls committed: its workers ended too, the next run did the rest"
