"""Processes that die at once, as by kill -9, a power cut or the system's want of memory."""
from __future__ import annotations

import random
import time
from pathlib import Path

from tests.faults.lakes import CALLS, contents, finish, recordings, same, start

SEED = 20261125
SECONDS_A_CALL = 0.03
MOMENTS = 30            # of the thorough form


def killed(folder: Path, thorough: bool) -> str:
    """kill -9 at chance moments from the first instruction to the last commit; run again, the lake is an undisturbed run's."""
    calls = recordings(folder / "calls")
    finish(calls, folder / "undisturbed", SECONDS_A_CALL)
    began = time.monotonic()
    timed = start(calls, folder / "timed", SECONDS_A_CALL)
    assert timed.stdout is not None and timed.stdout.readline() == b"begun\n"
    reading = time.monotonic() - began
    timed.communicate()
    working = time.monotonic() - began - reading
    chance = random.Random(SEED)
    caught = over = 0
    for number in range(MOMENTS if thorough else 3):
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
