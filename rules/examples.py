"""The examples that stand beside each rule, run: a rule's own tests.

A sentence is said by the rule's speaker as the only turn of a call; a text with lines `A: …` (agent) and `C: …`
(customer) is a small dialogue. `call` adds metadata. For a check "pass" means the verdict pass; for a taboo "fail" is the
lapse and "pass" innocent speech; for a signal "pass" is found and "fail" none. A `known_miss` is what the rule gets wrong
today: it is counted, and a rule that has learnt it since should move it.
"""
from __future__ import annotations

import re
from typing import NamedTuple

from records import Problem, Speaker, Transcript, Turn
from rules.engine import Engine
from rules.schema import Example, Rule

_LINE = re.compile(r"^\s*([ACXI])\s*(?:\[\s*([\d.]+)\s*-\s*([\d.]+)\s*(?:(-[\d.]+)dB)?\s*(?:([\d.]+)st)?\s*\])?"
                   r"\s*[:：]\s*(.*)$")
_SPEAKERS: dict[str, Speaker] = {"A": "agent", "C": "customer", "X": "unknown", "I": "ivr"}


class Result(NamedTuple):
    """One rule's examples: how many there are and what went wrong (group, example, verdict with reason)."""

    rule: str
    counts: dict[str, int]
    wrong: list[tuple[str, str, str]]
    known_misses: int
    learnt: list[str]


def run(engine: Engine) -> list[Result]:
    """Every rule's examples against the engine's pack."""
    return [run_rule(engine, rule) for rule in engine.pack.rules.values()]


def run_rule(engine: Engine, rule: Rule) -> Result:
    groups = {"pass": rule.examples.passing, "fail": rule.examples.failing}
    wrong, learnt = [], []
    for group, examples in groups.items():
        for example in examples:
            verdict, reason = judge(engine, rule, example)
            if verdict != expected(rule, group):
                wrong.append((group, _say(example), f"{verdict}: {reason}"))
    for example in rule.examples.known_miss:
        # A known miss is written as what ought to be found (check, signal) or ought not to (taboo: its innocent pass).
        if judge(engine, rule, example)[0] == expected(rule, "pass"):
            learnt.append(_say(example))
    return Result(rule.id, {g: len(e) for g, e in groups.items()}, wrong, len(rule.examples.known_miss), learnt)


def expected(rule: Rule, group: str) -> str:
    """The verdict that an example of a group must bring."""
    return {"pass": "found", "fail": "none"}[group] if rule.kind == "signal" else group


def judge(engine: Engine, rule: Rule, example: str | Example) -> tuple[str, str]:
    """The rule's verdict on an example, and its reason."""
    outcome = engine.view(call_of(rule, example)).outcome(rule.id)
    return outcome.verdict, outcome.reason


def call_of(rule: Rule, example: str | Example) -> Transcript:
    """An example as a call. Times, level and spread of pitch (semitones) may be given as
    `A[0.5-3.2]: …`, `A[0.5-3.2 -21dB 3st]: …`; raises Problem where a dialogue cannot be read."""
    if isinstance(example, str):
        example = Example(say=example)
    who: Speaker = "customer" if rule.who == "customer" else "agent"
    lines = [line for line in example.say.splitlines() if line.strip()]
    if _LINE.match(lines[0] if lines else ""):
        turns = [_turn(rule, line) for line in lines]
    else:
        turns = [Turn(speaker=who, text=example.say)]
    other: Speaker = "agent" if who == "customer" else "customer"
    alone = len(turns) == 1 and not (example.before or example.after) and turns[0].start is None
    if alone and who == "agent":
        turns.append(Turn(speaker="customer", text="好"))  # so that there are two sides to the call
    if example.before:
        turns.insert(0, Turn(speaker=other, text=example.before))
    if example.after:
        turns.append(Turn(speaker=other, text=example.after))
    direction = "outbound" if any(c.direction == "outbound" for c in rule.applies) else "inbound"
    return Transcript.model_validate({"call_id": "example", "direction": direction, **example.call, "turns": turns})


def _turn(rule: Rule, line: str) -> Turn:
    found = _LINE.match(line)
    if found is None:
        raise Problem(f"{rule.id}: the example line {line!r} is no turn; write A: … for the agent, C: … for the customer")
    letter, start, end, level, spread, text = found.groups()
    return Turn(speaker=_SPEAKERS[letter], text=text, start=float(start) if start else None,
                end=float(end) if end else None, loudness=float(level) if level else None,
                pitch_spread=float(spread) if spread else None)


def _say(example: str | Example) -> str:
    return example if isinstance(example, str) else example.say
