"""Where recordings come from: one SOURCE string, whatever it names, becomes a Listing (manifest.py).

`KINDS` is the whole table: what a source looks like, and the function that reads it. The next kind of source goes there: a
function of the text and the settings that gives a Listing, whose recordings lead to files or to addresses that store/objects.py
knows. What holds for every source is done here afterwards, once: what is still being written waits, objects are looked at.
"""
from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from pipeline import manifest, sources_days, sources_objects, sources_table
from pipeline.manifest import Listing
from pipeline.settling import settled
from records import Failure, Problem, Recording
from settings import Settings
from store import objects

LOOKS = 16      # objects looked at side by side: a look is a round trip


class Kind(NamedTuple):
    """A kind of source: what SOURCE must look like, in a word for messages, and who reads it."""

    looks: re.Pattern[str]
    what: str
    read: Callable[[str, Settings], Listing]


KINDS = (
    Kind(re.compile(r".*\{date.*", re.DOTALL), "a manifest a day: manifests/{date}.csv, {date:%Y%m%d} for 20261120",
         lambda source, settings: sources_days.read(source, settings, _read)),
    Kind(re.compile(r"s3://.*", re.IGNORECASE), "a store of objects: s3://bucket/prefix or s3://bucket/calls.csv",
         lambda source, settings: sources_objects.read(source)),
    Kind(re.compile(r"postgres(ql)?://.*", re.IGNORECASE), "a table or view: postgresql://user@host/database#table",
         sources_table.read),
    Kind(re.compile(r"(?![a-z][a-z0-9+.-]+://).*", re.IGNORECASE | re.DOTALL), "a folder, a manifest (.csv, .parquet), a recording",
         lambda source, settings: manifest.read_source(source, settings.sources.settle_seconds or 0.0)),
)


def read(source: str | Path, settings: Settings) -> Listing:
    """The calls of a source of any kind: to be listened to, refused with their reason, or waiting.

    Raises records.Problem when nothing of it can be used, manifest.NotThere or manifest.Empty among them."""
    listing = _looked_at(_read(str(source), settings))
    return settled(listing, settings.sources.settle_seconds or 0.0, settings.sources.unreadable_after, time.time())


def key(source: str | Path) -> str:
    """The name under which the failures of a source are kept: the same from whatever directory it is read."""
    return str(source) if "://" in str(source) else str(Path(source).expanduser().absolute())


def _read(source: str, settings: Settings) -> Listing:
    for kind in KINDS:
        if kind.looks.fullmatch(source):
            return kind.read(source, settings)
    raise Problem(f"{source} is no source that can be read; there are: {'; '.join(kind.what for kind in KINDS)}.")


def _looked_at(listing: Listing) -> Listing:
    """Objects that a manifest or table names get their size and state; those that are not there are refused."""
    unknown = [one for one in listing.recordings if one.state is None and objects.is_address(one.path)]
    if not unknown:
        return listing
    with ThreadPoolExecutor(LOOKS, thread_name_prefix="looks") as crew:
        seen = dict(zip((one.call.call_id for one in unknown), crew.map(_look, unknown), strict=True))
    told: Iterable[Recording | Failure] = (seen.get(one.call.call_id, one) for one in listing.recordings)
    recordings: list[Recording] = []
    refused = list(listing.refused)
    for one in told:
        if isinstance(one, Recording):
            recordings.append(one)
        else:
            refused.append(one)
    return Listing(recordings, refused, listing.waiting)


def _look(recording: Recording) -> Recording | Failure:
    try:
        found = objects.looked_at(recording.path)
        return recording.model_copy(update={"size": found.size, "state": found.state})
    except objects.Missing:
        code, why, passes = "not_found", f"there is no object {recording.path}; correct the address or upload it.", False
    except objects.Unreachable as fault:
        code, why, passes = "store_unreachable", f"the store of objects did not answer ({fault}); the next run tries again.", True
    except Problem as fault:
        code, why, passes = "no_access", str(fault), True
    return Failure(call_id=recording.call.call_id, recording=recording.path, stage="manifest", code=code, retryable=passes,
                   message=f"{recording.origin}: {why}")
