"""Scorecard forms: what they may say, and how they are read and checked against a pack.

A form has 100 points in sections of items. `auto` items are decided by rules, `assist` items are prepared by rules for a
person to decide, `human` items are left to the person.
"""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from records import Problem
from rules.loading import Place, files_in, messages, read
from rules.schema import Entry, Rule

BUILT_IN = Path(__file__).parent / "forms"


class FormItem(Entry):
    """`points`: how the rules' verdicts become points (share: the mean of the rules that apply; all: every one that
    applies must pass; deduct: `per_hit` points off for each piece of evidence)."""

    id: str = Field(pattern=r"^[a-z][a-z_]*$")
    title: str = Field(min_length=1)
    title_en: str = Field(default="", description="the title on English pages")
    mode: Literal["auto", "assist", "human"] = "auto"
    weight: float = Field(gt=0)
    rules: list[str] = Field(default=[])
    points: Literal["share", "all", "deduct"] = "share"
    per_hit: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _decided(self) -> FormItem:
        if (self.mode == "human") == bool(self.rules):
            raise ValueError("an auto or assist item needs rules, a human item has none")
        if (self.points == "deduct") != (self.per_hit > 0):
            raise ValueError("per_hit belongs to points: deduct, and deduct needs it")
        return self


class Adjustment(Entry):
    """Points beyond the 100 (negative: a deduction), given by a person, or taken when one of `rules` fails."""

    id: str = Field(pattern=r"^[a-z][a-z_]*$")
    title: str = Field(min_length=1)
    title_en: str = Field(default="", description="the title on English pages")
    points: float
    rules: list[str] = Field(default=[])


class FormSection(Entry):
    title: str
    title_en: str = Field(default="", description="the title on English pages")
    items: list[FormItem] = Field(min_length=1)


class Choice(Entry):
    """For which calls the form is meant: direction, a signal found in them, business lines, organisations. Of the forms
    whose conditions all hold the one with most wins."""

    direction: Literal["inbound", "outbound"] | None = None
    found: str | None = None
    line: list[str] = Field(default=[], description="one of these business lines")
    organisation: list[str] = Field(default=[], description="one of these organisations")


class Bands(Entry):
    """Lowest score of each band; below the last it is below standard."""

    excellent: float = 95
    good: float = 90
    needs_improvement: float = 80

    @model_validator(mode="after")
    def _descend(self) -> Bands:
        if not 100 >= self.excellent > self.good > self.needs_improvement > 0:
            raise ValueError("bands go down: excellent over good over needs_improvement, within 0 and 100")
        return self


class Form(Entry):
    id: str
    version: str
    title: str
    title_en: str = Field(default="", description="the title on English pages")
    choose: Choice = Choice()
    bands: Bands = Bands()
    sections: list[FormSection] = Field(min_length=1)
    fatal: list[str] = Field(default=[], description="rules whose failure brings the score to 0")
    adjustments: list[Adjustment] = Field(default=[])

    @model_validator(mode="after")
    def _adds_up(self) -> Form:
        total = sum(item.weight for section in self.sections for item in section.items)
        if abs(total - 100) > 1e-6:
            parts = ", ".join(f"{section.title} {sum(item.weight for item in section.items):g}" for section in self.sections)
            what = f"take {total - 100:g} away" if total > 100 else f"give {100 - total:g} more"
            raise ValueError(f"the weights add up to {total:g}, not to 100 ({parts}); {what}")
        ids = [item.id for section in self.sections for item in section.items] + [a.id for a in self.adjustments]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"the item ids {', '.join(twice)} are used twice; rename one")
        return self


def load(directory: Path | None, rules: dict[str, Rule]) -> tuple[dict[str, Form], bytes]:
    """All forms of a directory by id, and their bytes for the version; raises Problem with every mistake."""
    forms: dict[str, Form] = {}
    problems: list[str] = []
    content = b""
    for path in files_in(directory or BUILT_IN, "form files"):
        content += path.name.encode() + b"\0" + path.read_bytes() + b"\0"
        try:
            place = read(path)
        except Problem as problem:
            problems.append(str(problem))
            continue
        try:
            form = Form.model_validate(place.value)
        except ValidationError as error:
            problems.extend(messages(error, place, ()))
            continue
        if form.id in forms:
            problems.append(place.say(("id",), f"there is another form {form.id}; give this one its own id"))
        elif same := next((other for other in forms.values() if other.choose == form.choose), None):
            problems.append(place.say(("choose",), f"the form {same.id} is meant for the same calls; give one of them another "
                                                   "`choose` (direction, found, line, organisation)"))
        forms[form.id] = form
        problems.extend(_unknown(form, place, rules))
    if problems:
        raise Problem("\n".join(problems))
    return forms, content


def _unknown(form: Form, place: Place, rules: dict[str, Rule]) -> Iterator[str]:
    used = [(("sections", s, "items", i, "rules", r), rule) for s, section in enumerate(form.sections)
            for i, item in enumerate(section.items) for r, rule in enumerate(item.rules)]
    used += [(("fatal", i), rule) for i, rule in enumerate(form.fatal)]
    used += [(("adjustments", a, "rules", r), rule) for a, adjustment in enumerate(form.adjustments)
             for r, rule in enumerate(adjustment.rules)]
    for at, rule in used:
        if rule not in rules:
            yield place.say(at, f"there is no rule {rule}; `tingjian rules list` prints all")
        elif rules[rule].kind == "signal":
            yield place.say(at, f"{rule} is a signal, which neither passes nor fails; use a check or a taboo")
    if form.choose.found and (form.choose.found not in rules or rules[form.choose.found].kind != "signal"):
        yield place.say(("choose", "found"),
                        f"{form.choose.found} is no signal of the pack; `tingjian rules list` prints all")
