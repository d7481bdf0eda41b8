"""Write rules/meaning/data/ from the shared collections: `python bench/gather_meaning.py ../shared`, or from them and further
labelled calls: `python bench/gather_meaning.py ../shared data/blind/calls.jsonl`. `--written FILE…` adds sentences that were
written for the layer to written.jsonl, a file an author (no rule's text twice).

What is committed is made with data/blind/calls.jsonl, third.jsonl and fifth.jsonl. Kept so that it can be seen where the data come from
and run again when the collections grow. dialogues/dev.jsonl and the other files of data/blind are measured on: nothing of them is read here.

sentences.jsonl, a labelled sentence a line: {"rule", "label", "who", "text", "before"?, "after"?, "group"}; `group` is the
file and a sixth of it (neighbours are by one author), for cross-validation.

calls.jsonl, a labelled call a line: {"call", "group", "direction", "turns": [[speaker, text]], "hits": {rule: [turn]},
"doubtful_from": {rule: turn}, "unlabelled": [rule], "skip": {rule: [turn]}}. A turn is a hit, or skipped, or doubtful (not
listed as evidence, which lists only what earns the verdict, so it may still be a hit), or else surely none.
"""
from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "rules" / "meaning" / "data"
FULL_WIDTH = str.maketrans(",?!;:", "，？！；：")
# Evidence lists every hit of these, whatever the verdict: what is not listed is none.
ALL_LISTED = ("taboo.", "hold.request", "complaint.raised", "customer.abusive", "name.used")
NOT_WORDS = {"taboo.filler", "taboo.pretend_deaf", "greeting.prompt_answer", "name.wrong", "hold.unannounced",
             "closing.hangup_order", "voice.interruption", "call.duration"}
# The evidence of a failed check is the lapse itself, not what the rule looks for ...
LAPSE_IS_NONE = {"transfer.explained", "special.staff_name", "complaint.refusal_sandwich", "customer.abusive_handled"}
# ... while here it may hold the words all the same (asked, but did not wait; said, but not all of it).
LAPSE_IS_DOUBTFUL = {"outbound.verify_identity", "outbound.introduce", "special.silent_call", "special.noise",
                     "special.unresolved"}
# Judged hold by hold without evidence of their own: read off the turns that ask for the hold.
OF_HOLDS = {"hold.permission": "agent", "hold.reason": "agent", "hold.consent": "customer"}


def sentences(paths: Iterable[Path]) -> list[dict[str, Any]]:
    rows = []
    for path in paths:
        found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        total = Counter((row["rule"], row["label"]) for row in found)
        seen: Counter[tuple[str, int]] = Counter()
        for row in found:
            key = row["rule"], row["label"]
            row["group"] = f"{path.stem}-{6 * seen[key] // total[key]}"
            seen[key] += 1
            row.pop("note", None)
            rows.append(row)
    return rows


def _hold_labels(call: dict[str, Any], rule: str, verdict: str, turns: list[list[str]], holds: list[int]) -> None:
    """All holds of a passing call are hits; in a failing call with one hold it is none, with several nobody knows which."""
    places = []
    for hold in holds:
        following = hold + 1 if OF_HOLDS[rule] == "customer" else hold
        if following < len(turns) and turns[following][0] == OF_HOLDS[rule]:
            places.append(following)
    if verdict == "pass":
        call["hits"][rule] = places
    elif verdict == "fail" and len(holds) > 1:
        call["skip"][rule] = places


def _doubt(rule: str, verdict: str, turns: list[list[str]]) -> int | None:
    """The turn from which an unlisted turn may still hold the words; None when unlisted means none."""
    if rule.startswith(ALL_LISTED) and rule != "customer.abusive_handled":
        return None
    if verdict == "fail":
        if rule.startswith("greeting."):
            agent = [place for place, turn in enumerate(turns) if turn[0] == "agent"][:2]
            return agent[-1] + 1 if agent else 0
        if rule in {"closing.thanks", "closing.farewell"} or rule in LAPSE_IS_DOUBTFUL:
            return 0
        return None
    return 0


def call_labels(row: dict[str, Any], group: str, rules: set[str]) -> dict[str, Any]:
    transcript, gold = row["transcript"], row["gold"]
    turns = [[turn["speaker"], turn["text"]] for turn in transcript["turns"]]
    call: dict[str, Any] = {"call": transcript["call_id"], "group": group, "direction": transcript.get("direction"),
                            "turns": turns, "hits": {}, "doubtful_from": {}, "unlabelled": [], "skip": {}}
    for rule in sorted(rules - NOT_WORDS):
        verdict = gold["verdicts"].get(rule)
        evidence = gold["evidence"].get(rule, [])
        if verdict is None:
            call["unlabelled"].append(rule)
            continue
        if rule in OF_HOLDS:
            _hold_labels(call, rule, verdict, turns, gold["evidence"].get("hold.request", []))
            continue
        if verdict == "fail" and rule in LAPSE_IS_NONE:
            evidence = []
        elif verdict == "fail" and rule in LAPSE_IS_DOUBTFUL:
            call["skip"][rule], evidence = evidence, []
        call["hits"][rule] = evidence
        start = _doubt(rule, verdict, turns)
        if start is not None:
            call["doubtful_from"][rule] = start
    call["doubtful_from"] |= dict.fromkeys(sorted(rules & NOT_WORDS), 0)
    call["hits"] = {rule: places for rule, places in call["hits"].items() if places}
    call["skip"] = {rule: places for rule, places in call["skip"].items() if places}
    return call


def add_written(paths: Sequence[Path]) -> None:
    """Adds what authors wrote to written.jsonl, in full-width punctuation as everywhere in the data."""
    target = DATA / "written.jsonl"
    there = {(row["rule"], row["text"]) for row in map(json.loads, target.read_text("utf-8").splitlines())}
    lines = []
    for row in sentences(paths):
        for side in {"text", "before", "after"} & row.keys():
            row[side] = row[side].translate(FULL_WIDTH)
        if (row["rule"], row["text"]) not in there:
            there.add((row["rule"], row["text"]))
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    with target.open("a", encoding="utf-8") as file:
        file.writelines(lines)
    print(f"{len(lines)} sentences added to {target}")


def gather(shared: Path, more: Sequence[Path]) -> None:
    rows = sentences(path for path in sorted((shared / "paraphrases").glob("*.jsonl")) if not path.stem.startswith("masking"))
    rules = {row["rule"] for row in rows} | {"greeting.salutation"}  # the only one with calls alone
    calls = [call_labels(json.loads(line), path.stem, rules)
             for path in (*sorted((shared / "dialogues").glob("train-*.jsonl")), *more)
             for line in path.read_text("utf-8").splitlines()]
    DATA.mkdir(exist_ok=True)
    for name, lines in (("sentences", rows), ("calls", calls)):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (DATA / f"{name}.jsonl").write_text(text, "utf-8")
    print(f"{len(rows)} sentences, {len(calls)} calls, {len(rules)} rules in {DATA}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Gathers what the trained layer learns from.")
    parser.add_argument("shared", type=Path, nargs="?")
    parser.add_argument("calls", type=Path, nargs="*", help="further labelled calls")
    parser.add_argument("--written", type=Path, nargs="+", default=[], help="sentences written for the layer, a file an author")
    options = parser.parse_args()
    if options.written:
        add_written(options.written)
    if options.shared:
        gather(options.shared, options.calls)


if __name__ == "__main__":
    main()
