"""Whether what is shown and exported is masked: as the settings say, and `--unmasked` only where they allow it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from records import Draft, Problem, Transcript

if TYPE_CHECKING:
    from settings import Privacy, Settings
    from store.lake import Lake

Unmasked = Annotated[bool, typer.Option("--unmasked", help="What was said in full; only where privacy.unmasked allows it")]


def is_masked(privacy: Privacy, unmasked: bool) -> bool:
    """Whether people see masked text; Problem where `--unmasked` is asked for and not allowed."""
    if unmasked and privacy.masking != "off" and not privacy.unmasked:
        raise Problem("--unmasked is not allowed here: who may see personal data sets unmasked = true under [privacy] in tingjian.toml.")
    return privacy.masking != "off" and not unmasked


def note_original(lake: Lake, settings: Settings, action: str, subject: str = "") -> None:
    """Who read or took out what was said in full goes into the audit log of the workspace: the user of this machine, `action`, and
    the call if it is one."""
    import getpass

    from store.reviews import audit
    from store.reviews.database import Database

    with Database.open(lake.root, settings.review.database).writing() as session:
        audit.note(session, f"{getpass.getuser()}@terminal"[:64], action, subject)


def masked(draft: Draft, transcript: Transcript, wanted: bool = True) -> tuple[Draft, Transcript]:
    """A call's records for display: with personal data hidden if `wanted`."""
    if not wanted:
        return draft, transcript
    from pipeline.masking import hide

    hidden, quoting = hide(transcript, draft)
    return quoting, hidden
