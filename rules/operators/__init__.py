"""Everything a rule can be decided by that is more than counting hits: one visible table, a file an operator family.

To add one: write a function `(view, rule, params) -> Outcome` with its parameters as an Entry, and add a row here.
Parameters of type RuleRef name other rules of the pack; the loader checks them and orders the rules by them (HitsOf: checks
them only).
"""
from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rules.operators import calendar, conduct, general, holds, metadata, names, outbound, personal, special, voice
from rules.operators.parameters import HitsOf, LimitName, RuleRef
from rules.schema import Entry
from rules.view import Outcome


class Operator(NamedTuple):
    """`limits` are the numbers that a rule needs in its `limits`, beside those that parameters name."""

    run: Callable[..., Outcome]
    params: type[Entry]
    does: str
    limits: tuple[str, ...] = ()


TABLE: dict[str, Operator] = {
    "metadata_at_most": Operator(metadata.at_most, metadata.AtMost, "a number of the call's metadata is at most a limit"),
    "metadata_equals": Operator(metadata.equals, metadata.Equals, "a field of the metadata has one of some values"),
    "long_silence": Operator(general.long_silence, general.LongSilence, "silences over a limit, but those asked for or "
                             "thanked for"),
    "together": Operator(general.together, general.Together, "all, at least or at most so many of several rules"),
    "both_speak": Operator(special.both_heard, metadata.Nothing, "both sides can be heard (for applies)"),
    "holds": Operator(holds.request, holds.Request, "finds every hold: request, answer, check-backs, return"),
    "hold_permission": Operator(holds.permission, holds.OfHolds, "every hold is asked, not announced"),
    "hold_consent": Operator(holds.consent, holds.OfHolds, "the customer agrees to every hold before the silence"),
    "hold_reason": Operator(holds.reason, holds.Reason, "every hold is given a reason and a length"),
    "hold_check_back": Operator(holds.check_back, holds.CheckBack, "in long holds the agent comes back from time to time"),
    "hold_return": Operator(holds.returned, holds.OfHolds, "after every hold the agent thanks or apologises"),
    "unannounced_silence": Operator(holds.unannounced, holds.Unannounced, "no long silence of the agent's without a hold"),
    "transfer": Operator(holds.transfer, holds.Transfer, "a transfer is explained and the customer says yes"),
    "name_asked": Operator(names.asked, names.Asked, "asks for the name where nobody knows it"),
    "name_used": Operator(names.used, names.Used, "turns that address the customer by name"),
    "name_wrong": Operator(names.wrong, names.Wrong, "another surname, or the title of the other gender"),
    "identity_asked": Operator(outbound.identity, outbound.Identity, "asks for the customer first and waits for the answer"),
    "introduced": Operator(outbound.introduced, outbound.Introduced, "introduces itself after the customer has answered"),
    "purpose_said": Operator(outbound.purpose, outbound.Purpose, "says why it calls, or comes to the business"),
    "fits_the_day": Operator(calendar.fits_the_day, calendar.FitsTheDay, "on days off the greeting names the right day"),
    "silent_call": Operator(special.silent_call, special.Unclear, "nobody answers: greetings, the no-sound script, goodbye"),
    "unclear_call": Operator(special.unclear_call, special.Unclear, "a customer who cannot be heard is asked to speak up"),
    "speaking_rate": Operator(voice.rate, voice.Plain, "characters a minute while the agent speaks",
                              ("slowest", "fastest")),
    "interruption": Operator(voice.interruption, voice.Plain, "how often the agent starts while the customer goes on",
                             ("limit",)),
    "dead_air": Operator(voice.silence, voice.Silence, "the longest silence outside holds, and the share of silence",
                         ("limit",)),
    "talk_share": Operator(voice.listening, voice.Plain, "the customer's share of the talk", ("wanted",)),
    "answer_time": Operator(voice.latency, voice.Plain, "median time from a customer's question to the answer",
                            ("limit",)),
    "own_loudness": Operator(voice.loudness, voice.Plain, "agent turns far from the agent's own median level",
                              ("limit",)),
    "pitch_spread": Operator(voice.pitch, voice.Plain, "how far the agent's pitch moves", ("flat",)),
    "call_length": Operator(voice.duration, voice.Plain, "length of the call, by metadata or the last turn",
                            ("limit", "aim")),
    "to_a_question": Operator(conduct.to_a_question, conduct.Nothing, "hits count only in the answer to a customer's question"),
    "hang_up": Operator(conduct.hang_up, conduct.Nothing, "threatens to hang up, or cuts off a customer who is not done"),
    "personal_numbers": Operator(personal.personal_numbers, personal.Nothing, "full personal numbers are read out, in pieces too"),
    "refusal_sandwich": Operator(conduct.sandwich, conduct.Refused, "a refusal stands between understanding and a way out"),
    "calm_answer": Operator(conduct.calm_answer, conduct.Answered, "abuse is answered calmly or handed over"),
    "pretend_deaf": Operator(voice.pretend_deaf, voice.Plain, "says it hears nothing after a customer who was clear"),
}

DETECTING = frozenset({"personal_numbers"})
"""Operators that find in a single turn what no phrase can; `rules probe` asks them too."""


def references(params: Entry, ordered: bool = False) -> list[str]:
    """Ids of the rules that an operator's parameters name; `ordered`: only those whose verdict is needed."""
    kinds = {RuleRef} if ordered else {RuleRef, HitsOf}
    named = [getattr(params, name) for name, field in type(params).model_fields.items() if kinds.intersection(field.metadata)]
    return [rule for value in named for rule in ([value] if isinstance(value, str) else value or [])]


def limits_needed(name: str, params: Entry) -> list[str]:
    """Names of the numbers that a rule decided by this operator needs in its `limits`."""
    named = [getattr(params, one) for one, field in type(params).model_fields.items() if LimitName in field.metadata]
    return [*TABLE[name].limits, *named]


__all__ = ["DETECTING", "TABLE", "HitsOf", "LimitName", "Operator", "RuleRef", "limits_needed", "references"]
