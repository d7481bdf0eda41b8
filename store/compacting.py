"""Small files of many batches put together, and files that no table uses any more deleted.

    with lake.running(WORK):        # beside runs, which wait for one day of one table; or within lake.writing()
        compact(lake)

Every batch leaves a file in each table it writes; a pick-up by the hour leaves thousands a year, and each reader opens them all.
Where a day of a table has `MANY` of them, they become one (Delta's optimize, a commit of its own each, so that a kill loses at
most that day's work). Rows stay as they are, with their batch's id: what a killed run left behind stays invisible and is found by
the next. Rows keep their order and lie in groups of `GROUP`, so that one call's words are found without reading the day's.

Old files stay for `GRACE` hours: a reader that opened a table before goes on in them. What erasing deletes does not wait
(store/erasing.py). A file that a process was writing when it was killed goes too, once it is that old.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, WriterProperties

from store import tables
from store.lake import Lake

WORK = "compaction"         # its name among the runs: two at once are refused
MANY = 8
LARGE = 100 * 2**20         # bytes: files of this size are left as they are, Delta's own measure
GRACE = 24                  # hours; the longest reader, a year's export, takes minutes
GROUP = {"calls": 2000, "hits": 20_000, "turns": 10_000, "findings": 20_000, "items": 10_000, "transcripts": 200, "drafts": 200}


@dataclass
class Compacted:
    """What it did: days of a table put together, files they were and became, files deleted as no longer in use."""

    days: int = 0
    before: int = 0
    after: int = 0
    deleted: int = 0

    def __str__(self) -> str:
        together = f"{self.before} small files became {self.after}" if self.before else "no day of a table has many small files"
        return f"{together}; {self.deleted} files that nothing uses any more were deleted"


def compact(lake: Lake, tell: Callable[[str], object] = lambda line: None) -> Compacted:
    """All tables, day by day, each in its own turn among the writers. Hold the workspace: `running(…)` or `writing()`.

    Safe to kill and to run again. Raises Problem where the disk cannot be read or written; whole days are kept."""
    done = Compacted()
    for name in tables.TABLES:
        path = lake.root / name
        if not DeltaTable.is_deltatable(str(path)):
            continue        # `hits` of a workspace that an earlier Tingjian made
        with lake.committing():
            days = _crowded(path)
        for day in days:
            with lake.committing():
                before, after = _day(name, path, day)
            done.days, done.before, done.after = done.days + 1, done.before + before, done.after + after
            tell(f"{name} {day or ''}: {before} files are {after}")
        with lake.committing():
            done.deleted += _sweep(path)
    return done


def files(table: Path) -> pl.DataFrame:
    """The files a table is made of: `day` (null in a table without), `size` in bytes."""
    held = pl.DataFrame(DeltaTable(str(table)).get_add_actions(flatten=True))
    day = pl.col("partition.day") if "partition.day" in held.columns else pl.lit(None, pl.String)
    return held.select(day=day, size="size_bytes")


def _crowded(table: Path) -> list[str | None]:
    """Days with many files that are not large."""
    counted = files(table).filter(pl.col("size") < LARGE).group_by("day").len().filter(pl.col("len") >= MANY)
    return counted["day"].sort().to_list()


def _day(name: str, table: Path, day: str | None) -> tuple[int, int]:
    delta = DeltaTable(str(table))
    # One task: this runs beside recognition, and so memory stays that of one day.
    told = delta.optimize.compact(partition_filters=None if day is None else [("day", "=", day)], target_size=LARGE, max_concurrent_tasks=1,
                                  writer_properties=WriterProperties(max_row_group_size=GROUP.get(name), compression="SNAPPY"))
    return told["numFilesRemoved"], told["numFilesAdded"]


def _sweep(table: Path) -> int:
    """Deletes what no version younger than GRACE uses; also files of no version, which a killed writer left. The caller has the turn:
    nobody else's file is half-written now."""
    return len(DeltaTable(str(table)).vacuum(retention_hours=GRACE, enforce_retention_duration=False, dry_run=False, full=True))
