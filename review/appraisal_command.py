"""`tingjian appraisal`: the monthly result of every agent, what follows from it, and what each figure rests on."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from insight.appraisal import Month, Sources
    from insight.delivered import Read, Sheet
    from settings import Appraisal
    from store.lake import Lake

FLAGS = {"two_low": "two months under 70", "dismissal": "three complaints: flagged for dismissal"}
LACKING = {"assessment": "no assessment", "monitoring": "no reviewed random card", "volume": "no volume", "talk": "no talk time"}


def appraisal(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    month: Annotated[str, typer.Option(help="The month, such as 2026-10")],
    agents: Annotated[Path | None, typer.Option(help="CSV of agents: names, teams, who works here")] = None,
    assessments: Annotated[Path | None, typer.Option(help="CSV of assessment scores, of this month and the one before")] = None,
    volumes: Annotated[Path | None, typer.Option(help="CSV of calls taken; without it those of the workspace are counted")] = None,
    work_orders: Annotated[Path | None, typer.Option(help="CSV of complaints and other work orders")] = None,
    agent: Annotated[str | None, typer.Option(help="One agent: every figure with its cards, calls, lines and rule")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to an .xlsx, .jsonl, .csv or .parquet file")] = None,
) -> None:
    """Result, grade, talk time, volume and complaints of every agent for a month; the grades against the expected spread.

    Exit code 1 where rows of the files could not be used; they are listed, the others count."""
    from insight.appraisal import Month, appraise, spread
    from settings import Settings
    from store.lake import Lake

    when, policy = Month.of(month), Settings().appraisal
    sources, refused = gather(Lake.open(workspace), when, agents, assessments, volumes, work_orders)
    table = appraise(sources, when, policy)
    if agent is not None:
        _show_agent(sources, when, policy, table, agent)
    else:
        _show(table, spread(table), when)
    if out is not None:
        _write(out, sources, when, policy, table, refused)
        typer.echo(f"{out}: {len(table)} agents", err=True)
    raise typer.Exit(1 if len(refused) else 0)


def gather(lake: Lake, month: Month, agents: Path | None, assessments: Path | None, volumes: Path | None,
           work_orders: Path | None) -> tuple[Sources, pl.DataFrame]:
    """What the appraisal is made of, and the refused rows of all files; says them on standard error."""
    import polars as pl

    from insight import delivered, reviewed
    from insight.appraisal import Sources
    from review.sample_command import reviews
    from settings import Settings

    read = {sheet.name: _read(file, sheet) for file, sheet in (
        (agents, delivered.AGENTS), (assessments, delivered.ASSESSMENTS), (volumes, delivered.VOLUMES), (work_orders, delivered.WORK_ORDERS))}
    cards = pl.DataFrame(schema=reviewed.CARDS)
    if (database := reviews(lake, Settings())) is not None:
        with database.reading() as session:
            cards = reviewed.cards(session, month.before.first, month.last)
    sources = Sources(lake.rows("calls"), cards, read["agents"], read["assessments"], read["volumes"], read["work_orders"])
    return sources, pl.concat([one.refused for one in read.values()])


def _read(file: Path | None, sheet: Sheet) -> Read:
    from insight import delivered
    from review.sample_command import told

    if file is None:
        return delivered.nothing(sheet)
    got = delivered.read(file, sheet)
    told(got.messages())
    return got


def _show(table: pl.DataFrame, spread: pl.DataFrame, month: Month) -> None:
    from review.sample_command import table as shown

    shown(["agent", "name", "assessment", "monitoring", "result", "grade", "complaints", "bonus", "talk", "volume", "points", "to note"],
          [[row["agent_id"], row["agent_name"] or "", *(_number(row[name]) for name in ("assessment", "monitoring", "result")),
            row["grade"] or "–", str(row["complaints"]), f"{row['bonus_share']:.0%}", _number(row["talk_points"]), _number(row["volume_points"]),
            _number(row["points"]), _note(row)] for row in table.iter_rows(named=True)], numbers=(2, 3, 4, 6, 7, 8, 9, 10))
    typer.echo(f"\n{month}, grades against the expected spread:")
    shown(["grade", "agents", "share", "expected", ""],
          [[row["grade"], str(row["agents"]), f"{row['share']:.2f} %", f"{row['low']:g}–{row['high']:g} %", "" if row["inside"] else "outside"]
           for row in spread.iter_rows(named=True)], numbers=(1, 2))


def _show_agent(sources: Sources, month: Month, policy: Appraisal, table: pl.DataFrame, agent: str) -> None:
    """An agent's figures worked out, then all they rest on."""
    import polars as pl

    from insight.appraisal import calls_of, trail
    from records import Problem
    from review.sample_command import table as shown

    mine = table.filter(pl.col("agent_id") == agent)
    if mine.is_empty():
        raise Problem(f"No agent {agent} in {month}: neither calls nor cards nor lines of the files name one.")
    for line in worked_out(mine.row(0, named=True), policy):
        typer.echo(line)
    typer.echo("")
    rows = trail(sources, month, policy, agent)
    shown(["figure", "rests on", "value", "counts", ""], [
        [row["figure"], row["source"], _number(row["value"]), "yes" if row["counted"] else "no", row["note"]]
        for row in rows.iter_rows(named=True)], numbers=(2,))
    calls = calls_of(sources, month, agent)
    typer.echo(f"\n{len(calls)} calls in the workspace" + (f", {calls['duration'].mean():.2f} s on average" if calls["duration"].count() else ""))
    shown(["call", "began", "seconds"], [[row["call_id"], row["started_at"] or "", _number(row["duration"])]
                                         for row in calls.iter_rows(named=True)], numbers=(2,))


def worked_out(row: dict[str, Any], policy: Appraisal) -> list[str]:
    """The rules of domain.md section 5 with an agent's numbers in them, a line a figure."""
    from insight.appraisal import GRADES

    lines = []
    if row["assessment"] is not None and row["monitoring"] is not None:
        less = f" − {row['deduction']}" if policy.complaint_points == "result" and row["deduction"] else ""
        lines.append(f"result = ({_number(row['assessment'])} + {_number(row['monitoring'])}) / 2{less} = {_number(row['result'])}")
        low, high = next((low, high) for name, low, high, *_ in GRADES if name == row["grade"])
        lines.append(f"grade {row['grade']}: {low:g} ≤ {_number(row['result'])} {'≤' if high == 100 else '<'} {high:g}")
    lines += [f"no result: {LACKING[word]}" for word in row["lacks"] if word in ("assessment", "monitoring")]
    if row["result_before"] is not None:
        lines.append(f"the month before: {_number(row['result_before'])}" + ("; both under 70" if row["two_low"] else ""))
    lines.append(f"complaints: {row['complaints']}, of them {row['major']} major: {row['deduction']} points less, "
                 f"{row['bonus_share']:.0%} of the bonus" + (f"; {FLAGS['dismissal']}" if row["dismissal"] else ""))
    if row["talk_points"] is not None:
        lines.append(f"talk time: {_number(row['talk_seconds'])} s, the centre's mean {_number(row['talk_mean'])} s, "
                     f"{_number(row['talk_over'])} s over it: {row['talk_points']} points")
    if row["volume_points"] is not None:
        lines.append(f"volume: {row['calls']} calls, the mean {_number(row['volume_mean'])}, {_number(row['volume_under'])} under it: "
                     f"{row['volume_points']} points")
    if row["points"] is not None:
        lines.append(f"points = {row['talk_points']} + {row['volume_points']} − {row['deduction']} = {row['points']}")
    return lines


def _write(out: Path, sources: Sources, month: Month, policy: Appraisal, table: pl.DataFrame, refused: pl.DataFrame) -> None:
    import polars as pl

    from insight.appraisal import spread, trail
    from review.figures import Sheet, figures
    from review.sample_command import write

    rests = trail(sources, month, policy)
    if out.suffix != ".xlsx":
        nested = rests.group_by("agent_id").agg(rests_on=pl.struct("figure", "source", "value", "counted", "note"))
        write(table.join(nested, on="agent_id", how="left") if out.suffix != ".csv" else table, out)
        return
    rules = pl.DataFrame([(row["agent_id"], line) for row in table.iter_rows(named=True) for line in worked_out(row, policy)],
                         schema=["agent_id", "how"], orient="row")
    out.write_bytes(figures([
        Sheet("绩效", table.with_columns(pl.col("lacks").list.eval(pl.element().replace(LACKING)).list.join("；"))),
        Sheet("等级分布", spread(table)), Sheet("计算", rules), Sheet("依据", rests), Sheet("未采用的行", refused)]))


def _note(row: dict[str, Any]) -> str:
    notes = [words for name, words in FLAGS.items() if row[name]] + [LACKING[word] for word in row["lacks"]]
    return "; ".join(notes + ([f"{row['appeals']} cards under appeal"] if row["appeals"] else []))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")
