"""`tingjian retention` and `tingjian hold add | remove | list`."""
from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from settings import Settings
    from store.holds import Holds

Workspace = Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")]
KindOf = Annotated[str, typer.Argument(help="call, customer, agent or line")]
Value = Annotated[str, typer.Argument(help="The call_id, customer_name, agent_id or line, as the manifest writes it")]

app = typer.Typer(help="Legal hold: calls that no retention deletes.", no_args_is_help=True)


def retention(
    workspace: Workspace,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be deleted")] = False,
    as_list: Annotated[bool, typer.Option("--list", help="With --dry-run: a line a call, call_id and kinds, as CSV")] = False,
) -> None:
    """Delete recordings, words and cards past their time ([retention]), but for what is on hold; then `tingjian compact`. Safe to stop
    and run again."""
    from flows.retention import run
    from settings import Settings

    settings = Settings()
    if as_list and dry_run:
        _list(workspace, settings)
        return
    told = run(workspace, settings, dry_run, typer.echo)
    typer.echo(told)


def _list(workspace: str, settings: Settings) -> None:
    import sys
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from flows import retention as planned
    from store.cells import write_rows
    from store.lake import Lake

    planned.check(settings.retention)
    lake = Lake.open(workspace)
    found = planned.due(lake, settings.retention, datetime.now(ZoneInfo(settings.schedule.timezone)).date(),
                        planned.reviews(lake, settings), settings.schedule.timezone)
    write_rows(sys.stdout, [["call_id", "day", "what"]])
    write_rows(sys.stdout, ([call_id, found.days[call_id], " ".join(sorted(kinds))] for call_id, kinds in found.calls.items()))


@app.command()
def add(
    workspace: Workspace,
    kind: Annotated[str | None, typer.Argument(help="call, customer, agent or line")] = None,
    value: Annotated[str | None, typer.Argument(help="The call_id, customer_name, agent_id or line, as the manifest writes it")] = None,
    reason: Annotated[str, typer.Option(help="Why, such as a case number")] = "",
    file: Annotated[Path | None, typer.Option(help="A CSV with the columns kind, value, reason instead")] = None,
) -> None:
    """Put calls on hold until they are taken off it."""
    holds = _holds(workspace)
    if file is not None:
        typer.echo(f"{holds.add_file(file, getpass.getuser())} put on hold")
        return
    new = holds.add(kind or "", value or "", reason, getpass.getuser())
    typer.echo("put on hold" if new else "was on hold already")


@app.command()
def remove(workspace: Workspace, kind: KindOf, value: Value, reason: Annotated[str, typer.Option(help="Why it may go")]) -> None:
    """Take calls off hold: the next retention deletes what is past its time."""
    typer.echo("taken off hold" if _holds(workspace).remove(kind, value, reason, getpass.getuser()) else "was not on hold")


@app.command("list")
def listed(workspace: Workspace) -> None:
    """What is on hold, since when, by whom and why, as CSV."""
    import sys

    from store.cells import write_rows

    write_rows(sys.stdout, [["kind", "value", "reason", "by", "at"], *_holds(workspace).current()])


def _holds(workspace: str) -> Holds:
    from store.holds import Holds
    from store.lake import Lake

    return Holds(Lake.open(workspace).root)
