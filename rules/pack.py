"""A rule pack: rule files read, checked against each other and compiled."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from records import Problem
from rules.compiling import Bad, Plan
from rules.loading import Place, files_in, messages, read
from rules.operators import TABLE, limits_needed, references
from rules.overriding import Limits, adjusted, limits_of, unknown_limits
from rules.schema import Entry, Override, Part, Rule

FOR_APPLIES = ("both_speak",)
"""Operators that need no parameters and answer whether a rule applies."""
Params = dict[tuple[str, tuple[str, str]], Entry]
"""Parameters of operators by rule and by what decides: ("", "") the rule itself, ("lines", name) …"""
BUILT_IN = Path(__file__).parent / "zh"
ENGINE = "9"
"""Raised whenever the engine decides otherwise from the same rules; part of every draft's rules_version."""


class Pack:
    """Rules in the order in which they can be decided, and their compiled detectors. `places` tells where each stands."""

    def __init__(self, rules: dict[str, Rule], params: Params, plan: Plan, digest: str,
                 places: dict[str, str]) -> None:
        self.rules, self.params, self.plan, self.places = rules, params, plan, places
        self.version = f"sha256:{digest}"


def load(directory: Path | None = None, limits: Limits | None = None) -> Pack:
    """Read and compile the pack of a directory; raises Problem with every mistake found, each with file and line.

    `limits` are numbers by rule and name that the installation has instead of the pack's (`scoring.limits`).
    """
    directory = directory or BUILT_IN
    problems: list[str] = []
    entries: dict[str, tuple[Rule, Place, tuple]] = {}
    digest = hashlib.sha256(f"engine {ENGINE}".encode())
    for path in files_in(directory, "rule files"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        try:
            place = read(path)
        except Problem as problem:
            problems.append(str(problem))
            continue
        for rule, at in _rules(place, problems):
            if rule.id in entries:
                _, other, there = entries[rule.id]
                problems.append(place.say((*at, "id"), f"{rule.id} is already a rule, {other.path} line "
                                                       f"{other.line(there)}; give this one another id"))
                continue
            entries[rule.id] = (rule, place, at)
    params: Params = {}
    if limits:
        problems += unknown_limits(limits, {rule_id: rule for rule_id, (rule, _, _) in entries.items()})
        digest.update(json.dumps(limits, sort_keys=True).encode())
        if not problems:
            entries |= {i: (adjusted(entries[i][0], numbers), *entries[i][1:]) for i, numbers in limits.items()}
    for rule, place, at in entries.values():
        problems.extend(_check(rule, place, at, entries.keys(), params))
    order = _order(entries, params, problems) if not problems else []
    plan = Plan()
    for rule_id in order:
        rule, place, at = entries[rule_id]
        try:
            plan.add(rule)
        except Bad as bad:
            problems.append(place.say((*at, *bad.at), str(bad)))
    if problems:
        raise Problem("\n".join(problems))
    plan.seal()
    places = {i: f"{p.path}:{p.line(at)}" for i, (_, p, at) in entries.items()}
    return Pack({i: entries[i][0] for i in order}, params, plan, digest.hexdigest(), places)


def _rules(place: Place, problems: list[str]) -> Iterator[tuple[Rule, tuple]]:
    value = place.value
    if not isinstance(value, dict) or not isinstance(value.get("rules"), list) or set(value) != {"rules"}:
        problems.append(place.say((), "a rule file is `rules:` with a list of rules below it and nothing else"))
        return
    for index, raw in enumerate(value["rules"]):
        at = ("rules", index)
        try:
            yield Rule.model_validate(raw), at
        except ValidationError as error:
            problems.extend(messages(error, place, at))


def _check(rule: Rule, place: Place, at: tuple, ids: Any, params: Params) -> Iterator[str]:
    """References, operators and overridden numbers of one rule."""
    for path, other in _references(rule):
        if other not in ids:
            yield place.say((*at, *path), _no_rule(other, ids))
    for index, condition in enumerate(rule.applies):
        if condition.operator and condition.operator not in FOR_APPLIES:
            yield place.say((*at, "applies", index, "operator"),
                            f"{condition.operator} is no operator for applies; there is {', '.join(FOR_APPLIES)}")
    for path, name, raw in _operators(rule):
        if name not in TABLE:
            yield place.say((*at, *path), f"there is no operator {name}; there are {', '.join(sorted(TABLE))}")
            continue
        try:
            found = params[rule.id, (path[0], path[1]) if path[0] != "decide" else ("", "")] = TABLE[name].params.model_validate(raw)
        except ValidationError as error:
            yield from messages(error, place, (*at, *path[:-1], "params"))
            continue
        for other in references(found):
            if other not in ids:
                yield place.say((*at, *path[:-1], "params"), _no_rule(other, ids))
        for limit in limits_needed(name, found):
            if limit not in rule.limits:
                yield place.say((*at, "limits"), f"the operator {name} needs limits: {{{limit}: …}}; give the number")
    for path, override in _overrides(rule):
        known = limits_of(rule if override.decide is None else rule.model_copy(update={"decide": override.decide}))
        for limit in override.limits:
            if limit not in known:
                yield place.say((*at, *path, "limits", limit), f"{rule.id} has no limit {limit} to override; it has "
                                                               f"{', '.join(known) or 'none'}")
    for path, part in _parts(rule):
        for index, phrase in enumerate(part.phrases):
            if phrase.startswith("=") and len(phrase) < 3:
                yield place.say((*at, *path, "phrases", index), f"{phrase!r} is a single character, which is in every call; "
                                                               "write more of the phrase")
        if part.words:
            from rules.words import check

            try:
                check(part.words)
            except ValueError as error:
                yield place.say((*at, *path, "words"), f"not a pattern over words that can be used: {error}")


def _no_rule(rule: str, ids: Any) -> str:
    near = get_close_matches(rule, ids, 1, 0.5)
    return f"there is no rule {rule}; {f'perhaps {near[0]} is meant' if near else 'check its spelling'}"


def _parts(rule: Rule) -> Iterator[tuple[tuple, Part]]:
    """All parts of `find` with their paths in the rule."""
    waiting: list[tuple[tuple, Part]] = [(("find",), rule.find)] if rule.find else []
    while waiting:
        path, part = waiting.pop()
        yield path, part
        waiting += [((*path, group, i), child) for group in ("any", "all", "none") for i, child in enumerate(getattr(part, group))]


def _operators(rule: Rule) -> Iterator[tuple[tuple, str, dict]]:
    if rule.decide and rule.decide.operator:
        yield ("decide", "operator"), rule.decide.operator, rule.decide.params
    for path, override in _overrides(rule):
        if override.decide and override.decide.operator:
            yield (*path, "decide", "operator"), override.decide.operator, override.decide.params


def _overrides(rule: Rule) -> Iterator[tuple[tuple[str, str], Override]]:
    for field in ("lines", "organisations"):
        for name, override in getattr(rule, field).items():
            yield (field, name), override


def _references(rule: Rule) -> Iterator[tuple[tuple, str]]:
    for index, condition in enumerate(rule.applies):
        if condition.rule:
            yield ("applies", index, "rule"), condition.rule
    scopes: list[tuple[tuple, Rule | Override]] = [((), rule), *_overrides(rule)]
    for at, scope in scopes:
        for side in ("after", "before", "around"):
            if scope.where and (anchor := getattr(scope.where, side)):
                yield (*at, "where", side, "rule"), anchor.rule
        if scope.decide and scope.decide.each:
            yield (*at, "decide", "each", "of"), scope.decide.each.of
        for index, step in enumerate(scope.decide.sequence if scope.decide else []):
            yield (*at, "decide", "sequence", index, "rule"), step.rule
    for index, other in enumerate(rule.unless.hit_of):
        yield ("unless", "hit_of", index), other
    if rule.unless.repair and rule.unless.repair.rule:
        yield ("unless", "repair", "rule"), rule.unless.repair.rule


def _order(entries: dict[str, tuple[Rule, Place, tuple]], params: dict, problems: list[str]) -> list[str]:
    """Rules so that each comes after those it refers to; a circle is a problem."""
    needs = {i: [other for _, other in _references(rule)] for i, (rule, _, _) in entries.items()}
    for (rule_id, _), found in params.items():
        needs[rule_id] += references(found, ordered=True)
    order: dict[str, None] = {}
    path: list[str] = []

    def visit(rule_id: str) -> None:
        if rule_id in order:
            return
        if rule_id in path:
            circle = " → ".join([*path[path.index(rule_id):], rule_id])
            _, place, at = entries[rule_id]
            problems.append(place.say(at, f"rules refer to each other in a circle: {circle}; take one reference out"))
            order[rule_id] = None
            return
        path.append(rule_id)
        for other in needs[rule_id]:
            visit(other)
        path.pop()
        order[rule_id] = None

    for rule_id in entries:
        visit(rule_id)
    return list(order)
