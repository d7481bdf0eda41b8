"""The tables of the lake: their columns, and how records become rows.

Every table is a Delta table partitioned by `day`, the local day on which the call began (`started_at`, in the offset it was
delivered with), or `unknown` where the call does not say. The day of processing would move a call to another partition
when it is scored again. docs/formats.md describes the columns for analysts; `batch_id` and the `*_batch` columns are the
lake's own bookkeeping and never leave it.
"""
from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from records import Call, Draft, Evidence, Transcript

UNKNOWN_DAY = "unknown"

_ID: dict[str, Any] = {"call_id": pl.String, "day": pl.String}
_BATCH: dict[str, Any] = {"batch_id": pl.String}
_EVIDENCE = pl.List(pl.Struct({
    "rule": pl.String, "turn": pl.Int32, "speaker": pl.String, "start": pl.Float64, "end": pl.Float64, "text": pl.String,
    "match": pl.String, "confidence": pl.Float64, "note": pl.String}))

CALLS: dict[str, Any] = _ID | {
    "agent_id": pl.String, "agent_name": pl.String, "team": pl.String, "line": pl.String,
    "organisation": pl.List(pl.String), "customer_name": pl.String, "customer_gender": pl.String,
    "customer_tier": pl.String, "direction": pl.String, "started_at": pl.String, "answered_after": pl.Float64,
    "duration": pl.Float64, "released_by": pl.String, "recording": pl.String, "agent_channel": pl.String,
    "turns": pl.Int32, "form": pl.String,
    "form_version": pl.String, "score": pl.Float64, "band": pl.String, "fatal": pl.Boolean, "items": pl.Int32,
    "failed_items": pl.Int32, "review_items": pl.Int32, "rules_version": pl.String,
    "audio_sha256": pl.String, "audio_size": pl.Int64, "audio_mtime_ns": pl.Int64, "transcriber_version": pl.String,
    "scorer_version": pl.String, "form_asked": pl.String, "metadata_sha256": pl.String,
    "finished_at": pl.Datetime("us", "UTC"), "recognition_batch": pl.String, "scoring_batch": pl.String}

TRANSCRIPTS = _ID | {"transcript": pl.String} | _BATCH
TURNS = _ID | {
    "turn": pl.Int32, "speaker": pl.String, "text": pl.String, "start": pl.Float64, "end": pl.Float64,
    "confidence": pl.Float64, "channel": pl.Int32, "speech": pl.Float64, "rate": pl.Float64, "overlap": pl.Float64,
    "interruption": pl.Float64, "latency": pl.Float64, "silence": pl.Float64, "loudness": pl.Float64, "pitch": pl.Float64,
    "pitch_spread": pl.Float64} | _BATCH
REMOVED = _ID | {
    "text": pl.String, "start": pl.Float64, "end": pl.Float64, "channel": pl.Int32, "reason": pl.String,
    "detail": pl.String} | _BATCH
DRAFTS = _ID | {"draft": pl.String} | _BATCH
ITEMS = _ID | {
    "position": pl.Int32, "form": pl.String, "item": pl.String, "title": pl.String, "section": pl.String,
    "mode": pl.String, "verdict": pl.String, "points": pl.Float64, "max_points": pl.Float64, "confidence": pl.Float64,
    "rules": pl.List(pl.String), "evidence": _EVIDENCE, "reason": pl.String} | _BATCH
FINDINGS = _ID | {
    "position": pl.Int32, "rule": pl.String, "verdict": pl.String, "value": pl.Float64, "confidence": pl.Float64,
    "evidence": _EVIDENCE, "reason": pl.String} | _BATCH

# A row for each rule that was heard or broken, and no evidence: some eight a call where `findings` has sixty, with what
# analysts group by beside it, so that a year's trend of a rule neither joins ten million calls nor reads what passed.
HITS: dict[str, Any] = _ID | {
    "rule": pl.String, "verdict": pl.String, "hits": pl.Int32, "agent_id": pl.String, "team": pl.String, "line": pl.String,
    "customer_tier": pl.String} | _BATCH
TELLING = ("fail", "found", "needs_review")

FAILURES: dict[str, Any] = _ID | {
    "recording": pl.String, "code": pl.String, "message": pl.String, "stage": pl.String, "retryable": pl.Boolean,
    "source": pl.String, "audio_size": pl.Int64, "audio_mtime_ns": pl.Int64, "transcriber_version": pl.String,
    "failed_at": pl.Datetime("us", "UTC"), "since": pl.Datetime("us", "UTC"), "tries": pl.Int32, "again": pl.Boolean}

OF_RECOGNITION = {"transcripts": TRANSCRIPTS, "turns": TURNS, "removed": REMOVED}
OF_SCORING = {"drafts": DRAFTS, "items": ITEMS, "findings": FINDINGS, "hits": HITS}
TABLES = {"calls": CALLS, **OF_RECOGNITION, **OF_SCORING, "failures": FAILURES}

Rows = dict[str, list[dict[str, Any]]]


def day_of(started_at: str | None) -> str:
    """The local day of an ISO 8601 time, as "2026-11-20"; "unknown" when there is none or it is no time."""
    try:
        return date.fromisoformat((started_at or "")[:10].replace("/", "-")).isoformat()
    except ValueError:
        return UNKNOWN_DAY


def recognition_rows(transcript: Transcript, batch_id: str) -> Rows:
    """A transcript as rows of `transcripts` (the whole record as JSON), `turns` and `removed`."""
    here = {"call_id": transcript.call_id, "day": day_of(transcript.started_at), "batch_id": batch_id}
    turns = [here | turn.model_dump(exclude={"words"}) | {"turn": number} for number, turn in enumerate(transcript.turns)]
    removed = [here | removal.model_dump() for removal in transcript.removed]
    return {"transcripts": [here | {"transcript": transcript.model_dump_json()}], "turns": turns, "removed": removed}


def scoring_rows(draft: Draft, day: str, batch_id: str) -> Rows:
    """A draft as rows of `drafts` (the whole record as JSON), `items` and `findings`."""
    here = {"call_id": draft.call_id, "day": day, "batch_id": batch_id}
    items = [
        here | item.model_dump(exclude={"id", "evidence", "rules"})
        | {"item": item.id, "position": position, "form": draft.form, "rules": list(item.rules),
           "evidence": _evidence(item.evidence)}
        for position, item in enumerate(draft.items)]
    findings = [
        here | finding.model_dump(exclude={"evidence"}) | {"position": position, "evidence": _evidence(finding.evidence)}
        for position, finding in enumerate(draft.findings)]
    return {"drafts": [here | {"draft": draft.model_dump_json()}], "items": items, "findings": findings}


def hit_rows(draft: Draft, call: Call, day: str, batch_id: str) -> list[dict[str, Any]]:
    """What of a draft trends count, as rows of `hits`: pieces of evidence of each telling verdict, at least one."""
    here = {"call_id": draft.call_id, "day": day, "batch_id": batch_id, "agent_id": call.agent_id, "team": call.team,
            "line": call.line, "customer_tier": call.customer_tier}
    return [here | {"rule": finding.rule, "verdict": finding.verdict, "hits": max(len(finding.evidence), 1)}
            for finding in draft.findings if finding.verdict in TELLING]


def draft_columns(draft: Draft) -> dict[str, Any]:
    """What a row of `calls` says about the draft."""
    verdicts = [item.verdict for item in draft.items]
    return {
        "form": draft.form, "form_version": draft.form_version, "score": draft.score, "band": draft.band,
        "fatal": draft.fatal, "items": len(verdicts), "failed_items": verdicts.count("fail"),
        "review_items": verdicts.count("needs_review"), "rules_version": draft.rules_version}


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame with exactly the columns and types of the table `name`."""
    schema = TABLES[name]
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def _evidence(evidence: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    return [piece.model_dump() for piece in evidence]
