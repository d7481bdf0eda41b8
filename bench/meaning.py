"""How good the trained layer is: `python -m bench.meaning [cv] [dev] [unseen] [reliability] [speed]` (default: dev, speed).

cv      cross-validated on the training calls, a file of calls left out at a time: turns and whole calls, clean and misheard,
        after the first layer (words) and after the second (words and surroundings). Minutes.
dev     the committed model on ../shared/dialogues/dev.jsonl, of which nothing was learnt: at the stored thresholds.
unseen  sentences by authors never seen: a file of sentences left out at a time; what each group of features adds.
reliability  what its probabilities in calls are worth: how many turns of about so much are hits, rule by rule, by layers that
        have not seen the calls (reliability=DIR: those that `python -m rules.meaning.train --folds DIR` left)
speed   calls a second on one core.

A call counts as found when any turn in the rule's window reaches the accept threshold; whether a rule applies is taken
as given.
"""
from __future__ import annotations

import json
import random
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench.gather_meaning import call_labels
from bench.layers import layers_without
from rules.meaning import data, features
from rules.meaning.examples import EXCLUDED, FOLDS, SURE, Examples
from rules.meaning.noise import Mishearing
from rules.meaning.predict import Meaning
from rules.meaning.train import Around, Words, first_layers

DEV = Path(__file__).parent.parent.parent / "shared" / "dialogues" / "dev.jsonl"
MISHEARD_RATE = 0.1
Counts = list[int]  # true positives, false positives, false negatives


def window(rule: str, speakers: Sequence[str]) -> range | list[int]:
    """The turns in which the rule engine looks for a rule."""
    agent = [place for place, who in enumerate(speakers) if who == "agent"]
    if rule.startswith("greeting."):
        return agent[:2]
    if rule in {"closing.thanks", "closing.farewell"}:
        return agent[-3:]
    if rule.startswith("outbound."):
        return agent[:5]
    return range(len(speakers))


def rates(counts: Counts) -> tuple[float, float, float]:
    right, false, missed = counts
    precision, recall = right / max(1, right + false), right / max(1, right + missed)
    return precision, recall, 2 * right / max(1, 2 * right + false + missed)


def judge(calls: Iterable[data.Call], likely: Iterable[np.ndarray], rules: Sequence[str], accept: np.ndarray,
          ) -> tuple[dict[str, Counts], dict[str, Counts]]:
    """Counts by turn and by call, per rule. Turns whose label is not known are not counted."""
    by_turn: dict[str, Counts] = defaultdict(lambda: [0, 0, 0])
    by_call: dict[str, Counts] = defaultdict(lambda: [0, 0, 0])
    for call, table in zip(calls, likely, strict=True):
        speakers = [who for who, _ in call.turns]
        for column, rule in enumerate(rules):
            if rule in call.unlabelled:
                continue
            hits, skipped, doubtful = call.hits.get(rule, []), call.skip.get(rule, []), call.doubtful_from.get(rule, 10**9)
            places = [t for t in window(rule, speakers) if t not in skipped]
            found = {t for t in places if table[t, column] >= accept[column]}
            sure = [t for t in places if t in hits or t < doubtful]
            for t in sure:
                by_turn[rule][0 if t in hits and t in found else 1 if t in found else 2] += t in hits or t in found
            if any(t in hits for t in places):
                by_call[rule][0 if found else 2] += 1
            elif len(sure) == len(places) and places:
                by_call[rule][1] += bool(found)
    return by_turn, by_call


def table(title: str, rules: Sequence[str], columns: Sequence[tuple[str, dict[str, Counts]]]) -> None:
    print(f"\n{title}\n{'':28}" + "".join(f"{name:>26}" for name, _ in columns))
    macro: list[list[tuple[float, float, float]]] = [[] for _ in columns]
    for rule in rules:
        cells = ""
        for place, (_, counts) in enumerate(columns):
            count = counts.get(rule, [0, 0, 0])
            if count[0] + count[2] == 0:
                cells += f"{'– false ' + str(count[1]):>26}"
                continue
            macro[place].append(rates(count))
            cells += f"   P {rates(count)[0]:.2f} R {rates(count)[1]:.2f} n {count[0] + count[2]:4d}  "
        print(f"{rule:28}{cells}")
    print(f"{'macro':28}" + "".join("   P {:.2f} R {:.2f} F {:.2f}    ".format(*np.mean(cell, axis=0)) for cell in macro))


def cross_validated(examples: Examples) -> None:
    words, labels = Words(examples), [examples.labels(rule) for rule in examples.rules]
    _, scores = first_layers(words, examples, labels, lambda text: print(text, file=sys.stderr))
    around = Around(examples, scores)
    layers = {"words": (scores.own, scores.misheard), "surroundings": (np.zeros_like(scores.own), np.zeros_like(scores.own))}
    for column, label in enumerate(labels):
        for scored, unseen in zip(layers["surroundings"], around.unseen(label, column, examples.fold), strict=True):
            scored[:, column] = unseen
    for column, rule in enumerate(examples.rules):
        for scored in (*layers["words"], *layers["surroundings"]):
            scored[examples.who != data.speaker(rule), column] = -np.inf
    for name, (clean, misheard) in layers.items():
        accept = np.array([best_threshold(clean[chosen, column], label.hit[chosen]) for column, label in enumerate(labels)
                           for chosen in [examples.in_call & around.learnable(label, column)]])
        spans = examples.spans()
        turns, calls = judge(examples.calls, (clean[a:b] for a, b in spans), examples.rules, accept)
        _, noisy = judge(examples.calls, (misheard[a:b] for a, b in spans), examples.rules, accept)
        table(f"training calls, a file left out at a time, {name} (thresholds of best F1, chosen on the same scores)",
              examples.rules, [("turns", turns), ("calls", calls), ("calls misheard", noisy)])


def best_threshold(scores: np.ndarray, hit: np.ndarray) -> float:
    if not hit.any():
        return float(scores.max()) + 1
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(hit[order])
    return float(scores[order[int(np.argmax(2 * found / (np.arange(1, len(order) + 1) + hit.sum())))]])


def development(meaning: Meaning) -> None:
    rows = [json.loads(line) for line in DEV.read_text("utf-8").splitlines()]
    calls = [data.Call(**call_labels(row, "dev", set(meaning.rules))) for row in rows]
    syllables = {chr(c): int(s) for c, s in enumerate(meaning._sounds) if s > 0xFFFF}
    mishearing = Mishearing([text for call in data.calls() for _, text in call.turns], syllables)
    chance = random.Random(3)
    misheard = [[(who, mishearing(text, MISHEARD_RATE, chance)) for who, text in call.turns] for call in calls]
    turns, whole = judge(calls, (meaning.call(call.turns) for call in calls), meaning.rules, meaning.accept)
    _, noisy = judge(calls, (meaning.call(call) for call in misheard), meaning.rules, meaning.accept)
    table("dev.jsonl, stored model and thresholds", meaning.rules,
          [("turns", turns), ("calls", whole), (f"calls, {MISHEARD_RATE:.0%} misheard", noisy)])


def unseen_authors(examples: Examples) -> None:
    """A file of sentences left out; only rules that another file has sentences of. Half of the sentences are hits."""
    words = Words(examples)
    files = np.array([sentence.group.rsplit("-", 1)[0] for sentence in examples.sentences]
                     + ["" for call in examples.calls for _ in call.turns])
    found = examples.grams(examples.texts).hashes
    characters = np.isin(words.vocabulary.keys, found[:, :features.CHARACTERS])
    own, misheard = words.own.copy(), words.misheard.copy()
    print("\nsentences by unseen authors, threshold 0 log-odds in the first layer (macro over rules and files)")
    for name, kept in (("characters", characters), ("syllables", ~characters), ("both", np.ones_like(characters))):
        words.own, words.misheard = own.copy(), misheard.copy()
        for inputs in (words.own, words.misheard):
            inputs.data = inputs.data * kept[inputs.indices]
        cells, noisy = [], []
        for rule in examples.rules:
            label = examples.labels(rule)
            of_rule = [row.rule == rule for row in examples.sentences] + [False] * int(examples.in_call.sum())
            homes = sorted(set(files[of_rule]))
            for home in homes if len(homes) > 1 else ():
                test = (files == home) & of_rule & (label.trust == SURE)
                weights, offset = words.fit(label, np.flatnonzero(~(files == home) & (label.trust != EXCLUDED)))
                for inputs, results in ((words.own, cells), (words.misheard, noisy)):
                    said = inputs[test] @ weights + offset > 0
                    hit = label.hit[test] == 1
                    results.append(rates([int((said & hit).sum()), int((said & ~hit).sum()), int((~said & hit).sum())]))
        print(f"{name:12} P {{:.3f}} R {{:.3f}} F {{:.3f}}".format(*np.mean(cells, axis=0))
              + "   misheard P {:.3f} R {:.3f} F {:.3f}".format(*np.mean(noisy, axis=0)), flush=True)


PROBABILITIES = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.001)


def reliability(layers: Sequence[Meaning]) -> None:
    """Turns whose label is sure, by the probability that a layer gives them which has not seen their file."""
    calls = data.calls()
    groups = sorted({call.group for call in calls})
    rules = layers[0].rules
    said: dict[str, list[tuple[float, bool]]] = {rule: [] for rule in rules}
    for call in calls:
        likely = layers[groups.index(call.group) % FOLDS].call(call.turns)
        for column, rule in enumerate(rules):
            hits, skipped, doubtful = call.hits.get(rule, []), call.skip.get(rule, []), call.doubtful_from.get(rule, 10**9)
            said[rule] += [(float(likely[turn, column]), turn in hits) for turn, (who, _) in enumerate(call.turns)
                           if who == data.speaker(rule) and turn not in skipped and (turn in hits or turn < doubtful)
                           and rule not in call.unlabelled]
    bins = list(pairwise(PROBABILITIES))
    print(f"\n{'turns, share of hits':28}" + "".join(f"{f'{low:g}–{min(high, 1):g}':>14}" for low, high in bins) + "   off by")
    for rule, pairs in (*said.items(), ("all", [pair for of_rule in said.values() for pair in of_rule])):
        cells, off = "", 0.0
        for low, high in bins:
            inside = [pair for pair in pairs if low <= pair[0] < high]
            share = sum(hit for _, hit in inside) / max(1, len(inside))
            cells += f"{f'{len(inside)} {share:.2f}' if inside else '–':>14}"
            off += abs(sum(likely for likely, _ in inside) - sum(hit for _, hit in inside))
        print(f"{rule:28}{cells}   {off / max(1, len(pairs)):.4f}")


def speed(meaning: Meaning) -> None:
    calls = [call.turns for call in data.calls() if 20 <= len(call.turns) <= 40]
    characters, turns = sum(len(text) for call in calls for _, text in call), sum(map(len, calls))
    for call in calls:
        meaning.call(call)
    best = min(_timed(meaning, calls) for _ in range(5))
    print(f"\n{len(calls) / best:,.0f} calls/s on one core "
          f"({turns / len(calls):.0f} turns, {characters / len(calls):.0f} characters a call, {len(meaning.rules)} rules): "
          f"{1000 * best / len(calls):.2f} ms a call")


def _timed(meaning: Meaning, calls: Sequence[data.Turns]) -> float:
    began = time.process_time()
    for call in calls:
        meaning.call(call)
    return time.process_time() - began


def main(chosen: Sequence[str]) -> None:
    warnings.filterwarnings("ignore", category=FutureWarning, module="sklearn")
    examples = Examples(data.sentences(), data.calls()) if {"cv", "unseen"} & set(chosen) else None
    for name in chosen or ("dev", "speed"):
        if name in {"cv", "unseen"} and examples:
            (cross_validated if name == "cv" else unseen_authors)(examples)
        elif name in {"dev", "speed"}:
            (development if name == "dev" else speed)(Meaning.load())
        elif name.startswith("reliability"):
            reliability(layers_without(Path(name.partition("=")[2]) if "=" in name else None))
        else:
            raise SystemExit(f"{name}: not one of cv, dev, unseen, reliability, speed")


if __name__ == "__main__":
    main(sys.argv[1:])
