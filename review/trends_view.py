"""What `tingjian trends` found, brought to words and numbers once for the terminal, the page, the workbook and the picture."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from insight.rising import Rise
from insight.trends import Period, Question, end_of
from review.trend_words import say
from review.wording import Language

SPARKS = "▁▂▃▄▅▆▇█"
MOST_ROWS = 15          # of an overview in the terminal
COLOURS = {"up": "red", "down": "green", "same": "", "few": "dim", "first": "dim"}
Say = Callable[[str], str]


@dataclass(frozen=True)
class Study:
    """One thing followed over time: the table of insight.trends.trend and what it comes with. `names` by agent id."""

    title: str
    question: Question
    table: pl.DataFrame
    together: pl.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Overview:
    """All rules in one period against the one before, and the phrases that rose."""

    period: Period
    begin: date
    changes: pl.DataFrame
    rises: Sequence[tuple[str, Sequence[Rise]]]     # (who, phrases)
    titles: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)


def period_name(begin: date, period: Period) -> str:
    """2026-11-20, 2026-11-16/22, 2026-11."""
    if period == "day":
        return begin.isoformat()
    return f"{begin:%Y-%m}" if period == "month" else f"{begin}/{begin + timedelta(days=6):%m-%d}"


def group_name(group: str | None, names: Mapping[str, str], language: Language) -> str:
    if group is None:
        return say("not_told", language)
    name = names.get(group)
    return f"{name} {group}" if name else group


def times(row: Mapping[str, Any], language: Language) -> str:
    """×2.5, "new" for what was not there at all before, nothing for what was not compared."""
    if row["ratio"] is None:
        return ""
    if row["with_before"] == 0:
        return say("new", language) if row["with_it"] else ""
    return f"×{row['with_it'] / row['calls'] / (row['with_before'] / row['calls_before']):.2f}"


def figure(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def sure(value: float | None) -> str:
    """A q as read: <0.001 for the smallest."""
    return "" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def chart(study: Study, language: Language) -> dict[str, Any]:
    """What static/trends.js draws: a series a group, the groups with most calls first, of as many by name, a point a period (None without calls)."""
    table, period = study.table, study.question.period
    periods = sorted(set(table["period"]))
    series = []
    for (group,), rows in sorted(table.group_by("group"), key=lambda one: (-int(one[1]["calls"].sum()), str(one[0][0] or ""))):
        by_period = {row["period"]: row for row in rows.iter_rows(named=True)}
        series.append({"name": group_name(str(group) if group is not None else None, study.names, language) or study.title, "group": group,
                       "points": [_point(by_period.get(begin), language) for begin in periods]})
    return {"title": study.title, "periods": [period_name(begin, period) for begin in periods],
            "begins": [begin.isoformat() for begin in periods], "ends": [end_of(begin, period).isoformat() for begin in periods],
            "series": series, "unit": say("per_thousand", language),
            "words": {word: say(word, language) for word in ("calls", "with_it", "interval", "before", "ratio", "q", "examples", "partial",
                                                             "up", "down", "same", "few")}}


def _point(row: Mapping[str, Any] | None, language: Language) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"value": round(row["per_thousand"], 2), "low": round(row["low"], 2), "high": round(row["high"], 2), "calls": row["calls"],
            "with_it": row["with_it"], "before": row["before"] if row["before"] is None else round(row["before"], 2),
            "times": times(row, language), "q": sure(row["q"]), "change": row["change"], "partial": row["partial"],
            "examples": list(row["examples"])}


def study_rows(study: Study, language: Language, latest: bool = False) -> list[dict[str, Any]]:
    """The table as people read it, the newest period first; with `latest` that one alone, what changed first."""
    table = study.table
    if latest and not table.is_empty():
        table = table.filter(pl.col("period") == table["period"].max())
    rank = pl.col("change").replace_strict({"up": 0, "down": 1, "same": 2, "few": 3}, return_dtype=pl.Int8)
    ordered = table.sort("period", rank, "per_thousand", descending=[True, False, True])
    return [_row(row, study.question.period, study.names, language) for row in ordered.iter_rows(named=True)]


def _row(row: Mapping[str, Any], period: Period, names: Mapping[str, str], language: Language) -> dict[str, Any]:
    return {"begin": row["period"], "end": end_of(row["period"], period), "period": period_name(row["period"], period), "key": row["group"],
            "group": group_name(row["group"], names, language), "calls": row["calls"], "with_it": row["with_it"], "hits": row["hits"],
            "per_thousand": figure(row["per_thousand"]), "interval": f"{row['low']:.1f}–{row['high']:.1f}",
            "hits_a_call": figure(row["hits_a_call"], 2), "before": figure(row["before"]), "ratio": times(row, language), "h": figure(row["h"], 2),
            "q": sure(row["q"]), "change": row["change"] if row["calls_before"] else "first", "partial": row["partial"],
            "examples": list(row["examples"])}


def changed_rows(overview: Overview, language: Language) -> list[dict[str, Any]]:
    """The overview's rows with the rule's title, what changed first."""
    return [_row(row, overview.period, overview.names, language) | {"rule": row["rule"], "title": overview.titles.get(row["rule"], row["rule"])}
            for row in overview.changes.iter_rows(named=True)]


def spark(values: Iterable[float | None]) -> str:
    """A line of blocks, a block a period; a gap where there are no calls."""
    told = list(values)
    top = max((one for one in told if one is not None), default=0.0) or 1.0
    return "".join(" " if one is None else SPARKS[min(int(one / top * 8), 7)] for one in told)


@dataclass(frozen=True)
class Fitting:
    """A table for the terminal: columns as (name, heading, right-aligned), and `spare` names of those that are left out, one after
    the other, until it fits. A number cut to 1.0… says something else, and a call id that is cut can be opened nowhere."""

    columns: Sequence[tuple[str, str, bool]]
    rows: Sequence[Sequence[str | Text]]
    spare: Sequence[str] = ("h", "hits_a_call", "z", "interval", "before", "course", "with_it", "then", "variants")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self._without(())
        for number in range(1, len(self.spare) + 1):
            if table.__rich_measure__(console, options.update(width=1000)).maximum <= options.max_width:
                break
            table = self._without(self.spare[:number])
        yield table

    def _without(self, names: Sequence[str]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        kept = [at for at, (name, _, _) in enumerate(self.columns) if name not in names]
        for at in kept:
            name, heading, right = self.columns[at]
            table.add_column(heading, justify="right" if right else "left", no_wrap=name != "rule", overflow="fold")
        for row in self.rows:
            table.add_row(*(row[at] for at in kept))
        return table


def study_terminal(study: Study, language: Language) -> RenderableType:
    """A row a period, or where grouped a row a group of the latest period with its course as blocks."""
    grouped = study.question.by is not None
    span, word = study.question.span, lambda name: say(name, language)
    head = f"{study.title} · {span.since} – {span.until} · {word(study.question.period)}"
    if study.table.is_empty():
        return Lines(Text(head, style="bold"), word("no_calls_there"))
    if not grouped:
        head += "  " + spark(study.table.sort("period")["per_thousand"].to_list())
    columns = ["group", "course"] if grouped else ["period"]
    heads = [(name, "" if name == "course" else word(name), name not in (*columns, "change", "examples")) for name in [
        *columns, "calls", "with_it", "per_thousand", "interval", "hits_a_call", "before", "ratio", "h", "q", "change", "examples"]]
    rows: list[list[str | Text]] = []
    courses = {row["group"]: "" for row in study.table.iter_rows(named=True)}
    periods = sorted(set(study.table["period"]))
    for group in courses:
        own = dict(study.table.filter(pl.col("group").eq_missing(pl.lit(group, dtype=pl.String))).select("period", "per_thousand").iter_rows())
        courses[group] = spark(own.get(begin) for begin in periods)
    for row in study_rows(study, language, latest=grouped):
        first = [row["group"], courses[row["key"]]] if grouped else [row["period"] + (f" {word('partial')}" if row["partial"] else "")]
        rows.append([*first, f"{row['calls']:,}", f"{row['with_it']:,}", row["per_thousand"], row["interval"], row["hits_a_call"], row["before"],
                     row["ratio"], row["h"], row["q"], Text(word(row["change"]), style=COLOURS[row["change"]]), " ".join(row["examples"][:1])])
    parts: list[RenderableType] = [Text(head, style="bold"), Fitting(heads, rows), Text(word("trend_note"), style="dim")]
    if not study.together.is_empty():
        parts += [Text(""), Text(word("together"), style="bold"), _together(study.together, language), Text(word("lift_note"), style="dim")]
    return Lines(*parts)


def _together(found: pl.DataFrame, language: Language) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("together", "calls", "share", "usual", "lift", "interval"):
        table.add_column("" if name == "together" else say(name, language), justify="left" if name == "together" else "right")
    for row in together_rows(found, language):
        table.add_row(*row)
    return table


def together_rows(found: pl.DataFrame, language: Language) -> list[tuple[str, ...]]:
    return [(say(row["outcome"], language), f"{row['calls']:,}", *("" if row[name] is None else f"{row[name]:.1%}" for name in ("share", "usual")),
             figure(row["lift"], 2), "" if row["lift"] is None else f"{row['lift_low']:.2f}–{row['lift_high']:.2f}")
            for row in found.iter_rows(named=True)]


def overview_terminal(overview: Overview, language: Language) -> RenderableType:
    """What changed, at most MOST_ROWS rows, then the phrases that rose."""
    def word(name: str) -> str:
        return say(name, language)
    parts: list[RenderableType] = [Text(f"{word('what_changed')} · {period_name(overview.begin, overview.period)}", style="bold")]
    rows = changed_rows(overview, language)
    changed = [row for row in rows if row["change"] in ("up", "down")]
    shown = changed[:MOST_ROWS] or rows[:5]
    if not changed:
        parts.append(word("nothing_changed"))
    grouped = any(row["group"] for row in rows)
    left = ["rule", *(["group"] if grouped else [])]
    heads = [(name, word(name), name not in (*left, "change", "examples"))
             for name in [*left, "calls", "with_it", "per_thousand", "before", "ratio", "q", "change", "examples"]]
    parts.append(Fitting(heads, [
        [f"{row['title']} {row['rule']}", *([row["group"]] if grouped else []), f"{row['calls']:,}", f"{row['with_it']:,}", row["per_thousand"],
         row["before"], row["ratio"], row["q"], Text(word(row["change"]), style=COLOURS[row["change"]]), " ".join(row["examples"][:1])] for row in shown]))
    if len(rows) > len(shown):
        parts.append(Text(word("more_rows").format(len(rows) - len(shown)), style="dim"))
    for who, rises in overview.rises:
        parts += [Text(""), Text(f"{word('rising')} · {word(f'said_by_{who}')}", style="bold"), _rises(rises, language) if rises else word("no_rise")]
    return Lines(*parts, Text(word("rising_note"), style="dim"))


def _rises(rises: Sequence[Rise], language: Language) -> Fitting:
    heads = [(name, say(name, language), name not in ("phrase", "variants", "examples"))
             for name in ("phrase", "now", "then", "ratio", "z", "q", "variants", "examples")]
    return Fitting(heads, [[row["phrase"], row["now"], row["then"], row["ratio"], row["z"], row["q"], "、".join(row["variants"][:3]),
                            " ".join(row["examples"][:1])] for row in rise_rows(rises, language)])


def rise_rows(rises: Sequence[Rise], language: Language) -> list[dict[str, Any]]:
    return [{"phrase": one.phrase, "now": f"{one.now:,} / {one.calls_now:,}", "then": f"{one.before:,} / {one.calls_before:,}",
             "ratio": say("new", language) if one.times is None else f"×{one.times:.1f}", "z": figure(one.z), "q": sure(one.q),
             "variants": list(one.variants), "examples": list(one.examples)} for one in rises]
