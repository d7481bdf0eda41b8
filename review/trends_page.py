"""Trends for other programs and people: one HTML file with its charts, a workbook, Parquet. The file asks the network for nothing."""
from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from markupsafe import Markup

from records import Problem
from review.page import environment
from review.trend_words import say
from review.trends_view import Overview, Study, changed_rows, chart, period_name, rise_rows, study_rows, together_rows
from review.wording import Language
from review.workbook import safe

HERE = Path(__file__).parent
ECHARTS = HERE / "web" / "node_modules" / "echarts" / "dist" / "echarts.common.min.js"
COLUMNS = {"period": 14, "rule": 28, "title": 22, "group": 18, "calls": 10, "with_it": 10, "hits": 10, "per_thousand": 12, "low": 10, "high": 10,
           "hits_a_call": 10, "before": 12, "ratio": 10, "ratio_low": 10, "ratio_high": 10, "h": 8, "p": 10, "q": 10, "change": 14, "examples": 44}
HEADS = {"low": ("区间下限", "Low"), "high": ("区间上限", "High"), "ratio_low": ("倍数下限", "Times, low"), "ratio_high": ("倍数上限", "Times, high")}


@cache
def echarts() -> Markup:
    """The charts' library, to stand in a page; Problem where it was never fetched."""
    try:
        return script(ECHARTS.read_text(encoding="utf-8"))
    except OSError as fault:
        raise Problem(f"{ECHARTS} is not there: `make install` fetches it by review/web/package-lock.json.") from fault


def script(text: str) -> Markup:
    """A script that stands in a page, whatever strings are in it."""
    return Markup(text.replace("</script", "<\\/script"))


@cache
def drawing() -> Markup:
    return script((HERE / "workbench" / "static" / "trends.js").read_text(encoding="utf-8"))


def page(title: str, subtitle: str, studies: Sequence[Study], overview: Overview | None, language: Language, calls: str = "") -> str:
    """The page as text; `calls` is an address that a call's id is put behind to open it, such as the workbench's /calls/."""
    parts = [{"title": one.title, "chart": chart(one, language), "rows": study_rows(one, language), "grouped": one.question.by is not None,
              "together": together_rows(one.together, language)} for one in studies]
    return environment().get_template("trends.html").render(
        title=title, subtitle=subtitle, studies=parts, overview=_overview(overview, language) if overview else None, calls=calls,
        lang="zh-CN" if language == "zh" else "en", say=lambda word: say(word, language), echarts=echarts() if parts else "", drawing=drawing())


def _overview(overview: Overview, language: Language) -> dict[str, Any]:
    rows = changed_rows(overview, language)
    changed = [row for row in rows if row["change"] in ("up", "down")]
    return {"rows": changed or rows, "changed": changed, "grouped": any(row["group"] for row in rows),
            "rises": [(who, rise_rows(rises, language)) for who, rises in overview.rises]}


def workbook(studies: Sequence[Study], overview: Overview | None, language: Language) -> bytes:
    """A sheet a study, numbers as numbers; text goes in as text, never as a formula."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    for number, one in enumerate(studies, 1):
        rows = [row | {"period": period_name(row["period"], one.question.period), "group": one.names.get(row["group"] or "", row["group"])}
                for row in one.table.sort("period", "group", descending=[True, False]).iter_rows(named=True)]
        _sheet(book, f"{say('trends', language)} {number}", [name for name in COLUMNS if name not in ("rule", "title")], rows, language)
    if overview:
        rows = [row | {"period": period_name(row["period"], overview.period), "title": overview.titles.get(row["rule"], row["rule"]),
                       "group": overview.names.get(row["group"] or "", row["group"])} for row in overview.changes.iter_rows(named=True)]
        _sheet(book, say("what_changed", language), list(COLUMNS), rows, language)
        for who, rises in overview.rises:
            told = [{"phrase": one.phrase, "now": one.now, "calls": one.calls_now, "then": one.before, "before": one.calls_before, "ratio": one.times,
                     "z": one.z, "q": one.q, "variants": list(one.variants), "examples": list(one.examples)} for one in rises]
            _sheet(book, f"{say('rising', language)} {say(f'said_by_{who}', language)}"[:31],
                   ["phrase", "now", "calls", "then", "before", "ratio", "z", "q", "variants", "examples"], told, language)
    book.close()
    return buffer.getvalue()


def _sheet(book: xlsxwriter.Workbook, name: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], language: Language) -> None:
    sheet = book.add_worksheet(name)
    heading = book.add_format({"bold": True, "bg_color": "#29434E", "font_color": "#FFFFFF"})
    number = book.add_format({"num_format": "#,##0.###"})
    for at, column in enumerate(columns):
        sheet.set_column(at, at, COLUMNS.get(column, 14))
        sheet.write_string(0, at, HEADS[column][language == "en"] if column in HEADS else say(column, language), heading)
    for line, row in enumerate(rows, 1):
        for at, column in enumerate(columns):
            value = row.get(column)
            if isinstance(value, list):
                value = "、".join(value)
            if isinstance(value, int | float):
                sheet.write_number(line, at, value, number)
            elif value is not None:
                sheet.write_string(line, at, safe(say(value, language) if column == "change" else str(value)))
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)


def parquet(studies: Sequence[Study], overview: Overview | None) -> bytes:
    """The numbers as they were worked out, `title` (and `rule`) saying of what."""
    frames = [one.table.with_columns(title=pl.lit(one.title)) for one in studies]
    if overview:
        frames.append(overview.changes.with_columns(
            title=pl.col("rule").replace_strict(dict(overview.titles), default=pl.col("rule"), return_dtype=pl.String)))
    buffer = io.BytesIO()
    pl.concat(frames, how="diagonal").write_parquet(buffer)
    return buffer.getvalue()
