"""Drafts as an Excel workbook: a summary, the items, the findings. Headings are Chinese, as those who read it are.

Nothing that was said or delivered is ever taken for a formula: text goes in as text, and a leading = + - @ or control
character also gets an apostrophe, since the cells may be saved as CSV or pasted elsewhere.
"""
from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from records import Draft, Evidence, Transcript
from review.handbook import UNKNOWN, Handbook
from review.index import COMPLAINT
from review.wording import clock, say
from store import cells

VERDICT_COLOURS = {"pass": "#E3F1E5", "fail": "#F9DEDC", "needs_review": "#FCEFCB", "not_applicable": "#EFEFEF"}
LONGEST = 32_000        # characters; Excel refuses cells over 32,767

SUMMARY = [("call_id", 20), ("started_at", 17), ("agent_id", 10), ("agent_name", 12), ("team", 10), ("line", 16),
           ("direction", 8), ("duration", 12), ("form", 10), ("score", 8), ("band", 10), ("fatal", 9), ("open_share", 12),
           ("failed_items", 12), ("review_items", 12), ("complaint", 8), ("taboos", 40)]
ITEMS = [("call_id", 20), ("section", 14), ("title", 22), ("mode", 8), ("verdict", 10), ("points", 8), ("max_points", 8),
         ("confidence", 8), ("reason", 36), ("evidence", 70), ("coach", 40)]
FINDINGS = [("call_id", 20), ("rule", 28), ("rule_title", 20), ("verdict", 10), ("value", 10), ("confidence", 8),
            ("reason", 36), ("evidence", 70), ("coach", 40)]
FORMATS = {"score": "0.0", "points": "0.##", "max_points": "0.##", "confidence": "0.00", "duration": "0", "value": "0.###",
           "open_share": "0.##"}
WRAPPED = frozenset({"evidence", "reason", "taboos", "coach"})


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return cells.safe(text[:LONGEST])


def workbook(calls: Iterable[tuple[Draft, Transcript]], handbook: Handbook = UNKNOWN) -> bytes:
    """The bytes of an .xlsx file; calls are read one after the other."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": False, "strings_to_formulas": False, "strings_to_urls": False,
                                        "strings_to_numbers": False})
    summary, items, findings = (_Sheet(book, name, columns) for name, columns in (
        ("汇总", SUMMARY), ("评分项", ITEMS), ("规则结果", FINDINGS)))
    for draft, transcript in calls:
        summary.add(_summary(draft, transcript) | {"taboos": "；".join(
            handbook.title(one.rule) for one in handbook.broken(draft))}, draft.band)
        for item in draft.items:
            judged = {"verdict": "to_judge", "confidence": None} if item.mode == "human" else {}
            items.add(item.model_dump(exclude={"evidence"}) | judged | {
                "call_id": draft.call_id, "evidence": _evidence(item.evidence, handbook, len(item.rules) > 1),
                "coach": _coach(handbook.advice(draft, item.rules), len(item.rules) > 1)}, item.verdict)
        for finding in draft.findings:
            findings.add(finding.model_dump(exclude={"evidence"}) | {
                "call_id": draft.call_id, "rule_title": handbook.titles.get(finding.rule),
                "evidence": _evidence(finding.evidence, handbook, False),
                "coach": _coach(handbook.advice(draft, [finding.rule]), False)}, finding.verdict)
    for sheet in (summary, items, findings):
        sheet.close()
    book.close()
    return buffer.getvalue()


class _Sheet:
    """A sheet with a frozen heading, a filter, and rows that are added one by one."""

    TRANSLATED = frozenset({"verdict", "band", "mode", "direction", "form", "fatal", "complaint"})

    def __init__(self, book: xlsxwriter.Workbook, name: str, columns: Sequence[tuple[str, int]]):
        self.columns = [column for column, _ in columns]
        self.sheet = book.add_worksheet(name)
        heading = book.add_format({"bold": True, "bg_color": "#29434E", "font_color": "#FFFFFF", "valign": "vcenter"})
        self.plain = book.add_format({"valign": "top"})
        self.wrapped = book.add_format({"valign": "top", "text_wrap": True})
        self.numbers = {column: book.add_format({"valign": "top", "num_format": layout}) for column, layout in FORMATS.items()}
        self.time = book.add_format({"valign": "top", "align": "left", "num_format": "yyyy-mm-dd hh:mm"})
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
            layout = self.wrapped if column in WRAPPED else self.plain
            if column == "verdict":
                layout = self.coloured.get(verdict or "", self.plain)
            if isinstance(value, bool) or column in self.TRANSLATED:
                value = say(str(value).lower() if isinstance(value, bool) else value)
            if value is None:
                continue
            if isinstance(value, int | float):
                self.sheet.write_number(self.rows, position, value, self.numbers.get(column, layout))
            elif isinstance(value, datetime):
                self.sheet.write_datetime(self.rows, position, value, self.time)
            else:
                self.sheet.write_string(self.rows, position, safe(str(value)), layout)

    def close(self) -> None:
        self.sheet.autofilter(0, 0, max(self.rows, 1), len(self.columns) - 1)


def _summary(draft: Draft, transcript: Transcript) -> dict[str, Any]:
    verdicts = [item.verdict for item in draft.items]
    complaint = any(one.rule == COMPLAINT and one.verdict == "found" for one in draft.findings)
    return transcript.model_dump(exclude={"turns", "removed", "recognition"}) | {
        "form": draft.form, "score": draft.score, "band": draft.band, "fatal": draft.fatal, "open_share": draft.open_points,
        "started_at": _local(transcript.started_at), "failed_items": verdicts.count("fail"), "complaint": complaint,
        "review_items": sum(item.verdict == "needs_review" and item.mode != "human" for item in draft.items)}


def _local(started_at: str | None) -> datetime | str | None:
    """The wall clock of the call, as Excel knows no offsets; what is no ISO 8601, or older than Excel's days, stays text."""
    try:
        local = datetime.fromisoformat(started_at or "").replace(tzinfo=None)
    except ValueError:
        return started_at
    return local if local.year >= 1900 else started_at


def _evidence(evidence: Sequence[Evidence], handbook: Handbook, several: bool) -> str:
    return "\n".join(" ".join(filter(None, (
        clock(piece.start), say(piece.speaker), piece.text or piece.note, f"（{handbook.origin(piece, several)}）")))
        for piece in evidence)


def _coach(advice: Sequence[tuple[str, str]], several: bool) -> str | None:
    return "\n".join(f"{title}：{words}" if several else words for title, words in advice) or None
