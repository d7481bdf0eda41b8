"""Fits pipeline/sides.txt (what words say about who speaks) on labelled calls, and measures it on others.

    python bench/sides.py fit ../shared/dialogues/train-*.jsonl > pipeline/sides.txt
    python bench/sides.py measure CALLS.jsonl…              # the table as it stands, on calls it was not fitted on
    python bench/sides.py across ../shared/dialogues/train-*.jsonl   # fitted on all files but one, measured on that one

Lines are {"transcript": …} with turns of agent and customer. The same files give the same table. Printed: share of clauses and
of characters that are given to the right side by the clause alone, of neighbours whose change of speaker is right, and how well ends
of clauses are found without marks.
"""
from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pipeline import sides

MARKS = re.compile(r"[，。？！,.?!；;、：:\s]+")
REGULARISATION = 0.3
RARE = {"side": 4, "change": 4, "end": 10}     # examples in which a feature must occur
FAINT = 0.05            # log odds; a weaker feature is left out of the table


class Clause(NamedTuple):
    text: str
    syllables: list[str]
    agent: bool


def calls(path: str) -> list[list[Clause]]:
    """The clauses of each call, in order."""
    found = []
    for line in Path(path).read_text("utf-8").splitlines():
        row = json.loads(line)
        turns = row.get("transcript", row)["turns"]
        clauses = [Clause(text, sides.by_sound(text).split(), turn["speaker"] == "agent")
                   for turn in turns if turn["speaker"] in ("agent", "customer") for text in MARKS.split(turn["text"])]
        found.append([clause for clause in clauses if clause.syllables])
    return found


def sided(data: list[list[Clause]]) -> Iterator[tuple[list[str], bool]]:
    for call in data:
        for clause in call:
            yield list(sides.grams(clause.syllables)), clause.agent


def changed(data: list[list[Clause]]) -> Iterator[tuple[list[str], bool]]:
    for call in data:
        for one, other in pairwise(call):
            yield list(sides.seams(one.syllables, other.syllables)), one.agent != other.agent


def ended(data: list[list[Clause]]) -> Iterator[tuple[list[str], bool]]:
    for call in data:
        syllables = [syllable for clause in call for syllable in clause.syllables]
        last = np.cumsum([len(clause.syllables) for clause in call])
        marks = set(last.tolist())
        for at in range(1, len(syllables)):
            yield list(sides.joints(syllables[max(0, at - 3):at], syllables[at:at + 3])), at in marks


EXAMPLES: dict[str, Callable[[list[list[Clause]]], Iterator[tuple[list[str], bool]]]] = {"side": sided, "change": changed, "end": ended}


def fit(data: list[list[Clause]]) -> dict[str, sides.Table]:
    tables = {}
    for name, examples in EXAMPLES.items():
        features, labels = zip(*examples(data), strict=True)
        options: dict[str, Any] = {"analyzer": list, "min_df": RARE[name], "binary": True}
        counter = CountVectorizer(**options)
        model = LogisticRegression(C=REGULARISATION, max_iter=500).fit(counter.fit_transform(features), labels)
        weights = dict(zip(counter.get_feature_names_out(), model.coef_[0], strict=True))
        tables[name] = sides.Table({feature: round(float(weight), 2) for feature, weight in weights.items()
                                    if abs(weight) >= FAINT}, round(float(model.intercept_[0]), 2))
    return tables


def measure(tables: dict[str, sides.Table], data: list[list[Clause]]) -> str:
    clauses = [clause for call in data for clause in call]
    right = np.array([(tables["side"].score(sides.grams(c.syllables)) > 0) == c.agent for c in clauses])
    letters = np.array([len(c.text) for c in clauses])
    turned = np.array([(tables["change"].score(iter(features)) > 0) == label for features, label in changed(data)])
    found, truth = np.array([(tables["end"].score(iter(features)) > 0, label) for features, label in ended(data)]).T
    hits = (found & truth).sum()
    return (f"{len(clauses)} clauses: side right {right.mean():.1%}, by characters {letters[right].sum() / letters.sum():.1%}; "
            f"change right {turned.mean():.1%}; ends of clauses: precision {hits / found.sum():.1%}, recall {hits / truth.sum():.1%}")


def main() -> None:
    if len(sys.argv) < 3 or sys.argv[1] not in ("fit", "measure", "across"):
        sys.exit(__doc__)
    data = {path: calls(path) for path in sys.argv[2:]}
    if sys.argv[1] == "fit":
        print("# model<TAB>log odds<TAB>feature (toneless syllables); fitted by bench/sides.py, not written by hand.")
        for name, table in fit([call for each in data.values() for call in each]).items():
            print(f"{name}\t{table.bias}\tbias")
            for feature, weight in sorted(table.weights.items()):
                print(f"{name}\t{weight}\t{feature}")
    for path, each in data.items():
        if sys.argv[1] == "measure":
            print(path, measure(sides.tables(), each))
        elif sys.argv[1] == "across":
            others = [call for other, found in data.items() if other != path for call in found]
            print(path, measure(fit(others), each))


if __name__ == "__main__":
    main()
