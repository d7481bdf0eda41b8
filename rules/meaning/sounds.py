"""Tables made once, at training, and kept in the model: the syllable of each character, and traditional to simplified."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rules.text import near_sound

_FIRST, _LAST = 0x3400, 0x9FFF
_OFFSET = 0x20000  # syllables are numbered from here on, above every code point of the basic plane


def sound_table() -> NDArray[np.uint32]:
    """uint32[65536]: for a Chinese character a number that those of near sound share (`rules.text.near_sound`: zh=z, n=l,
    f=h, ng=n and so on), else the code point."""
    from pypinyin import Style, lazy_pinyin

    table = np.arange(0x10000, dtype=np.uint32)
    numbers: dict[str, int] = {}
    for code in range(_FIRST, _LAST + 1):
        syllable = near_sound(lazy_pinyin(chr(code), style=Style.NORMAL)[0])
        if syllable.isascii() and syllable.isalpha():
            table[code] = _OFFSET + numbers.setdefault(syllable, len(numbers))
    return table


def simplified_table() -> dict[str, str]:
    """Each traditional character of the basic plane and the simplified one it becomes."""
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    pairs = {chr(code): convert(chr(code)) for code in range(_FIRST, _LAST + 1)}
    return {old: new for old, new in pairs.items() if new != old and len(new) == 1}
