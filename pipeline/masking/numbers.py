"""Numbers of persons: ID, bank card, mobile, landline, verification code, card verification value.

Every stretch of a run that may be one number is judged by its form (length, prefix, check digit), by the words around it and
by what it leaves over of the run; the best stretches that do not overlap win.
"""
from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from pipeline.masking import checks
from pipeline.masking.cues import BEATS, Cues
from pipeline.masking.runs import JUNK, NONE, PAUSE, SPACE, Atom, Run, runs
from pipeline.masking.signs import BETWEEN

ENOUGH = 3.0        # least score of a stretch that counts
UNIT = re.compile("[年月日时秒元块毛角岁度斤克升米%百千万亿位个条次箱瓶张件人天周楼层室栋幢点兆折寸倍台辆粒盒袋页字]|分钟?|小时|公里|单元|号[楼院线院桥店厅机门病桌窗台]|开头|打头|开始的|路公交|路车")
ONE_WORD = re.compile("一[般下个次直起会样点些共定家位条旦切路边张部台套份笔张]|两[个位次天张边]|三[个位天]|九点|八[个折]")
TAKEN_BACK = re.compile("[不部布步]那?对|[错措]了|重新")
DIAL = re.compile("[打拨呼]")
YOURS = re.compile("[你贵]们?(?:公司|单位|银行|那个|这个|客服|司|行|的)|我们(?:公司|客服|热线|的服务)")
OF_SHORT = frozenset({"code", "cvv", "hint", "landline", "mobile"})
"""Cues without which nothing shorter than nine digits is a person's number."""
MAGNITUDE = frozenset("万千百亿")
LEAST_REST = 3      # digits beside a number found that are taken for a part of it
LONG = 10           # digits from which a number may hold a character that is none
WHOLE = frozenset({11, 16, 18, 19})     # digits of what is looked for in a row of digits without end
EDGE_LONG = 15      # … even beside its first and last digit
CARD_VALUE_NAMES = ("cvv", "cvc", "cvn")


class Stretch(NamedTuple):
    score: float
    start: int
    end: int
    kind: str
    digits: str


def numbers(folded: str, cues: Cues) -> list[Stretch]:
    """The numbers of persons in folded text, in order of score; they do not overlap."""
    candidates: list[Stretch] = []
    read = [_unmasked(folded, run) for run in runs(folded)]
    for whole in read:
        for atoms in _readings(folded, whole):
            candidates += _stretches(folded, atoms, cues)
    candidates.sort(reverse=True)
    taken = bytearray(len(folded))
    chosen: list[Stretch] = []
    for one in candidates:
        if one.score >= ENOUGH and not any(taken[one.start:one.end]):
            chosen.append(one)
            taken[one.start:one.end] = b"\1" * (one.end - one.start)
    return chosen + [piece for atoms in read for piece in _rests(folded, atoms, chosen, cues)]


def _rests(folded: str, atoms: Sequence[Atom], chosen: Sequence[Stretch], cues: Cues) -> Iterator[Stretch]:
    """Digits of a run beside a number that was found in it: a beginning taken back (幺三八，不对，幺三九 …), a group said twice.

    A word between (尾号, 有效期) ends a run, so what is left has nothing that says it is something else."""
    if not atoms:
        return
    kinds = {"id_card", "bank_card", "mobile"}
    inside = [one for one in chosen if one.kind in kinds and one.start < atoms[-1].end and atoms[0].start < one.end]
    if not inside:
        return
    for free, group in groupby(atoms, key=lambda atom: not any(one.start < atom.end and atom.start < one.end for one in chosen)):
        rest = [atom for atom in group if free and not cues.covers(atom.start)]
        while rest and not rest[0].sure:
            rest.pop(0)
        while rest and not rest[-1].sure:
            rest.pop()
        digits = "".join(atom.digits for atom in rest if atom.sure)
        if len(digits) < LEAST_REST or sum(atom.sure for atom in rest) < LEAST_REST:     # 双五是两个五 explains, and tells nothing more
            continue
        if any(atom.word or (atom.gap == JUNK and place) or (not atom.sure and UNIT.match(folded, atom.start)) for place, atom in enumerate(rest)):
            continue        # 五栋二二零四: a word or a unit between makes it something else
        if (left := cues.left(rest[0].start, 2)) and left.kind in BEATS:
            continue
        if UNIT.match(folded, rest[-1].end) or folded[rest[-1].end:rest[-1].end + 1] in MAGNITUDE:
            continue
        near = min(inside, key=lambda one: min(abs(one.start - rest[-1].end), abs(rest[0].start - one.end)))
        yield Stretch(ENOUGH, rest[0].start, rest[-1].end, near.kind, digits)


def _unmasked(folded: str, run: Run) -> Sequence[Atom]:
    """The atoms of a run without those that belong to a number masked already."""
    atoms = list(run.atoms)
    if "*" in folded[max(run.start - 2, 0):run.start]:
        while atoms and not (len(atoms) > 1 and atoms[1].gap):
            atoms.pop(0)
        atoms = atoms[1:]
    if "*" in folded[run.end:run.end + 2]:
        while atoms and not atoms[-1].gap:
            atoms.pop()
        atoms = atoms[:-1]
    return atoms


def _readings(folded: str, atoms: Sequence[Atom]) -> Iterator[Sequence[Atom]]:
    """The atoms as they are, and without those heard characters that stand alone between pauses: 是, 就, 一."""
    yield atoms
    rest: list[Atom] = []
    for place, atom in enumerate(atoms):
        after = atoms[place + 1].gap if place + 1 < len(atoms) else 2
        if not atom.sure and atom.gap in (SPACE, PAUSE) and after in (SPACE, PAUSE):
            continue
        if not atom.sure and place and atom.gap == NONE and after == NONE and atom.digits == "9":   # 就, a filler
            continue
        rest.append(atom)
    if len(rest) < len(atoms) and rest:
        yield rest
    if len(once := _said_once(folded, rest)) < len(rest):
        yield once


def _said_once(folded: str, atoms: Sequence[Atom]) -> Sequence[Atom]:
    """The atoms without groups that the next takes back (…，不对，…) or says again: what is left may be a whole number."""
    groups: list[list[Atom]] = []
    for atom in atoms:
        if atom.gap in (SPACE, PAUSE) or not groups:
            groups.append([])
        groups[-1].append(atom)
    kept: list[list[Atom]] = []
    for group in groups:
        said, before = ("".join(atom.digits for atom in one) for one in (group, kept[-1] if kept else []))
        if len(before) >= LEAST_REST and len(said) >= len(before) - 1:
            same = said == before or (len(said) == len(before) >= 4 and sum(a != b for a, b in zip(said, before, strict=True)) == 1)
            if same or said.startswith(before) or TAKEN_BACK.search(folded, kept[-1][-1].end, group[0].start):
                kept.pop()
        kept.append(group)
    return [atom for group in kept for atom in group]


def _stretches(folded: str, atoms: Sequence[Atom], cues: Cues) -> Iterator[Stretch]:
    if not atoms:
        return
    gaps = _gaps(atoms)
    before, sure = [0], [0]
    for atom in atoms:
        before.append(before[-1] + len(atom.digits))
        sure.append(sure[-1] + (len(atom.digits) if atom.sure else 0))
    junk = [0]
    for gap in gaps:
        junk.append(junk[-1] + (gap == JUNK))
    least = 3 if any(cue.kind in OF_SHORT for cue in cues.found) else 9
    starts, ends = _edges(folded, atoms, gaps, cues)
    endless = before[-1] > 40 and not any(gaps)
    for i in starts:
        for place in range(bisect_right(ends, i), len(ends)):
            j = ends[place]
            length = before[j] - before[i]
            if length > 22:
                break
            if length < least or (endless and length not in WHOLE):
                continue
            known = sure[j] - sure[i]
            held = junk[j] - junk[i + 1]
            if known < 2 or known * 4 < length or (held and (length < LONG or held > 2 or (length < EDGE_LONG and JUNK in (gaps[i + 1], gaps[j - 1])))):
                continue
            yield from _judged(folded, atoms, i, j, gaps, cues, 0.8 * held)


def _edges(folded: str, atoms: Sequence[Atom], gaps: list[int], cues: Cues) -> tuple[list[int], list[int]]:
    """Where a number may begin and end: at gaps, beside characters that are heard only, and up to two places within the run."""
    count = len(atoms)
    starts = [i for i, atom in enumerate(atoms) if (
        i < 3 or gaps[i] or not atoms[i - 1].sure or atoms[i - 1].digits == "X") and (
        atom.sure or (folded[atom.start] not in BETWEEN and not cues.covers(atom.start))) and not ONE_WORD.match(folded, atom.start)]
    ends = [j for j in range(1, count + 1) if (
        j >= count - 2 or gaps[j] or not atoms[j].sure or len(atoms[j].digits) > 1 or atoms[j - 1].digits == "X") and (
        atoms[j - 1].sure or folded[atoms[j - 1].start] not in BETWEEN) and folded[atoms[j - 1].end:atoms[j - 1].end + 1] not in MAGNITUDE
        and not ONE_WORD.match(folded, atoms[j - 1].start)]
    if sum(len(atom.digits) for atom in atoms) > 21 and not any(gaps):     # two numbers without a gap between them
        return list(range(count)), list(range(1, count + 1))
    return starts, ends


def _gaps(atoms: Sequence[Atom]) -> list[int]:
    """The gap before each atom; spaces in a row of single digits (5 5 0 1 2 8) are none."""
    gaps = [atom.gap for atom in atoms]
    return [NONE if gap == SPACE and i > 0 and gaps[i - 1:i + 2].count(SPACE) >= 2 else gap for i, gap in enumerate(gaps)]


def _judged(folded: str, atoms: Sequence[Atom], i: int, j: int, gaps: list[int], cues: Cues, cost: float) -> Iterator[Stretch]:
    digits = "".join(atom.digits for atom in atoms[i:j])
    start, end = atoms[i].start, atoms[j - 1].end
    if "X" in digits[:-1] or _beside(folded, start, end):
        return
    cost += _left_over(folded, atoms, i, j, gaps, cues) + sum(0.1 for atom in atoms[i:j] if not atom.sure)
    cost += sum(0.5 for atom in atoms[i:j] if atom.word) + (0.0 if atoms[j - 1].sure else 0.7)
    cost += 0.0 if atoms[i].sure or start in cues.ends else 0.7
    cost += 0.7 if i and not atoms[i - 1].sure and any(atom.start in cues.ends for atom in atoms[max(0, i - 2):i]) else 0.0
    spoken = any(not folded[atom.start].isascii() for atom in atoms[i:j])
    place = _Place(folded, start, end, len(digits), spoken, any(atom.word for atom in atoms[i:j]), cues)
    for kind, score in _kinds(digits, place):
        if kind == "mobile" and any(gaps[i + 1:j]) and not _grouped(atoms[i:j], gaps[i:j]):
            score -= 1.0
        yield Stretch(score - cost, start, end, kind, digits)


def _grouped(atoms: Sequence[Atom], gaps: Sequence[int]) -> bool:
    """Whether the first pause comes after three digits, as mobile numbers are read out."""
    first = next((place for place, gap in enumerate(gaps) if place and gap in (SPACE, PAUSE)), 0)
    if not first:
        return True
    return sum(len(atom.digits) for atom in atoms[:first]) == 3


def _beside(folded: str, start: int, end: int) -> bool:
    """Part of something longer: of a code with letters, or of a number that is masked already."""
    before, after = folded[start - 1:start], folded[end:end + 1]
    if folded[max(start - 2, 0):start].rstrip(" -")[-1:] == "*" or folded[end:end + 2].lstrip(" -")[:1] == "*":
        return True
    if after.isascii() and after.isalpha() and not folded[end:end + 3].isalpha():
        return True
    return before.isascii() and before.isalpha() and not folded[max(0, start - 6):start].endswith((*CARD_VALUE_NAMES, "cvv2", "id", "app", "tel", "phone"))


def _left_over(folded: str, atoms: Sequence[Atom], i: int, j: int, gaps: list[int], cues: Cues) -> float:
    """What it costs that digits right beside are not taken."""
    cost = 0.0
    for gap, beside in ((gaps[i], atoms[max(0, i - 9):i][::-1]), (gaps[j] if j < len(atoms) else NONE, atoms[j:j + 9])):
        if not beside or cues.covers(beside[0].start):
            continue
        if not any(atom.sure for atom in beside[:3]):
            cost += 0.3
        elif ONE_WORD.match(folded, beside[0].start):
            cost += 0.2
        elif gap == NONE and len(beside[0].digits) == 1 and beside[0].digits == (atoms[i] if beside[0].start < atoms[i].start else atoms[j - 1]).digits:
            cost += 1.5     # a stutter
        elif gap == NONE:
            word = len(beside) == 1 and folded[beside[0].start] in "一两三九" and beside[0].start >= atoms[j - 1].end     # 一般, 九点
            cost += 2.0 if word or len(beside[0].digits) > 1 else 5.0 if beside[0].sure else 0.3
        elif gap == SPACE:
            cost += 1.5
        else:       # a few digits more belong to it, many are another number
            cost += 0.4 if gap == JUNK or sum(len(atom.digits) for atom in beside) >= 7 else 1.2
    return cost


class _Place:
    """Where a stretch stands: the cues beside it and whether a unit follows."""

    def __init__(self, folded: str, start: int, end: int, length: int, spoken: bool, words: bool, cues: Cues) -> None:
        left, right = cues.left(start), cues.right(end)
        self.left, self.right = left.kind if left else "", right.kind if right else ""
        self.after = bool(right) and right.kind in ("order", "company") and right.start - end <= 3 and folded[right.end - 1] in "号单码线"
        if not left and length >= LONG:
            self.left = "card" if "卡" in folded[max(0, start - 9):start] else "mobile" if DIAL.search(folded, max(0, start - 6), start) else ""
        self.close = bool(left) and start - left.end <= 4
        self.folded, self.start, self.spoken, self.words = folded, start, spoken, words
        self.unit = bool(UNIT.match(folded, end)) or folded[start - 1:start] in ("第", "¥", "￥")
        self.card_value = bool(left) and folded[left.start:left.end].startswith(CARD_VALUE_NAMES)
        if left and ((self.left in ("cvv", "hint") and start - left.end > 8) or (self.left == "tail" and length >= LONG)):
            self.left = ""

    def yours(self) -> bool:
        """Whether it is called a number of the company: 你们公司的, 我们热线."""
        return bool(YOURS.search(self.folded, max(0, self.start - 8), self.start))

    def near(self, *kinds: str) -> bool:
        """Whether the cue to the left is one of these, or, with none to the left, the one to the right."""
        return self.left in kinds or (not self.left and self.right in kinds)

    @property
    def foreign(self) -> bool:
        """A cue says that this is the number of a thing or a company, or only a part of one."""
        return self.left in BEATS or (not self.left and self.after)


def _kinds(digits: str, place: _Place) -> Iterator[tuple[str, float]]:
    length = len(digits)
    if length >= 13:
        yield from _identity(digits, place)
        if "X" not in digits:
            yield from _card(digits, place)
    if "X" in digits:
        return
    if 9 <= length <= 15:
        yield from _mobile(digits, place)
    if 6 <= length <= 13:
        yield from _landline(digits, place)
    if 3 <= length <= 8 and not place.unit and not place.words:
        yield from _code(digits, place)


def _identity(digits: str, place: _Place) -> Iterator[tuple[str, float]]:
    asked = place.near("id")
    if checks.id_shape(digits):
        if checks.id_check(digits):
            yield "id_card", 12.0
        elif not place.foreign:
            yield "id_card", 8.0 if asked else 5.0
    elif place.foreign and not asked:
        return
    elif checks.old_id(digits):
        yield "id_card", 8.0 if asked else 4.5
    elif checks.nearly_id(digits):
        dated = checks.is_date(digits[6:14])
        if asked or place.spoken or dated:
            yield "id_card", (6.0 if asked else 5.0 if place.spoken else 1.6) + (3.3 if dated and place.spoken else 2.0 if dated else 0.0)
    elif digits[-1] == "X" and 16 <= len(digits) <= 19 and (place.spoken or asked):     # nothing else ends so
        yield "id_card", 6.0 if asked else 4.5
    elif asked and 14 <= len(digits) <= 20:
        yield "id_card", 5.5 if digits[:2] in checks.PROVINCES else 4.5
    elif place.spoken and not place.left and 16 <= len(digits) <= 19 and (
            checks.dated(digits) or (digits[:2] in checks.PROVINCES and not digits.startswith(checks.SURE_HEADS))):
        yield "id_card", 4.0


def _card(digits: str, place: _Place) -> Iterator[tuple[str, float]]:
    length, asked = len(digits), place.near("card")
    if place.foreign or not 13 <= length <= 20:
        return
    head = digits.startswith(checks.SURE_HEADS)
    if checks.luhn(digits) and length <= 19:
        if head and length >= 16:
            yield "bank_card", 10.0 if asked else 8.0 if length in (16, 19) and place.left != "id" else 5.5
        elif asked:
            yield "bank_card", 8.0 if length >= 16 else 6.0
        elif length >= 16 and digits.startswith(checks.CARD_HEADS) and place.spoken and place.left in ("", "hint"):
            yield "bank_card", 4.0
    elif asked and length >= 15:
        yield "bank_card", 6.0 if head else 4.0
    elif place.spoken and digits.startswith("62") and length >= 15:
        yield "bank_card", 4.8
    elif place.spoken and not place.left and length >= 16:      # a long number read out that nothing calls an order
        yield "bank_card", 3.2


def _mobile(digits: str, place: _Place) -> Iterator[tuple[str, float]]:
    asked = place.near("mobile", "landline")
    if place.foreign:
        return
    local = digits
    for code in ("0086", "86", "0"):
        if digits.startswith(code) and checks.is_mobile(digits[len(code):]):
            local = digits[len(code):]
    if checks.is_mobile(local):
        yield "mobile", (10.0 if asked else 5.0 if place.left in ("id", "card") else 7.0) + (0.3 if local != digits else 0.0)
    elif len(digits) in (10, 12) and digits[0] == "1" and digits[1] in "3456789" and (asked or place.spoken):
        yield "mobile", 5.5 if asked else 4.5
    elif asked and place.spoken and len(digits) in (9, 10, 11, 12, 13) and (digits[0] == "1" or digits[0] in "35789"):
        yield "mobile", 3.6


def _landline(digits: str, place: _Place) -> Iterator[tuple[str, float]]:
    if place.yours():
        return
    asked = place.near("landline")
    if place.foreign or checks.is_company_line(digits) or place.right == "company":
        return
    if checks.area_code(digits):
        yield "landline", 9.0 if asked or place.near("mobile") else 4.0 if place.left in ("id", "card") else 6.5
    elif digits[0] == "0" and (digits[1] in "23456789" or digits[1:3] == "10") and len(digits) >= 9 and (asked or place.spoken):
        yield "landline", 4.2 if asked or place.near("mobile") else 3.6
    elif len(digits) == 6 and place.spoken and place.left == "landline" and place.close:
        yield "landline", 3.5
    elif len(digits) in (7, 8) and digits[0] in "2345678" and not place.unit:
        if asked or place.right == "landline":
            yield "landline", 6.0
        elif place.left == "mobile":
            yield "landline", 4.5


def _code(digits: str, place: _Place) -> Iterator[tuple[str, float]]:
    length = len(digits)
    if place.left == "cvv" and (length == 3 or (length == 4 and place.card_value)):
        yield "cvv", 7.0
    if length == 3 and not place.left and place.right == "cvv":
        yield "cvv", 5.0
    if length < 4 or place.foreign:
        return
    if place.left == "code":
        yield "verification_code", 7.0 if length in (4, 6) else 5.0
    elif length == 6 and (place.near("hint", "code") or place.right == "hint"):
        yield "verification_code", 5.0
    elif length == 4 and place.left == "hint" and place.close:
        yield "verification_code", 4.5
