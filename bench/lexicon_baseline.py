"""Calls scored a second on one core: ours beside the two usual ways of doing it with the very same lexicon.

    python -m bench.lexicon_baseline data/sample/gold.jsonl [--pack DIR] [--rules 50 500] [--accuracy]

(a) `re`: an alternation of all its phrases for every rule, searched in every turn of the speaker, rule by rule;
(b) spaCy: every turn segmented by the zh pipeline with jieba, all rules' phrases in one PhraseMatcher.

Both read the phrases out of the rule pack (alternatives written out; gaps and slots become `.{0,n}` in `re`, and are what
a PhraseMatcher cannot say, so (b) leaves such phrases out). Both only look for phrases: no windows, exceptions, sounds or
holds, which ours decides in its time as well; `phrases_covered` says how much of the lexicon each way looks for at all. Calls are made of 30 turns and about 800 characters drawn from the files'
turns. Rounds of all ways alternate and the best round of each counts, so that a busy machine disturbs the ratios least.
`--rules N …` pads the pack with synthetic rules to N (where it has fewer) and times ours again. `--accuracy` measures way (a) and ours on the
files' gold.
"""
from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import yaml

from insight.evaluation import LabelledCall, evaluate, read_labelled
from records import Draft, Finding, Transcript, Turn
from rules.engine import Engine
from rules.pack import BUILT_IN, Pack, load
from rules.phrases import Literal, Run, Template, expand
from rules.schema import Part
from rules.slots import NAMES
from rules.text import key_of
from settings import Settings

TURNS, CHARACTERS = 30, 800
SLOT_MOST = 12
PADDING_PHRASES = 12  # phrases of a padding rule, as many as a small rule of the pack has
Score = Callable[[Transcript], object]


def phrases_of(pack: Pack) -> dict[str, list[Template]]:
    """Every phrase a rule looks for, alternatives written out. Its exceptions and `none` parts are left aside."""
    found: dict[str, list[Template]] = {}
    for rule in pack.rules.values():
        waiting: list[Part] = [rule.find] if rule.find else []
        while waiting:
            part = waiting.pop()
            waiting += [*part.any, *part.all]
            found.setdefault(rule.id, []).extend(one for phrase in part.phrases for one in expand(phrase, NAMES))
    return {rule: phrases for rule, phrases in found.items() if phrases}


class Alternations:
    """Way (a): one Python regular expression a rule."""

    def __init__(self, pack: Pack) -> None:
        self.rules = [(rule, pack.rules[rule].who, re.compile("|".join(dict.fromkeys(map(self._pattern, phrases)))))
                      for rule, phrases in phrases_of(pack).items()]

    @staticmethod
    def _pattern(template: Template) -> str:
        def written(run: Run) -> str:
            return "".join(re.escape(part.key) if isinstance(part, Literal) else f".{{1,{SLOT_MOST}}}" for part in run)

        stretches = ["(?:" + "|".join(map(written, runs)) + ")" for runs in template.stretches]
        gaps = [f".{{0,{most}}}" for most in template.gaps]
        return "".join(piece for pair in zip(stretches, [*gaps, ""], strict=True) for piece in pair)

    def __call__(self, call: Transcript) -> dict[str, list[int]]:
        keys = [(turn.speaker, key_of(turn.text)) for turn in call.turns]
        return {rule: [at for at, (speaker, key) in enumerate(keys) if who in ("any", speaker) and pattern.search(key)]
                for rule, who, pattern in self.rules}


class Phrases:
    """Way (b): spaCy's zh pipeline with jieba's words, and PhraseMatcher."""

    def __init__(self, pack: Pack) -> None:
        import spacy
        from spacy.matcher import PhraseMatcher

        self.nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "jieba"}}})
        self.matcher = PhraseMatcher(self.nlp.vocab)
        for rule, phrases in phrases_of(pack).items():
            texts = dict.fromkeys(part.key for one in phrases if len(one.stretches) == 1
                                  for run in one.stretches[0] if len(run) == 1
                                  for part in run if isinstance(part, Literal))
            self.matcher.add(rule, list(self.nlp.pipe(texts)))

    def __call__(self, call: Transcript) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, turn in enumerate(call.turns):
            for rule, _, _ in self.matcher(self.nlp(key_of(turn.text))):
                found.setdefault(self.nlp.vocab.strings[rule], []).append(at)
        return found


def coverage(pack: Pack) -> dict[str, float]:
    """The share of the rules' templates that each way looks for; nobody but ours knows sounds, windows and exceptions."""
    templates = [one for phrases in phrases_of(pack).values() for one in phrases]
    plain = sum(len(one.stretches) == 1 and all(len(run) == 1 and isinstance(run[0], Literal) for run in one.stretches[0])
                for one in templates)
    return {"phrase layer": 1.0, "re, rule by rule": 1.0, "spaCy PhraseMatcher": round(plain / len(templates), 3)}


def synthetic_calls(calls: Sequence[LabelledCall], number: int, seed: int = 7) -> list[Transcript]:
    """Calls of 30 turns, agent and customer by turns, with about 800 characters out of what was really said."""
    turns = [turn for call in calls for turn in call.transcript.turns if turn.text]
    said = {speaker: [turn.text for turn in turns if turn.speaker == speaker] for speaker in ("agent", "customer")}
    draw = random.Random(seed)
    return [Transcript(call_id=f"made-{at}", direction="inbound", turns=tuple(_turns(said, draw))) for at in range(number)]


def _turns(said: dict[str, list[str]], draw: random.Random) -> Iterator[Turn]:
    left = CHARACTERS
    for at in range(TURNS):
        text, wanted = "", round(left / (TURNS - at))
        speaker = ("agent", "customer")[at % 2]
        while len(text) < wanted:
            text += draw.choice(said[speaker])
        text = text[: max(wanted, 1) + 8]
        left -= len(text)
        yield Turn.model_validate({"speaker": speaker, "text": text, "start": at * 6.0, "end": at * 6.0 + 5.5})


def padded(directory: Path, rules: int, said: str, folder: Path, seed: int = 7) -> Path:
    """A copy of the pack in `folder` with synthetic phrase rules beside its own, `rules` in all.

    Their phrases are characters drawn as often as they are said, so that they share beginnings with real speech.
    """
    for file in sorted(directory.glob("*.y*ml")):
        (folder / file.name).write_bytes(file.read_bytes())
    draw = random.Random(seed)
    letters = str.maketrans("0123456789", "abcdefghij")  # ids have no figures
    extra = [{"id": "pad." + f"{at:04d}".translate(letters), "title": f"padding {at}", "kind": "signal",
              "who": "agent", "why": "measures growth", "source": ["bench"],
              "find": {"phrases": ["".join(draw.choices(said, k=draw.randint(4, 7))) for _ in range(PADDING_PHRASES)]}}
             for at in range(rules - len(load(directory).rules))]
    if extra:
        (folder / "padding.yaml").write_text(yaml.safe_dump({"rules": extra}, allow_unicode=True), encoding="utf-8")
    return folder


def ours(engine: Engine) -> Score:
    return lambda call: engine.findings(engine.view(call))


def timed(ways: dict[str, Score], calls: Sequence[Transcript], rounds: int) -> dict[str, float]:
    """Calls a second of each way, best of `rounds`, the ways taking turns; a few calls warm each up before."""
    best = dict.fromkeys(ways, 0.0)
    for way in ways.values():
        for call in calls[:10]:
            way(call)
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            for call in calls:
                way(call)
            best[name] = max(best[name], len(calls) / (time.process_time() - start))
    return best


def lexicon_draft(way: Alternations, pack: Pack, call: Transcript) -> Draft:
    """What a plain lexicon would say: found anywhere is found. Rules without phrases are not answered."""
    verdicts = {"check": ("fail", "pass"), "taboo": ("pass", "fail"), "signal": ("none", "found")}
    findings = tuple(Finding.model_validate({
        "rule": rule, "verdict": verdicts[pack.rules[rule].kind][bool(turns)],
        "evidence": [{"rule": rule, "turn": turn} for turn in turns]}) for rule, turns in way(call).items())
    return Draft(call_id=call.call_id, form="", form_version="", rules_version=pack.version, score=None, band=None,
                 fatal=False, items=(), findings=findings)


def accuracy(calls: Sequence[LabelledCall], pack: Pack, engine: Engine) -> dict[str, dict[str, float | None]]:
    """Macro precision and recall of events with scope given, on the rules that have phrases: a lexicon's best light."""
    way = Alternations(pack)
    kept = {rule for rule, _, _ in way.rules}
    narrowed = [call.model_copy(update={"gold": call.gold.model_copy(update={
        "verdicts": {rule: verdict for rule, verdict in call.gold.verdicts.items() if rule in kept}})}) for call in calls]
    plain = [lexicon_draft(way, pack, call.transcript) for call in calls]
    full = [draft.model_copy(update={"findings": engine.findings(engine.view(call.transcript))})
            for draft, call in zip(plain, calls, strict=True)]
    out = {}
    for name, drafts in (("re", plain), ("ours", full)):
        means = evaluate(narrowed, drafts).means["event_in_scope"]
        out[name] = {key: means[f"macro_{key}"].value for key in ("precision", "recall")}
    return out


def drafts_of_everything(pack: Path) -> Score:
    """The product's whole way from transcript to scorecard, the trained layer included."""
    from pipeline.scorecard import Scorer

    settings = Settings()
    scoring = settings.scoring.model_copy(update={"rule_pack": pack})
    return Scorer.from_settings(settings.model_copy(update={"scoring": scoring})).draft


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--pack", type=Path, default=BUILT_IN)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rules", type=int, nargs="*", default=[50, 500])
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--phrase-layer-only", action="store_true", help="leave out the whole draft with the trained layer")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    report = measure(options)
    print(json.dumps(report, ensure_ascii=False, indent=2))
    return 0


def measure(options: argparse.Namespace) -> dict[str, Any]:
    labelled = read_labelled(options.files)
    calls = synthetic_calls(labelled, options.calls)
    said = key_of("".join(turn.text for call in calls for turn in call.turns))
    pack = load(options.pack)
    engine = Engine.open(options.pack)
    ways: dict[str, Score] = {"phrase layer": ours(engine), "re, rule by rule": Alternations(pack),
                              "spaCy PhraseMatcher": Phrases(pack)}
    if not options.phrase_layer_only:
        ways["draft with the trained layer"] = drafts_of_everything(options.pack)
    speed = timed(ways, calls, options.rounds)
    readings = sum(prod(map(len, one.stretches)) for phrases in phrases_of(pack).values() for one in phrases)
    report: dict[str, Any] = {
        "rules": len(pack.rules), "phrases": readings, "calls": len(calls),
        "characters_a_call": round(sum(len(t.text) for c in calls for t in c.turns) / len(calls)),
        "phrases_covered": coverage(pack),
        "calls_a_second": {name: round(value, 1) for name, value in speed.items()},
        "phrase_layer_against": {name: round(speed["phrase layer"] / value, 2) for name, value in speed.items()}}
    with tempfile.TemporaryDirectory() as folder:
        grown: dict[str, Score] = {}
        for number in options.rules:
            (room := Path(folder) / str(number)).mkdir()
            bigger = Engine.open(padded(options.pack, number, said, room))
            grown[str(len(bigger.pack.rules))] = ours(bigger)
        report["calls_a_second_by_rules"] = {
            name: round(value, 1) for name, value in timed(grown, calls, options.rounds).items()}
    if options.accuracy:
        report["event_in_scope_macro"] = accuracy(labelled, pack, engine)
    return report


if __name__ == "__main__":
    sys.exit(main())
