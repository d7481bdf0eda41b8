"""The phrase language of rule files: `请问[还]有{什么|啥}可以{帮|帮到}您`, gaps and slots.

    {帮|帮到|}     one of these; an empty one means it may be missing; may be nested
    [还]          the same as {还|}
    …   ……        a gap of at most 8, at most 20 characters (punctuation and particles are not counted)
    {staff_number} a slot (see rules/slots.py)
    =好的          leading `=`: particles count, 好 alone is not enough

`expand` turns a template into plain sequences of literals, gaps and slots; their number is capped, so that a template
can never blow up the automaton.
"""
from __future__ import annotations

import re
from typing import NamedTuple

from rules.text import key_of

MOST = 3000
"""Sequences one template may stand for."""
GAPS = {"…": 8, "……": 20}
_TOKEN = re.compile(r"……|…|[{}\[\]|]|[^…{}\[\]|]+")


class Literal(NamedTuple):
    """Characters to be found as they are, normalised."""

    key: str


class Gap(NamedTuple):
    """At most `most` characters between what stands left and right."""

    most: int


class Slot(NamedTuple):
    """A value of a kind: {organisation}, {staff_number} …"""

    kind: str


Element = Literal | Gap | Slot
Raw = tuple[str | Gap | Slot, ...]


class Sequence(NamedTuple):
    """One plain reading of a template. `strict`: its particles must be there too (`text` keeps them)."""

    elements: tuple[Element, ...]
    strict: bool = False
    text: str = ""


class Malformed(ValueError):
    """What is wrong with a template, for the loader to say where."""


def expand(template: str, slots: frozenset[str]) -> list[Sequence]:
    """All plain sequences of a template, without repetitions, in order.

    Raises Malformed when braces do not match, a slot is unknown, nothing is left, or it stands for too much.
    """
    strict = template.startswith("=")
    tokens = _TOKEN.findall(template.removeprefix("="))
    raws, rest = _alternatives(tokens, 0, slots, closing="")
    if rest != len(tokens):
        raise Malformed(f"{template!r} has a closing bracket too many")
    found: dict[Sequence, None] = {}
    for raw in raws:
        elements = _elements(raw)
        if not any(isinstance(e, Literal | Slot) for e in elements):
            raise Malformed(f"{template!r} can stand for nothing at all, so it would match everything")
        text = "".join(part for part in raw if isinstance(part, str))
        found[Sequence(elements, strict, text if strict else "")] = None
    return list(found)


def _alternatives(tokens: list[str], at: int, slots: frozenset[str], closing: str) -> tuple[list[Raw], int]:
    """Readings of `a|b|c` up to `closing`, and where it ended."""
    options: list[Raw] = []
    current: list[Raw] = [()]
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == closing:
            return options + current, at
        if token in "}]":
            raise Malformed(f"closing {token} without an opening one")
        if token == "|":
            options, current = options + current, [()]
            continue
        if token in "{[":
            if token == "{" and at + 1 < len(tokens) and tokens[at + 1] == "}" and tokens[at].strip().isascii():
                parts: list[Raw] = [(_slot(tokens[at].strip(), slots),)]
                at += 2
            else:
                parts, at = _alternatives(tokens, at, slots, "}" if token == "{" else "]")
                parts = [*parts, ()] if token == "[" else parts
        else:
            parts = [(Gap(GAPS[token]),)] if token in GAPS else [(token,)]
        current = [left + right for left in current for right in parts]
        if len(current) + len(options) > MOST:
            raise Malformed(f"stands for more than {MOST} phrases; split it, or use a gap (…)")
    if closing:
        raise Malformed(f"a bracket is not closed, {closing} is missing")
    return options + current, at


def _slot(name: str, slots: frozenset[str]) -> Slot:
    if name not in slots:
        raise Malformed(f"{{{name}}} is no slot; there are {', '.join(sorted(slots))}")
    return Slot(name)


def _elements(raw: Raw) -> tuple[Element, ...]:
    """Neighbouring strings joined and normalised; gaps at either end dropped, gaps in a row added."""
    elements: list[Element] = []
    text = ""

    def flush() -> None:
        nonlocal text
        if key := key_of(text):
            elements.append(Literal(key))
        text = ""

    for part in raw:
        if isinstance(part, str):
            text += part
            continue
        flush()
        if isinstance(part, Gap) and elements and isinstance(elements[-1], Gap):
            elements[-1] = Gap(elements[-1].most + part.most)
        elif not (isinstance(part, Gap) and not elements):
            elements.append(part)
    flush()
    while elements and isinstance(elements[-1], Gap):
        elements.pop()
    return tuple(elements)
