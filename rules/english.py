"""What a pack's rules say of themselves in English: `english/rules.yaml` in the pack's directory, for pages read in English.

A pack without that file is shown in Chinese. The texts decide nothing, so they are no part of a draft's rules_version.
"""
from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from records import Problem
from rules.loading import messages, read
from rules.schema import Entry

FILE = Path("english") / "rules.yaml"
BUILT_IN = Path(__file__).parent / "zh"


class Texts(Entry):
    """A rule's English texts; an empty one is shown in Chinese."""

    why: str = ""
    coach: str = ""


def load(directory: Path | None, known: Collection[str]) -> dict[str, Texts]:
    """By rule id, of the pack in `directory` (the built-in one by default), whose rules are `known`; nothing where there is no such
    file. Raises Problem with file and line for a rule that the pack does not have and for unknown fields."""
    path = (directory or BUILT_IN) / FILE
    if not path.is_file():
        return {}
    place = read(path)
    if not isinstance(place.value, dict) or set(place.value) != {"rules"} or not isinstance(place.value["rules"], dict):
        raise Problem(place.say((), "the file is `rules:` with rule ids below it, and below each `why` and `coach`"))
    found: dict[str, Texts] = {}
    problems: list[str] = []
    for rule, raw in place.value["rules"].items():
        at = ("rules", rule)
        if rule not in known:
            near = get_close_matches(str(rule), sorted(known), 1)
            problems.append(place.say(at, f"there is no rule {rule}" + (f"; perhaps {near[0]} is meant" if near else "")))
            continue
        try:
            found[rule] = Texts.model_validate(raw)
        except ValidationError as error:
            problems.extend(messages(error, place, at))
    if problems:
        raise Problem("\n".join(problems))
    return found
