"""What recognisers do to a sentence, simulated, so that the layer learns to bear it: characters of near sound, lost
particles, fillers and stutters."""
from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

_PARTICLES = frozenset("的了啊呢吧嘛哦呀哈呃嗯那就")

_FILLERS = ("嗯", "啊", "呃", "那")
_ADDED = 0.16


class Mishearing:
    """Writes other characters of near sound, as common ones as the texts it was built from have."""

    def __init__(self, texts: Iterable[str], syllable: Mapping[str, int]) -> None:
        counts = Counter(c for text in texts for c in text if c in syllable)
        by_sound: dict[int, list[str]] = defaultdict(list)
        for character, count in counts.most_common():
            if count >= 3:
                by_sound[syllable[character]].append(character)
        self._alike = {c: [other for other in group[:8] if other != c] for group in by_sound.values() for c in group}

    def __call__(self, text: str, rate: float, chance: random.Random) -> str:
        """The text with about `rate` of its characters misheard or, particles, dropped."""
        heard = []
        for character in text:
            alike = self._alike.get(character)
            if chance.random() >= rate:
                heard.append(character)
            elif alike and not (character in _PARTICLES and chance.random() < 0.5):
                heard.append(chance.choice(alike))
            elif character not in _PARTICLES:
                heard.append(character)
            if chance.random() < _ADDED * rate:
                heard.append(chance.choice((character, *_FILLERS)))
        return "".join(heard)
