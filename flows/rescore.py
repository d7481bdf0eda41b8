"""`tingjian rescore`: every stored call scored anew by the rules in force, from its transcript; no recording is opened.

A call whose draft the rules in force made is left as it is, so a rescore that was stopped or killed goes on where it ended:
each batch is one commit (store/lake.py).
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from flows.job import Scoring
from flows.plan import RESCORED_AT_ONCE
from insight.backtest import Scores, Standing, standing
from pipeline import faults
from records import Call, Draft, Failure, Problem, Recording, Transcript
from store.lake import Known, Lake, Result


@dataclass
class Rescored:
    """What a rescore did. `current` calls needed nothing, `undated` ones say no day and stayed out of `since`."""

    current: int = 0
    undated: int = 0
    scores: Scores = field(default_factory=Scores)
    failures: list[Failure] = field(default_factory=list)


def rescore(lake: Lake, scorer: Scoring, since: str | None = None, batch: int = RESCORED_AT_ONCE,
            on_batch: Callable[[int, int], None] = lambda done, of: None) -> Rescored:
    """Scores what is not current, `batch` calls a commit; `since` is a day such as 2026-11-20, the first one taken.

    A call whose scoring fails (also because the form it was asked to be scored on is gone) keeps its old draft and is tried
    again by the next rescore. `on_batch` is told calls done and calls to do.
    """
    with lake.writing():
        stored = lake.calls().select("call_id", "day", "scorer_version", "score", "band", "fatal", "form").collect()
        done, stale = Rescored(), []
        for row in stored.sort("day", "call_id").iter_rows(named=True):
            if since and not row["day"][:1].isdigit():
                done.undated += 1
            elif since and row["day"] < since:
                continue
            elif row["scorer_version"] == scorer.version:
                done.current += 1
            else:
                stale.append(row)
        before = {row["call_id"]: Standing(row["score"], row["band"], row["fatal"], row["form"]) for row in stale}
        call_ids = list(before)
        for start in range(0, len(call_ids), batch):
            results = list(_scored(lake, scorer, call_ids[start:start + batch], done.failures))
            lake.commit(results)
            for result in results:
                assert result.draft is not None
                done.scores.add(before[result.draft.call_id], standing(result.draft))
            on_batch(min(start + batch, len(call_ids)), len(call_ids))
    return done


def _scored(lake: Lake, scorer: Scoring, call_ids: Sequence[str], failures: list[Failure]) -> Iterator[Result]:
    known = lake.known(call_ids)
    for transcript in lake.transcripts(call_ids):
        held = known[transcript.call_id]
        try:
            draft = scorer.draft(transcript, held.form_asked)
        except Exception as fault:
            code, why = ("form", f"{fault}") if isinstance(fault, Problem) else (
                "internal_error", f"scoring failed with {faults.told(fault)}")
            failures.append(Failure(call_id=transcript.call_id, recording=held.recording, code=code, stage="scoring",
                                    message=f"{transcript.call_id}: {why}. Its old card stays"))
            continue
        yield _result(held, transcript, draft, scorer.version)


def _result(held: Known, transcript: Transcript, draft: Draft, version: str) -> Result:
    call = Call.model_validate(transcript.model_dump(include=set(Call.model_fields)))
    recording = Recording.model_validate({"call": call, "path": held.recording, "agent_channel": held.agent_channel})
    return Result(recording, held.audio, held.transcriber_version, transcript=transcript, draft=draft,
                  scorer_version=version, form_asked=held.form_asked, recognised=False, metadata_sha256=held.metadata_sha256)
