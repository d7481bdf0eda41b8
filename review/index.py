"""The list of the pages: a dense table of the calls, the riskiest first, sorted and filtered in the browser."""
from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from records import Band, Draft, Failure, Problem, Transcript
from review.handbook import Handbook
from review.page import environment, file_name
from review.wording import Language, clock, moment, number, say

COMPLAINT = "complaint.raised"      # the signal that a customer complains


class Row(NamedTuple):
    """What the list shows of a call. `review` is how many items wait for a person that the rules were to decide."""

    call_id: str
    page: str
    score: float | None
    band: Band | None
    fatal: bool
    taboos: tuple[str, ...]
    complaint: bool
    review: int
    agent_id: str
    agent_name: str
    team: str
    line: str
    started_at: str
    duration: float | None


def row(draft: Draft, transcript: Transcript, handbook: Handbook) -> Row:
    """A call's row, its broken taboos by title, the gravest first."""
    review = sum(item.verdict == "needs_review" and item.mode != "human" for item in draft.items)
    complaint = any(one.rule == COMPLAINT and one.verdict == "found" for one in draft.findings)
    return Row(draft.call_id, f"{file_name(draft.call_id)}.html", draft.score, draft.band, draft.fatal,
               tuple(handbook.title(one.rule) for one in handbook.broken(draft)), complaint, review,
               transcript.agent_id or "", transcript.agent_name or "", transcript.team or "", transcript.line or "",
               moment(transcript.started_at), transcript.duration)


def risk(one: Row) -> tuple[bool, float, int, str]:
    """Sorts the riskiest first: fatal, then the lowest score, then the most to review. No score comes after every score."""
    return not one.fatal, math.inf if one.score is None else one.score, -one.review, one.call_id


def index(rows: Sequence[Row], failures: Sequence[Failure] = (), language: Language = "zh") -> str:
    """The list as text; `failures` are the recordings that have no page, and why."""
    return environment().get_template("index.html").render(
        rows=sorted(rows, key=risk), failures=failures, lang="zh-CN" if language == "zh" else "en",
        say=lambda word: say(word, language), clock=clock, number=number)


def write_index(directory: Path, rows: Sequence[Row], failures: Sequence[Failure] = (), language: Language = "zh") -> Path:
    """Writes `directory/index.html` beside the pages; gives its path."""
    file = directory / "index.html"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file.write_text(index(rows, failures, language), encoding="utf-8")
    except OSError as fault:
        raise Problem(f"{file} cannot be written ({fault.strerror or fault}); name another directory.") from fault
    return file
