"""`tingjian health`: is everything as it should be in the morning, and if not, what is wrong and what to do."""
from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from records import Problem
from settings import Settings
from store.lock import alive

if TYPE_CHECKING:
    from flows.status import Status

GIGA = 1e9


class Check(NamedTuple):
    """One thing looked at: whether it is well, what was seen, and what to do where it is not."""

    name: str
    well: bool
    seen: str
    remedy: str = ""


def health(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    as_json: Annotated[bool, typer.Option("--json", help="The checks as JSON")] = False,
) -> None:
    """What is wrong and what to do: last run, failures, disks, lock, models, review database. Exit code 1 where something is."""
    import json

    checks = examine(Path(workspace).expanduser(), Settings())
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in checks], ensure_ascii=False, indent=1))
    else:
        for one in checks:
            typer.echo(f"{'ok   ' if one.well else 'WRONG'}  {one.name:<16} {one.seen}" + (f"\n       → {one.remedy}" if one.remedy else ""))
    raise typer.Exit(0 if all(one.well for one in checks) else 1)


def examine(workspace: Path, settings: Settings, now: datetime | None = None) -> list[Check]:
    """Every check, in the order in which a person would look. Nothing is changed and nothing waits for a lock."""
    from flows import status
    from store.lake import Lake

    now = now or datetime.now(UTC)
    try:
        Lake.open(workspace)
    except Problem as fault:
        return [Check("workspace", False, str(fault), "Give the directory that `tingjian run` or [schedule] workspace fills.")]
    looks: tuple[Callable[[], Iterator[Check]], ...] = (
        lambda: _runs(status.read(workspace), workspace, settings, now), lambda: _disks(workspace, settings), lambda: _deletions(workspace),
        lambda: _models(settings), lambda: _reviews(workspace, settings))
    return [Check("workspace", True, str(workspace)), *(check for look in looks for check in look())]


def _runs(found: list[Status], workspace: Path, settings: Settings, now: datetime) -> Iterator[Check]:
    """The scheduled source, or the one that ran last, in full; of the others that ran of late what is wrong."""
    scheduled = _scheduled(workspace, settings)
    main = next((one for one in reversed(found) if scheduled in (None, one.run)), None)
    within = timedelta(hours=settings.observing.run_within_hours)
    if main is None:
        what = "no run over [schedule] source has been here" if found else "no run has been here"
        yield Check("last run", False, what, "Start `tingjian serve`, or a run by hand: tingjian run SOURCE --workspace …")
    else:
        yield _state(main, settings, now)
        yield _last(main, within, now)
        if main.empty:
            yield _empty(main, within, now)
        yield _failures(main, settings)
    for other in found:
        if other is not main and now - other.began_at <= within and other.listed_at:      # a mistyped source never held a call
            for check in (_state(other, settings, now), _failures(other, settings)):
                if not check.well:
                    yield check._replace(seen=f"over another source (run {other.run} of the metrics) {check.seen}")


def _scheduled(workspace: Path, settings: Settings) -> str | None:
    """What stands for [schedule] source, where its runs fill this workspace: a run by hand over another one takes no place of theirs."""
    from flows.status import run_of
    from pipeline import sources

    schedule = settings.schedule
    if not schedule.source or not schedule.workspace or Path(schedule.workspace).expanduser().resolve() != workspace.resolve():
        return None
    return run_of(sources.key(schedule.source))


def _last(run: Status, within: timedelta, now: datetime) -> Check:
    age = now - run.began_at
    late = age > within
    return Check("last run", not late, f"began {_ago(age)} ago: {run.done} done, {run.rescored} scored again, {run.failed} failed, "
                 f"{run.waiting} not ready yet, {run.left} left",
                 "No run since: is `tingjian serve` or the worker alive, and its schedule not paused?" if late else "")


def _empty(run: Status, within: timedelta, now: datetime) -> Check:
    """A source without calls is well for a while: a morning, a folder from which retention deletes. A share that is not mounted looks
    the same, and stays so."""
    since = run.listed_at
    long = since is None or now - since > within
    return Check("source", not long, f"empty{f' since {_ago(now - since)}' if since else ''}: {run.empty}",
                 "Is its share mounted, and does the recorder still write there?" if long else "")


def _failures(run: Status, settings: Settings) -> Check:
    listed = run.done + run.rescored + run.finished_before + run.failed
    share = run.failed / listed if listed else 0.0
    bad = share > settings.observing.failed_share
    reasons = ", ".join(f"{code} {number}" for code, number in sorted(run.failures.items(), key=lambda one: -one[1]))
    return Check("failures", not bad, f"{run.failed} of {listed} ({share:.0%})" + (f": {reasons}" if reasons else ""),
                 "Reasons and remedies by code: docs/recordings.md; the calls: tingjian failed" if bad else "")


def _state(last: Status, settings: Settings, now: datetime) -> Check:
    if last.state == "broken":
        return Check("run", False, f"broke: {last.error}", "Mend that, then let it run again: it goes on where it ended. Its log says more.")
    if last.state != "running":
        return Check("run", True, last.state)
    silent = now - last.told_at
    if last.host == socket.gethostname() and not alive(last.process):
        return Check("run", False, f"process {last.process} was killed {_ago(silent)} ago, in the middle",
                     "Out of memory? (journalctl -k | grep -i oom). The next run puts it right and goes on.")
    if silent > timedelta(minutes=settings.observing.still_minutes):
        return Check("run", False, f"process {last.process} on {last.host} goes on but has told nothing for {_ago(silent)}; it holds the lock",
                     "Is its disk, share or store of objects away? Stop it (kill -INT): what is done is kept.")
    return Check("run", True, f"goes on, process {last.process} on {last.host}: {last.done + last.rescored} of {last.planned_calls} calls "
                 f"kept, {last.heard_seconds / 60:.0f} of {last.planned_seconds / 60:.0f} min heard, {last.pace:.1f} × real time")


def _disks(workspace: Path, settings: Settings) -> Iterator[Check]:
    places = {"workspace": workspace, "cache": settings.sources.cache.expanduser(), "TMPDIR": Path(tempfile.gettempdir())}
    seen: dict[int, list[str]] = {}
    free: dict[int, float] = {}
    for name, place in places.items():
        while not place.exists():
            place = place.parent
        device = place.stat().st_dev
        seen.setdefault(device, []).append(name)
        free[device] = shutil.disk_usage(place).free / GIGA
    for device, names in seen.items():
        short = free[device] < settings.observing.free_gb
        yield Check("disk", not short, f"{free[device]:.1f} GB free for {', '.join(names)}",
                    f"Less than [observing] free_gb = {settings.observing.free_gb:g}: make room, or let [retention] delete what is past its time."
                    if short else "")


def _deletions(workspace: Path) -> Iterator[Check]:
    from store.erasing import PENDING

    cut = len(list((workspace / PENDING).glob("*.json"))) if (workspace / PENDING).is_dir() else 0
    if cut:
        yield Check("deletions", False, f"{cut} were cut short", "tingjian retention --workspace … completes them.")


def _models(settings: Settings) -> Iterator[Check]:
    from models.doctor import examine as of_machine

    problems = of_machine(settings)["problems"]
    yield Check("models", not problems, "; ".join(problems) or "there", "tingjian doctor says how to get them." if problems else "")


def _reviews(workspace: Path, settings: Settings) -> Iterator[Check]:
    from flows.retention import reviews
    from store.lake import Lake

    try:
        database = reviews(Lake.open(workspace), settings)
    except Problem as fault:
        yield Check("review database", False, str(fault), "Start it, or correct [review] database.")
        return
    if database is not None:
        database.engine.dispose()
        yield Check("review database", True, "answers")


def _ago(age: timedelta) -> str:
    minutes = age.total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
