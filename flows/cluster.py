"""Clusters: joining one (`run --workers tcp://…`), one on this machine (`run --local-workers 2`), and being a worker of one
(`tingjian worker tcp://…`). What is done with them is in spread.py.

Nothing here imports Dask before it is asked for: it is an extra, `pip install tingjian[dask]`.
"""
from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from records import Problem

if TYPE_CHECKING:
    from distributed import Client

    from flows.job import Load, Scoring, Transcribing
    from settings import Settings

JOIN_WITHIN = "20s"
AGAIN_AFTER = 5.0       # seconds


@contextmanager
def spread(settings: Settings, form: str | None, told: Callable[[str], None] = lambda message: None,
           load: Load | None = None) -> Iterator[tuple[Settings, Load]]:
    """Within, jobs with these settings and this loader work on the cluster that `[cluster]` names; where it names none, both
    come back as they are. `load` is what workers load, a function that they can import; None is the models of the settings."""
    from flows.job import load_models

    load, cluster = load or load_models, settings.cluster
    if not cluster.scheduler and not cluster.local_workers:
        yield settings, load
        return
    with ExitStack() as held:
        if cluster.scheduler:
            client = held.enter_context(_joined(cluster.scheduler))
            workers = len(client.scheduler_info()["workers"]) or 1
        else:
            workers = cluster.local_workers
            if not settings.speech.workers:
                each = settings.speech.model_copy(update={"workers": max(1, len(os.sched_getaffinity(0)) // workers)})
                settings = settings.model_copy(update={"speech": each})
            client = held.enter_context(_joined(held.enter_context(local(workers))))
            client.wait_for_workers(workers, timeout=120)
        larger = settings.monitoring.model_copy(update={"batch_seconds": settings.monitoring.batch_seconds * workers})
        over_all = settings.model_copy(update={"monitoring": larger})

        def loaded(s: Settings) -> tuple[Transcribing, Scoring]:
            from flows.spread import Spread

            there = Spread(client, s, load, form, cluster.patience, told)
            return there, there.scorer

        yield over_all, loaded


@contextmanager
def _joined(address: str) -> Iterator[Client]:
    distributed = _dask()
    try:
        client = distributed.Client(address, timeout=JOIN_WITHIN, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as fault:
        raise Problem(f"No scheduler answers at {address} ({fault}): start one with `dask scheduler`, or correct --workers "
                      "([cluster] scheduler).") from fault
    try:
        yield client
    finally:
        client.close(timeout=5)


@contextmanager
def local(workers: int) -> Iterator[str]:
    """A scheduler and workers on this machine, each worker a process; gives the scheduler's address."""
    distributed = _dask()
    nannies = {number: {"cls": distributed.Nanny, "options": _options(number, workers)} for number in range(workers)}
    cluster = distributed.SpecCluster(
        workers=nannies, silence_logs="CRITICAL",
        scheduler={"cls": distributed.Scheduler, "options": {"host": "127.0.0.1", "port": 0, "dashboard": False}})
    try:
        yield cluster.scheduler_address
    finally:
        cluster.close(timeout=10)


def worker(
    scheduler: Annotated[str, typer.Argument(help="Address of the scheduler, such as tcp://10.0.0.5:8786")],
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one a GPU, or one on a machine without")] = 0,
) -> None:
    """This machine recognises and scores for `tingjian run --workers SCHEDULER` on another. Ends on Ctrl-C."""
    import asyncio

    count = workers or max(1, gpus())
    print(f"{count} worker{'s' if count > 1 else ''} for {scheduler}; Ctrl-C ends", flush=True)
    while True:
        try:
            asyncio.run(_work(scheduler, count))
            print(f"The scheduler {scheduler} is gone; trying again every {AGAIN_AFTER:.0f} s.", flush=True)
        except (OSError, TimeoutError, RuntimeError) as fault:
            print(f"No scheduler answers at {scheduler} ({type(fault).__name__}): trying again every {AGAIN_AFTER:.0f} s.", flush=True)
        time.sleep(AGAIN_AFTER)


async def _work(scheduler: str, count: int) -> None:
    import asyncio

    distributed = _dask()
    nannies = await asyncio.gather(*(distributed.Nanny(scheduler, death_timeout=60, **_options(number, count))
                                     for number in range(count)))
    await asyncio.gather(*(nanny.finished() for nanny in nannies))


def _options(number: int, count: int) -> dict[str, Any]:
    """Of a worker process: one share at a time, the memory it needs, one GPU of its own where there are some."""
    return {"nthreads": 1, "memory_limit": 0, "silence_logs": "CRITICAL", "name": f"{socket.gethostname()}-{number}-{os.getpid()}", "env": environment(number, gpus())}


def environment(number: int, gpus: int) -> dict[str, str]:
    """What a worker's process is told: its GPU; the user's own CUDA_VISIBLE_DEVICES is shared out."""
    told = {"DASK_LOGGING__DISTRIBUTED": "critical"}
    if gpus:
        given = [each for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each.strip()] or [str(n) for n in range(gpus)]
        told["CUDA_VISIBLE_DEVICES"] = given[number % len(given)]
    return told


def gpus() -> int:
    """CUDA devices that this process may use."""
    from models.machine import inspect

    return len(inspect().gpus)


def _dask() -> Any:
    try:
        import distributed
    except ImportError:
        raise Problem("A cluster needs Dask: pip install 'tingjian[dask]' on this machine and on every worker.") from None
    return distributed
