"""Which calls a workspace may take: lines that are kept apart ([privacy.apart]) have a workspace, and so people, keys and a log, of
their own."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.manifest import Listing
from records import Failure, Recording


def admitted(listing: Listing, workspace: Path, apart: Mapping[str, Path]) -> Listing:
    """The listing without calls that belong elsewhere, which are refused by name; unchanged where nothing is kept apart."""
    homes = {line: home.expanduser().resolve() for line, home in apart.items()}
    here = workspace.resolve()
    own = {line for line, home in homes.items() if home == here}
    taken: list[Recording] = []
    refused = list(listing.refused)
    for recording in listing.recordings:
        line = recording.call.line or ""
        home = homes.get(line)
        if line in own or (not own and home is None):
            taken.append(recording)
            continue
        where = f"{recording.origin}: " if recording.origin else ""
        why = f"calls of the line “{line}” go into {home}" if home else f"this workspace takes only calls of {', '.join(sorted(own))}"
        refused.append(Failure(call_id=recording.call.call_id, recording=recording.path, code="line_apart", stage="manifest",
                               message=f"{where}{why} ([privacy.apart]); run them with that --workspace."))
    return Listing(taken, refused, listing.waiting)
