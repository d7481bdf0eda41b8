"""`tingjian retention`: what is past its time and not on hold is deleted (store/erasing.py), or with --dry-run only told; then the
small files of many batches are put together (store/compacting.py)."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import select

from records import Problem
from settings import Kept, Retention, Settings
from store.compacting import WORK, compact
from store.erasing import KINDS, deletions, erase_calls, finish
from store.holds import Holds
from store.lake import Lake
from store.reviews.database import FILE, Database
from store.reviews.schema import Card
from store.tables import UNKNOWN_DAY

WHO = "retention"
IN_HAND = ("claimed", "appealed")       # cards that somebody works on, or has appealed against, wait
AT_ONCE = 5000          # calls in one deletion: what a kill leaves to be completed


class Due(NamedTuple):
    """What is past its time: kinds of data by call, those on hold, and those whose card is in somebody's hands."""

    calls: dict[str, frozenset[str]]
    days: dict[str, str]
    held: set[str]
    in_hand: set[str]


def run(workspace: str, settings: Settings, dry_run: bool, tell: Callable[[str], object]) -> str:
    """Deletes what is due, or only tells it, line by line; gives a sentence of the whole. Safe to kill and to run again.

    Raises Problem for a workspace that another process writes to, or [retention] that contradicts itself; and at the end, where
    recordings could not be deleted."""
    check(settings.retention)
    lake = Lake.open(workspace)
    today = datetime.now(ZoneInfo(settings.schedule.timezone)).date()
    database = reviews(lake, settings)
    if sentence := of_failed(lake, settings.retention, datetime.now(UTC)):
        tell(sentence)
    if dry_run:
        found = due(lake, settings.retention, today, database, settings.schedule.timezone)
        for line in told(found):
            tell(line)
        return f"{len(found.calls)} calls would lose something; nothing was deleted (dry run)"
    with lake.writing():
        if completed := finish(lake, database):
            tell(f"{completed} deletions that were cut short are completed")
        found = due(lake, settings.retention, today, database, settings.schedule.timezone)
        for line in told(found):
            tell(line)
        left = _delete(lake, found, database)
    for line in left:
        tell(line)
    with lake.running(WORK):        # beside a run that begins now
        tell(f"tables: {compact(lake)}")
    if left:
        raise Problem(f"Of {len(found.calls)} calls past their time {len(left)} keep their sound; the next retention tries them again. "
                      f"First: {left[0]}")
    return f"{len(found.calls)} calls lost what was past its time, {len(found.held)} are on hold"


def due(lake: Lake, retention: Retention, today: date, database: Database | None = None, zone: str = "Asia/Shanghai") -> Due:
    """What is past its time on `today`, a day in `zone`. The day is that of the call; of a call that does not say, that of its
    recognition there (the lake keeps instants in UTC, which is a day behind until eight in the morning)."""
    calls = lake.calls().select("call_id", "day", "line", "agent_id", "customer_name", "recording", "finished_at")
    recognised = pl.col("finished_at").dt.convert_time_zone(zone).dt.strftime("%Y-%m-%d")
    known = calls.with_columns(day=pl.when(pl.col("day") == UNKNOWN_DAY).then(recognised).otherwise(pl.col("day")))
    past: dict[str, set[str]] = defaultdict(set)
    days: dict[str, str] = {}
    gone = _gone(lake)
    for kind in KINDS:
        for call_id, day, recording in _past(known, retention, kind, today).iter_rows():
            if call_id in gone[kind] or (kind == "recordings" and not recording):
                continue
            past[call_id].add(kind)
            days[call_id] = day
    for kinds in past.values():
        if "cards" in kinds:
            kinds.add("words")
    held = set(Holds(lake.root).covering(calls).collect()["call_id"].to_list()) & past.keys()
    in_hand = _in_hand(database, past) - held
    return Due({call_id: frozenset(kinds) for call_id, kinds in sorted(past.items()) if call_id not in held | in_hand}, days, held, in_hand)


def told(found: Due) -> list[str]:
    """What is due in lines for a person: a kind, how many calls, of which days."""
    lines = []
    for kind in KINDS:
        some = sorted(found.days[call_id] for call_id, kinds in found.calls.items() if kind in kinds)
        if some:
            lines.append(f"{kind}: {len(some)} calls of {some[0]}" + (f" to {some[-1]}" if some[-1] != some[0] else ""))
    if found.held:
        lines.append(f"on hold: {len(found.held)} calls stay (tingjian hold list)")
    if found.in_hand:
        lines.append(f"in hand: {len(found.in_hand)} calls stay until their review or appeal is over")
    return lines or ["nothing is past its time"]


def of_failed(lake: Lake, retention: Retention, now: datetime) -> str:
    """A sentence of recordings past their time whose call could not be done, empty where there are none. They stay: whose call it was
    the lake does not know, so neither a line's own days nor a hold by customer, agent or line could be kept."""
    if retention.recordings is None:
        return ""
    last = now - timedelta(days=retention.recordings + 1)
    old = [one for one in lake.failed() if one.since and one.since < last and one.audio.size is not None]
    if not old:
        return ""
    return (f"failed: {len(old)} recordings of calls that could not be done are past their time and stay, first {old[0].failure.recording}; "
            "delete them by hand, or mend and run them (tingjian failed)")


def check(retention: Retention) -> None:
    """Raises Problem where sound would outlive the card that leads to it: it could never be found again to be deleted."""
    for name, kept in {"": _plain(retention), **{f".lines.{line}": _of_line(retention, line) for line in retention.lines}}.items():
        if kept.cards is not None and kept.recordings is not None and kept.recordings > kept.cards:
            raise Problem(f"[retention{name}] keeps recordings for {kept.recordings} days and cards for {kept.cards}: a card leads to its "
                          "recording, so write at most as many days for recordings.")


def _plain(retention: Retention) -> Kept:
    return Kept(recordings=retention.recordings, words=retention.words, cards=retention.cards)


def _of_line(retention: Retention, line: str) -> Kept:
    """A line's own days; what it does not say is as for all."""
    return _plain(retention).model_copy(update=retention.lines[line].model_dump(exclude_none=True))


def _past(calls: pl.LazyFrame, retention: Retention, kind: str, today: date) -> pl.DataFrame:
    limits: Mapping[str, int | None] = {line: getattr(_of_line(retention, line), kind) for line in retention.lines}
    own = pl.col("line").is_in(list(limits)).fill_null(False)
    chosen = pl.lit(False)
    for line, limit in limits.items():
        if limit is not None:
            chosen = chosen | ((pl.col("line") == line) & (pl.col("day") <= _last_day(today, limit))).fill_null(False)
    if (limit := getattr(retention, kind)) is not None:
        chosen = chosen | (~own & (pl.col("day") <= _last_day(today, limit)))
    return calls.filter(chosen).select("call_id", "day", "recording").collect()


def _last_day(today: date, days: int) -> str:
    """The last day of calls that are past their time: with 0 days everything up to yesterday."""
    return (today - timedelta(days=days + 1)).isoformat()


def _gone(lake: Lake) -> dict[str, set[str]]:
    gone: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for one in deletions(lake):
        for kind in one["what"]:
            gone[kind].add(one["call_id"])
    return gone


def _in_hand(database: Database | None, past: Mapping[str, set[str]]) -> set[str]:
    if database is None:
        return set()
    with database.reading() as session:
        return {call_id for call_id in session.scalars(select(Card.call_id).where(Card.state.in_(IN_HAND)))
                if past.get(call_id, set()) & {"words", "cards"}}


def reviews(lake: Lake, settings: Settings) -> Database | None:
    """The review database, where there is one: none is made to delete from."""
    url = settings.review.database
    return Database.open(lake.root, url) if url or (Path(lake.root) / FILE).is_file() else None


def _delete(lake: Lake, found: Due, database: Database | None) -> list[str]:
    """Calls that lose the same go together; gives what could not be deleted."""
    left: list[str] = []
    alike: dict[frozenset[str], list[str]] = defaultdict(list)
    for call_id, kinds in found.calls.items():
        alike[kinds].append(call_id)
    for kinds, call_ids in alike.items():
        for start in range(0, len(call_ids), AT_ONCE):
            done = erase_calls(lake, call_ids[start:start + AT_ONCE], what=kinds, who=WHO, reason="past its time", database=database,
                               sound_first=True)
            left += done.left
    return left
