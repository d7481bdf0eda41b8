"""What a call is likely to hold, from what is known of it: the names and numbers that a recogniser would else misspell."""
from __future__ import annotations

from collections.abc import Sequence

from records import Call
from rules.slots import DOUBLE_SURNAMES

TITLES = {"male": "先生", "female": "女士"}
SPOKEN = str.maketrans("0123456789", "零幺二三四五六七八九")     # a staff number is read digit by digit
ANSWERED = ("客服中心", "中心", "热线", "客服")     # as whom agents answer: 天岚通信客服中心
LONGEST_NUMBER = 6      # digits of a staff number; longer ones are keys of a database
MOST_NAMES = 6          # of the settings' organisations, where the call does not say whose it is: a list would be echoed


def expected(call: Call, organisations: Sequence[str] = ()) -> tuple[str, ...]:
    """The call's own names as short sentences: the organisation with the agent's number (as it is spoken) and name, then how
    the customer is addressed and called.

    `organisations` are the settings' names, for a call that tells none; more than MOST_NAMES of them help nobody.
    """
    staff = [name if name.endswith(ANSWERED) else name + ANSWERED[0] for name in call.organisation or organisations[:MOST_NAMES]]
    if call.agent_id and call.agent_id.isdecimal() and len(call.agent_id) <= LONGEST_NUMBER:
        staff.append(call.agent_id.translate(SPOKEN) + "号")
    if call.agent_name:
        staff.append(call.agent_name)
    customer = []
    if call.customer_name:
        title = TITLES.get(call.customer_gender or "")
        customer = [*([_surname(call.customer_name) + title] if title else []), call.customer_name]
    return tuple("，".join(part) for part in (staff, customer) if part)


def _surname(name: str) -> str:
    return name[:2] if len(name) >= 3 and name[:2] in DOUBLE_SURNAMES else name[:1]
