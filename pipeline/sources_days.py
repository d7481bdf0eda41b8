"""A manifest a day: `manifests/{date}.csv` stands for the last days' files, so that a night that was missed is caught up.

`{date}` is 2026-11-20; `{date:%Y%m%d}` and other forms of strftime are understood, also in folders and addresses. Read are the
`[sources] days` days before today in the time zone of the schedules, and today's where it is there already. What is done is
skipped by the run anyway, so reading a day again costs next to nothing.
"""
from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.manifest import Empty, Listing, NotThere
from records import Failure, Problem, Recording
from settings import Settings

Read = Callable[[str, Settings], Listing]


def read(pattern: str, settings: Settings, read_one: Read, today: date | None = None) -> Listing:
    """All days' calls in one listing. A day without a manifest is a failure that goes when the manifest comes (or, by
    `[sources] missing_day = "note"`, only told), and so is one that cannot be read, unless no other can; NotThere when no day has one.
    `read_one` reads one day's source."""
    today = today or datetime.now(ZoneInfo(settings.schedule.timezone)).date()
    days = [today - timedelta(days=back) for back in range(settings.sources.days, -1, -1)]
    recordings: dict[str, Recording] = {}
    refused: list[Failure] = []
    waiting: list[Failure] = []
    missing: list[Failure] = []
    broken: list[tuple[Problem, Failure]] = []
    read_whole = 0
    for day in days:
        source = _of_day(pattern, day)
        try:
            listing = read_one(source, settings)
        except NotThere:
            if day != today:
                missing.append(_missing(source, day))
            continue
        except Empty as fault:      # a day without calls, a holiday say, is a manifest with its header alone
            waiting.append(_told(source, day, "no_calls", str(fault)))
            continue
        except Problem as fault:    # of one day: the others' calls go on
            broken.append((fault, _told(source, day, "manifest_unreadable", f"The manifest of {day} cannot be used: {fault} Its calls are "
                                        "not done; the next run looks again.")))
            continue
        read_whole += 1
        refused += listing.refused
        waiting += listing.waiting
        for one in listing.recordings:
            _put(one, recordings, refused)
    if broken and not read_whole:
        raise broken[-1][0]
    refused += [failure for _, failure in broken]
    if len(missing) == settings.sources.days and not recordings and not waiting and not refused:
        raise NotThere(f"{pattern}: there is no manifest of {days[0]} to {today}; is the folder mounted, and is {{date}} written "
                       "as the files are named, {date:%Y%m%d} for 20261120?")
    if settings.sources.missing_day == "fail":
        refused += missing
    else:
        waiting += missing
    return Listing(list(recordings.values()), refused, tuple(waiting))


def _of_day(pattern: str, day: date) -> str:
    try:
        return pattern.format(date=day)
    except (KeyError, ValueError, IndexError) as fault:
        raise Problem(f"{pattern}: only {{date}} may stand in braces, such as {{date}} or {{date:%Y%m%d}} ({fault}).") from fault


def _put(one: Recording, recordings: dict[str, Recording], refused: list[Failure]) -> None:
    """A call that stands in two days' manifests is one call, the later told; with another recording it is a mistake."""
    call_id = one.call.call_id
    before = recordings.get(call_id)
    if before is None or before.path == one.path:
        recordings[call_id] = one
        return
    refused.append(Failure(call_id=call_id, recording=one.path, stage="manifest", code="call_id_duplicate",
                           message=f"{one.origin}: call_id “{call_id}” already stands in {before.origin} with another recording; "
                                   "every call needs its own."))


def _missing(source: str, day: date) -> Failure:
    return _told(source, day, "manifest_missing", f"There is no manifest of {day}: {source} does not exist. Its calls are not "
                 "done; the next run looks again. Ask for it, or put an empty one with the header alone where there were no calls.")


def _told(source: str, day: date, code: str, message: str) -> Failure:
    return Failure(call_id=f"(manifest of {day})", recording=source, stage="manifest", code=code, message=message, retryable=True)
