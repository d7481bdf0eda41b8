"""What each layer adds, rule by rule: phrases alone and phrases with the trained layer, clean and with noise.

    python -m bench.layers ../shared/dialogues/dev.jsonl                  the layer that the product comes with
    python -m bench.layers ../shared/dialogues/train-*.jsonl --unseen     layers that learnt without the file (10 minutes)

`--unseen` trains the layer anew without each file's calls (and a sixth of the sentences), since on calls that it learnt from
it flatters itself. Thresholds and which rules ask the layer (`meaning:` in the packs, LEAST and TABOO_LEAST in
rules/weighing.py) were chosen by this table on the training files, never by dev.jsonl.
"""
from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from insight.evaluation import Evaluation, LabelledCall, evaluate, read_labelled
from insight.noise import noisy
from records import Draft
from rules.engine import Engine
from rules.meaning import data
from rules.meaning.examples import FOLDS, Examples
from rules.meaning.predict import Meaning
from rules.meaning.train import train


def without(group: str) -> Meaning:
    """A layer that has not learnt from a file of calls, nor from the sixth of the sentences that is left out with it."""
    sentences, calls = data.sentences(), data.calls()
    groups = sorted({call.group for call in calls})
    if group not in groups:
        raise SystemExit(f"{group}: the layer has not learnt from it; leave --unseen out")
    fold = groups.index(group) % FOLDS
    rules = {row.rule for row in sentences}.union(*(call.hits for call in calls))
    kept = Examples([row for row in sentences if int(row.group[-1]) % FOLDS != fold],
                    [call for call in calls if groups.index(call.group) % FOLDS != fold], rules)
    print(f"training without {group}", file=sys.stderr)
    return Meaning(train(kept, f"without {group}"))


def findings(engine: Engine, calls: Sequence[LabelledCall], noise: float) -> list[Draft]:
    heard = [noisy(call.transcript, noise, 7) if noise else call.transcript for call in calls]
    return [Draft.model_construct(call_id=one.call_id, score=None, findings=engine.findings(engine.view(one))) for one in heard]


def table(columns: dict[str, Evaluation]) -> None:
    print(f"{'TP/FP/FN precision recall':28}" + "".join(f"{name:>27}" for name in columns))
    rules = {one.rule: one for one in next(iter(columns.values())).rules}
    for rule in sorted(rules):
        cells = [next(one for one in result.rules if one.rule == rule) for result in columns.values()]
        print(f"{rule:28}" + "".join(
            f"{f'{c.event.tp}/{c.event.fp}/{c.event.fn}':>12} {_share(c.event.precision)} {_share(c.event.recall)}"
            f"{c.review_share:>5.0%}" for c in cells))
    for name, result in columns.items():
        means, taboos = result.means["event"], [one.event for one in result.rules if one.rule.startswith("taboo.")]
        print(f"{name}: macro precision {means['macro_precision'].value:.3f} recall {means['macro_recall'].value:.3f}, taboos "
              f"{sum(c.tp for c in taboos)} right {sum(c.fp for c in taboos)} false {sum(c.fn for c in taboos)} missed, "
              f"needs_review {result.review_share:.1%}")


def _share(value: float | None) -> str:
    return "    –" if value is None else f"{value:5.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--unseen", action="store_true", help="train without each file")
    parser.add_argument("--noise", type=float, default=0.1)
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning, module="sklearn")
    engine = Engine.open()
    files = [(read_labelled([path]), without(path.stem) if chosen.unseen else Meaning.load()) for path in chosen.files]
    calls = [call for some, _ in files for call in some]
    columns: dict[str, Evaluation] = {}
    for noise in (0.0, chosen.noise):
        heard = f" noise {noise:g}" if noise else ""
        columns[f"phrases{heard}"] = evaluate(calls, findings(engine, calls, noise))
        layered = [draft for some, layer in files for draft in findings(engine.with_meaning(layer), some, noise)]
        columns[f"with layer{heard}"] = evaluate(calls, layered)
    table(columns)


if __name__ == "__main__":
    main()
