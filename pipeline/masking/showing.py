"""What of a datum may still be read: the first six and last four digits of a card, three and four of a mobile, the surname …

Masked text is as long as the text: every hidden character becomes a star, so that all offsets stay. Verification codes and card
verification values leave nothing.
"""
from __future__ import annotations

from collections.abc import Iterable

from pipeline.masking.addresses import region_end
from pipeline.masking.lexicon import surnames
from pipeline.masking.runs import Atom, atoms_of
from pipeline.masking.signs import fold

STAR = "*"
KEPT = {"bank_card": (6, 4), "mobile": (3, 4), "landline": (0, 2)}
"""Digits shown at the beginning and at the end."""
LEAST_HIDDEN = 3        # digits; of a number cut short less is shown


def masked(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """The text with the characters of the spans hidden, but for what a kind shows."""
    out = list(text)
    for start, end, kind in spans:
        shown = _shown(text[start:end], kind)
        for at in range(start, end):
            if not shown[at - start]:
                out[at] = STAR
    return "".join(out)


def _shown(datum: str, kind: str) -> list[bool]:
    """Which characters of a datum stay."""
    folded = fold(datum)
    shown = [False] * len(datum)
    if kind in KEPT:
        first, last = KEPT[kind]
        atoms = atoms_of(folded)
        if kind == "landline":
            first = _area(atoms)
        for atom, before, after in _counted(atoms):
            if before + len(atom.digits) <= first or after + len(atom.digits) <= last:
                shown[atom.start:atom.end] = [True] * (atom.end - atom.start)
        hidden = sum(len(atom.digits) for atom in atoms if not shown[atom.start])
        if hidden < LEAST_HIDDEN:
            return [False] * len(datum)
        for at, one in enumerate(datum):        # spaces and hyphens keep the grouping legible
            shown[at] = shown[at] or one in " -"
    elif kind == "person_name" and (surname := next((one for one in (folded[:2], folded[:1]) if one in surnames()), "")):
        shown[:len(surname)] = [True] * len(surname)
    elif kind == "plate":
        shown[0] = not folded[0].isascii()
    elif kind == "address":
        end = region_end(folded)
        shown[:end] = [True] * end
    return shown


def _area(atoms: list[Atom]) -> int:
    digits = "".join(atom.digits for atom in atoms)
    if not digits.startswith("0"):
        return 0
    return 3 if digits[1:2] in ("1", "2") else 4


def _counted(atoms: list[Atom]) -> Iterable[tuple[Atom, int, int]]:
    """Each atom with the number of digits before and after it."""
    total, before = sum(len(atom.digits) for atom in atoms), 0
    for atom in atoms:
        yield atom, before, total - before - len(atom.digits)
        before += len(atom.digits)
