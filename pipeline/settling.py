"""Recordings that are still being written: they wait for the next run and are neither failures nor lost.

A file is taken when its size and times have stood still for `settle_seconds`. That is seen from the later of its two times,
of its content (mtime) and of any change to it (ctime): a copying program may set the first to that of the original, but not
the second. A file that has stood still and whose header cannot be read may be one whose writer fills that in last: it waits
too, until it is `unreadable_after` seconds old; from then on it is a failure with its reason. A time in the future (a server's
clock ahead of ours) is not waited for.
"""
from __future__ import annotations

import os

from pipeline.decode import Refused, probe
from pipeline.manifest import Listing
from records import Failure, Recording


def settled(listing: Listing, settle_seconds: float, unreadable_after: float, now: float) -> Listing:
    """The listing with files that are not ready yet among `waiting`. `now` in seconds since 1970; 0 `settle_seconds` takes
    everything as it is, and so does an object of a store, which is there whole or not at all."""
    if settle_seconds <= 0:
        return listing
    ready: list[Recording] = []
    waiting = list(listing.waiting)
    for recording in listing.recordings:
        why = None if recording.state is not None else _why_not(recording.path, settle_seconds, unreadable_after, now)
        if why is None:
            ready.append(recording)
        else:
            waiting.append(Failure(call_id=recording.call.call_id, recording=recording.path, stage="manifest", code="not_ready",
                                   message=f"{recording.call.call_id} is not ready yet: {why}; the next run looks again.",
                                   retryable=True))
    return Listing(ready, listing.refused, tuple(waiting))


def _why_not(path: str, settle_seconds: float, unreadable_after: float, now: float) -> str | None:
    try:
        state = os.stat(path)  # noqa: PTH116 - thousands of them, and nothing else of Path is wanted
    except OSError:
        return None             # gone or forbidden: the run says so
    age = now - max(state.st_mtime, state.st_ctime)
    if 0 <= age < settle_seconds:
        return f"it was written {age:.0f} s ago, less than {settle_seconds:g}"
    if age < unreadable_after:
        try:
            probe(path)
        except Refused as refused:
            return f"its header cannot be read yet ({refused.code}); from {unreadable_after / 60:.0f} minutes on it is a failure"
    return None
