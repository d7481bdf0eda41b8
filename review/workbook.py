"""Drafts as an Excel workbook: a summary, the items, the findings. Headings are Chinese, as those who read it are.

Nothing that was said or delivered is ever taken for a formula: text goes in as text, and a leading = + - @ or control
character also gets an apostrophe, since the cells may be saved as CSV or pasted elsewhere.
"""
from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xlsxwriter

from records import Draft, Transcript
from review.wording import clock, say

VERDICT_COLOURS = {"pass": "#E3F1E5", "fail": "#F9DEDC", "needs_review": "#FCEFCB", "not_applicable": "#EFEFEF"}
LONGEST = 32_000        # characters; Excel refuses cells over 32,767

SUMMARY = [("call_id", 20), ("started_at", 26), ("agent_id", 10), ("agent_name", 12), ("team", 10), ("line", 14),
           ("direction", 8), ("duration", 11), ("form", 10), ("score", 8), ("band", 10), ("fatal", 8), ("failed_items", 10),
           ("review_items", 10)]
ITEMS = [("call_id", 20), ("section", 14), ("title", 22), ("mode", 8), ("verdict", 10), ("points", 8), ("max_points", 8),
         ("confidence", 8), ("reason", 36), ("evidence", 70)]
FINDINGS = [("call_id", 20), ("rule", 28), ("rule_title", 20), ("verdict", 10), ("value", 10), ("confidence", 8),
            ("reason", 36), ("evidence", 70)]
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = text[:LONGEST]
    return "'" + text if text.lstrip(" \u3000\u00a0")[:1] in FORMULA_STARTS else text


def workbook(calls: Iterable[tuple[Draft, Transcript]], titles: Mapping[str, str] | None = None) -> bytes:
    """The bytes of an .xlsx file; calls are read one after the other. `titles` has the rules' titles by id."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": False, "strings_to_formulas": False, "strings_to_urls": False,
                                        "strings_to_numbers": False})
    summary, items, findings = (_Sheet(book, name, columns) for name, columns in (
        ("汇总", SUMMARY), ("评分项", ITEMS), ("规则结果", FINDINGS)))
    for draft, transcript in calls:
        summary.add(_summary(draft, transcript), draft.band)
        for item in draft.items:
            items.add(item.model_dump(exclude={"evidence"}) | {
                "call_id": draft.call_id, "evidence": _evidence(item.evidence)}, item.verdict)
        for finding in draft.findings:
            findings.add(finding.model_dump(exclude={"evidence"}) | {
                "call_id": draft.call_id, "rule_title": (titles or {}).get(finding.rule),
                "evidence": _evidence(finding.evidence)}, finding.verdict)
    for sheet in (summary, items, findings):
        sheet.close()
    book.close()
    return buffer.getvalue()


class _Sheet:
    """A sheet with a frozen heading, a filter, and rows that are added one by one."""

    TRANSLATED = frozenset({"verdict", "band", "mode", "direction", "form", "fatal"})

    def __init__(self, book: xlsxwriter.Workbook, name: str, columns: Sequence[tuple[str, int]]):
        self.columns = [column for column, _ in columns]
        self.sheet = book.add_worksheet(name)
        heading = book.add_format({"bold": True, "bg_color": "#29434E", "font_color": "#FFFFFF", "valign": "vcenter"})
        self.plain = book.add_format({"valign": "top"})
        self.wrapped = book.add_format({"valign": "top", "text_wrap": True})
        self.coloured = {verdict: book.add_format({"valign": "top", "bg_color": colour})
                         for verdict, colour in VERDICT_COLOURS.items()}
        for position, (column, width) in enumerate(columns):
            self.sheet.set_column(position, position, width)
            self.sheet.write_string(0, position, say(column), heading)
        self.sheet.freeze_panes(1, 1)
        self.rows = 0

    def add(self, row: dict[str, Any], verdict: str | None) -> None:
        self.rows += 1
        for position, column in enumerate(self.columns):
            value = row.get(column)
            layout = self.wrapped if column in ("evidence", "reason") else self.plain
            if column == "verdict":
                layout = self.coloured.get(verdict or "", self.plain)
            if isinstance(value, bool) or column in self.TRANSLATED:
                value = say(str(value).lower() if isinstance(value, bool) else value)
            if value is None:
                continue
            if isinstance(value, int | float):
                self.sheet.write_number(self.rows, position, value, layout)
            else:
                self.sheet.write_string(self.rows, position, safe(str(value)), layout)

    def close(self) -> None:
        self.sheet.autofilter(0, 0, max(self.rows, 1), len(self.columns) - 1)


def _summary(draft: Draft, transcript: Transcript) -> dict[str, Any]:
    verdicts = [item.verdict for item in draft.items]
    return transcript.model_dump(exclude={"turns", "removed", "recognition"}) | {
        "form": draft.form, "score": draft.score, "band": draft.band, "fatal": draft.fatal,
        "failed_items": verdicts.count("fail"), "review_items": verdicts.count("needs_review")}


def _evidence(evidence: Sequence[Any]) -> str:
    return "\n".join(f"{clock(piece.start)} {say(piece.speaker)} {piece.text or piece.note}".strip() for piece in evidence)
