"""An entry of the audit log in words: what was done to what, from which to which; the raw detail stays beside it."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from store.reviews.schema import Audit

Say = Callable[[str], str]
MOST = 6                # calls of a list that are named; the others are counted

# Where a detail holds a word that the pages have a name for: its value is said in the reader's language.
NAMED = frozenset({"verdict", "machine", "band", "kind", "role", "speaker", "action"})
# What the one value of such an entry is.
SOLE = {"sign_in": "from", "sign_in.failed": "from", "queue.filled": "calls"}
BESIDE = frozenset({"verdict", "machine", "item", "reason"})


class Told(NamedTuple):
    """An entry as the page shows it: `words` said, `raw` as it is chained (empty where there is nothing beside the action)."""

    entry: Audit
    words: str
    raw: str


def told(entry: Audit, say: Say, title: Callable[[str], str]) -> Told:
    """`title` gives the name of an item or rule by its id."""
    try:
        detail = json.loads(entry.detail) if entry.detail else {}
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return Told(entry, entry.detail, entry.detail)
    detail = {SOLE.get(entry.action, name) if name == "detail" else name: value for name, value in detail.items()}
    return Told(entry, say("log_comma").join(_parts(detail, say, title)), entry.detail)


def _parts(detail: dict[str, Any], say: Say, title: Callable[[str], str]) -> Iterator[str]:
    if "item" in detail:
        yield say("log_item").format(title(str(detail["item"])))
    if "verdict" in detail:
        verdict = _value("verdict", detail["verdict"], say)
        yield f"{_value('machine', detail['machine'], say)} → {verdict}" if detail.get("machine") not in (None, detail["verdict"]) else verdict
    for name, value in detail.items():
        if name in BESIDE or value in (None, "", [], {}):
            continue
        yield f"{_name(name, say)} {_value(name, value, say)}"
    if detail.get("reason"):
        yield say("log_reason").format(detail["reason"])


def _name(name: str, say: Say) -> str:
    word = say(f"log_{name}")
    return name.replace("_", " ") if word == f"log_{name}" else word


def _value(name: str, value: Any, say: Say) -> str:
    if isinstance(value, bool):
        return say("true" if value else "false")
    if isinstance(value, list):
        shown = say("log_and").join(_value(name, one, say) for one in value[:MOST])
        return say("log_more").format(shown, len(value)) if len(value) > MOST else shown
    if isinstance(value, dict):
        return say("log_and").join(f"{_name(str(key), say)} {_value(str(key), one, say)}" for key, one in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return say(str(value)) if name in NAMED else str(value)
