"""`tingjian failed` and `tingjian retry`: the calls that could not be done, with their reasons, and asking for them again."""
from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from records import Problem

if TYPE_CHECKING:
    from store.lake import Failed

Workspace = Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]
Code = Annotated[str | None, typer.Option(help="Only failures of this code, such as truncated")]
COLUMNS = ("call_id", "code", "since", "tries", "next_run", "reason", "recording", "source")

# What to do about a failure of a stage, where its message does not say all; docs/recordings.md has every code.
NEXT = {True: "tries it again by itself",
        False: "leaves it until the recording, the models or the manifest change, or `tingjian retry` asks"}


def failed(
    workspace: Workspace,
    code: Code = None,
    form: Annotated[Literal["table", "jsonl", "csv"], typer.Option("--as", help="table, jsonl or csv")] = "table",
) -> None:
    """The calls that could not be done: code, since when, tries, reason and what to do. Exit code 1 when there are any. Those that the last
    run found not ready yet are told on standard error."""
    from store.cells import safe
    from store.lake import Lake

    rows = [row(one) for one in Lake.open(workspace).failed() if code in (None, one.failure.code)]
    if form == "jsonl":
        for each in rows:
            print(json.dumps(each, ensure_ascii=False))
    elif form == "csv":
        writer: csv.DictWriter[str] = csv.DictWriter(sys.stdout, list(COLUMNS))
        writer.writeheader()
        writer.writerows({name: safe(value) if isinstance(value, str) else value for name, value in each.items()} for each in rows)
    else:
        _show(rows, workspace)
    if code is None:
        _tell_waiting(workspace)
    raise typer.Exit(1 if rows else 0)


def retry(
    workspace: Workspace,
    calls: Annotated[list[str] | None, typer.Argument(help="Calls to try again; without any, all that failed")] = None,
    code: Code = None,
    now: Annotated[bool, typer.Option("--now", help="Run their sources at once instead of waiting for the next run")] = False,
) -> None:
    """The next run tries failed calls again, also those that nothing has changed about."""
    from rich.console import Console

    from store.lake import Lake

    lake, wanted = Lake.open(workspace), set(calls or [])
    if missing := sorted(wanted - {one.failure.call_id for one in lake.failed()}):
        raise Problem(f"{', '.join(missing[:5])}: not among the failed calls of {workspace}; `tingjian failed --workspace "
                      f"{workspace}` lists them.")
    asked = lake.ask_again(lambda one: code in (None, one.failure.code) and (not wanted or one.failure.call_id in wanted))
    out, sources = Console(), sorted({one.source for one in asked if one.source})
    if not asked:
        out.print("no failed calls match; nothing is tried again", highlight=False)
        return
    for source in sources:
        count = sum(one.source == source for one in asked)
        out.print(f"{count} calls of {source}: tried again by `tingjian run {source} --workspace {workspace}`",
                  highlight=False, markup=False, soft_wrap=True)
    if now:
        _run(sources, workspace)


def row(one: Failed) -> dict[str, Any]:
    """A failure as a line of the list; `reason` says what is wrong, where and what to do."""
    retryable = one.failure.retryable or one.again or one.failure.stage == "scoring"
    since = (one.since or one.failed_at or datetime.now(UTC)).astimezone().isoformat(timespec="seconds")
    return {"call_id": one.failure.call_id, "code": one.failure.code, "since": since, "tries": one.tries,
            "next_run": NEXT[retryable], "reason": one.failure.message, "recording": one.failure.recording, "source": one.source}


def _show(rows: Sequence[dict[str, Any]], workspace: str) -> None:
    from rich.console import Console
    from rich.table import Table

    out = Console()
    if not rows:
        out.print("no failed calls", highlight=False)
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("call_id", "code", "since", "tries"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason and what to do", overflow="fold")
    table.add_column("the next run", overflow="fold")
    for each in rows:
        table.add_row(each["call_id"], each["code"], each["since"][:16].replace("T", " "), str(each["tries"]), each["reason"],
                      each["next_run"])
    out.print(table, highlight=False, markup=False)
    counts = ", ".join(f"{code} {count}" for code, count in Counter(each["code"] for each in rows).most_common())
    out.print(f"{len(rows)} failed: {counts}. Mended? `tingjian retry --workspace {workspace} [CALL…] [--code CODE]`",
              highlight=False, markup=False, soft_wrap=True)


def _tell_waiting(workspace: str) -> None:
    """No failures, and not done either: recordings still being written, days without a manifest that are only noted."""
    from flows import status

    for one in status.read(Path(workspace).expanduser()):
        for sentence in one.not_ready:
            print(f"told by the run of {one.began_at.astimezone():%m-%d %H:%M}: {sentence}", file=sys.stderr)


def _run(sources: Sequence[str], workspace: str) -> None:
    """The usual run over each source: it takes what is new too, as the next one would."""
    from flows.commands import run

    worst = 0
    for source in sources:
        if "://" not in source and not Path(source).exists():
            print(f"{source} is not there any more; its calls wait.", file=sys.stderr)
            worst = max(worst, 1)
            continue
        try:
            run(source, workspace)
        except typer.Exit as ended:
            worst = max(worst, ended.exit_code)
    raise typer.Exit(worst)
