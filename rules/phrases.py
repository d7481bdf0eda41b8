"""The phrase language of rule files: `请问[还]有{什么|啥}可以{帮|帮到}您`, gaps and slots.

    {帮|帮到|}     one of these; an empty one means it may be missing; may be nested
    [还]          the same as {还|}
    …   ……        a gap of at most 8, at most 20 characters (punctuation and particles are not counted)
    {staff_number} a slot (see rules/slots.py)
    =好的          leading `=`: particles count, 好 alone is not enough

What stands between gaps is expanded into plain runs of literals and slots, each stretch by itself, so that a template
costs the sum of its stretches' alternatives, not their product. Their number is capped all the same.
"""
from __future__ import annotations

import re
from itertools import product
from typing import NamedTuple

from rules.text import key_of

MOST = 3000
"""Runs that one stretch of a template may stand for."""
GAPS = {"…": 8, "……": 20}
_TOKEN = re.compile(r"……|…|[{}\[\]|]|[^…{}\[\]|]+")


class Literal(NamedTuple):
    """Characters to be found as they are, normalised."""

    key: str


class Slot(NamedTuple):
    """A value of a kind: {organisation}, {staff_number} …"""

    kind: str


Element = Literal | Slot
Raw = tuple[str | Slot, ...]
Run = tuple[Element, ...]


class Template(NamedTuple):
    """Stretches of alternative runs with gaps of at most so many characters between them.

    `strict` is the phrase with its particles where they must be there too (`=好的`), else empty.
    """

    stretches: tuple[tuple[Run, ...], ...]
    gaps: tuple[int, ...] = ()
    strict: str = ""


class Malformed(ValueError):
    """What is wrong with a template, for the loader to say where."""


def expand(template: str, slots: frozenset[str]) -> list[Template]:
    """What a template stands for; several where `=` has alternatives or a stretch between gaps may be missing.

    Raises Malformed when brackets do not match, a slot is unknown, nothing is left, or it stands for too much.
    """
    strict = template.startswith("=")
    tokens = _TOKEN.findall(template.removeprefix("="))
    stretches, gaps = _stretches(tokens, slots)
    if strict:
        if gaps:
            raise Malformed("a phrase with = has no gaps; write the gap without =")
        return [Template(((run,),), strict="".join(p for p in raw if isinstance(p, str)))
                for raw in stretches[0] if (run := _run(raw))]
    runs = [tuple(dict.fromkeys(_run(raw) for raw in raws)) for raws in stretches]
    found: list[Template] = []
    for present in product(*[(True, False) if () in choice else (True,) for choice in runs]):
        kept: list[tuple[Run, ...]] = []
        between: list[int] = []
        waiting = 0
        for index, (there, choice) in enumerate(zip(present, runs, strict=True)):
            waiting += gaps[index - 1] if index else 0
            if there and (full := tuple(run for run in choice if run)):
                if kept:
                    between.append(waiting)
                kept.append(full)
                waiting = 0
        if not kept:
            if (() in runs[0] and len(runs) == 1) or not any(any(choice) for choice in runs):
                raise Malformed(f"{template!r} can stand for nothing at all, so it would match everything")
            continue
        found.append(Template(tuple(kept), tuple(between)))
    if any(() in choice for choice in runs) and all(() in choice for choice in runs):
        raise Malformed(f"{template!r} can stand for nothing at all, so it would match everything")
    return list(dict.fromkeys(found))


def _stretches(tokens: list[str], slots: frozenset[str]) -> tuple[list[list[Raw]], list[int]]:
    """The readings of each stretch between gaps, and the gaps."""
    stretches: list[list[Raw]] = []
    gaps: list[int] = []
    at = 0
    while True:
        raws, at = _alternatives(tokens, at, slots, closing="")
        stretches.append(raws)
        if at == len(tokens):
            return stretches, gaps
        gaps.append(GAPS[tokens[at]])
        at += 1


def _alternatives(tokens: list[str], at: int, slots: frozenset[str], closing: str) -> tuple[list[Raw], int]:
    """Readings of `a|b|c` up to `closing` (outside brackets: up to a gap or the end), and where it ended."""
    options: list[Raw] = []
    current: list[Raw] = [()]
    while at < len(tokens):
        token = tokens[at]
        if token in GAPS and not closing:
            break
        if token in GAPS:
            raise Malformed("a gap (…) stands inside brackets; write two phrases instead")
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
                _no_hidden_option(parts)
        else:
            parts = [(token,)]
        current = [left + right for left in current for right in parts]
        if len(current) + len(options) > MOST:
            raise Malformed(f"stands for more than {MOST} phrases; split it, or put a gap (…) in")
    if closing:
        raise Malformed(f"a bracket is not closed, {closing} is missing")
    return options + current, at


def _no_hidden_option(parts: list[Raw]) -> None:
    """Refuse {吗|了}: 了 is left out everywhere, so the group would silently be optional."""
    if () in parts or any(not isinstance(part, str) for raw in parts for part in raw):
        return
    words = ["".join(part for part in raw if isinstance(part, str)) for raw in parts]
    gone = [word for word in words if not key_of(word)]
    if gone and len(gone) < len(words):
        raise Malformed(f"{gone[0]!r} is only particles, which are left out everywhere, so {{{'|'.join(words)}}} would be "
                        f"optional; take it out, or write {{…|}} if optional is meant")


def _slot(name: str, slots: frozenset[str]) -> Slot:
    if name not in slots:
        raise Malformed(f"{{{name}}} is no slot; there are {', '.join(sorted(slots))}")
    return Slot(name)


def _run(raw: Raw) -> Run:
    """Neighbouring strings joined and normalised, slots between them."""
    elements: list[Element] = []
    text = ""
    for part in (*raw, None):
        if isinstance(part, str):
            text += part
            continue
        if key := key_of(text):
            elements.append(Literal(key))
        text = ""
        if part is not None:
            elements.append(part)
    return tuple(elements)
