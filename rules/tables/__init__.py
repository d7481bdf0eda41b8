"""Character tables kept as data: traditional → simplified, and each character's toneless syllable.

Both are built once from opencc and pypinyin by `python -m rules.tables` and kept in the repository, so that loading a
rule pack needs neither library and the tables cannot change under a pinned rule version.
"""
from __future__ import annotations

from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def simplified() -> dict[str, str]:
    """Traditional character → simplified character, one to one."""
    lines = (HERE / "traditional.txt").read_text(encoding="utf-8").split()
    return {pair[0]: pair[1] for pair in lines}


@cache
def syllables() -> dict[str, str]:
    """Character → its commonest syllable without tone, ü written v: 您 → nin, 绿 → lv."""
    table: dict[str, str] = {}
    for line in (HERE / "syllables.txt").read_text(encoding="utf-8").splitlines():
        syllable, characters = line.split("\t")
        table.update(dict.fromkeys(characters, syllable))
    return table


def build() -> None:
    """Write both tables anew from opencc and pypinyin."""
    import opencc
    from pypinyin import Style, pinyin

    to_simplified = opencc.OpenCC("t2s")
    characters = [chr(code) for code in range(0x4E00, 0x9FFF + 1)]
    pairs = [c + s for c in characters if len(s := to_simplified.convert(c)) == 1 and s != c]
    (HERE / "traditional.txt").write_text("\n".join(pairs) + "\n", encoding="utf-8")
    groups: dict[str, list[str]] = {}
    for c in characters:
        reading = pinyin(c, style=Style.NORMAL, errors="ignore", v_to_u=False)
        if reading and reading[0][0].isascii():
            groups.setdefault(reading[0][0], []).append(c)
    text = "".join(f"{syllable}\t{''.join(groups[syllable])}\n" for syllable in sorted(groups))
    (HERE / "syllables.txt").write_text(text, encoding="utf-8")
