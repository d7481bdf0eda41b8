"""From runs to figures: everything that the page shows of one model."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.speech import ROOT, scoring, tables, verdicts
from bench.speech.casting import parts
from bench.speech.contenders import NAMES, OURS, Run
from bench.speech.scoring import Score
from bench.speech.truth import Truth
from bench.speech.verdicts import Rules
from records import Transcript, Turn

JUDGED = "stereo 20 dB"     # the line on which the rules' loss has its target
REAL = ROOT.parent / "shared" / "speech-real"       # real clips, where they are at hand; none is needed
REAL_TEXTS = {
    "aishell_0724_0121.wav": "广州市房地产中介协会分析",
    "yeyu_test.wav": "近几年不但我用书给女儿压岁也劝说亲朋不要给女儿压岁钱而改送压岁书",
    "f5_zh.wav": "对这就是我万人敬仰的太乙真人",
}


@dataclass(frozen=True)
class Report:
    """Figures of one model. `scores` by contender and recording; `rules` by condition, "all" among them."""

    runs: dict[str, Run]
    scores: dict[str, dict[str, Score]]
    rules: dict[str, Rules]
    rules_by_agent: dict[str, Rules]
    badly: Collection[str]
    truths: Sequence[Truth]
    silent: Sequence[Truth]
    real: dict[str, float | None]

    @property
    def speed(self) -> list[Run]:
        """The runs over the same stereo files, ours first; empty when the bare ones were left out."""
        return [self.runs[f"speed {name}"] for name in NAMES if f"speed {name}" in self.runs]

    @property
    def ours(self) -> dict[str, Score]:
        return self.scores["all"]

    def tables(self) -> dict[str, str]:
        """All tables by title."""
        found = {"What the line does": tables.conditions(self.truths, self.ours, self.rules),
                 "Rules, by how well the agent's voice is heard (stereo, 20 and 30 dB)": tables.by_agent(self.rules_by_agent, self.badly),
                 **self._of_rules(),
                 "Who said what": tables.speakers(self.truths, self.ours),
                 "Voices": tables.voices(self.truths, self.ours)}
        if self.speed:
            found["Speed and memory, the same stereo files"] = tables.speed(self.speed, self.truths, self.scores)
        quiet = {OURS: self.runs["all"]}
        quiet |= {name: self.runs[f"quiet {name}"] for name in NAMES if f"quiet {name}" in self.runs}
        found["Nobody speaks"] = tables.silence(self.silent, quiet)
        table, error = tables.confidence(self.truths, self.ours)
        found[f"Confidence of words, expected calibration error {error:.3f}"] = table
        if self.real:
            rows = [(name, tables.percent(value)) for name, value in self.real.items()]
            found["Real recordings (wide band, read aloud)"] = tables.table(("clip", "CER"), rows)
        return found

    def _of_rules(self) -> dict[str, str]:
        """What the target's line makes of the rules, by how often their event is in the calls, and rule by rule."""
        if (found := self.rules.get(JUDGED)) is None:
            return {}
        return {f"Rules, by how many calls have their event ({JUDGED})": tables.by_cases(found),
                f"Rules that are judged otherwise on what was heard ({JUDGED})": tables.rules_that_lose(found)}


def report(truths: Sequence[Truth], silent: Sequence[Truth], runs: dict[str, Run]) -> Report:
    """Scores every recording and, per condition, the rules. Loads the rule pack."""
    from pipeline.scorecard import Scorer
    from settings import Settings

    by_name = {truth.name: truth for truth in truths}
    scores = {}
    for label, run in runs.items():
        if label == "all" or label.startswith("speed "):
            key = run.contender if label.startswith("speed ") else "all"
            scores[key] = {name: scoring.score(by_name[name], heard) for name, heard in run.heard.items() if name in by_name}
    draft = Scorer.from_settings(Settings()).draft
    heard = runs["all"].heard
    kinds = {truth.condition for truth in truths}
    rules = {kind: verdicts.rules([truth for truth in truths if truth.condition == kind], heard, draft) for kind in kinds}
    rules["all"] = verdicts.rules(truths, heard, draft)
    badly = scoring.voices_heard_badly(truths, scores["all"])
    clean = [truth for truth in truths if truth.condition in scoring.CLEAN]
    by_agent = {name: verdicts.rules(some, heard, draft) for name, bad in (("heard well", False), ("heard badly", True))
                if (some := [truth for truth in clean if (_agent(truth) in badly) is bad])}
    real = {truth.name: _real_error(truth, heard.get(truth.name)) for truth in real_recordings()}
    return Report(runs, scores, rules, by_agent, sorted(badly), truths, silent, real)


def _agent(truth: Truth) -> str:
    """The voice of the agent who answers."""
    both = zip(truth.transcript.turns, truth.voices, strict=True)
    return next((parts(voice)[0] for turn, voice in both if turn.speaker == "agent"), "")


def real_recordings() -> list[Truth]:
    """The clips of REAL with their texts, as one turn each; empty where the folder is not there."""
    found = []
    for name, text in REAL_TEXTS.items():
        path = Path(REAL / name)
        if path.exists():
            import soundfile
            seconds = soundfile.info(path).duration
            turn = Turn(speaker="unknown", text=text, start=0.0, end=seconds, channel=0)
            found.append(Truth(name=path.stem, path=str(path), condition="real", mono=True, seconds=seconds, voices=("a person",),
                               transcript=Transcript(call_id=path.stem, turns=(turn,))))
    return found


def _real_error(truth: Truth, heard: Transcript | None) -> float | None:
    if heard is None:
        return None
    turns = tuple(turn.model_copy(update={"channel": 0}) for turn in heard.turns)
    return scoring.score(truth, heard.model_copy(update={"turns": turns})).cer


