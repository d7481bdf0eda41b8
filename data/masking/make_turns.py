"""Fills turns.txt with invented numbers: labelled calls in which numbers are given over several turns.

    python data/masking/make_turns.py --frames turns_unseen.txt --seed 1 --fills 6 > calls.jsonl
    python -m bench.masking calls.jsonl --first-seed 11

A line is {"turns": [{"speaker", "text"}, …], "spans": [[turn, start, end, kind], …]}; every piece of a number is a label.
"""
from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

import make

HERE = Path(__file__).parent
SLOT = re.compile(r"<(n|[a-z]+)(\d?)(!?)(?::(\d+)(?:-(\d+))?)?>")
KINDS = {"id": "id_card", "card": "bank_card", "visa": "bank_card", "mobile": "mobile", "landline": "landline"}
MAKERS: dict[str, Callable[[random.Random], str]] = {
    "id": make.identity, "card": lambda draw: make.card(draw, length=19), "visa": lambda draw: make.card(draw, ("4392", "5187", "4033", "5309"), 16),
    "mobile": make.mobile, "landline": lambda draw: make.landline(draw, False)}
STYLES = ("spoken", "spoken", "spoken", "repeat", "repeat", "groups", "pauses", "tens", "mixed", "written", "fillers")


def calls(frames: Path, seed: int, fills: int) -> list[dict[str, object]]:
    """Every frame filled `fills` times, the same for the same seed."""
    lines = [line for line in frames.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return [_filled(line, random.Random(f"{seed}:{fill}:{line}")) for fill in range(fills) for line in lines]


def _filled(frame: str, draw: random.Random) -> dict[str, object]:
    known: dict[str, str] = {}
    style, one = draw.choice(STYLES), draw.choice("一幺")
    turns, spans = [], []
    for turn, told in enumerate(frame.split(" / ")):
        text, at = "", 2
        for slot in SLOT.finditer(told):
            text += told[at:slot.start()]
            at = slot.end()
            kind, number, wrong, first, last = slot.groups()
            if kind == "n":
                text += _said(known.setdefault(slot[0], "".join(draw.choice("0123456789") for _ in range(int(first)))), style.replace("tens", "spoken"), one, draw)
                continue
            digits = known.setdefault(kind + number, "") or MAKERS[kind](draw)
            known[kind + number] = digits
            if wrong:
                place = draw.randrange(3, len(digits) - 1)
                digits = digits[:place] + str((int(digits[place]) + draw.randint(1, 9)) % 10) + digits[place + 1:]
            part = digits[int(first or 0):int(last or len(digits))]
            if part:
                datum = _said(part, style if kind == "mobile" and not int(first or 0) else style.replace("tens", "repeat"), one, draw)
                spans.append([turn, len(text), len(text) + len(datum), KINDS[kind]])
                text += datum
        turns.append({"speaker": "agent" if told[0] == "A" else "customer", "text": text + told[at:]})
    return {"turns": turns, "spans": spans}


def _said(digits: str, style: str, one: str, draw: random.Random) -> str:
    if style == "written":
        return digits
    if style == "mixed":
        return digits if draw.random() < 0.5 else "".join(one if d == "1" else make.SPOKEN.get(d, d)[0] for d in digits)
    if style == "tens" and (len(digits) < 3 or "0" in digits[1:3]):
        style = "repeat"
    said = make.STYLES[style](digits, draw)
    if style == "tens":
        return said
    said = said.replace("幺", "一").replace("一", one)
    return re.sub("(?<=[零一二三四五六七八九幺])二(?=[零一二三四五六七八九幺])", lambda _: "两" if draw.random() < 0.1 else "二", said)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", default="turns.txt", help="a file beside this one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fills", type=int, default=6)
    options = parser.parse_args()
    for call in calls(HERE / options.frames, options.seed, options.fills):
        sys.stdout.write(json.dumps(call, ensure_ascii=False) + "\n")
