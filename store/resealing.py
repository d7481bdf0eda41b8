"""Sealing a workspace anew: after a key was changed, or where one is used for the first time (or no more).

    with lake.writing():
        reseal(lake, database)

Day by day each table is written again with the current key and its old files go. Killed in the middle it leaves a mixture that both
keys together read; the same command then finishes it. Only at the end the old keys are struck off `keys.json`.
"""
from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from deltalake import DeltaTable, write_deltalake

from store import sealing
from store.erasing import purge
from store.lake import Lake
from store.reviews.database import Database
from store.reviews.resealing import reseal_rows


@dataclass
class Resealed:
    """Rows of the lake and values of the review database that were written anew."""

    rows: int = 0
    values: int = 0
    copies: int = 0


def reseal(lake: Lake, database: Database | None) -> Resealed:
    """Everything sealed with the current key; needs `writing()`, and every older key among `old_key_files`."""
    done = Resealed()
    sealing.note_use(lake.root, lake.keys)
    for name in sealing.TEXTS:
        done.rows += _table(lake, name)
    done.copies = forget_copies(lake)
    if database is not None:
        done.values = reseal_rows(database)
    sealing.set_used(lake.root, [lake.keys.current] if lake.keys.current else [])
    return done


def forget_copies(lake: Lake) -> int:
    """Playable copies of recordings go: they are made again when somebody listens."""
    copies = list((lake.root / "sounds").glob("*")) if (lake.root / "sounds").is_dir() else []
    for file in copies:
        file.unlink(missing_ok=True)
    return len(copies)


def _table(lake: Lake, name: str) -> int:
    path = str(lake.root / name)
    if not DeltaTable.is_deltatable(path):
        return 0
    days = pl.scan_delta(path).select("day").unique().collect()["day"].sort().to_list()
    rows = 0
    for day in days:
        stored = pl.scan_delta(path).filter(pl.col("day") == day).collect()
        quoted = day.replace("'", "''")
        write_deltalake(path, lake.keys.resealed(name, stored), mode="overwrite", predicate=f"day = '{quoted}'")
        rows += stored.height
    if rows:
        purge(lake.root / name)
    return rows
