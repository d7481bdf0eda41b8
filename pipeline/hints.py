"""What a call is likely to hold, from what is known of it: as whom the agent answers, which a recogniser would else misspell.

The names of people and the agent's number would come out right more often too if they were told (docs/models.md), but told
more than a few words Whisper leaves out stretches of noisy speech, and the rules lose more by that than they gain: names
are matched by sound against the metadata anyway.
"""
from __future__ import annotations

from collections.abc import Sequence

from records import Call

ANSWERED = ("客服中心", "中心", "热线", "客服")     # as whom agents answer: 天岚通信客服中心
MOST_NAMES = 6          # of the settings' organisations, where the call does not say whose it is: a list would be echoed


def expected(call: Call, organisations: Sequence[str] = ()) -> tuple[str, ...]:
    """As whom the agent of a call answers, one sentence or none.

    `organisations` are the settings' names, for a call that tells none; more than MOST_NAMES of them help nobody.
    """
    names = call.organisation or organisations[:MOST_NAMES]
    return ("，".join(name if name.endswith(ANSWERED) else name + ANSWERED[0] for name in names),) if names else ()
