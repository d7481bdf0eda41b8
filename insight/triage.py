"""Which calls to hear first, and why: a figure to sort by and its reasons in words.

Fatal hits outweigh everything, a complaint everything but them (domain.md section 3). Below these add up what the rules are unsure of,
a long silence and a low score: five unsure items weigh as much as the silence, or as a score of 0.
"""
from __future__ import annotations

import hashlib
from typing import NamedTuple

import polars as pl

from records import Draft, Finding

FATAL, COMPLAINT, UNSURE, SILENCE = 1000.0, 500.0, 20.0, 100.0
UNSURE_AT_MOST = 10             # items; more does not outweigh a complaint
LONG_SILENCE = 30.0             # seconds: three times the limit of voice.silence, long enough for a customer to hang up


class Triage(NamedTuple):
    """`risk` sorts, the highest first; `reasons` are stable short words: fatal, complaint, unsure, silence, low_score."""

    risk: float
    reasons: list[str]


def triage(draft: Draft) -> Triage:
    """How much a draft needs a person. A draft without a score counts as 50 points."""
    found = {finding.rule: finding for finding in draft.findings}
    risk, reasons = 100.0 - (50.0 if draft.score is None else draft.score), []
    if draft.fatal:
        risk, reasons = risk + FATAL, ["fatal"]
    if _says(found.get("complaint.raised"), "found"):
        risk += COMPLAINT
        reasons.append("complaint")
    if unsure := sum(item.verdict == "needs_review" and item.mode == "auto" for item in draft.items):
        risk += UNSURE * min(unsure, UNSURE_AT_MOST)
        reasons.append("unsure")
    silence = found.get("voice.silence")
    if silence and (longest_silence(silence) or 0.0) >= LONG_SILENCE:
        risk += SILENCE
        reasons.append("silence")
    if draft.score is not None and draft.score < 80 and not draft.fatal:
        reasons.append("low_score")
    return Triage(round(risk, 1), reasons)


def risks(calls: pl.LazyFrame, items: pl.LazyFrame, findings: pl.LazyFrame) -> pl.LazyFrame:
    """`triage` of many calls at once, from the lake's tables: call_id, risk, reasons. Filter the tables by `day` first."""
    unsure = (items.filter((pl.col("verdict") == "needs_review") & (pl.col("mode") == "auto"))
              .group_by("call_id").agg(unsure=pl.len()))
    told = findings.filter(pl.col("rule").is_in(["complaint.raised", "voice.silence"])).select("call_id", "rule", "verdict", "evidence")
    complaint = told.filter((pl.col("rule") == "complaint.raised") & (pl.col("verdict") == "found")).select("call_id", complaint=True)
    lengths = pl.element().struct.field("end") - pl.element().struct.field("start")
    silence = (told.filter(pl.col("rule") == "voice.silence")
               .select("call_id", silence=pl.col("evidence").list.eval(lengths).list.max()))
    low = (pl.col("score") < 80).fill_null(False)
    marks = {"fatal": pl.col("fatal"), "complaint": pl.col("complaint").fill_null(False),
             "unsure": pl.col("unsure").fill_null(0) > 0, "silence": (pl.col("silence") >= LONG_SILENCE).fill_null(False),
             "low_score": low & ~pl.col("fatal")}
    risk = (100.0 - pl.col("score").fill_null(50.0) + FATAL * marks["fatal"] + COMPLAINT * marks["complaint"]
            + UNSURE * pl.col("unsure").fill_null(0).clip(upper_bound=UNSURE_AT_MOST) + SILENCE * marks["silence"])
    reasons = pl.concat_list([pl.when(mark).then(pl.lit(name)) for name, mark in marks.items()]).list.drop_nulls()
    return (calls.select("call_id", "score", "fatal").join(unsure, on="call_id", how="left")
            .join(complaint, on="call_id", how="left").join(silence, on="call_id", how="left")
            .select("call_id", risk=risk.round(1), reasons=reasons))


def longest_silence(finding: Finding) -> float | None:
    """Seconds of the longest piece of evidence of a `voice.silence` finding; None where it says no times."""
    return max((piece.end - piece.start for piece in finding.evidence
                if piece.start is not None and piece.end is not None), default=None)


def in_random_sample(call_id: str, share: float, seed: str = "") -> bool:
    """Whether the call belongs to the random sample: by a hash of its id, so that nobody can steer it and everybody can
    check it; independent of what is in the call. `share` from 0 to 1."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed}\0{call_id}".encode()).digest()[:8]) / 2**64
    return drawn < share


def _says(finding: Finding | None, verdict: str) -> bool:
    return finding is not None and finding.verdict == verdict
