"""What names are made of, as data: how telling a character is of surnames and given names, and words that are no names.

The files are made from jieba's dictionary (MIT licence) by `python -m pipeline.masking.lexicon` and kept in the repository, so that masking
loads in milliseconds and does not change with the library. Scores are natural logarithms of how much likelier a character is in a
name than in any text; words carry their frequency.
"""
from __future__ import annotations

import math
from collections import Counter
from functools import cache
from pathlib import Path

from rules.slots import DOUBLE_SURNAMES, SURNAMES

HERE = Path(__file__).parent
UNSEEN = -2.5
"""Score of a character that is in no name of the dictionary."""
LEAST_WORD = 150        # frequency from which a two-character word counts as common
MORE_SURNAMES = "简荆荀练尧燕凤芮班仰商谯乌贲郦乜麻占户召尔凡况危缪蒲桑步沙来郗束闾甯舜普阎闻钮胥雍却濮蔚冼麦揭邬刁党仝原禤蓝蒙岑欧粟覃农韦仇阚昌逄綦亓蔺逯晁訾臧郜苟寇巫宫隆亢褚卞井祖符戈谌檀敖郎冀靖权屠匡智虞鄢"


@cache
def surnames() -> dict[str, float]:
    """Surname → score; double surnames are sure."""
    return {**_read("surnames.txt"), **dict.fromkeys(DOUBLE_SURNAMES, 4.0)}


@cache
def given() -> dict[str, float]:
    """Character → how likely it is in a given name."""
    return _read("given.txt")


@cache
def words() -> dict[str, int]:
    """Words that are no names: those of two characters that are common, and longer ones that begin with a surname."""
    return {word: int(count) for word, count in _read("words.txt").items()}


@cache
def no_names() -> frozenset[str]:
    """Titles, and words, brands and places that begin like a name: not_names.txt, kept by hand."""
    lines = (HERE / "not_names.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _read(name: str) -> dict[str, float]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return {word: float(number) for word, number in (line.split(" ") for line in lines)}


def build() -> None:
    """Write the three files anew."""
    import jieba

    first, names, text = Counter[str](), Counter[str](), Counter[str]()
    known = set(SURNAMES) | set(MORE_SURNAMES)
    found: dict[str, int] = {}
    for line in jieba.get_dict_file():
        word, count, tag = line.decode("utf-8").split()
        text.update(dict.fromkeys(word, int(count)))
        name = word[2:] if word[:2] in DOUBLE_SURNAMES else word[1:]
        if tag == "nr" and len(word) in (2, 3, 4) and (word[:2] in DOUBLE_SURNAMES or (word[0] in known and len(word) < 4)):
            first[word[0]] += 1
            names.update(name)
        elif not tag.startswith("nr") and (
                (len(word) == 2 and int(count) >= (10 if word[0] in known else LEAST_WORD)) or (len(word) in (3, 4) and word[0] in known and int(count) >= 30)):
            found[word] = int(count)
    every = sum(text.values())

    def score(counts: Counter[str], one: str) -> float:
        total = sum(counts.values())
        return math.log((counts[one] + 0.3) / (total + 1800)) - math.log((text[one] + 50) / (every + 300_000))

    tables = {"surnames.txt": {one: f"{score(first, one):.1f}" for one in sorted(known)},
              "given.txt": {one: f"{score(names, one):.1f}" for one in sorted(names) if score(names, one) > UNSEEN},
              "words.txt": {word: str(count) for word, count in sorted(found.items())}}
    for name, table in tables.items():
        (HERE / name).write_text("".join(f"{one} {number}\n" for one, number in table.items()), encoding="utf-8")


if __name__ == "__main__":
    build()
