"""Deleting what is kept of calls, so that the bytes are gone: lake, review database, recordings, files of an export.

    with lake.writing():
        erased = erase_calls(lake, call_ids, what=EVERYTHING, who="retention", reason="after 180 days",
                             database=database, exports=[folder])

What is about to go is written down first (`erasing/` in the workspace) and crossed out last, so a process that is killed in
the middle leaves nothing half-done for good: the next `erase_calls`, or `finish`, completes it. Each call leaves a line in
`deletions.jsonl`, which is only ever appended to: call_id, what went, when, by whom and why, and no other word about anybody.
Calls named there are not done again when a source still lists them (`erased_ids`).

`what` is a set of KINDS: `recordings` (the sound), `words` (transcripts, turns, what guards removed), `cards` (everything else,
which takes the words along: a card quotes them). Hold the workspace (`lake.writing()`); legal holds are the caller's to ask
(store/holds.py), since only the caller knows whether a request may override them. Readers that had a table open while its old
files went see a missing file once and read it again.
"""
from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable

from store import objects, tables
from store.lake import Lake
from store.plans import Plans
from store.reviews.database import Database
from store.reviews.redaction import erase_rows, scrub

KINDS = ("recordings", "words", "cards")
EVERYTHING = frozenset(KINDS)
LOG, PENDING = "deletions.jsonl", "erasing"
AT_ONCE = 2000          # call_ids in one predicate
HISTORY = "interval 30 days"        # what Delta keeps of its log by itself


@dataclass
class Erased:
    """What went: calls asked for, rows of the lake and of the review database, recordings and files, rows of sampling plans; `left`
    lists what could not be deleted or may still name a call, each a sentence for a person."""

    calls: int = 0
    lake_rows: int = 0
    review_rows: int = 0
    recordings: int = 0
    files: int = 0
    plan_rows: int = 0
    left: list[str] = field(default_factory=list)


def erase_calls(lake: Lake, call_ids: Collection[str], *, what: Collection[str] = EVERYTHING, who: str, reason: str,
                database: Database | None = None, exports: Sequence[Path] = (), sound_first: bool = False) -> Erased:
    """Deletes `what` of these calls everywhere and notes it; call_ids that are not there do no harm. See the module.

    `who` and `reason` go into the log: write no personal data there. `database` is the review database, None where there is
    none. `exports` are folders with pages, sounds and JSON Lines of these calls: files named after a call go, lines about it
    too; of Parquet and workbooks that name a call `left` tells. `sound_first`: a call whose recording cannot be deleted now (its share or
    store is away, or write-protected) keeps its card, which leads to it, and is not noted as deleted; only its words may go."""
    unknown = set(what) - EVERYTHING
    if unknown:
        raise ValueError(f"no kind of data: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    finish(lake, database)
    if not call_ids:
        return Erased()
    intent = {"call_ids": sorted(call_ids), "what": sorted(what), "who": who, "reason": reason,
              "exports": [str(folder) for folder in exports], "sound_first": sound_first}
    file = lake.root / PENDING / f"{uuid.uuid4().hex}.json"
    file.parent.mkdir(exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(intent, ensure_ascii=False), encoding="utf-8")
    part.replace(file)
    return _carry_out(lake, file, database)


def finish(lake: Lake, database: Database | None = None) -> int:
    """Completes deletions that were cut short; how many there were. Called by every run that deletes."""
    files = sorted((lake.root / PENDING).glob("*.json")) if (lake.root / PENDING).is_dir() else []
    for file in files:
        _carry_out(lake, file, database)
    return len(files)


def erased_ids(lake: Lake) -> set[str]:
    """The calls of which anything but the recording alone was erased: they are not recognised or scored again."""
    return {one["call_id"] for one in deletions(lake) if set(one["what"]) & {"words", "cards"}}


def silenced_ids(lake: Lake) -> set[str]:
    """The calls whose recording was erased: where a source still lists one, that it is not there is no failure."""
    return {one["call_id"] for one in deletions(lake) if "recordings" in one["what"]}


def deletions(lake: Lake) -> list[dict[str, Any]]:
    """The log of deletions, oldest first: `call_id`, `what`, `at` (UTC), `who`, `reason`. A call may stand there twice."""
    try:
        text = (lake.root / LOG).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def _carry_out(lake: Lake, file: Path, database: Database | None) -> Erased:
    """All of an intent, in an order in which every step may be done twice; `calls`, which leads to the recordings, late."""
    intent = json.loads(file.read_text(encoding="utf-8"))
    call_ids, what = intent["call_ids"], set(intent["what"])
    done = Erased(calls=len(call_ids))
    stuck = _recordings(lake, call_ids, done) if "recordings" in what else set()
    if stuck and intent.get("sound_first"):
        _erase(lake, intent | {"call_ids": sorted(stuck), "what": sorted(what & {"words"})}, database, done)
        intent |= {"call_ids": [one for one in call_ids if one not in stuck]}
    _erase(lake, intent, database, done)
    file.unlink()
    return done


def _erase(lake: Lake, intent: dict[str, Any], database: Database | None, done: Erased) -> None:
    """All but the recordings, which are gone, and the note that it is done."""
    call_ids, what = intent["call_ids"], set(intent["what"])
    if not call_ids or not what:
        return
    for folder in intent["exports"]:
        _exports(Path(folder), set(call_ids), done)
    if database is not None and what & {"words", "cards"}:
        done.review_rows += erase_rows(database, call_ids, intent["who"], only_words="cards" not in what)
        scrub(database)
    if "cards" in what:
        done.plan_rows += Plans(lake.root).forget(set(call_ids))
    _rows(lake, call_ids, what, done)
    _log(lake, intent, database)


def _recordings(lake: Lake, call_ids: list[str], done: Erased) -> set[str]:
    """Deletes the sound; gives the calls of which it could not."""
    stuck = set()
    held = lake.calls().filter(pl.col("call_id").is_in(call_ids)).select("call_id", "recording").collect()
    for call_id, recording in held.iter_rows():
        try:
            if objects.is_address(recording):
                done.recordings += objects.delete(recording)
            elif recording and (path := Path(recording)).is_file():
                path.unlink()
                done.recordings += 1
        except Exception as fault:      # whatever the disk or the store says: the others go on, this one is told
            stuck.add(call_id)
            done.left.append(f"the recording of {call_id} could not be deleted: {type(fault).__name__}: {fault}")
    own = {entry for entry in lake.root.iterdir() if entry.is_dir()} - {lake.root / name for name in tables.TABLES}
    for folder in sorted(own - {lake.root / "journal", lake.root / PENDING}):
        _named_after(folder, set(call_ids), done)       # playable copies and clips kept beside the lake
    return stuck


def _exports(folder: Path, call_ids: set[str], done: Erased) -> None:
    _named_after(folder, call_ids, done)
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.suffix == ".jsonl" and path.is_file():
            _lines(path, call_ids, done)
        elif path.suffix in (".parquet", ".xlsx") and path.is_file():
            done.left.append(f"{path} may hold these calls: export it again or delete it")


def _named_after(folder: Path, call_ids: set[str], done: Erased) -> None:
    """Files whose name begins with a call_id, or with its SHA-256 as the workbench names its playable copies."""
    names = call_ids | {hashlib.sha256(one.encode()).hexdigest()[:32] for one in call_ids}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file() and (path.stem in names or path.name.split(".")[0] in names):
            path.unlink()
            done.files += 1


def _lines(path: Path, call_ids: set[str], done: Erased) -> None:
    """Writes a file of JSON Lines anew without the lines about these calls; other text in it stays."""
    kept, gone = [], 0
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:
                told = None
            if isinstance(told, dict) and told.get("call_id") in call_ids:
                gone += 1
            else:
                kept.append(line)
    if gone:
        part = path.with_name(path.name + ".part")
        part.write_text("".join(kept), encoding="utf-8")
        part.replace(path)
        done.files += 1


def _rows(lake: Lake, call_ids: list[str], what: set[str], done: Erased) -> None:
    if not what & {"words", "cards"}:
        return
    names = [*tables.OF_RECOGNITION]
    if "cards" in what:
        names += [*tables.OF_SCORING, "failures", "calls"]
    for name in names:
        if not (lake.root / name / "_delta_log").is_dir():
            continue
        gone = 0
        for start in range(0, len(call_ids), AT_ONCE):
            some = ", ".join("'" + one.replace("'", "''") + "'" for one in call_ids[start:start + AT_ONCE])
            gone += DeltaTable(str(lake.root / name)).delete(f"call_id IN ({some})").get("num_deleted_rows") or 0
        done.lake_rows += gone
        purge(lake.root / name)


def purge(table: Path) -> None:
    """Takes away the files that a Delta table no longer uses, or never used since their writer was killed, and its old log, in which the
    least and greatest values of columns stand (names, first words of a text). Time travel to before ends here. Needs `writing()`."""
    delta = DeltaTable(str(table))
    delta.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
    delta.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
    delta = DeltaTable(str(table))
    delta.create_checkpoint()
    delta.cleanup_metadata()
    delta.alter.set_table_properties({"delta.logRetentionDuration": HISTORY})


def _log(lake: Lake, intent: dict[str, Any], database: Database | None) -> None:
    """The line of each call, once: an intent that was cut short after this step finds its lines there."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    there = {(one["call_id"], tuple(one["what"])) for one in deletions(lake)}
    fresh = [one for one in intent["call_ids"] if (one, tuple(intent["what"])) not in there]
    lines = [json.dumps({"call_id": one, "what": intent["what"], "at": at, "who": intent["who"], "reason": intent["reason"]},
                        ensure_ascii=False) + "\n" for one in fresh]
    with (lake.root / LOG).open("a", encoding="utf-8") as log:
        log.writelines(lines)
    if database is not None and fresh:
        from store.reviews import audit

        with database.writing() as session:
            for one in fresh:
                audit.note(session, intent["who"], "call.erased", one, what=intent["what"], reason=intent["reason"])
