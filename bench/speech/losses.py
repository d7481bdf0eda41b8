"""Why verdicts are lost between the true words and what was heard: a table of causes with examples, over the last run.

    python -m bench.speech.losses --hours 0.5 --seed 5                      of the run that bench.speech kept
    python -m bench.speech.losses --hours 1 --condition "mono 20 dB" --examples 10

A verdict is lost where the draft on the true words is right about a rule's event and the draft on what was heard is not. For a
missed event the true draft's evidence is looked up in what was heard at that place, and the best heard of it tells the cause; for
a false alarm the heard draft's evidence is looked up in what was said. Verdicts won by mishearing are counted, too: they are part
of the difference that docs/accuracy.md prints.
"""
from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.speech import rendering, tables, verdicts
from bench.speech.__main__ import CACHE, last_run
from bench.speech.align import Mark
from bench.speech.contenders import Run
from bench.speech.measures import Aligned
from bench.speech.report import JUDGED
from bench.speech.speaking import Studio
from bench.speech.truth import Truth
from insight.evaluation import positive_of
from records import Draft, Evidence, Finding, Transcript
from rules.text import sound_of

GONE = 0.6          # share of an evidence's characters without a counterpart, from which it was not heard
PARTLY = 0.5        # share of its syllables of the right near sound, from which it was misheard in part only

NUMBER = re.compile("[0-9]{3,}")

GUARD, UNHEARD = "a guard took the words out", "nothing was heard there"
SIDE, NAME = "given to the other side", "only a name or number in it is misheard"
BEYOND, PARTS = "misheard: under half of the syllables", "misheard: half of the syllables or more are right"
SOUND, WORDS, UNSURE = "same sound, not matched", "the very words, not matched there", "found, but too unsure: left to a person"
SCOPE, TIMES = "the rule was taken not to apply", "times, or no words to look up"
ALARM, ALARM_TRUE = "false alarm on misheard words", "false alarm on words that were said"
ALARM_ELSE = "false alarm without words"
CAUSES = (GUARD, UNHEARD, SIDE, NAME, BEYOND, PARTS, SOUND, WORDS, UNSURE, SCOPE, TIMES, ALARM, ALARM_TRUE, ALARM_ELSE)


class Loss(NamedTuple):
    """A verdict lost: what was said and what was heard at the place that decides, and what the draft on the heard words says."""

    call: str
    rule: str
    cause: str
    said: str
    heard: str
    verdict: str
    confidence: float


class Counterpart(NamedTuple):
    """A stretch of one text beside its counterpart: characters, and the speakers to whom the counterpart's were given."""

    own: str
    other: str
    paired: tuple[tuple[Mark, Mark | None], ...]

    @property
    def gone(self) -> float:
        """Share of the characters without a counterpart."""
        return sum(other is None for _, other in self.paired) / max(1, len(self.paired))

    @property
    def alike(self) -> float:
        """Share of the characters whose counterpart has the same near sound."""
        return sum(other is not None and sound_of(own.text) == sound_of(other.text) for own, other in self.paired) / max(1, len(self.paired))


class Call:
    """One call said and heard, its characters paired."""

    def __init__(self, truth: Truth, heard: Transcript) -> None:
        self.truth, self.transcript = truth, heard
        self.aligned = Aligned(truth, heard.turns)

    def counterpart(self, evidence: Evidence, of_truth: bool) -> Counterpart | None:
        """What stands beside an evidence in the other text, of the truth's draft or of the heard one; None where it has no place."""
        turns = self.truth.transcript.turns if of_truth else self.transcript.turns
        if evidence.turn is None or evidence.start is None or evidence.end is None or evidence.match in ("timing", "metadata"):
            return None
        channel = turns[evidence.turn].channel or 0
        place = sum((turn.channel or 0) == channel for turn in turns[:evidence.turn])
        said, heard, pairs = self.aligned.parts[self.truth.channels.index(channel) if channel in self.truth.channels else 0]
        own, other = (said, heard) if of_truth else (heard, said)
        both = [(pair.said, pair.heard) if of_truth else (pair.heard, pair.said) for pair in pairs]
        inside = [at for at, (mine, _) in enumerate(both) if mine is not None and own[mine].turn >= place
                  and evidence.start - 0.01 <= own[mine].time <= evidence.end + 0.01]
        if not inside:
            return None
        stretch = both[inside[0]:inside[-1] + 1]
        return Counterpart("".join(own[mine].text for mine, _ in stretch if mine is not None),
                           "".join(other[its].text for _, its in stretch if its is not None),
                           tuple((own[mine], None if its is None else other[its]) for mine, its in stretch if mine is not None))

    def slots(self, said: str) -> str:
        """The characters of the call's own names, and the figures of numbers read out in `said`: what slots take."""
        call = self.truth.transcript
        return "".join([*call.organisation, call.agent_name or "", call.customer_name or "", *NUMBER.findall(said)])


def losses(truths: Sequence[Truth], heard: dict[str, Transcript], draft: Callable[[Transcript], Draft]) -> tuple[list[Loss], int]:
    """Every verdict lost, and how many were won by mishearing."""
    lost: list[Loss] = []
    won = 0
    for truth in truths:
        call = Call(truth, verdicts.as_heard(truth, heard))
        drafts = [{one.rule: one for one in draft(each).findings} for each in (truth.transcript, call.transcript)]
        for rule, gold in truth.verdicts.items():
            there, here = (found.get(rule) for found in drafts)
            if there is None or here is None:
                continue
            positive = positive_of(rule, (gold, there.verdict, here.verdict))
            was, now = ((one.verdict == positive) == (gold == positive) for one in (there, here))
            won += now and not was
            if was and not now:
                lost.append(missed(call, rule, there, here) if gold == positive else alarm(call, rule, here))
    return lost, won


def missed(call: Call, rule: str, there: Finding, here: Finding) -> Loss:
    """The cause of an event missed: that of the evidence that was heard best."""
    found = [beside for one in there.evidence if one.rule == rule and (beside := call.counterpart(one, True)) is not None]
    best = max(found, key=lambda each: each.alike, default=None)
    cause = SCOPE if here.verdict == "not_applicable" else TIMES if best is None else cause_of(call, best, there, here)
    return Loss(call.truth.name, rule, cause, best.own if best else there.reason, best.other if best else "", here.verdict,
                here.confidence)


def cause_of(call: Call, best: Counterpart, there: Finding, here: Finding) -> str:
    """The cause by what became of the words."""
    if here.verdict == "needs_review" and any(_overlap(one, other) for one in there.evidence for other in here.evidence):
        return UNSURE
    if best.gone >= GONE:
        start, end = best.paired[0][0].time, best.paired[-1][0].time
        return GUARD if any(gone.start <= end and start <= gone.end for gone in call.transcript.removed) else UNHEARD
    given = [other.speaker == own.speaker for own, other in best.paired if other is not None]
    if sum(given) * 2 < len(given):
        return SIDE
    if best.own == best.other:
        return WORDS
    if sound_of(best.own) == sound_of(best.other):
        return SOUND
    wrong = [own.text for own, other in best.paired if other is None or own.text != other.text]
    if wrong and set(wrong) <= set(call.slots(best.own)):
        return NAME
    return PARTS if best.alike >= PARTLY else BEYOND


def _overlap(one: Evidence, other: Evidence) -> bool:
    return (None not in (one.start, one.end, other.start, other.end)
            and (one.start or 0.0) <= (other.end or 0.0) and (other.start or 0.0) <= (one.end or 0.0))


def alarm(call: Call, rule: str, here: Finding) -> Loss:
    """The cause of a false alarm, by what was said where it was heard."""
    found = [beside for one in here.evidence if (beside := call.counterpart(one, False)) is not None]
    best = max(found, key=lambda each: each.alike, default=None)
    cause = ALARM_ELSE if best is None else ALARM_TRUE if best.own == best.other else ALARM
    return Loss(call.truth.name, rule, cause, best.other if best else here.reason, best.own if best else "", here.verdict, here.confidence)


def report(lost: Sequence[Loss], won: int, calls: int, examples: int) -> str:
    """The table of causes, and so many examples of each."""
    rows = [(cause, str(len(mine)), str(sum(each.verdict == "needs_review" for each in mine)))
            for cause in CAUSES if (mine := [each for each in lost if each.cause == cause])]
    out = [f"{len(lost)} verdicts lost and {won} won in {calls} calls.", "",
           tables.table(("cause", "verdicts lost", "of them left to a person"), rows)]
    for cause, *_ in rows:
        out += ["", f"{cause}:"]
        out += [f"  {each.call} {each.rule}: said “{each.said}”, heard “{each.heard}” → {each.verdict} {each.confidence:.2f}"
                for each in [each for each in lost if each.cause == cause][:examples]]
    return "\n".join(out)


def recordings(run: Run, cache: Path, seed: int, condition: str) -> Iterator[Truth]:
    """The truths of a kept run's calls under a condition ("all" for any), in the corpus' order."""
    studio = Studio(lambda: cache, cache / "spoken")
    for take in rendering.plan(rendering.scripts(), seed, None if condition == "all" else [condition]):
        if take.name in run.heard:
            yield rendering.render(take, studio.say, cache / "recordings", seed)


def main() -> None:
    from pipeline.scorecard import Scorer
    from settings import Settings

    parser = argparse.ArgumentParser(prog="python -m bench.speech.losses", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="base")
    parser.add_argument("--condition", default=JUDGED, help=f'of the line, or "all" (default {JUDGED})')
    parser.add_argument("--examples", type=int, default=3, help="of each cause (default 3)")
    parser.add_argument("--cache", type=Path, default=CACHE)
    options = parser.parse_args()
    kept = last_run(options.cache, options.hours, options.seed)
    if not kept.exists():
        raise SystemExit(f"{kept} is not there: run python -m bench.speech --hours {options.hours:g} --seed {options.seed} first.")
    model = options.model if "-" in options.model else f"whisper-{options.model}"
    runs = json.loads(kept.read_text("utf-8"))["runs"]
    if model not in runs:
        raise SystemExit(f"{kept} has no run of {model}; there are {', '.join(runs)}.")
    run = Run.model_validate(runs[model]["all"])
    truths = [truth for truth in recordings(run, options.cache, options.seed, options.condition) if truth.verdicts]
    lost, won = losses(truths, run.heard, Scorer.from_settings(Settings()).draft)
    print(report(lost, won, len(truths), options.examples))


if __name__ == "__main__":
    main()
