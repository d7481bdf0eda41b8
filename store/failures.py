"""The calls that could not be done, with their reasons: the table `failures` of the lake. Only store/lake.py changes it."""
from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import write_deltalake

from records import Failure
from store import tables
from store.sealing import Ring

Key = tuple[str, str]       # call_id and recording


@dataclass(frozen=True)
class AudioFile:
    """What tells one state of a recording from another. Size in bytes; `sha256` is empty where it could not be read."""

    sha256: str = ""
    size: int | None = None
    mtime_ns: int | None = None


@dataclass(frozen=True)
class Failed:
    """A failure as stored, with the state the recording had then and the source it was listed by. `tries`: how many runs have
    tried it in vain, since when; `again`: somebody has asked that the next run try it whatever it is."""

    failure: Failure
    source: str
    audio: AudioFile
    transcriber_version: str
    tries: int = 1
    since: datetime | None = None
    failed_at: datetime | None = None
    again: bool = False

    @property
    def key(self) -> Key:
        return self.failure.call_id, self.failure.recording


class Failures:
    """The table under a workspace's root."""

    def __init__(self, root: Path, keys: Ring):
        self._table, self._keys = str(root / "failures"), keys

    def scan(self) -> pl.LazyFrame:
        """One row per recording that could not be done; columns that an older Tingjian did not write are null."""
        found = self._keys.opened("failures", pl.scan_delta(self._table))
        missing = {name: kind for name, kind in tables.FAILURES.items() if name not in found.collect_schema().names()}
        return found.with_columns(pl.lit(None, kind).alias(name) for name, kind in missing.items()).sort(
            "call_id", "recording", "code")

    def listed(self) -> list[Failed]:
        return [_failed(row) for row in self.scan().collect().iter_rows(named=True)]

    def tried(self, recognised: Mapping[Key, bool], new: Sequence[Failed]) -> None:
        """After a batch: what was tried is forgotten and `new` takes its place. `recognised` tells of each call and recording
        tried whether it was recognised anew: scoring a stored transcript again says nothing of a recording that could not be
        read since."""
        before = self.listed()
        kept = [one for one in before if one.key not in recognised
                or not (recognised[one.key] or one.failure.stage == "scoring")]
        self._change(before, kept + [_grown(one, before) for one in new])

    def settle(self, source: str, listed: Sequence[Failed]) -> None:
        """Makes `listed` all the failures of `source`; how often and since when is kept of those that were there. A recording that
        two sources list has one row, of the source that told of it last."""
        before, told_now = self.listed(), {one.key for one in listed}
        stay = [one for one in before if one.source != source and one.key not in told_now]
        old = {one.key: one for one in before}
        told = [replace(one, tries=was.tries, since=was.since, failed_at=was.failed_at, again=was.again)
                if (was := old.get(one.key)) and was.failure.code == one.failure.code else one for one in listed]
        self._change(before, stay + told)

    def ask_again(self, wanted: Callable[[Failed], bool]) -> list[Failed]:
        """Marks what `wanted` is true of, so that the next run tries it; returns those."""
        before = self.listed()
        marked = [replace(one, again=True) if wanted(one) else one for one in before]
        self._change(before, marked)
        return [one for one in marked if wanted(one)]

    def _change(self, before: Sequence[Failed], after: Sequence[Failed]) -> None:
        if _contents(before) == _contents(after):
            return
        now = datetime.now(UTC)
        rows: list[dict[str, Any]] = [one.failure.model_dump() | {
            "day": tables.UNKNOWN_DAY, "source": one.source, "audio_size": one.audio.size,
            "audio_mtime_ns": one.audio.mtime_ns, "transcriber_version": one.transcriber_version, "tries": one.tries,
            "since": one.since or now, "failed_at": one.failed_at or now, "again": one.again} for one in after]
        write_deltalake(self._table, self._keys.sealed("failures", tables.frame("failures", rows)), mode="overwrite", schema_mode="overwrite")


def _failed(row: dict[str, Any]) -> Failed:
    return Failed(Failure.model_validate(row), row["source"], AudioFile("", row["audio_size"], row["audio_mtime_ns"]),
                  row["transcriber_version"], row["tries"] or 1, row["since"] or row["failed_at"], row["failed_at"],
                  bool(row["again"]))


def _grown(one: Failed, before: Collection[Failed]) -> Failed:
    """With the tries of the runs before, and since when."""
    for was in before:
        if was.key == one.key:
            return replace(one, tries=was.tries + 1, since=was.since)
    return one


def _contents(failures: Sequence[Failed]) -> list[str]:
    return sorted(json.dumps([one.failure.model_dump(), one.source, one.audio.size, one.audio.mtime_ns,
                              one.transcriber_version, one.tries, one.again]) for one in failures)
