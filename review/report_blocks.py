"""A report as blocks in the reader's language: figures, charts, tables. The page, the workbook and the PDF are made of the same blocks."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from insight.reporting import PERIODS, Figures, Report
from review.trend_words import say
from review.trends_view import figure, group_name, rise_rows, sure, times
from review.wording import Language, moment


@dataclass(frozen=True)
class Numbers:
    """The main figures: (name, value, what it was before and when that was)."""

    rows: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Volume:
    """Calls as bars and their mean score as a line."""

    title: str
    names: Sequence[str]
    calls: Sequence[int]
    scores: Sequence[float | None]
    words: Mapping[str, str]


@dataclass(frozen=True)
class Bars:
    """Bars lying, the largest on top."""

    title: str
    names: Sequence[str]
    values: Sequence[float]
    unit: str


@dataclass(frozen=True)
class Grid:
    """A table: columns as (heading, relative width, whether numbers); cells are text, or numbers for the workbook. Cells of the columns
    `calls` are call ids. `empty` stands instead of no rows."""

    title: str
    columns: Sequence[tuple[str, float, bool]]
    rows: Sequence[Sequence[Any]]
    calls: frozenset[int] = frozenset()
    note: str = ""
    empty: str = ""


Block = Numbers | Volume | Bars | Grid


@dataclass(frozen=True)
class Told:
    """A report ready to be rendered."""

    title: str
    subtitle: str
    note: str
    blocks: Sequence[Block]


def blocks(report: Report, titles: Mapping[str, str], coach: Mapping[str, str], names: Mapping[str, str], language: Language) -> Told:
    """`titles` and `coach` by rule, `names` by agent id."""
    def word(name: str) -> str:
        return say(name, language)
    period = PERIODS[report.kind]
    scope = "、".join(group_name(value, names, language) for _, value in report.only) or word("centre")
    made: list[Block] = [Numbers(_numbers(report.figures, report.before, word, "vs_week_ago" if report.kind == "daily" else "vs_before"))]
    if report.kind == "daily":
        made.append(_to_act(report, word, language))
    course = report.course
    made.append(Volume(word("volume"), [f"{begin:%Y-%m}" if period == "month" else f"{begin:%m-%d}" for begin in course["period"]], course["calls"].to_list(),
                       [None if score is None else round(score, 1) for score in course["mean_score"]], {"calls": word("calls"), "score": word("mean_score")}))
    if not report.problems.is_empty():
        worst = [titles.get(rule, rule) for rule in report.problems["rule"]]
        made.append(Bars(f"{word('worst_items')}（{word('per_thousand')}）" if language == "zh" else f"{word('worst_items')}, {word('per_thousand').lower()}",
                         worst, [round(value, 1) for value in report.problems["per_thousand"]], word("per_thousand")))
        made.append(_problems(report, titles, coach, word, language))
    if report.rises:
        made.append(Grid(f"{word('rising')} · {word('said_by_customer')}", [(word("phrase"), 2.2, False), (word("now"), 1.2, True), (word("then"), 1.2, True),
                    (word("ratio"), 0.8, True), (word("q"), 0.7, True), (word("variants"), 3, False), (word("examples"), 1.8, False)],
                    [(row["phrase"], row["now"], row["then"], row["ratio"], row["q"], between(language).join(row["variants"][:4]), row["examples"][:1])
                     for row in rise_rows(report.rises, language)], frozenset({6}), word("rising_note")))
    if report.groups_by and not report.groups.is_empty():
        made.append(_groups(report, names, titles, word, language))
    made.append(Grid(word("bands"), [(headed(word("band")), 2, False), (word("calls"), 1, True), (word("share"), 1, True)],
                     [(word(band), number, f"{number / max(sum(report.bands.values()), 1):.1%}") for band, number in report.bands.items()]))
    first, last = report.span
    return Told(f"{word(report.kind)} · {scope}", first if first == last else f"{first} – {last}", word("draft_based"), made)


def _numbers(now: Figures, before: Figures, word: Callable[[str], str], when: str) -> list[tuple[str, str, str]]:
    rows = [("calls", f"{now.calls:,}", f"{before.calls:,}"), ("mean_score", figure(now.mean_score), figure(before.mean_score)),
            ("low_share", _share(now.low_share), _share(before.low_share)), ("fatal_calls", f"{now.fatal:,}", f"{before.fatal:,}"),
            ("complaint_calls", f"{now.complaints:,}", f"{before.complaints:,}"), ("mean_talk", figure(now.mean_talk, 0), figure(before.mean_talk, 0))]
    return [(word(name), value, f"{word(when)} {earlier or '–'}" if before.calls else "") for name, value, earlier in rows]


def between(language: Language) -> str:
    """What stands between things told one after the other."""
    return "、" if language == "zh" else ", "


def headed(word: str) -> str:
    """A word of running text as the heading of a column."""
    return word[:1].upper() + word[1:]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _to_act(report: Report, word: Callable[[str], str], language: Language) -> Grid:
    rows = [([row["call_id"]], moment(row["started_at"]), f"{row['agent_name'] or ''} {row['agent_id'] or ''}".strip(), row["team"] or "", row["score"],
             between(language).join(word(reason) for reason in row["reasons"])) for row in report.to_act.iter_rows(named=True)]
    return Grid(word("to_act"), [(headed(word("call_id")), 2, False), (headed(word("started_at")), 1.9, False), (word("agent"), 2, False), (word("team"), 1, False),
                                 (headed(word("score")), 0.9, True), (word("why"), 3, False)], rows, frozenset({0}), "", word("none_to_act"))


def _problems(report: Report, titles: Mapping[str, str], coach: Mapping[str, str], word: Callable[[str], str], language: Language) -> Grid:
    rows = []
    for row in report.problems.iter_rows(named=True):
        change = row["change"] if row["calls_before"] else "first"
        rows.append((titles.get(row["rule"], row["rule"]), row["with_it"], round(row["per_thousand"], 1), None if row["before"] is None else round(row["before"], 1), times(row, language),
                     word(change), coach.get(row["rule"], ""), list(row["examples"])[:1]))
    return Grid(word("common"), [(word("problem"), 2, False), (word("with_it"), 0.9, True), (word("per_thousand"), 1, True), (word("before"), 1.1, True),
                                 (word("ratio"), 0.8, True), (word("change"), 1.2, False), (word("say_instead"), 3.6, False), (word("examples"), 1.7, False)],
                rows, frozenset({7}), word("change_note"))


def _groups(report: Report, names: Mapping[str, str], titles: Mapping[str, str], word: Callable[[str], str], language: Language) -> Grid:
    needs = {row["group"]: row for row in report.needs.iter_rows(named=True)} if not report.needs.is_empty() else {}
    rows = []
    for row in report.groups.iter_rows(named=True):
        need = needs.get(row["group"])
        rows.append((group_name(row["group"], names if report.groups_by == "agent" else {}, language), row["calls"],
                     None if row["mean_score"] is None else round(row["mean_score"], 1), _share(row["low_share"]), row["fatal"] or 0, None if row["mean_talk"] is None else round(row["mean_talk"]),
                     f"{titles.get(need['rule'], need['rule'])} ×{need['ratio']:.1f} (q {sure(need['q'])})" if need else "", need["examples"][:1] if need else []))
    return Grid(word(f"by_{report.groups_by}"), [(word(report.groups_by or ""), 1.7, False), (word("calls"), 0.9, True), (word("mean_score"), 1.2, True),
                (word("low_share"), 1, True), (word("fatal_calls"), 1, True), (word("mean_talk"), 1.4, True),
                (f"{word('top_problem')}（{word('times_of_centre')}）" if language == "zh" else f"{word('top_problem')} ({word('times_of_centre').lower()})", 3.2, False),
                (word("examples"), 1.7, False)], rows, frozenset({7}))


def names_of(report: Report) -> dict[str, str]:
    """Agents' names by id, as far as the report has them."""
    frames = [frame for frame in (report.groups if report.groups_by == "agent" else pl.DataFrame(),) if not frame.is_empty()]
    return {group: name for frame in frames for group, name in frame.select("group", "name").iter_rows() if group and name}
