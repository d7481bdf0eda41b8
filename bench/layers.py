"""What each layer adds, rule by rule, on calls and sentences that the trained layer has not learnt from.

    python -m bench.layers                          train, then measure on the training calls and sentences (15 minutes)
    python -m bench.layers --folds DIR              the same by layers that `python -m rules.meaning.train --folds DIR` left
    python -m bench.layers --calls FILE …           other labelled calls, by the layer that the product comes with
    python -m bench.layers --write docs/rules-accuracy.md
    python -m bench.layers --embeddings DIR         and what the sentence encoder in DIR adds (rules/meaning/embedding.py)

Each training file of calls, and each sixth of the sentences, is judged by a layer that learnt without it, its words as well as
its thresholds. Phrases were written by people who had read the training files, so what phrases alone do there flatters them;
`dialogues/dev.jsonl` is what nothing was worded on. Thresholds and which rules ask the layer (`meaning:` in the packs, LEAST
and TABOO_LEAST in rules/weighing.py) were chosen by these tables, never by dev.jsonl.
"""
from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from insight.evaluation import Evaluation, LabelledCall, evaluate, read_labelled
from insight.noise import noisy
from records import Draft, Speaker, Transcript, Turn
from rules import weighing
from rules.engine import Answer, Engine
from rules.meaning import data, embedding, train
from rules.meaning.examples import FOLDS
from rules.meaning.predict import Meaning

SHARED = Path(__file__).parent.parent.parent / "shared" / "dialogues"
SEED = 7
BINS = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 1.001)
LAYERS = ("characters", "and sounds", "and trained layer", "and embeddings")


class Counts(NamedTuple):
    right: int = 0
    false: int = 0
    missed: int = 0

    def add(self, said: bool, so: bool) -> Counts:
        return Counts(self.right + (said and so), self.false + (said and not so), self.missed + (so and not said))

    @property
    def precision(self) -> float | None:
        return self.right / (self.right + self.false) if self.right + self.false else None

    @property
    def recall(self) -> float | None:
        return self.right / (self.right + self.missed) if self.right + self.missed else None


def layers_without(folds: Path | None) -> list[Meaning]:
    """A layer for each part of the data that has not learnt from it."""
    if folds is None:
        made = train.of_pack(None, partial(print, file=sys.stderr, flush=True)).without
        return [Meaning(arrays) for arrays in made]
    return [Meaning.load(folds / f"{part}.npz") for part in range(FOLDS)]


def findings(engine: Engine, calls: Iterable[LabelledCall], noise: float) -> list[Draft]:
    heard = [noisy(call.transcript, noise, SEED) if noise else call.transcript for call in calls]
    return [Draft.model_construct(call_id=one.call_id, score=None, findings=engine.findings(engine.view(one))) for one in heard]


class OnCalls(NamedTuple):
    """Evaluations by name (phrases alone and with the layer, clean and noisy); how sure the verdicts with the layer are, clean
    and noisy, and whether they are right."""

    columns: dict[str, Evaluation]
    sure: list[list[tuple[float, bool]]]


def on_calls(files: Sequence[Path], engine: Engine, layers: Sequence[Meaning] | None, noise: float) -> OnCalls:
    """`layers` go by the order of the training files; None: the product's own."""
    groups = sorted({call.group for call in data.calls()})
    some = [(read_labelled([path]), Meaning.load() if layers is None else layers[groups.index(path.stem) % FOLDS]) for path in files]
    calls = [call for read, _ in some for call in read]
    columns: dict[str, Evaluation] = {}
    sure: list[list[tuple[float, bool]]] = []
    for rate in (0.0, noise):
        heard = f", {rate:.0%} noise" if rate else ""
        columns[f"phrases{heard}"] = evaluate(calls, findings(engine, calls, rate))
        drafts = [draft for read, layer in some for draft in findings(engine.with_meaning(layer), read, rate)]
        columns[f"with layer{heard}"] = evaluate(calls, drafts)
        sure.append([pair for call, draft in zip(calls, drafts, strict=True) for pair in _sure(call, draft)])
    return OnCalls(columns, sure)


def _sure(call: LabelledCall, draft: Draft) -> Iterator[tuple[float, bool]]:
    """How sure each labelled verdict is that is no N/A, and whether it is right; one left to a person by what it leans to."""
    for finding in draft.findings:
        gold = call.gold.verdicts.get(finding.rule)
        if gold is None or gold == "not_applicable" or finding.verdict == "not_applicable":
            continue
        lapse = finding.rule.startswith("taboo.") or "倾向不通过" in finding.reason or "倾向未做到" in finding.reason
        leaning = ("fail" if lapse else "pass") if finding.verdict == "needs_review" else finding.verdict
        yield finding.confidence, leaning == gold


def reliability_lines(sure: Sequence[Sequence[tuple[float, bool]]]) -> Iterator[list[str]]:
    """Rows of the reliability table: how sure verdicts say they are, and how many of them are right."""
    yield ["confidence", *(f"{kind}{heard}" for heard in ("", ", noise") for kind in ("verdicts", "right"))]
    for low, high in pairwise(BINS):
        row = [f"{low:.2f}–{min(high, 1):.2f}" + (" (for a person)" if not low else "")]
        for pairs in sure:
            inside = [right for confidence, right in pairs if low <= confidence < high]
            row += [str(len(inside)), _share(sum(inside) / len(inside) if inside else None)]
        yield row


def with_embeddings(directory: Path, layers: Sequence[Meaning]) -> list[embedding.Embedded]:
    """The layers with heads on sentence embeddings, each of them learnt without the layer's part."""
    encoder = embedding.Encoder(directory)
    sentences = [one for one in data.sentences() if one.who == data.speaker(one.rule)]
    likely, vectors = embedding.unseen(sentences, layers), encoder([one.text for one in sentences])
    parts = np.array([int(one.group[-1]) % FOLDS for one in sentences])
    return [embedding.Embedded(layer, encoder, embedding.teach(sentences, likely, vectors, parts != part))
            for part, layer in enumerate(layers)]


def on_sentences(engine: Engine, layers: Sequence[Sequence[weighing.Meaning]], noise: float) -> dict[str, list[Counts]]:
    """For each rule the counts of `LAYERS`, as `rules probe` would answer; a sentence by layers that have not learnt it."""
    asked = [[engine.with_meaning(layer) for layer in kind] for kind in layers]
    found: dict[str, list[Counts]] = {}
    for sentence in data.sentences():
        if sentence.rule not in engine.pack.rules:
            continue
        before, text, after = _heard(sentence, noise)
        part = int(sentence.group[-1]) % FOLDS
        who = cast(Speaker, sentence.who)
        plain = engine.probe(sentence.rule, who, text, before, after)
        layered = [kind[part].probe(sentence.rule, who, text, before, after) for kind in asked]
        said = (_said(plain) and plain.match != "homophone", _said(plain), *map(_said, layered))
        counts = found.setdefault(sentence.rule, [Counts()] * len(said))
        found[sentence.rule] = [count.add(one, bool(sentence.label)) for count, one in zip(counts, said, strict=True)]
    return found


def _said(answer: Answer) -> bool:
    return bool(answer.label)


def _heard(sentence: data.Sentence, noise: float) -> tuple[str | None, str, str | None]:
    """What was said before, the sentence, and what was said after, as a recogniser might write it."""
    who, other = cast(tuple[Speaker, Speaker], ("agent", "customer") if sentence.who == "agent" else ("customer", "agent"))
    said: list[tuple[Speaker, str]] = [(other, sentence.before), (who, sentence.text), (other, sentence.after)]
    if noise:
        call = Transcript(call_id=sentence.text[:20], turns=tuple(Turn(speaker=one, text=text) for one, text in said))
        said = [(turn.speaker, turn.text) for turn in noisy(call, noise, SEED).turns]
    return said[0][1] or None, said[1][1], said[2][1] or None


def macro(counts: Iterable[Counts]) -> tuple[float, float]:
    kept = list(counts)
    return (float(np.mean([c.precision for c in kept if c.precision is not None])),
            float(np.mean([c.recall for c in kept if c.recall is not None])))


def call_lines(columns: dict[str, Evaluation]) -> Iterator[list[str]]:
    """Rows of the table of calls: head, one row a rule, then means and the taboos together."""
    yield ["rule", *(f"{name}: TP/FP/FN, P, R" for name in columns)]
    for rule in sorted(one.rule for one in next(iter(columns.values())).rules):
        events = [next(one for one in result.rules if one.rule == rule).event for result in columns.values()]
        yield [rule, *(f"{e.tp}/{e.fp}/{e.fn} {_share(e.precision)} {_share(e.recall)}" for e in events)]
    means = [result.means["event"] for result in columns.values()]
    yield ["**macro**", *(f"P {m['macro_precision'].value:.3f} R {m['macro_recall'].value:.3f}" for m in means)]
    taboos = [[one.event for one in result.rules if one.rule.startswith("taboo.")] for result in columns.values()]
    yield ["taboos, all", *(f"{sum(e.tp for e in t)}/{sum(e.fp for e in t)}/{sum(e.fn for e in t)}" for t in taboos)]
    yield ["needs_review", *(f"{result.review_share:.1%}" for result in columns.values())]


def sentence_lines(tables: dict[str, dict[str, list[Counts]]]) -> Iterator[list[str]]:
    """Rows of the table of sentences: head, one row a rule, then the means."""
    shown = LAYERS[:len(next(iter(next(iter(tables.values())).values())))]
    yield ["rule", *(f"{layer}{heard}: P, R" for heard in tables for layer in shown)]
    for rule in sorted(next(iter(tables.values()))):
        yield [rule, *(f"{_share(c.precision)} {_share(c.recall)}" for table in tables.values() for c in table[rule])]
    means = [macro(counts[at] for counts in table.values()) for table in tables.values() for at in range(len(shown))]
    yield ["**macro**", *(f"P {precision:.3f} R {recall:.3f}" for precision, recall in means)]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def show(lines: Iterable[Sequence[str]]) -> None:
    rows = list(lines)
    widths = [max(len(row[at]) for row in rows) + 2 for at in range(len(rows[0]))]
    for row in rows:
        print("".join(cell.strip("*").ljust(width) for cell, width in zip(row, widths, strict=True)))
    print()


def page(command: str, calls: Iterable[Sequence[str]], sentences: Iterable[Sequence[str]], sure: Iterable[Sequence[str]],
         counted: str) -> str:
    """The page docs/rules-accuracy.md."""
    def table(rows: Iterable[Sequence[str]]) -> str:
        head, *rest = rows
        return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rest])

    return f"""# How good the rules are on what they have not seen

Written by `{command}` on {datetime.date.today()}, {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}.

{counted} Every file of calls and every sixth of the sentences was judged by a trained layer whose words, surroundings, calibration
and thresholds were learnt without it. Phrases know no such split: their authors had read these files (not `dev.jsonl`), so the
columns of phrases alone flatter them. Positives are what a rule looks for: `pass` of a check, `fail` of a taboo, `found` of a signal.
A positive left to a person (`needs_review`) counts as missed. Noise: 10 % of the characters wrong, seed {SEED} (insight/noise.py).

## Calls

{table(calls)}

## Sentences, as `tingjian rules probe` answers

Half of a rule's sentences are what it looks for, the others are hard counter-examples. Characters: phrases found by their very
characters. Sounds: those found by near sound as well.

{table(sentences)}

A sentence encoder (`scoring.embeddings`, off by default; m3e-small was tried, to be used for research only; 2026-11-25) takes 6 ms a
turn of one core, some twenty times what all other layers take together. On these sentences, clean, heads on the layer's own
log-odds went from P 0.868 R 0.862 to P 0.884 R 0.884 with it, together with phrases from 0.889 / 0.878 to 0.902 / 0.894. In calls,
files left out in turn, it helped nothing: mean average precision over the 40 rules with 15 hits and more went from 0.875 to 0.860, best
F1 from 0.864 to 0.854. So `run` never asks it; `rules probe` does where it is set. `--embeddings DIR` adds its columns here.

## What a confidence is worth

Verdicts of the calls above on rules that apply, by how sure they say they are, and the share that is right. Below
`scoring.review_below` (0.6) a person decides.

{table(sure)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=Path, nargs="+", help="labelled calls that the product's own layer judges")
    parser.add_argument("--folds", type=Path, help="where `python -m rules.meaning.train --folds` left its layers")
    parser.add_argument("--embeddings", type=Path, help="a sentence encoder to try")
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--write", type=Path, help="a page to write the tables to")
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning, module="sklearn")
    engine = Engine.open()
    if chosen.calls:
        show(call_lines(on_calls(chosen.calls, engine, None, chosen.noise).columns))
        return
    layers = layers_without(chosen.folds)
    judged = on_calls(sorted(SHARED.glob("train-*.jsonl")), engine, layers, chosen.noise)
    calls, sure = list(call_lines(judged.columns)), list(reliability_lines(judged.sure))
    show(calls)
    show(sure)
    kinds = [layers, *([with_embeddings(chosen.embeddings, layers)] if chosen.embeddings else [])]
    tables = {"": on_sentences(engine, kinds, 0), ", noise": on_sentences(engine, kinds, chosen.noise)}
    sentences = list(sentence_lines(tables))
    show(sentences)
    if chosen.write:
        theirs = sum(call.group.startswith("train-") for call in data.calls())
        counted = f"{theirs} calls and {len(data.sentences()):,} sentences, invented, each by one author of several."
        given = [f"--embeddings {chosen.embeddings.name}"] if chosen.embeddings else []
        command = " ".join(["python -m bench.layers", *(["--folds DIR"] if chosen.folds else []), *given, f"--write {chosen.write}"])
        chosen.write.write_text(page(command, calls, sentences, sure, counted), "utf-8")


if __name__ == "__main__":
    main()
