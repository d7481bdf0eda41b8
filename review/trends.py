"""`tingjian trends`: what gets better or worse. It stands here because it brings together questions (insight), masking (pipeline)
and what people look at."""
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from review.commands import English, Workspace

if TYPE_CHECKING:
    from insight.trends import Period
    from insight.wanted import By, Span, Wanted, Who
    from review.trends_view import Overview, Study
    from rules.schema import Rule
    from store.lake import Lake

Only = tuple[tuple["By", str], ...]
PIPED = 240             # columns where the output has no width of its own
MOST_NAMED = 12
BEFORE = {"day": 14, "week": 4, "month": 3}         # periods that phrases are compared with


def trends(
    workspace: Workspace,
    rule: Annotated[list[str] | None, typer.Option(help="A rule by id, such as taboo.refusal; may stand several times")] = None,
    phrase: Annotated[list[str] | None, typer.Option(help="Words said, in the language of rule files: 我要投诉, {退订|取消}…套餐")] = None,
    lexicon: Annotated[list[str] | None, typer.Option(help="A file with a phrase a line, or a rule's phrases: taboo.refusal, closing.thanks:PART")] = None,
    by: Annotated[str | None, typer.Option(help="A line each: team, agent, line or tier")] = None,
    period: Annotated[str, typer.Option(help="day, week or month")] = "week",
    since: Annotated[str | None, typer.Option(help="First day, 2026-11-20; else the last 30 days, 12 weeks or 12 months")] = None,
    until: Annotated[str | None, typer.Option(help="Last day; else the last with calls")] = None,
    who: Annotated[str, typer.Option(help="Whose words count for phrases: agent, customer or any")] = "any",
    by_sound: Annotated[bool, typer.Option("--by-sound", help="Also what sounds like the phrase, as recognisers mishear it")] = False,
    team: Annotated[str | None, typer.Option(help="Only this team's calls")] = None,
    agent: Annotated[str | None, typer.Option(help="Only this agent's calls, by id")] = None,
    line: Annotated[str | None, typer.Option(help="Only this business line's calls")] = None,
    tier: Annotated[str | None, typer.Option(help="Only calls of customers of this tier")] = None,
    html: Annotated[Path | None, typer.Option(help="Also a page with charts to this file")] = None,
    excel: Annotated[Path | None, typer.Option(help="Also a workbook")] = None,
    parquet: Annotated[Path | None, typer.Option(help="Also the numbers as Parquet")] = None,
    png: Annotated[Path | None, typer.Option(help="Also the chart as a picture; of several the first")] = None,
    workbench: Annotated[str | None, typer.Option(help="Address of the workbench, so that the page's calls open there")] = None,
    english: English = False,
) -> None:
    """A rule, a phrase or a lexicon over time; without any: which rules changed in the last period, and which phrases rose."""
    import sys

    from rich.console import Console

    from review import trends_page
    from review.commands import _language, _write
    from review.trend_words import say
    from review.trends_view import chart, overview_terminal, period_name, study_terminal
    from store import exported
    from store.lake import Lake

    lake, language = Lake.open(workspace), _language(english)
    every, split, speaker = _period(period), _by(by), _who(who)
    only: Only = tuple((name, value) for name, value in zip(("team", "agent", "line", "tier"), (team, agent, line, tier), strict=True) if value)  # type: ignore[misc]
    rules = _rules()
    wanted = asked(rules, rule or [], phrase or [], lexicon or [], speaker, by_sound)
    if png and not wanted:
        _refuse("--png draws a rule, a phrase or a lexicon; name one.")
    from insight.trends import span_of

    span = span_of(lake, every, since, until)
    _there(lake, span, only)
    studies = [study(lake, one, span, every, split, only) for one in wanted]
    overview = None if wanted else overview_of(lake, rules, every, span, split, only, _speakers(speaker))
    title = "、".join(one.title for one in wanted) or say("what_changed", language)
    told = f"{span.since} – {span.until} · {say(every, language)} · {workspace}"
    if overview:
        told = f"{period_name(overview.begin, every)} · {workspace}"
    if html:
        address = f"{workbench.rstrip('/')}/calls/" if workbench else ""
        _write(html, trends_page.page(title, told, studies, overview, language, address).encode())
    if excel:
        _write(excel, trends_page.workbook(studies, overview, language))
    if parquet:
        _write(parquet, trends_page.parquet(studies, overview))
    if png:
        from review.picture import trend_png

        _write(png, trend_png(chart(studies[0], language)))
    for path in (html, excel, parquet):
        if path:
            exported.note(lake.root, "file", path)
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:
        out = Console(highlight=False, markup=False, width=PIPED, file=sys.stdout)
    for one in studies:
        out.print(study_terminal(one, language))
    if overview:
        out.print(overview_terminal(overview, language))


def asked(rules: dict[str, Rule], by_id: Sequence[str], phrases: Sequence[str], lexicons: Sequence[str], who: Who, by_sound: bool) -> list[Wanted]:
    """What was named on the command line or the page, each a study of its own; Problem for a rule that there is not."""
    from difflib import get_close_matches

    from insight.wanted import Wanted, lexicon, patterns

    for one in by_id:
        if one not in rules and not one.startswith("voice."):
            near = get_close_matches(one, rules, n=3, cutoff=0.4)
            _refuse(f"There is no rule {one}.{f' Near it: {chr(44).join(near)}.' if near else ''} `tingjian rules list` has them all.")
    found = [Wanted(rules[one].title if one in rules else one, rules=(one,)) for one in by_id]
    found += [Wanted(f"“{one}”", phrases=(one,), who=who, by_sound=by_sound) for one in phrases]
    found += [Wanted(one, phrases=lexicon(one, dict(rules)), who=who, by_sound=by_sound) for one in lexicons]
    for one in found:
        if one.phrases:
            patterns(one.phrases, one.by_sound)
    return found


def study(lake: Lake, wanted: Wanted, span: Span, period: Period, by: By | None, only: Only) -> Study:
    from insight.trends import Question, agent_names, together, trend
    from review.trends_view import Study

    question = Question(wanted, span, period, by, only)
    return Study(wanted.title, question, trend(lake, question), together(lake, question), agent_names(lake, span) if by == "agent" else {})


def overview_of(lake: Lake, rules: dict[str, Rule], period: Period, span: Span, by: By | None, only: Only, speakers: Sequence[Who],
                most_calls: int | None = None) -> Overview:
    """The last period that is over (else the last there is) against the one before, and the phrases that rose in it."""
    from datetime import date, timedelta

    from insight.rising import MOST_CALLS, rising
    from insight.trends import agent_names, begin_of, changes, days_there, end_of, last_over
    from insight.wanted import Span
    from review.trends_view import Overview

    last = date.fromisoformat(span.until)
    begin = last_over(days_there(lake), last, period)
    end = min(end_of(begin, period), last)
    first = begin
    for _ in range(BEFORE[period]):
        first = begin_of(first - timedelta(days=1), period)
    now, then = Span(begin.isoformat(), end.isoformat()), Span(first.isoformat(), (begin - timedelta(days=1)).isoformat())
    rises = [(who, rising(lake, now, then, hidden, who, only, most_calls=most_calls or MOST_CALLS)) for who in speakers]
    titles = {one.id: one.title for one in rules.values()}
    return Overview(period, begin, changes(lake, list(rules), period, begin, by, only, until=last), rises, titles,
                    agent_names(lake, now) if by == "agent" else {})


def hidden(texts: Sequence[str], speakers: Sequence[str], staff: Sequence[str], customers: Sequence[str]) -> list[str]:
    """A call's turns with personal data as stars, whatever the settings say: no customer's name may rise."""
    from pipeline.masking import mask_call

    return [turn.text for turn in mask_call(texts, speakers, staff, customers)]


def _there(lake: Lake, span: Span, only: Only) -> None:
    """Problem where no call is of the team, agent, line or tier that was named, with those that there are."""
    import polars as pl

    from insight.wanted import GROUPS

    calls = lake.rows("calls").filter(span.holds)
    if not only or calls.filter(pl.col(GROUPS[by]) == value for by, value in only).head(1).collect().height:
        return
    by, value = only[-1]
    others = calls.select(pl.col(GROUPS[by]).drop_nulls().unique().sort().head(MOST_NAMED)).collect().to_series().to_list()
    whom = ", ".join(f"{one} {named}" for one, named in only)
    _refuse(f"No calls of {whom} from {span.since} to {span.until}."
            + (f" By --{by} there are: {', '.join(others)}{' …' if len(others) == MOST_NAMED else ''}." if value not in others and others else ""))


def _rules() -> dict[str, Rule]:
    from settings import Settings

    return dict(_pack(Settings().scoring.rule_pack))


@cache
def _pack(directory: Path | None) -> dict[str, Rule]:
    from rules.pack import load

    return load(directory).rules


def _speakers(who: Who) -> tuple[Who, ...]:
    return ("customer", "agent") if who == "any" else (who,)


def _period(text: str) -> Period:
    if text not in ("day", "week", "month"):
        _refuse(f"--period {text}: write day, week or month.")
    return text  # type: ignore[return-value]


def _by(text: str | None) -> By | None:
    if text not in (None, "team", "agent", "line", "tier"):
        _refuse(f"--by {text}: write team, agent, line or tier.")
    return text  # type: ignore[return-value]


def _who(text: str) -> Who:
    if text not in ("agent", "customer", "any"):
        _refuse(f"--who {text}: write agent, customer or any.")
    return text  # type: ignore[return-value]


def _refuse(message: str) -> None:
    from records import Problem

    raise Problem(message)
