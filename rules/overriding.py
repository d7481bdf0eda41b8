"""What a rule is otherwise: numbers that the installation sets, and what business lines and organisations have of their own.

Two times: `adjusted` when a pack is loaded, once for all calls; `overridden` for one call.
"""
from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from records import Call
from rules.schema import Override, Rule

Limits = Mapping[str, Mapping[str, float]]


def limits_of(rule: Rule) -> dict[str, float]:
    """The rule's numbers that may be set: its `limits`, and those of its count or rate."""
    how, counted = rule.decide, {}
    if how is not None and (part := how.count or how.rate) is not None:
        names = ("at_least", "at_most", "review_from")
        counted = {name: float(value) for name in names if (value := getattr(part, name, None)) is not None}
    return counted | rule.limits


def adjusted(rule: Rule, limits: Mapping[str, float]) -> Rule:
    """The rule with some of the numbers of `limits_of` changed; those of a count become whole."""
    own = {name: value for name, value in limits.items() if name in rule.limits}
    changed = rule.model_copy(update={"limits": rule.limits | own}) if own else rule
    rest = {name: value for name, value in limits.items() if name not in own}
    how = rule.decide
    if not rest or how is None:
        return changed
    kind = "count" if how.count else "rate"
    values = {name: round(value) if kind == "count" else value for name, value in rest.items()}
    part = getattr(how, kind).model_copy(update=values)
    return changed.model_copy(update={"decide": how.model_copy(update={kind: part})})


def unknown_limits(limits: Limits, rules: Mapping[str, Rule]) -> Iterator[str]:
    """What is wrong with `scoring.limits` of the settings, with the place and what to write instead."""
    for rule_id, numbers in limits.items():
        where = _in_settings(rule_id)
        if rule_id not in rules:
            near = get_close_matches(rule_id, rules, 1, 0.5)
            yield (f"{where}: there is no rule {rule_id}; {f'perhaps {near[0]}; ' if near else ''}"
                   "`tingjian rules list` prints all")
            continue
        known = limits_of(rules[rule_id])
        for name in numbers:
            if name not in known:
                there = ", ".join(f"{one} = {value:g}" for one, value in known.items())
                yield f"{where}: {rule_id} has no limit {name}; " + (f"it has {there}" if there else "it has none to set")


def _in_settings(rule_id: str) -> str:
    """`tingjian.toml line 7, scoring.limits`; without a line where the file does not say it (the environment does)."""
    path = Path(os.environ.get("TINGJIAN_SETTINGS", "tingjian.toml"))
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return "Settings, scoring.limits"
    at = next((number for number, line in enumerate(lines, 1) if re.search(rf"[\"'\[.]{re.escape(rule_id)}[\"'\].]", line)), None)
    return f"{path} line {at}, scoring.limits" if at else "Settings, scoring.limits"


def overrides(rule: Rule, call: Call) -> list[tuple[tuple[str, str], Override]]:
    """What the call's line and organisations have otherwise, as ((field, name), override); the later goes before the earlier."""
    found = []
    if rule.lines and (override := rule.lines.get(call.line or "")) is not None:
        found.append((("lines", call.line or ""), override))
    if rule.organisations:
        found += [(("organisations", name), rule.organisations[name]) for name in call.organisation
                  if name in rule.organisations]
    return found


def overridden(rule: Rule, found: list[tuple[tuple[str, str], Override]]) -> tuple[Rule, tuple[str, str]]:
    """The rule with the overrides put over it, and which of them says how it is decided (`("", "")`: the rule itself)."""
    decided_by = ("", "")
    for name, override in found:
        changes = {field: value for field in ("where", "decide", "severity")
                   if (value := getattr(override, field)) is not None}
        if override.decide is not None:
            decided_by = name
        rule = adjusted(rule.model_copy(update=changes), override.limits)
    return rule, decided_by
