"""An accepted proposal into a pack of one's own: a phrase added to a rule's `find` or to its `unless.turn`, a number into tingjian.toml.

Files are changed in place, by their text, so that comments and layout stay; a change after which the pack would not load is taken back.
"""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import yaml

from records import Problem
from rules.pack import BUILT_IN, load

LEARNT = "learnt"           # the name of the part that holds phrases learnt from reviewers


class Amended(NamedTuple):
    """`line` is where the file was changed, counted from 1."""

    file: Path
    line: int


def add_phrase(directory: Path, rule: str, phrase: str) -> Amended:
    """The rule then finds the phrase too. Problem where the directory, rule or phrase does not allow it."""
    return _change(directory, rule, lambda node, text: _into_find(node, text, phrase))


def except_phrase(directory: Path, rule: str, phrase: str) -> Amended:
    """A turn with the phrase is then no hit of the rule."""
    return _change(directory, rule, lambda node, text: _into_unless(node, text, phrase))


def change_limit(directory: Path, rule: str, name: str, value: float) -> Amended:
    """The number of the rule itself, where its file says it. Problem where it does not: then it belongs into the settings."""
    return _change(directory, rule, lambda node, text: _number(node, name, value))


def set_limit(file: Path, rule: str, name: str, value: float) -> Amended:
    """`[scoring.limits."RULE"]` in a settings file. Problem where the file says something of the rule already: change it there."""
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    heading = f'[scoring.limits."{rule}"]'
    line = f"{name} = {value:g}"
    if heading in text or f"[scoring.limits.'{rule}']" in text:
        raise Problem(f"{file} has {heading} already; write there: {line}")
    made = text.rstrip("\n") + ("\n\n" if text.strip() else "") + f"{heading}\n{line}\n"
    file.write_text(made, encoding="utf-8")
    return Amended(file, made.count("\n"))


Edit = tuple[int, int, str]
"""From where to where in the file's text, and what to put there."""


def _change(directory: Path, rule: str, edit: Callable[[yaml.MappingNode, str], Edit]) -> Amended:
    if directory.resolve() == BUILT_IN.resolve():
        raise Problem("the built-in rules are not changed; copy them (tingjian rules copy MY-RULES) and give --pack MY-RULES/rules")
    load(directory)
    file, text, node = _found(directory, rule)
    at, until, put = edit(node, text)
    file.write_text(text[:at] + put + text[until:], encoding="utf-8")
    try:
        load(directory)
    except Problem as problem:
        file.write_text(text, encoding="utf-8")
        raise Problem(f"{file}: {rule} could not be changed by itself ({problem}); change it by hand: {put.strip()}") from problem
    return Amended(file, text.count("\n", 0, at) + 1)


def _found(directory: Path, rule: str) -> tuple[Path, str, yaml.MappingNode]:
    for file in sorted(directory.glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        if rule not in text:
            continue
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if isinstance(root, yaml.MappingNode) and isinstance(rules := _value(root, "rules"), yaml.SequenceNode):
            for node in rules.value:
                if isinstance(node, yaml.MappingNode) and getattr(_value(node, "id"), "value", None) == rule:
                    return file, text, node
    raise Problem(f"{directory} has no rule {rule}; `tingjian rules list --pack {directory}` prints all")


def _value(node: yaml.MappingNode, key: str) -> yaml.Node | None:
    return next((value for name, value in node.value if name.value == key), None)


def _into_find(node: yaml.MappingNode, text: str, phrase: str) -> Edit:
    find = _value(node, "find")
    if isinstance(find, yaml.SequenceNode):
        return _into(find, text, _quoted(phrase))
    if isinstance(find, yaml.MappingNode):
        if isinstance(phrases := _value(find, "phrases"), yaml.SequenceNode):
            return _into(phrases, text, _quoted(phrase))
        if isinstance(parts := _value(find, "any"), yaml.SequenceNode):
            learnt = next((part for part in parts.value if isinstance(part, yaml.MappingNode)
                           and getattr(_value(part, "name"), "value", None) == LEARNT), None)
            if learnt is not None and isinstance(phrases := _value(learnt, "phrases"), yaml.SequenceNode):
                return _into(phrases, text, _quoted(phrase))
            return _into(parts, text, f"{{name: {LEARNT}, phrases: [{_quoted(phrase)}]}}")
    raise Problem(f"this rule's find is none that a phrase can be added to by itself; add {_quoted(phrase)} by hand")


def _into_unless(node: yaml.MappingNode, text: str, phrase: str) -> Edit:
    unless = _value(node, "unless")
    if unless is None:
        at, indent = _line_of(node.value[-1][0], text)
        return at, at, f"{indent}unless: {{turn: [{_quoted(phrase)}]}}\n"
    if not isinstance(unless, yaml.MappingNode):
        raise Problem(f"this rule's unless is none that a phrase can be added to by itself; add {_quoted(phrase)} by hand")
    if isinstance(turn := _value(unless, "turn"), yaml.SequenceNode):
        return _into(turn, text, _quoted(phrase))
    if unless.flow_style:
        at = unless.start_mark.index + 1
        return at, at, f"turn: [{_quoted(phrase)}], "
    at, indent = _line_of(unless.value[0][0], text)
    return at, at, f"{indent}turn: [{_quoted(phrase)}]\n"


def _number(node: yaml.MappingNode, name: str, value: float) -> Edit:
    decide = _value(node, "decide")
    parts = [_value(node, "limits"), *(_value(decide, kind) for kind in ("count", "rate") if isinstance(decide, yaml.MappingNode))]
    for part in parts:
        if isinstance(part, yaml.MappingNode) and isinstance(number := _value(part, name), yaml.ScalarNode):
            return number.start_mark.index, number.end_mark.index, f"{value:g}"
    raise Problem(f"this rule's file does not say {name}; set it in tingjian.toml, without --pack")


def _into(sequence: yaml.SequenceNode, text: str, entry: str) -> Edit:
    """A further entry of a list, at its beginning: that place is known whatever its layout."""
    if not sequence.flow_style and sequence.value:
        at = text.rfind("\n", 0, sequence.value[0].start_mark.index) + 1
        dash = text.index("-", at)
        return at, at, f"{text[at:dash]}- {entry}\n"
    at = sequence.start_mark.index + 1
    return at, at, entry + (", " if sequence.value else "")


def _line_of(key: yaml.Node, text: str) -> tuple[int, str]:
    """The beginning of the line on which a key stands, and its indentation."""
    at = text.rfind("\n", 0, key.start_mark.index) + 1
    before = text[at:key.start_mark.index]
    if before.strip():          # "- id: …": the first key shares its line with the dash
        raise Problem("this rule's layout is not one that can be changed by itself")
    return at, before


def _quoted(phrase: str) -> str:
    return json.dumps(phrase, ensure_ascii=False)
