"""What reviewers say of single rules: their verdicts on items brought down to the rules, beside the rules' own as they are now.

A card's item may rest on several rules; the reviewer judges the item. An item that passes says that each of its rules that applies is kept;
one that fails says which only where one rule alone applies or fails; what stays open is left out. The rules are asked anew from the
stored transcripts, without calibration and without the threshold under which a person is asked: so what is learnt is about the rules in
force, and a calibration is never fitted on top of another.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from records import Finding, Transcript
from rules.engine import Engine

LESSONS: dict[str, Any] = {
    "call_id": pl.String, "day": pl.String, "rule": pl.String, "item": pl.String, "verdict": pl.String, "confidence": pl.Float64,
    "value": pl.Float64, "truth": pl.String, "turns": pl.List(pl.Int64), "reason": pl.String}
DECIDED = ("pass", "fail", "not_applicable")


def lessons(engine: Engine, transcripts: Iterable[Transcript], items: pl.DataFrame, done: Callable[[int], None] | None = None) -> pl.DataFrame:
    """A row a call and rule whose truth a reviewer told: columns of LESSONS. `verdict` and `confidence` are the rule's now, `truth` is
    pass, fail or not_applicable; `turns` are those of the rule's evidence; `reason` is the reviewer's, where the card was overridden.

    `items` as `reviewed.items` gives them; `engine` without calibration and with review_below 0 (`bare`)."""
    judged: dict[str, list[dict[str, Any]]] = {}
    for row in items.filter(pl.col("final").is_in(DECIDED)).iter_rows(named=True):
        judged.setdefault(row["call_id"], []).append(row)
    rows: list[tuple[Any, ...]] = []
    for number, transcript in enumerate(transcripts, 1):
        found = {finding.rule: finding for finding in engine.findings(engine.view(transcript))}
        for item in judged.get(transcript.call_id, ()):
            rows += [(transcript.call_id, item["day"], finding.rule, item["item"], finding.verdict, finding.confidence, finding.value, truth,
                      _turns(finding), item["reason"]) for finding, truth in truths(item["final"], [found[rule] for rule in item["rules"] if rule in found])]
        if done:
            done(number)
    return pl.DataFrame(rows, schema=LESSONS, orient="row")


def bare(engine: Engine) -> Engine:
    """The same rules, never unsure and without calibration."""
    return Engine(engine.pack, engine.knowledge.organisations, None if engine.knowledge.layer is None else engine.knowledge.layer.meaning, 0.0)


def truths(final: str, findings: list[Finding]) -> list[tuple[Finding, str]]:
    """What a reviewer's word on an item says of its rules.

    >>> truths("pass", [Finding.of(rule="a", verdict="fail", value=None, confidence=1.0, evidence=(), reason="")])[0][1]
    'pass'
    """
    applying = [finding for finding in findings if finding.verdict != "not_applicable"]
    if final == "not_applicable" or len(findings) == 1:
        return [(finding, final) for finding in findings]
    if final == "pass":
        return [(finding, "pass") for finding in applying]
    failing = [finding for finding in applying if finding.verdict == "fail"]
    guilty = failing if len(failing) == 1 else applying if len(applying) == 1 else []
    return [(finding, "fail") for finding in guilty]


def _turns(finding: Finding) -> list[int]:
    return sorted({piece.turn for piece in finding.evidence if piece.turn is not None and piece.rule == finding.rule})
