"""The figures of a run, recording by recording, and their sums over any group of recordings."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.speech import measures
from bench.speech.casting import parts
from bench.speech.measures import SIDES, Aligned
from bench.speech.truth import Truth
from records import Transcript

CLEAN = ("stereo 20 dB", "stereo 30 dB")
BADLY = 0.3         # share of wrong characters from which a voice counts as heard badly


@dataclass
class Score:
    """Counts that add up; the properties are the ratios printed, None where nothing was counted."""

    calls: int = 0
    seconds: float = 0.0
    errors: Counter[str] = field(default_factory=Counter)
    attributed: Counter[tuple[str, str]] = field(default_factory=Counter)
    misgiven: int = 0               # characters given to the wrong side, speakers named as they are
    misgiven_best: int = 0          # … with the better naming of each call
    given: int = 0
    diarised: dict[float, tuple[float, float]] = field(default_factory=dict)    # wrong and spoken seconds by collar
    roles: list[tuple[str, bool]] = field(default_factory=list)                 # call and whether its roles are right
    invented: int = 0               # characters heard where nobody speaks
    quiet: float = 0.0              # seconds in which nobody speaks, over the channels
    interjections: Counter[str] = field(default_factory=Counter)
    confidences: list[tuple[float, bool]] = field(default_factory=list)

    @property
    def cer(self) -> float | None:
        return _ratio(sum(self.errors[kind] for kind in ("wrong", "missing", "added")), self.errors["said"])

    def cer_of(self, voice: str) -> float | None:
        return _ratio(self.errors[f"error {voice}"], self.errors[f"said {voice}"])

    @property
    def wder(self) -> float | None:
        return _ratio(self.misgiven, self.given)

    @property
    def wder_best(self) -> float | None:
        return _ratio(self.misgiven_best, self.given)

    def der(self, collar: float) -> float | None:
        return _ratio(*self.diarised.get(collar, (0.0, 0.0)))

    @property
    def invented_a_minute(self) -> float | None:
        return _ratio(self.invented * 60, self.quiet)

    @property
    def roles_right(self) -> float | None:
        return _ratio(sum(good for _, good in self.roles), len(self.roles))

    @property
    def announced(self) -> float | None:
        """Share of an announcement's characters (those heard rightly) that were given to neither side."""
        ivr = {given: count for (who, given), count in self.attributed.items() if who == "ivr"}
        return _ratio(sum(count for given, count in ivr.items() if given not in SIDES), sum(ivr.values()))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def score(truth: Truth, heard: Transcript) -> Score:
    """All figures of one recording."""
    aligned = Aligned(truth, heard.turns)
    attributed = aligned.attribution()
    misgiven, given = measures.word_diarisation(attributed)
    right = measures.roles_right(attributed)
    invented, silent = aligned.invented()
    return Score(
        calls=1, seconds=truth.seconds, errors=aligned.errors(), attributed=attributed, misgiven=misgiven, given=given,
        misgiven_best=measures.word_diarisation(attributed, named=False)[0],
        diarised={collar: measures.diarisation(truth.said(), heard.turns, truth.seconds, collar)
                  for collar in (0.0, measures.COLLAR)},
        roles=[] if right is None else [(truth.name, right)], invented=invented, quiet=silent,
        interjections=aligned.interjections(), confidences=measures.confidence_pairs(truth, heard.turns))


def total(scores: Iterable[Score]) -> Score:
    """The sum over recordings."""
    out = Score()
    for one in scores:
        out.calls, out.seconds = out.calls + one.calls, out.seconds + one.seconds
        for name in ("errors", "attributed", "interjections"):
            getattr(out, name).update(getattr(one, name))
        for name in ("misgiven", "misgiven_best", "given", "invented", "quiet"):
            setattr(out, name, getattr(out, name) + getattr(one, name))
        for collar, (wrong, spoken) in one.diarised.items():
            before = out.diarised.get(collar, (0.0, 0.0))
            out.diarised[collar] = before[0] + wrong, before[1] + spoken
        out.roles += one.roles
        out.confidences += one.confidences
    return out


def voices_heard_badly(truths: Iterable[Truth], scores: Mapping[str, Score]) -> set[str]:
    """Voices (their shifted ones with them) whose error rate in stereo at 20 dB and more is over BADLY: strong accents."""
    clean = total(scores[truth.name] for truth in truths if truth.condition in CLEAN and truth.name in scores)
    said, wrong = Counter[str](), Counter[str]()
    for key, count in clean.errors.items():
        kind, _, voice = key.partition(" ")
        if voice:
            (said if kind == "said" else wrong)[parts(voice)[0]] += count
    return {voice for voice, count in said.items() if wrong[voice] > BADLY * count}
