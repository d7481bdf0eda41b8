"""Personal data of a whole call: numbers read out in pieces over several turns, the agent repeating them, names said again.

Each speaker's turns are read as one stream. What the other says in between counts as a pause if it is a mere 嗯, 请继续 or an echo of
the digits just heard; else it ends the piece and leaves its last cue (您的卡号是多少) before what comes next.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.masking.cues import Cues
from pipeline.masking.finding import Span, find
from pipeline.masking.runs import atoms_of, runs
from pipeline.masking.showing import STAR, masked
from pipeline.masking.signs import fold

PIECEWISE = frozenset({"id_card", "bank_card", "mobile", "landline", "passport", "verification_code"})
ECHO_LEAST = 3          # digits of a piece that is taken for an echo of a number
ECHO_REACH = 2          # turns after a number in which a part of it is its echo
_BACKCHANNEL = re.compile("(?:嗯+|啊|哦|噢|呃|好的?|对的?|是的?|行|您说|你说|您讲|请讲|请说|请继续|继续|然后呢?|记下了?|记好了?|还有呢?|后面呢?|下面呢?|接着|没错|可以|慢点|等等|稍等|您稍等|再来|往下|[，。,.？?！! ])+")
ASIDE = 10              # characters up to which a turn without digits and cue (还有吗, 您慢点说) does not end the number that is being given
AROUND_ECHO = 14        # characters that may stand around digits repeated
_ASKS = re.compile("多少|几[个点号月位]|什么|哪|谁|请问|为什么|怎么")
_EDGE = "，。、,.;；：:？?！! \t"


class Masked(NamedTuple):
    """A turn's text with its personal data hidden, as long as it was, and where they stand."""

    text: str
    spans: list[Span]


def mask_call(texts: Sequence[str], speakers: Sequence[str], staff: Iterable[str] = (), customers: Iterable[str] = ()) -> list[Masked]:
    """The turns of one call, masked: `texts` and `speakers` (agent, customer, unknown, ivr) turn by turn.

    `staff` are names that stay, `customers` names that are known to be a customer's and are hidden wherever they stand.
    """
    staff = list(staff)
    found: list[dict[Span, bool]] = [{} for _ in texts]     # span → whether it is only a piece of the datum
    for speaker in dict.fromkeys(speakers):
        stream = _Stream(texts, speakers, speaker)
        for start, end, kind in find(stream.text, staff, agent=speaker == "agent" or None):
            pieces = stream.pieces(start, end)
            if len(pieces) > 1 and kind not in PIECEWISE and kind != "address":
                continue
            for turn, first, last in pieces:
                found[turn][first, last, kind] = len(pieces) > 1
            if kind in PIECEWISE:
                _echoes(found, texts, pieces, _digits(stream.text[start:end]), kind)
    _again(found, texts, customers, staff)
    return [Masked(_hidden(text, spans), _disjoint(spans)) for text, spans in zip(texts, found, strict=True)]


class _Stream:
    """One speaker's turns as one text, with the way back to the turns."""

    def __init__(self, texts: Sequence[str], speakers: Sequence[str], speaker: str) -> None:
        self.turns: list[tuple[int, int, int]] = []         # begins at, turn, length
        pieces: list[str] = []
        length, said, joint = 0, "", ""
        for turn, (text, other) in enumerate(zip(texts, speakers, strict=True)):
            if other != speaker:
                if said and not _passes(text, said):
                    joint, said = "\n" + _last_cue(text) + "\n", ""
                elif not said:
                    joint = "\n" + (_last_cue(text) or joint.strip("\n，")) + "\n"
                continue
            pieces += [joint, text]
            self.turns.append((length + len(joint), turn, len(text)))
            length += len(joint) + len(text)
            said = (said + _digits(text))[-24:]
            said = said or " "
            joint = "，"
        self.text = "".join(pieces)

    def pieces(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """(turn, first, last) of the parts of a stretch that lie in turns, without marks at their edges."""
        found = []
        for begins, turn, length in self.turns:
            first, last = max(start, begins), min(end, begins + length)
            while first < last and self.text[first] in _EDGE:
                first += 1
            while last > first and self.text[last - 1] in _EDGE:
                last -= 1
            if first < last:
                found.append((turn, first - begins, last - begins))
        return found


def _passes(text: str, said: str) -> bool:
    """Whether the other speaker only listens: says 嗯 or nothing, repeats digits just heard, or puts in a few words that ask for
    nothing else while `said`, the digits so far, is being given."""
    if not text.strip(_EDGE) or _BACKCHANNEL.fullmatch(text):
        return True
    digits = _digits(text)
    if len(digits) >= 2:
        around = len(text) - len(digits)
        return around <= AROUND_ECHO and _repeats(digits, said, 3 if around <= 3 else 4)
    return bool(said.strip()) and len(text) <= ASIDE and not _ASKS.search(text) and not _last_cue(text)


def _repeats(part: str, whole: str, every: int = 4) -> bool:
    """Whether `part` stands in `whole`, up to a digit in `every` put wrong, lost or added by recognition."""
    if part in whole:
        return True
    least = [0] * (len(whole) + 1)      # edits from part[:i] to the best end at each place of whole
    for i, one in enumerate(part, 1):
        above, least = least, [i]
        for j, other in enumerate(whole, 1):
            least.append(min(above[j - 1] + (one != other), above[j] + 1, least[-1] + 1))
    return min(least) * every <= len(part)


def _digits(text: str) -> str:
    """The digits in a text, 双零 and 一百三十八 written out; characters that only sound like digits where little else is said."""
    atoms = atoms_of(fold(text))
    bare = sum(atom.end - atom.start for atom in atoms) * 4 >= len(text) * 3
    return "".join(atom.digits for atom in atoms if atom.sure or bare)


def _last_cue(text: str) -> str:
    """The last words in a turn that say what number is asked for."""
    folded = fold(text)
    cues = Cues(folded).found
    return folded[cues[-1].start:cues[-1].end] if cues else ""


def _echoes(found: list[dict[Span, bool]], texts: Sequence[str], pieces: list[tuple[int, int, int]], digits: str, kind: str) -> None:
    """Hide what repeats a part of a number while it is being given and shortly after."""
    for turn in range(pieces[0][0], min(pieces[-1][0] + ECHO_REACH + 1, len(texts))):
        folded = fold(texts[turn])
        cues: Cues | None = None
        for run in runs(folded):
            heard = "".join(atom.digits for atom in run.atoms if atom.sure)
            if len(heard) < ECHO_LEAST or not _repeats(heard, digits) or any(a < run.end and run.start < b for a, b, _ in found[turn]):
                continue
            cues = cues or Cues(folded)
            left = cues.left(run.start)
            if not (left and left.kind == "tail"):
                found[turn][run.start, run.end, kind] = True


def _again(found: list[dict[Span, bool]], texts: Sequence[str], customers: Iterable[str], staff: list[str]) -> None:
    """Hide every mention of the names that were found anywhere in the call or are known."""
    known = {fold(name) for name in customers if len(name) > 1}
    for text, spans in zip(texts, found, strict=True):
        known |= {fold(text[start:end]) for start, end, kind in spans if kind == "person_name"}
    known -= set(map(fold, staff))
    for text, spans in zip(texts, found, strict=True):
        folded = fold(text)
        for name in known:
            at = folded.find(name)
            while at >= 0:
                if not any(start < at + len(name) and at < end for start, end, _ in spans):
                    spans[at, at + len(name), "person_name"] = False
                at = folded.find(name, at + 1)


def _disjoint(spans: Iterable[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one[0], -one[1])):
        if not kept or kept[-1][1] <= span[0]:
            kept.append(span)
    return kept


def _hidden(text: str, spans: dict[Span, bool]) -> str:
    """The masked text; of a number in pieces nothing is shown, since each piece would show its own beginning and end."""
    kept = _disjoint(spans)
    out = masked(text, [span for span in kept if not spans[span]])
    for start, end, _ in (span for span in kept if spans[span]):
        out = out[:start] + STAR * (end - start) + out[end:]
    return out
