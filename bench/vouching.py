"""How often what the rules find had been said, by how sure the recognition of its turn or of its own words is, whichever is
surer: phrases, expressions, phrases by sound, sentences by the trained layer. What rules/view.vouched rests on.

    python -m bench.vouching [--hours 1]        over the last run of bench.speech with so many hours
"""
from __future__ import annotations

import argparse
import json
from collections import Counter

from bench.speech.__main__ import CACHE, last_run
from bench.speech.contenders import Run
from bench.speech.losses import recordings
from pipeline.scorecard import Scorer
from records import Transcript
from rules.engine import Engine
from rules.weighing import NOTE
from settings import Settings

BANDS = ((0.0, 0.45), (0.45, 0.6), (0.6, 0.75), (0.75, 0.9), (0.9, 1.01))
NEAR = 0.5          # seconds that a turn heard may lie beside the true one


def found(engine: Engine, truth: Transcript, heard: Transcript) -> Counter[tuple[tuple[float, float], str, bool]]:
    """Hits by band of recognition, kind of match, and whether the rule has one at that time in the true words."""
    there, here = engine.view(truth), engine.view(heard)
    counts: Counter[tuple[tuple[float, float], str, bool]] = Counter()
    for rule in engine.pack.rules:
        there.outcome(rule)
        here.outcome(rule)
        true = [truth.turns[hit.turn] for hit in there.hits(rule)]
        for hit in here.hits(rule):
            sure, turn = here.heard_at(hit), heard.turns[hit.turn]
            if sure is None or turn.start is None or turn.end is None or hit.match == "timing":
                continue
            said = any(one.start is not None and one.end is not None and one.start - NEAR < turn.end and turn.start < one.end + NEAR
                       for one in true)
            counts[next(band for band in BANDS if band[0] <= sure < band[1]), "meaning" if hit.note == NOTE else hit.match, said] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.vouching", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    last = last_run(CACHE, options.hours, options.seed)
    if not last.exists():
        raise SystemExit(f"{last} is not there: run python -m bench.speech --hours {options.hours:g} --seed {options.seed} first.")
    run = Run.model_validate(next(iter(json.loads(last.read_text("utf-8"))["runs"].values()))["all"])
    engine, counts = Scorer.from_settings(Settings()).engine, Counter[tuple[tuple[float, float], str, bool]]()
    for truth in recordings(run, CACHE, options.seed, "all"):
        counts += found(engine, truth.transcript, run.heard[truth.name])
    print(f"{'recognised':14}{'exact: said of found':>22}{'by sound: said of found':>26}{'expression: said of found':>28}"
          f"{'meaning: said of found':>26}")
    for band in BANDS:
        told = [f"{counts[band, match, True]} of {counts[band, match, True] + counts[band, match, False]}"
                for match in ("exact", "homophone", "pattern", "meaning")]
        print(f"{band[0]:.2f} to {min(band[1], 1.0):.2f}  {told[0]:>22}{told[1]:>26}{told[2]:>28}{told[3]:>26}")


if __name__ == "__main__":
    main()
