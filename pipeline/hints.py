"""What a call is likely to hold, from what is known of it: the names and numbers that a recogniser would else misspell."""
from __future__ import annotations

from collections.abc import Sequence

from records import Call
from rules.slots import DOUBLE_SURNAMES

TITLES = {"male": "先生", "female": "女士"}
SPOKEN = str.maketrans("0123456789", "零幺二三四五六七八九")     # a staff number is read digit by digit
MOST_NAMES = 6          # of the settings' organisations, where the call does not say whose it is: a list would be echoed


def expected(call: Call, organisations: Sequence[str] = ()) -> tuple[str, ...]:
    """The call's own names: organisation, agent's name and number as it is spoken, how the customer is addressed.

    `organisations` are the settings' names, for a call that tells none; more than MOST_NAMES of them help nobody.
    """
    names = list(call.organisation) or list(organisations[:MOST_NAMES])
    if call.agent_name:
        names.append(call.agent_name)
    if call.agent_id and call.agent_id.isdecimal() and len(call.agent_id) <= 6:
        names.append(call.agent_id.translate(SPOKEN) + "号")
    if call.customer_name:
        names.append(call.customer_name)
        title = TITLES.get(call.customer_gender or "")
        if title:
            names.append(_surname(call.customer_name) + title)
    return tuple(dict.fromkeys(names))


def _surname(name: str) -> str:
    return name[:2] if len(name) >= 3 and name[:2] in DOUBLE_SURNAMES else name[:1]
