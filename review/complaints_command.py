"""`tingjian complaints`: the complaint indicators of a month, with targets and the cases behind them."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import polars as pl

    from insight.complaints import Figures


def complaints(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    month: Annotated[str, typer.Option(help="The month, such as 2026-10")],
    work_orders: Annotated[Path | None, typer.Option(help="CSV of complaints and other work orders; default: that of [appraisal] files")] = None,
    volumes: Annotated[Path | None, typer.Option(help="CSV of calls taken; without it those of the workspace are counted")] = None,
    as_of: Annotated[str | None, typer.Option(help="Day (2026-11-05) at whose end open cases are looked at; without it now")] = None,
    cases: Annotated[str | None, typer.Option(help="List the cases behind one indicator, or `all`")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write to an .xlsx, .jsonl, .csv or .parquet file")] = None,
) -> None:
    """Replies in time, solved on the spot, satisfaction by tier, complaints per million calls, cases without an answer.

    Exit code 1 where rows of the files could not be used; they are listed, the others count."""
    import polars as pl

    from insight import delivered
    from insight.appraisal import Month, in_folder
    from insight.complaints import INDICATORS, indicators, tagged_calls
    from records import Problem
    from review.sample_command import day, told
    from settings import Settings
    from store import exported
    from store.lake import Lake

    when, lake, folder = Month.of(month), Lake.open(workspace), Settings().appraisal.files
    found = in_folder(folder, named=True) if folder is not None else {}
    work_orders, volumes = work_orders or found.get("work_orders"), volumes or found.get("volumes")
    if work_orders is None:
        raise Problem("Give the work orders with --work-orders FILE, or a directory with work_orders.csv in [appraisal] files.")
    if cases not in (None, "all", *INDICATORS):
        raise Problem(f"--cases {cases}: there is no such indicator; there are {', '.join(INDICATORS)}, or all.")
    orders = delivered.read(work_orders, delivered.WORK_ORDERS)
    taken = delivered.read(volumes, delivered.VOLUMES) if volumes else delivered.nothing(delivered.VOLUMES)
    told([*orders.messages(), *taken.messages()])
    of_month = taken.rows.filter(pl.col("month") == str(when))
    calls = int(of_month["calls"].sum()) if of_month.height else lake.rows("calls").filter(when.inside).select(pl.len()).collect().item()
    now = datetime.now(UTC) if as_of is None else datetime.combine(
        day(as_of, "--as-of") + timedelta(days=1), datetime.min.time(), UTC) - timedelta(hours=8)
    figures = indicators(orders.rows, tagged_calls(lake.rows("hits"), lake.rows("calls"), when.first, when.last), calls, when.first, when.last, now)
    _show(figures, cases)
    if out is not None:
        _write(out, figures, pl.concat([orders.refused, taken.refused]))
        exported.note(lake.root, "file", out)
        typer.echo(f"{out}: {figures.table.height} indicators, {figures.cases.height} cases", err=True)
    raise typer.Exit(1 if len(orders.refused) or len(taken.refused) else 0)


def _show(figures: Figures, cases: str | None) -> None:
    import polars as pl

    from insight.complaints import INDICATORS
    from review.sample_command import table

    table(["indicator", "", "tier", "of", "value", "target", "met", "cases"], [
        [row["indicator"], INDICATORS[row["indicator"]][1], row["tier"] or "", f"{row['numerator']}/{row['denominator']}",
         "–" if row["value"] is None else f"{row['value']:g}", "" if row["target"] is None else f"{row['target']:g}",
         {True: "yes", False: "NO", None: ""}[row["met"]], str(figures.cases.filter(pl.col("indicator") == row["indicator"], pl.col("tier").eq_missing(pl.lit(row["tier"]))).height)]
        for row in figures.table.iter_rows(named=True)], numbers=(3, 4, 5, 7))
    if cases is None:
        return
    typer.echo("")
    rows = figures.cases if cases == "all" else figures.cases.filter(pl.col("indicator") == cases)
    table(["indicator", "work order", "line", "call", "agent", "tier", "opened (UTC)", "hours"], [
        [row["indicator"], row["order_id"] or "", "" if row["line"] is None else str(row["line"]), row["call_id"] or "", row["agent_id"] or "",
         row["customer_tier"] or "", f"{row['opened_at']:%Y-%m-%d %H:%M}" if row["opened_at"] else "",
         "" if row["hours"] is None else f"{row['hours']:.2f}"] for row in rows.iter_rows(named=True)], numbers=(2, 7))


def _write(out: Path, figures: Figures, refused: pl.DataFrame) -> None:
    import polars as pl

    from insight.complaints import INDICATORS
    from review.figures import Sheet
    from review.figures import figures as workbook
    from review.sample_command import write

    named = pl.col("indicator").replace_strict({name: words[0] for name, words in INDICATORS.items()}, return_dtype=pl.String)
    if out.suffix == ".xlsx":
        out.write_bytes(workbook([Sheet("投诉指标", figures.table.with_columns(named)), Sheet("个案", figures.cases.with_columns(named)),
                                  Sheet("未采用的行", refused)]))
        return
    nested = figures.cases.group_by("indicator", "tier").agg(cases=pl.struct(pl.exclude("indicator", "tier")))
    write(figures.table if out.suffix == ".csv" else figures.table.join(nested, on=["indicator", "tier"], how="left", nulls_equal=True), out)
