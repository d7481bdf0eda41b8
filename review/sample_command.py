"""`tingjian sample`: the sampling plan, how far it is kept to, and what the heard calls say of all."""
from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import polars as pl

    from insight.sampling import Period
    from settings import Settings
    from store.lake import Lake
    from store.plans import Plan
    from store.reviews.database import Database

WHY = {"new": "new", "weak": "scored low", "change": "a change", "monitors": "monitors' quota"}


def sample(
    workspace: Annotated[str, typer.Option("--workspace", "-w", help="The directory that `tingjian run` filled")],
    week: Annotated[str | None, typer.Option(help="ISO week such as 2026-W47; without it that of the newest call")] = None,
    since: Annotated[str | None, typer.Option(help="First day (2026-11-16) instead of a week")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, with --since")] = None,
    agents: Annotated[Path | None, typer.Option(help="CSV of agents: hired_on and grade decide who is heard more")] = None,
    monitor: Annotated[list[str] | None, typer.Option(help="Who checks; several times for several. Default: [sampling] monitors")] = None,
    seed: Annotated[str | None, typer.Option(help="What chance comes from; without it the plan's name, which nobody chose")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the calls to a .csv, .jsonl or .parquet file")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the plan in the workspace: what it drew is the random sample")] = False,
    into_queue: Annotated[bool, typer.Option("--into-queue", help="Keep it, and mark its calls in the review queue")] = False,
    again: Annotated[str | None, typer.Option(help="Why a plan that is kept already is drawn anew")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="How far the plan is kept to: who is short, by how many")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Draw the kept plan again from its seed; exit code 1 where it is not the same")] = False,
    estimate: Annotated[bool, typer.Option("--estimate", help="What the heard calls say of all calls, with intervals")] = False,
) -> None:
    """Which calls to hear: a random sample by quotas, hours and monitors, and the riskiest calls apart. Same seed, same plan."""
    from days import Days
    from insight import planning
    from settings import Settings
    from store import exported
    from store.lake import Lake
    from store.plans import Plans

    settings, lake = Settings(), Lake.open(workspace)
    policy = settings.sampling.model_copy(update={"monitors": monitor}) if monitor else settings.sampling
    period, plans, database = _period(lake, week, since, until), Plans(lake.root), reviews(lake, settings)
    if verify:
        return _verify(lake, plans.named(period.name))
    if (coverage or estimate) and plans.has(period.name):
        plan, kept = plans.named(period.name), True
    else:
        plan, kept = planning.make(lake, period, policy, seed or period.name, _agents(agents), _scores(database, period), again or "",
                                   Days(settings.calendar)), False
    if coverage:
        return _show_coverage(plan, kept, database)
    if estimate:
        return _show_estimates(plan, kept, database)
    _show(plan)
    if plans.has(period.name) and not (keep or into_queue):
        same = plans.named(period.name).same_draw(plan)
        typer.echo(f"The plan kept for {plan.name} is " + ("this one." if same else "another one; --coverage goes by that."), err=True)
    if out:
        typer.echo(f"{write(plan.calls, out)}: {len(plan.calls)} calls", err=True)
        exported.note(lake.root, {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}.get(out.suffix, "file"), out)
    if keep or into_queue:
        new = plans.keep(plan)
        typer.echo(f"Plan {plan.name} " + ("is kept in the workspace." if new else "was kept already, call for call the same."), err=True)
    if into_queue:
        _into_queue(plan, database)
    return None


def reviews(lake: Lake, settings: Settings) -> Database | None:
    """The review database, where there is one: to look is no reason to make it."""
    from store.reviews.database import FILE, Database

    there = settings.review.database or (lake.root / FILE).is_file()
    return Database.open(lake.root, settings.review.database) if there else None


def write(table: pl.DataFrame, out: Path) -> Path:
    """A frame as .csv (lists joined by ;), .jsonl or .parquet; Problem for another ending."""
    import polars as pl

    from records import Problem

    if out.suffix == ".csv":
        from store.cells import safe

        flat = table.with_columns(pl.col(pl.List(pl.String)).list.join(";"))
        flat.with_columns(pl.col(pl.String).map_elements(safe, return_dtype=pl.String)).write_csv(out)
    elif out.suffix in (".jsonl", ".ndjson"):
        table.write_ndjson(out)
    elif out.suffix == ".parquet":
        table.write_parquet(out)
    else:
        raise Problem(f"{out}: write to a file that ends in .csv, .jsonl or .parquet.")
    return out


def told(messages: list[str]) -> None:
    """What was wrong in a delivered file, on standard error."""
    for message in messages:
        typer.echo(message, err=True)


def day(text: str, option: str) -> date:
    """An option as a day; Problem for what is none."""
    from records import Problem

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem(f"{option} {text}: not a day; write it as 2026-11-20.") from None


def _period(lake: Lake, week: str | None, since: str | None, until: str | None) -> Period:
    from insight.planning import newest_week
    from insight.sampling import Period
    from records import Problem

    if not since:
        if until:
            raise Problem("--until goes with --since.")
        return Period.week(week) if week else newest_week(lake)
    if week:
        raise Problem("Give --week or --since, not both.")
    period = Period(day(since, "--since"), day(until or since, "--until"))
    if period.days < 1:
        raise Problem(f"--until {until} is before --since {since}.")
    return period


def _agents(file: Path | None) -> pl.DataFrame | None:
    from insight import delivered

    if file is None:
        return None
    got = delivered.read(file, delivered.AGENTS)
    told(got.messages())
    return got.rows


def _scores(database: Database | None, period: Period) -> pl.DataFrame | None:
    from review import planned

    return None if database is None else planned.scores(database, period)


def _verify(lake: Lake, plan: Plan) -> None:
    from insight.planning import drawn_again

    same_calls, same_draw = drawn_again(lake, plan)
    if same_draw:
        typer.echo(f"Plan {plan.name}, seed {plan.seed}: drawn again, the {len(plan.random)} random calls are the same"
                   + ("." if same_calls else ", though calls came or changed since."))
        return
    typer.echo(f"Plan {plan.name}, seed {plan.seed}: drawn again, the random calls are not the same. " + (
        "The calls are those it was drawn from: somebody changed the plan." if same_calls else
        "Calls came, went or changed their agent since, so it cannot be drawn again from what is there now."), err=True)
    raise typer.Exit(1)


def _show(plan: Plan) -> None:
    import polars as pl

    from insight.planning import unnamed

    drawn = plan.random
    rows = [[row["agent_id"] or "–", row["agent_name"] or "", row["team"] or "", str(row["calls"]), str(row["quota"]),
             f"{row['quota'] / row['calls']:.0%}", ", ".join(WHY[one] for one in row["why"])] for row in plan.quotas.iter_rows(named=True)]
    table(["agent", "name", "team", "calls", "to hear", "chance", "more, because"], rows, numbers=(3, 4, 5))
    risk, line = (plan.calls.filter(pl.col("picked") == one) for one in ("risk", "line"))
    typer.echo(f"\n{plan.name}: {len(drawn)} of {plan.quotas['calls'].sum()} calls by chance; apart from them {len(risk)} by risk"
               + (f" ({plan.calls['risky'].sum() - len(risk)} more of the riskiest are in the sample)" if plan.calls["risky"].any() else "")
               + (f" and {len(line)} of lines that chance left out: {', '.join(line['line'])}" if len(line) else ""))
    hours = drawn.group_by("hour").agg(pl.len()).sort("hour")
    typer.echo("Hours: " + " ".join(f"{'?' if hour < 0 else hour}h {count}" for hour, count in hours.iter_rows()))
    if "monitor" in plan.calls.columns and plan.calls["monitor"].drop_nulls().len():
        shares = plan.calls.group_by("monitor", "check_on").agg(pl.len())
        typer.echo(f"Monitors: {plan.calls['monitor'].n_unique()}, {shares['len'].min()} to {shares['len'].max()} calls a day from "
                   f"{plan.calls['check_on'].min()} to {plan.calls['check_on'].max()}")
    typer.echo(f"Seed {plan.seed}, drawn from calls with SHA-256 {plan.population[:16]}…: both give this plan again.")
    if nobody := unnamed(plan):
        typer.echo(f"{nobody} calls name no agent; give agent_id in the manifest, then run again.", err=True)


def _show_coverage(plan: Plan, kept: bool, database: Database | None) -> None:
    from insight import planning

    cards = _cards(plan, database)
    today = date.today()
    rows = planning.coverage(plan, cards, kept)
    short = rows.filter(rows["short"] > 0)
    table(["agent", "name", "team", "calls", "to hear", "heard", "short", "risk heard"],
          [[row["agent_id"] or "–", row["agent_name"] or "", row["team"] or "", *(str(row[name]) for name in ("calls", "quota", "heard", "short")),
            f"{row['risk_heard']}/{row['risk']}"] for row in rows.iter_rows(named=True)], numbers=(3, 4, 5, 6, 7))
    if not kept:
        typer.echo(f"\nNo plan is kept for {plan.name}: counted against what one drawn now would ask for.", err=True)
    typer.echo(f"\n{plan.name}: {rows['heard'].sum()} of {rows['quota'].sum()} heard; {len(short)} of {len(rows)} agents are short, "
               f"together by {short['short'].sum()}.")
    for row in planning.monitors(plan, cards, today).iter_rows(named=True) if kept else ():
        typer.echo(f"{row['monitor']}: {row['heard']} of {row['planned']} heard" + (f", {row['overdue']} overdue" if row["overdue"] else ""))


def _show_estimates(plan: Plan, kept: bool, database: Database | None) -> None:
    from insight import reviewed
    from insight.judging import estimates_of
    from records import Problem

    if not kept:
        raise Problem(f"No plan is kept for {plan.name}, so no chances are known: `tingjian sample --keep` keeps one.")
    items = None
    if database is not None:
        with database.reading() as session:
            items = reviewed.items(session, plan.first, plan.last)
    rows = estimates_of(plan, _cards(plan, database), items)

    def written(one: Any, percent: bool) -> str:
        if one.value is None:
            return "–"
        layout = "{:.1%}" if percent else "{:.1f}"
        ends = "" if one.low is None else f" [{layout.format(one.low)} – {layout.format(one.high)}]"
        return layout.format(one.value) + ends
    table(["of all calls", "estimate, 95 % interval", "from calls", "random calls alone", "from"],
          [[row.what[1], written(row.whole, row.percent), str(row.whole.calls), written(row.random, row.percent), str(row.random.calls)]
           for row in rows], numbers=(2, 4))
    if not rows[0].whole.calls:
        typer.echo(f"\n{plan.name}: nothing can be said of all calls yet; calls of the random sample and, where there are any, risk-picked "
                   "ones must be heard and published first (--coverage says whose).")
        return
    typer.echo(f"\n{plan.name}: estimates weigh each heard call by its chance, risk-picked ones by 1, so choosing these biases nothing.")


def _cards(plan: Plan, database: Database | None) -> pl.DataFrame:
    import polars as pl

    from insight import reviewed

    if database is None:
        return pl.DataFrame(schema=reviewed.CARDS)
    with database.reading() as session:
        return reviewed.cards(session, plan.first, plan.last)


def _into_queue(plan: Plan, database: Database | None) -> None:
    from review import planned

    if database is None:
        typer.echo("There is no review database yet; the queue will follow the plan when `tingjian review` first fills it.", err=True)
        return
    random, risk = planned.into_queue(database, plan, "tingjian")
    typer.echo(f"In the queue {random} calls are now marked random and {risk} risk-picked; what is begun or reviewed stays as it was. "
               "Calls that are not there yet follow the plan when they come in.", err=True)


def table(headings: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> None:
    """A table on standard output, `numbers` being the columns set right."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for position, heading in enumerate(headings):
        number = position in numbers
        shown.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        shown.add_row(*row)
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:                     # a file or a pipe is as wide as the table
        out = Console(highlight=False, markup=False, width=max(shown.__rich_measure__(out, out.options.update(width=1000)).maximum, 1))
    out.print(shown)

