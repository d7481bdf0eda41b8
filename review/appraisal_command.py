"""`tingjian appraisal`: the monthly result of every agent, what follows from it, and what each figure rests on."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

    from insight.appraisal import Month, Sources
    from settings import Appraisal, Settings
    from store.lake import Lake

def appraisal(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    month: Annotated[str, typer.Option(help="The month, such as 2026-10")],
    files: Annotated[Path | None, typer.Option(help="Directory with agents.csv, assessments.csv, volumes.csv, work_orders.csv, those there are; "
                                               "default: [appraisal] files")] = None,
    agents: Annotated[Path | None, typer.Option(help="CSV of agents: names, teams, who works here")] = None,
    assessments: Annotated[Path | None, typer.Option(help="CSV of assessment scores, of this month and the one before")] = None,
    volumes: Annotated[Path | None, typer.Option(help="CSV of calls taken; without it those of the workspace are counted")] = None,
    work_orders: Annotated[Path | None, typer.Option(help="CSV of complaints and other work orders")] = None,
    agent: Annotated[str | None, typer.Option(help="One agent: every figure with its cards, calls, lines and rule")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to an .xlsx, .jsonl, .csv or .parquet file")] = None,
) -> None:
    """Result, grade, talk time, volume and complaints of every agent for a month; the grades against the expected spread.

    Exit code 1 where rows of the files could not be used; they are listed, the others count."""
    import polars as pl

    from insight.appraisal import Month, appraise, gather, in_folder, spread
    from review.sample_command import told
    from settings import Settings
    from store import exported
    from store.lake import Lake

    settings, when, lake = Settings(), Month.of(month), Lake.open(workspace)
    policy, folder = settings.appraisal, files or settings.appraisal.files
    given = {"agents": agents, "assessments": assessments, "volumes": volumes, "work_orders": work_orders}
    found = in_folder(folder, named=True) if folder is not None else {}
    sources, reads = gather(lake.rows("calls"), _cards(lake, settings, when), found | {name: file for name, file in given.items() if file})
    for read in reads:
        told(read.messages())
    refused = pl.concat(read.refused for read in reads)
    table = appraise(sources, when, policy)
    if agent is not None:
        _show_agent(sources, when, policy, table, agent)
    else:
        _show(table, spread(table), when)
    if out is not None:
        _write(out, sources, when, policy, table, refused)
        exported.note(lake.root, "file", out)
        typer.echo(f"{out}: {len(table)} agents", err=True)
    raise typer.Exit(1 if len(refused) else 0)


def _cards(lake: Lake, settings: Settings, month: Month) -> pl.DataFrame:
    """The reviewed cards of the month and the one before."""
    import polars as pl

    from insight import reviewed
    from review.sample_command import reviews

    if (database := reviews(lake, settings)) is None:
        return pl.DataFrame(schema=reviewed.CARDS)
    with database.reading() as session:
        return reviewed.cards(session, month.before.first, month.last)


def _show(table: pl.DataFrame, spread: pl.DataFrame, month: Month) -> None:
    from review.appraisal_words import shown_number, to_note
    from review.sample_command import table as shown

    shown(["agent", "name", "assessment", "monitoring", "result", "grade", "complaints", "bonus", "talk", "volume", "points", "to note"],
          [[row["agent_id"], row["agent_name"] or "", *(shown_number(row[name]) for name in ("assessment", "monitoring", "result")),
            row["grade"] or "–", str(row["complaints"]), f"{row['bonus_share']:.0%}", shown_number(row["talk_points"]), shown_number(row["volume_points"]),
            shown_number(row["points"]), "; ".join(to_note(row, "en"))] for row in table.iter_rows(named=True)], numbers=(2, 3, 4, 6, 7, 8, 9, 10))
    if table.is_empty():
        typer.echo(f"Nobody worked in {month}: neither calls nor cards nor lines of the files are of that month.")
        return
    typer.echo(f"\n{month}, grades against the expected spread:")
    shown(["grade", "agents", "share", "expected", ""],
          [[row["grade"], str(row["agents"]), f"{row['share']:.2f} %", f"{row['low']:g}–{row['high']:g} %", "outside" if row["inside"] is False else ""]
           for row in spread.iter_rows(named=True)], numbers=(1, 2))


def _show_agent(sources: Sources, month: Month, policy: Appraisal, table: pl.DataFrame, agent: str) -> None:
    """An agent's figures worked out, then all they rest on."""
    import polars as pl

    from insight.appraisal import calls_of, trail
    from records import Problem
    from review.appraisal_words import shown_number, worked_out
    from review.sample_command import table as shown

    mine = table.filter(pl.col("agent_id") == agent)
    if mine.is_empty():
        raise Problem(f"No agent {agent} in {month}: neither calls nor cards nor lines of the files name one.")
    for line in worked_out(mine.row(0, named=True), policy, "en"):
        typer.echo(line)
    typer.echo("")
    rows = trail(sources, month, policy, agent)
    shown(["figure", "rests on", "value", "counts", ""], [
        [row["figure"], row["source"], shown_number(row["value"]), "yes" if row["counted"] else "no", row["note"]]
        for row in rows.iter_rows(named=True)], numbers=(2,))
    calls = calls_of(sources, month, agent)
    typer.echo(f"\n{len(calls)} calls in the workspace" + (f", {calls['duration'].mean():.2f} s on average" if calls["duration"].count() else ""))
    shown(["call", "began", "seconds"], [[row["call_id"], row["started_at"] or "", shown_number(row["duration"])]
                                         for row in calls.iter_rows(named=True)], numbers=(2,))


def _write(out: Path, sources: Sources, month: Month, policy: Appraisal, table: pl.DataFrame, refused: pl.DataFrame) -> None:
    import polars as pl

    from insight.appraisal import spread, trail
    from review.appraisal_words import FIGURES, LACKING, noted, worked_out
    from review.figures import Sheet, figures
    from review.sample_command import write

    rests = trail(sources, month, policy)
    if out.suffix != ".xlsx":
        nested = rests.group_by("agent_id").agg(rests_on=pl.struct("figure", "source", "value", "counted", "note"))
        write(table.join(nested, on="agent_id", how="left") if out.suffix != ".csv" else table, out)
        return
    rules = pl.DataFrame([(row["agent_id"], line) for row in table.iter_rows(named=True) for line in worked_out(row, policy, "zh")],
                         schema=["agent_id", "how"], orient="row")
    out.write_bytes(figures([
        Sheet("绩效", table.with_columns(pl.col("lacks").list.eval(pl.element().replace({word: words[0] for word, words in LACKING.items()})).list.join("；"))),
        Sheet("等级分布", spread(table)), Sheet("计算", rules), Sheet("依据", rests.with_columns(figure=pl.col("figure").replace({name: words[0] for name, words in FIGURES.items()}), note=pl.Series([noted(one, "zh") for one in rests["note"]], dtype=pl.String))), Sheet("未采用的行", refused)]))
