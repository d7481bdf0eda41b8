"""Fills frames.txt with invented numbers and writes sentences.jsonl, the labelled sentences of `make evaluate-masking`.

    python data/masking/make.py

Numbers are drawn by a fixed seed: IDs with a right check digit, cards with a right Luhn digit, in the styles people read them out.
"""
from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from pipeline.masking.checks import WEIGHTS, luhn

HERE = Path(__file__).parent
SEED = 20261125
SPOKEN = {"0": "零", "1": "一幺", "2": "二", "3": "三", "4": "四", "5": "五", "6": "六", "7": "七", "8": "八", "9": "九"}
MISHEARD = {"0": "灵领", "1": "要腰", "2": "儿而", "3": "山", "4": "死事", "5": "午舞", "6": "流留", "7": "起期", "8": "吧", "9": "就酒"}
REGIONS = ("110105", "310115", "440306", "330106", "510104", "420106", "370202", "610113", "230103", "650102", "500103", "350203", "410105", "620102")
BINS = ("622848", "621700", "622202", "621226", "622588", "621799", "623052", "621462", "622908", "620522")
AREAS = ("010", "021", "028", "0571", "0755", "0431", "0591", "0871", "027", "0512")
FILLERS = ("，嗯，", "，呃，", "，对，", "嗯", "，然后，", "，那个，")


def identity(draw: random.Random, x: bool | None = None) -> str:
    while True:
        born = date(1940, 1, 1) + timedelta(days=draw.randrange(25_000))
        body = draw.choice(REGIONS) + born.strftime("%Y%m%d") + f"{draw.randrange(1000):03}"
        check = "10X98765432"[sum(int(d) * w for d, w in zip(body, WEIGHTS, strict=True)) % 11]
        if x is None or (check == "X") == x:
            return body + check


def old_identity(draw: random.Random) -> str:
    return draw.choice(REGIONS) + (date(1930, 1, 1) + timedelta(days=draw.randrange(18_000))).strftime("%y%m%d") + f"{draw.randrange(1, 1000):03}"


def card(draw: random.Random, heads: tuple[str, ...] = BINS, length: int = 0) -> str:
    body = draw.choice(heads)
    length = length or draw.choice((16, 19, 19))
    body += "".join(draw.choice("0123456789") for _ in range(length - 1 - len(body)))
    return next(body + last for last in "0123456789" if luhn(body + last))


def mobile(draw: random.Random) -> str:
    return draw.choice(("138", "139", "150", "159", "186", "177", "199", "136", "131", "189", "152")) + f"{draw.randrange(10**8):08}"


def landline(draw: random.Random, local: bool) -> str:
    area = "" if local else draw.choice(AREAS)
    return area + draw.choice("2345678") + "".join(draw.choice("0123456789") for _ in range(7 if len(area) in (3, 0) or draw.random() < 0.6 else 6))


def plate(draw: random.Random, ev: bool) -> str:
    body = "".join(draw.choice("0123456789") for _ in range(5))
    if ev:
        body = draw.choice("DF") + body
    elif draw.random() < 0.7:
        at = draw.randrange(5)
        body = body[:at] + draw.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") + body[at + 1:]
    return draw.choice("京沪粤浙苏川鲁豫闽渝陕晋") + draw.choice("ABCDEFGH") + body


def passport(draw: random.Random, style: list[str]) -> str:
    digits = "".join(draw.choice("0123456789") for _ in range(8))
    return "G" + digits if "old" in style else "E" + draw.choice("ABCDEFGHJK") + digits[:7] if "two" in style else "E" + digits


def spoken(digits: str, draw: random.Random) -> str:
    one = draw.choice(SPOKEN["1"])
    return "".join(one if d == "1" else SPOKEN.get(d, d)[0] for d in digits)


def grouped(digits: str) -> list[str]:
    if len(digits) == 18:
        return [digits[:6], digits[6:10], digits[10:14], digits[14:]]
    if len(digits) == 11 and digits[0] == "1":
        return [digits[:3], digits[3:7], digits[7:]]
    if digits[0] == "0":
        area = 3 if digits[1] in "12" else 4
        return [digits[:area], digits[area:area + 4], digits[area + 4:]]
    return [digits[at:at + 4] for at in range(0, len(digits), 4)]


def repeated(digits: str, draw: random.Random) -> str:
    """Doubles and triples said as such: 双八, 三个六."""
    out = re.sub(r"(\d)\1\1", lambda run: f"三个{SPOKEN[run[1]][0]}", digits)
    out = re.sub(r"(\d)\1", lambda run: f"双{SPOKEN[run[1]][0]}", out)
    return "".join(spoken(one, draw) if one.isdigit() else one for one in out)


def misheard(digits: str, draw: random.Random) -> str:
    """Spoken with a fifth of the digits written by other characters of the sound, never the first or last."""
    said = list(spoken(digits, draw))
    for at in range(1, len(said) - 1):
        if draw.random() < 0.2 and digits[at] in MISHEARD:
            said[at] = draw.choice(MISHEARD[digits[at]])
    return "".join(said)


def tens(digits: str, draw: random.Random) -> str:
    """一百三十八 for the first three."""
    return f"一百{SPOKEN[digits[1]][0]}十{SPOKEN[digits[2]][0]}" + spoken(digits[3:], draw)


STYLES: dict[str, Callable[[str, random.Random], str]] = {
    "spoken": spoken,
    "spaced": lambda digits, draw: " ".join(grouped(digits)),
    "hyphen": lambda digits, draw: "-".join(grouped(digits)),
    "groups": lambda digits, draw: " ".join(spoken(group, draw) for group in grouped(digits)),
    "pauses": lambda digits, draw: "，".join(spoken(group, draw) for group in grouped(digits)),
    "fillers": lambda digits, draw: "".join(group + (draw.choice(FILLERS) if at + 1 < len(grouped(digits)) else "")
                                            for at, group in enumerate(spoken(group, draw) for group in grouped(digits))),
    "mixed": lambda digits, draw: digits[:6] + spoken(digits[6:], draw),
    "repeat": repeated,
    "homophone": misheard,
    "tens": tens,
}


def fill(slot: str, draw: random.Random) -> tuple[str, str]:
    """Text and kind of a slot such as id:spoken."""
    name, *style = slot.split(":")
    kind = {"id": "id_card", "id15": "id_card", "card": "bank_card", "code": "verification_code", "code4": "verification_code"}.get(name, name)
    digits = {
        "id": lambda: identity(draw, True if "x" in style else None if not style else False),
        "id15": lambda: old_identity(draw),
        "card": lambda: card(draw, ("4392", "5187", "4033", "5309"), 16) if "visa" in style else card(draw, length=16 if "16" in style else 0),
        "mobile": lambda: mobile(draw), "landline": lambda: landline(draw, "local" in style),
        "code": lambda: f"{draw.randrange(10**6):06}", "code4": lambda: f"{draw.randrange(10**4):04}", "cvv": lambda: f"{draw.randrange(1000):03}",
        "plate": lambda: plate(draw, "ev" in style), "passport": lambda: passport(draw, style)}[name]()
    if kind in ("plate", "passport"):
        head = 2 if kind == "plate" else 1
        rest = digits[head:]
        if "dot" in style:
            return f"{digits[:head]}·{rest}", kind
        if "spaced" in style:
            return f"{digits[:head]} {rest}", kind
        return digits[:head] + (spoken(rest, draw) if "spoken" in style else rest), kind
    if name == "code" and "spaced" in style:
        return " ".join(digits), kind
    if name == "cvv" and "spaced" in style:
        return " ".join(spoken(digits, draw)), kind
    told = next((one for one in style if one in STYLES), "")
    return (STYLES[told](digits, draw) if told else digits), kind


def sentences() -> list[dict[str, object]]:
    draw = random.Random(SEED)
    made = []
    for line in (HERE / "frames.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        text, spans = "", []
        for piece in re.split(r"(<[a-z0-9:]+>|\[[^]]+\|\w+\])", line):
            if piece.startswith("<"):
                datum, kind = fill(piece[1:-1], draw)
            elif piece.startswith("["):
                datum, kind = piece[1:-1].rsplit("|", 1)
            else:
                text += piece
                continue
            if kind != "none":
                spans.append([len(text), len(text) + len(datum), kind])
            text += datum
        made.append({"text": text, "spans": spans})
    return made


if __name__ == "__main__":
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in sentences())
    (HERE / "sentences.jsonl").write_text(lines, encoding="utf-8")
