"""`tingjian report`: the daily, weekly and monthly report, written where people and the scheduled flow look for them."""
from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from review.commands import English, Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from insight.reporting import Kind
    from insight.wanted import By
    from review.wording import Language
    from store.lake import Lake


def report(
    kind: Annotated[str, typer.Argument(help="daily (what to act on tomorrow), weekly (common problems, for all, no names) or monthly")],
    workspace: Workspace,
    team: Annotated[str | None, typer.Option(help="For this team; else for the centre")] = None,
    agent: Annotated[str | None, typer.Option(help="For this agent, by id")] = None,
    day: Annotated[str | None, typer.Option("--date", help="A day of the period; else the last period that is over")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Directory; else `reports` in the workspace")] = None,
    formats: Annotated[str, typer.Option("--formats", help="Which of html,xlsx,pdf")] = "html,xlsx,pdf",
    workbench: Annotated[str | None, typer.Option(help="Address of the workbench, so that the page's calls open there")] = None,
    english: English = False,
) -> None:
    """A report as HTML, Excel and PDF; prints the files that it wrote."""
    from records import Problem
    from review.commands import _language
    from store.lake import Lake

    if kind not in ("daily", "weekly", "monthly"):
        raise Problem(f"There is no {kind} report; write daily, weekly or monthly.")
    if team and agent:
        raise Problem("Name --team or --agent, not both.")
    try:
        when = date.fromisoformat(day) if day else None
    except ValueError:
        raise Problem(f"--date {day}: not a day; write it as 2026-11-20.") from None
    asked = [one.strip() for one in formats.split(",") if one.strip()]
    lake = Lake.open(workspace)
    for file in write_report(lake, kind, out or lake.root / "reports", team, agent, when, _language(english), asked, workbench or ""):
        typer.echo(file)


def write_report(lake: Lake, kind: Kind, out: Path, team: str | None = None, agent: str | None = None, day: date | None = None,
                 language: Language = "zh", formats: Sequence[str] = ("html", "xlsx", "pdf"), workbench: str = "") -> list[Path]:
    """Writes `daily-2026-11-22.pdf`, for a team `daily-2026-11-22-team-B2.pdf`, in English `…-en.pdf`; gives the paths.

    An older report of the same period is replaced. Problem where there are no calls or the directory cannot be written."""
    from insight.reporting import report as reported
    from records import Problem
    from review import report_files
    from review.commands import _write
    from review.handbook import Handbook
    from review.page import file_name
    from review.report_blocks import blocks, names_of
    from review.trend_words import say
    from review.trends import _rules, hidden
    from store import exported

    if wrong := sorted(set(formats) - set(report_files.FORMATS)):
        raise Problem(f"--formats {','.join(wrong)}: write html, xlsx, pdf or several of them with commas.")
    handbook, checks = Handbook.of(_rules().values()), _checks()
    only: tuple[tuple[By, str], ...] = (("team", team),) if team else (("agent", agent),) if agent else ()
    found = reported(lake, kind, checks, hidden, day, only)
    names = names_of(found) | (_name_of(lake, agent) if agent else {})
    told = blocks(found, handbook.titles, handbook.coach, names, language)
    made = f"{say('made_at', language)} {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    stem = "-".join([kind, found.span.since, *(file_name(f"{by}-{value}") for by, value in only), *(["en"] if language == "en" else [])])
    address = f"{workbench.rstrip('/')}/calls/" if workbench else ""
    made_of = {"html": lambda: report_files.html(told, language, made, address).encode(), "xlsx": lambda: report_files.workbook(told, language),
               "pdf": lambda: report_files.pdf(told, language, made)}
    written = []
    for one in report_files.FORMATS:
        if one in formats:
            _write(out / f"{stem}.{one}", made_of[one]())
            exported.note(lake.root, "file", out / f"{stem}.{one}")
            written.append(out / f"{stem}.{one}")
    return written


def _checks() -> list[str]:
    """The rules that can be broken; what is only noted or deprecated is no problem."""
    from review.trends import _rules

    return [rule.id for rule in _rules().values() if rule.kind in ("check", "taboo") and rule.status == "stable"]


def _name_of(lake: Lake, agent: str) -> dict[str, str]:
    import polars as pl

    told = lake.rows("calls").filter(pl.col("agent_id") == agent, pl.col("agent_name").is_not_null()).select("agent_name").tail(1).collect()
    return {agent: told["agent_name"][0]} if told.height else {}
