"""What a trend counts: rules that answered, or phrases that were said, as one lazy frame of calls with their hits.

Rules come from the table `hits`. Phrases are looked for in the turns by regular expressions that Polars runs over the files:
marks and particles are taken out of the text first, and every character stands for all that rules/text.py folds into it (width,
case, traditional characters, spoken digits). A phrase cut over two turns, or stuttered, is not found as the rules' own matcher would.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from records import Problem
from rules.phrases import Literal as Said
from rules.phrases import Malformed, Template, expand
from rules.slots import alike
from rules.tables import simplified, syllables
from rules.text import DIGITS, PARTICLES, WHOLE, key_of, sound_of
from store.lake import Lake

By = Literal["team", "agent", "line", "tier"]
GROUPS: dict[By, str] = {"team": "team", "agent": "agent_id", "line": "line", "tier": "customer_tier"}
Who = Literal["agent", "customer", "any"]
LEFT_OUT = r"[\s\p{P}" + "".join(sorted(PARTICLES)) + "]"
"""What is taken out of the text before phrases are looked for."""
LONGEST = 4000
"""Characters of one regular expression; Rust's refuses programs of ten megabytes, so a large lexicon becomes several."""
ANYTHING = r"[^\n]"
SLOTS = frozenset({"organisation", "staff_number", "customer_name", "agent_name", "number", "time", "amount"})


class Span(NamedTuple):
    """Days as the tables write them, both included."""

    since: str
    until: str

    @property
    def holds(self) -> pl.Expr:
        return pl.col("day").is_between(pl.lit(self.since), pl.lit(self.until))


@dataclass(frozen=True)
class Wanted:
    """`rules` by id, or `phrases` (the language of rule files: {a|b}, […], …) said by `who`; `title` is what people read."""

    title: str
    rules: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    who: Who = "any"
    by_sound: bool = False

    def __post_init__(self) -> None:
        if not self.rules and not self.phrases:
            raise Problem("Nothing to count: name a rule, a phrase or a lexicon.")


def counted(lake: Lake, wanted: Wanted, span: Span) -> pl.LazyFrame:
    """A row a call in which it was: call_id, day, hits and the columns of GROUPS; calls without it are missing."""
    groups = list(GROUPS.values())
    if wanted.rules:
        first, *others = wanted.rules
        rows = lake.rows("hits").filter(span.holds, pl.col("rule").is_in(wanted.rules) if others else pl.col("rule") == first)
        if not others:
            return rows.select("call_id", "day", "hits", *groups)
        return rows.group_by("call_id", "day", *groups).agg(pl.col("hits").sum())
    told = lake.rows("calls").filter(span.holds).select("call_id", *groups)
    return _said(lake, wanted, span).join(told, on="call_id")


def patterns(phrases: Iterable[str], by_sound: bool = False) -> list[str]:
    """Regular expressions (Rust's) that find all phrases in text as `cleaned` leaves it; with `by_sound` any characters of near
    sound. Problem for what is no phrase."""
    found = dict.fromkeys(one for phrase in phrases for template in _templates(phrase) for one in _template(template, by_sound))
    if not found:
        raise Problem("The lexicon has no phrase that can be looked for in text.")
    parts: list[list[str]] = [[]]
    for one in sorted(found, key=len, reverse=True):
        if parts[-1] and sum(map(len, parts[-1])) + len(one) > LONGEST:
            parts.append([])
        parts[-1].append(one)
    made = ["|".join(part) for part in parts]
    try:
        pl.Series([""]).to_frame("text").select(pl.col("text").str.contains(one).alias(str(at)) for at, one in enumerate(made))
    except pl.exceptions.ComputeError as fault:
        raise Problem("A phrase stands for too many others to be looked for; write it as several" + (", or leave sound out." if by_sound else ".")) from fault
    return made


def cleaned(text: pl.Expr) -> pl.Expr:
    """Text without marks, spaces and particles; a particle that is part of a word (了解) stays."""
    words, instead = zip(*WHOLE, strict=True)
    return text.str.replace_many(list(words), list(instead)).str.replace_all(LEFT_OUT, "").str.to_lowercase()


def lexicon(named: str, rules: dict[str, object] | None = None) -> tuple[str, ...]:
    """The phrases of a file (one a line, # begins a comment) or of a rule's part in the pack: `taboo.refusal` or
    `closing.understood:clear_to_you`. Problem with what there is where the name is not known."""
    file = Path(named).expanduser()
    if file.is_file():
        lines = (line.split("#")[0].strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
        return tuple(dict.fromkeys(line for line in lines if line))
    rule_id, _, part = named.partition(":")
    rule = (rules or {}).get(rule_id)
    if rule is None:
        raise Problem(f"--lexicon {named}: neither a file nor a rule of the pack; `tingjian rules list` has their ids.")
    parts = dict(_named(getattr(rule, "find", None)))
    phrases = parts.get(part, ()) if part else tuple(phrase for some in parts.values() for phrase in some)
    if not phrases:
        raise Problem(f"--lexicon {named}: no phrases there; {rule_id} has {', '.join(filter(None, parts)) or 'none of its own'}.")
    return phrases


def _named(part: object) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The phrases of a rule's parts by name, a part within a part too."""
    if part is None:
        return
    if phrases := getattr(part, "phrases", None):
        yield getattr(part, "name", None) or "", tuple(one if isinstance(one, str) else str(one) for one in phrases)
    for field in ("any", "all", "then"):
        for inner in getattr(part, field, None) or ():
            yield from _named(inner)


def _said(lake: Lake, wanted: Wanted, span: Span) -> pl.LazyFrame:
    turns = lake.rows("turns").filter(span.holds)
    if wanted.who != "any":
        turns = turns.filter(pl.col("speaker") == wanted.who)
    expressions = patterns(wanted.phrases, wanted.by_sound)
    turns = turns.select("call_id", "day", said=cleaned(pl.col("text")))
    turns = turns.filter(pl.any_horizontal(pl.col("said").str.contains(one) for one in expressions))
    if not wanted.by_sound:
        hits = pl.sum_horizontal(pl.col("said").str.count_matches(one) for one in expressions)
        return turns.group_by("call_id", "day").agg(hits=hits.sum().cast(pl.Int32))
    heard = turns.select("call_id", "day", heard=pl.concat_list(pl.col("said").str.extract_all(one) for one in expressions))
    heard = heard.explode("heard")
    texts = heard.select(pl.col("heard").unique()).collect(engine="streaming")["heard"].to_list()
    keys = [key for phrase in wanted.phrases for key in _keys(phrase)]
    true = [text for text in texts if any(_like(key, key_of(text)) for key in keys)]
    return heard.filter(pl.col("heard").is_in(true)).group_by("call_id", "day").agg(hits=pl.len().cast(pl.Int32))


def _like(key: str, heard: str) -> bool:
    """As rules/slots.py; of two characters, which no rule takes by sound alone, one must be right."""
    return key == heard or alike(key, heard) > 0 or (len(key) == len(heard) == 2 and any(a == b for a, b in zip(key, heard, strict=True)))


def _templates(phrase: str) -> Sequence[Template]:
    try:
        found = expand(phrase, SLOTS)
    except Malformed as fault:
        raise Problem(f"The phrase {phrase!r}: {fault}.") from fault
    whole = [one for one in found if all(isinstance(part, Said) for stretch in one.stretches for run in stretch for part in run)]
    if any(not any(part.key for run in stretch for part in run if isinstance(part, Said)) for one in whole for stretch in one.stretches):
        raise Problem(f"The phrase {phrase!r} is only particles and marks, which are said in every call.")
    return whole


def _keys(phrase: str) -> list[str]:
    return ["".join(part.key for part in run if isinstance(part, Said))
            for one in _templates(phrase) if len(one.stretches) == 1 for run in one.stretches[0]]


def _template(template: Template, by_sound: bool) -> list[str]:
    """A template as expressions: one for each run of a phrase without gaps, one for all where gaps join stretches."""
    choices = []
    for stretch in template.stretches:
        keys = {"".join(part.key for part in run if isinstance(part, Said)) for run in stretch}
        choices.append([_run(key, by_sound) for key in sorted(keys, key=lambda key: (-len(key), key))])
    if len(choices) == 1:
        return choices[0]
    gaps = (*(f"{ANYTHING}{{0,{gap}}}" for gap in template.gaps), "")
    return ["".join(f"(?:{'|'.join(choice)}){gap}" for choice, gap in zip(choices, gaps, strict=True))]


def _run(key: str, by_sound: bool) -> str:
    classes = (_written(character, by_sound) for character in key)
    return "".join(one if len(one) == 1 else f"[{one}]" for one in classes)


@cache
def _written(character: str, by_sound: bool) -> str:
    """All characters that are folded into one of a key; by sound all whose near sound is the same."""
    folded = _folded()
    if not by_sound:
        return folded.get(character, "") + _escaped(character)
    alike_ = {other for other in _common() if sound_of(other) == sound_of(character)} | {character}
    return "".join(sorted({one for other in alike_ for one in folded.get(other, "") + other}))


@cache
def _common() -> tuple[str, ...]:
    """The characters that recognisers write: those of GB 2312."""
    return tuple(one for one in syllables() if _in_gb2312(one))


def _in_gb2312(character: str) -> bool:
    try:
        return bool(character.encode("gb2312"))
    except UnicodeEncodeError:
        return False


@cache
def _folded() -> dict[str, str]:
    """The other way round of rules/text.py's folding: character of a key → what may stand for it in text."""
    found: dict[str, str] = defaultdict(str)
    for traditional, plain in simplified().items():
        found[plain] += traditional
    for code, digit in DIGITS.items():
        found[digit] += chr(code)
    for code in range(0x21, 0x7F):
        found[chr(code).lower()] += chr(code + 0xFEE0) + (chr(code) if chr(code).isupper() else "")
    for word, instead in WHOLE:
        for plain, odd in zip(word, instead, strict=True):
            if plain != odd:
                found[odd] += plain
    return dict(found)


def _escaped(character: str) -> str:
    return "\\" + character if character in r"\]^-[&~" else character
