"""How surely the words of a phrase were recognised, where a recogniser says it word by word."""
from __future__ import annotations

from itertools import accumulate

from records import Turn


class Heard:
    """The confidences of a turn's letters and digits, in order; none where its words do not say them or are not its text's."""

    def __init__(self, turn: Turn) -> None:
        self._text = turn.text
        known = [word.confidence for word in turn.words for letter in word.text if letter.isalnum()]
        sure = [min(1.0, max(0.0, one)) for one in known if one is not None and one == one]
        fits = 0 < len(sure) == len(known) == sum(map(str.isalnum, turn.text))
        self._sums = [0.0, *accumulate(sure)] if fits else []

    def of(self, start: int, end: int) -> float | None:
        """The mean over the letters of `text[start:end]`; None where nothing is known of them."""
        first = sum(map(str.isalnum, self._text[:start]))
        letters = sum(map(str.isalnum, self._text[start:end]))
        return (self._sums[first + letters] - self._sums[first]) / letters if self._sums and letters else None
