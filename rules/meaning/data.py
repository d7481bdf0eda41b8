"""What the layer learns from: `data/*.jsonl` (formats in bench/gather_meaning.py), and the `like` and `unlike` of a pack.

sentences.jsonl comes from the shared collections, calls.jsonl from them and from data/blind, written.jsonl was written for the layer
by several authors, a group of `group` each.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from rules.schema import Rule

HERE = Path(__file__).parent
DATA = HERE / "data"
_OF_CUSTOMER = frozenset({"hold.consent", "complaint.raised", "customer.abusive"})
Turns = list[tuple[str, str]]


class Sentence(NamedTuple):
    """One labelled turn; `before` and `after` are the other speaker's turns around it, empty when not given."""

    rule: str
    label: int
    who: str
    text: str
    before: str
    after: str
    group: str


class Call(NamedTuple):
    """A labelled call. A turn is a hit of a rule, skipped, doubtful (from a turn on), or surely none."""

    call: str
    group: str
    direction: str | None
    turns: Turns
    hits: dict[str, list[int]]
    doubtful_from: dict[str, int]
    unlabelled: list[str]
    skip: dict[str, list[int]]


def speaker(rule: str) -> str:
    """Whose words the rule judges."""
    return "customer" if rule in _OF_CUSTOMER else "agent"


def sentences(files: Iterable[str] = ("sentences", "written")) -> list[Sentence]:
    return [Sentence(row["rule"], row["label"], row["who"], row["text"], row.get("before", ""), row.get("after", ""),
                     row["group"])
            for name in files for row in map(json.loads, (DATA / f"{name}.jsonl").read_text("utf-8").splitlines())]


def of_pack(rules: Mapping[str, Rule]) -> list[Sentence]:
    """The `like` and `unlike` sentences of a pack, a group of six each in turn."""
    found = []
    for rule in rules.values():
        who = "customer" if rule.who == "customer" else "agent"
        for label, said in ((1, rule.like), (0, rule.unlike)):
            found += [Sentence(rule.id, label, who, text, "", "", f"pack-{place % 6}") for place, text in enumerate(said)]
    return found


def calls(path: Path = DATA / "calls.jsonl") -> list[Call]:
    return [Call(row["call"], row["group"], row["direction"], [(who, text) for who, text in row["turns"]], row["hits"],
                 row["doubtful_from"], row["unlabelled"], row["skip"])
            for row in map(json.loads, path.read_text("utf-8").splitlines())]


def fingerprint(of_pack: Iterable[Sentence] = ()) -> str:
    """SHA-256 over the data, a pack's sentences and the code that a model is made of: a model with another one is stale."""
    digest = hashlib.sha256()
    code = sorted(path for path in HERE.glob("*.py") if path.name not in {"__init__.py", "predict.py", "embedding.py"})
    for path in (*sorted(DATA.glob("*.jsonl")), *code):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    for sentence in of_pack:
        digest.update(mark(sentence).encode())
    return digest.hexdigest()


def mark(sentence: Sentence) -> str:
    """By which a model remembers that it has learnt a pack's sentence."""
    return hashlib.sha256("\0".join((sentence.rule, str(sentence.label), sentence.text)).encode()).hexdigest()[:12]


def unlearnt(rules: Mapping[str, Rule], learnt: frozenset[str]) -> list[Sentence]:
    """The pack's sentences that a model with these marks has not learnt from."""
    return [sentence for sentence in of_pack(rules) if mark(sentence) not in learnt]
