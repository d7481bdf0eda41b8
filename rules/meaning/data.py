"""The labelled sentences and calls that the layer learns from: `data/*.jsonl`, formats in bench/gather_meaning.py."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

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


def sentences(path: Path = DATA / "sentences.jsonl") -> list[Sentence]:
    return [Sentence(row["rule"], row["label"], row["who"], row["text"], row.get("before", ""), row.get("after", ""),
                     row["group"])
            for row in map(json.loads, path.read_text("utf-8").splitlines())]


def calls(path: Path = DATA / "calls.jsonl") -> list[Call]:
    return [Call(row["call"], row["group"], row["direction"], [(who, text) for who, text in row["turns"]], row["hits"],
                 row["doubtful_from"], row["unlabelled"], row["skip"])
            for row in map(json.loads, path.read_text("utf-8").splitlines())]


def fingerprint(paths: Iterable[Path] | None = None) -> str:
    """SHA-256 over the data and the code that a model is made of: a model with another one is stale."""
    digest = hashlib.sha256()
    code = sorted(path for path in HERE.glob("*.py") if path.name not in {"__init__.py", "predict.py"})
    chosen = [*sorted(DATA.glob("*.jsonl")), *code] if paths is None else paths
    for path in chosen:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
