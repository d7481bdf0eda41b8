"""The benchmark: speaks and renders the corpus, runs the contenders over it, prints the tables.

    python -m bench.speech                                     everything, 2 hours of audio, base
    python -m bench.speech --hours 0.2                         a quick look, which writes no page
    python -m bench.speech --models base small --page docs/accuracy.md
    python -m bench.speech --only tables                       the tables of the last run again
"""
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from bench.speech import contenders, lines, page, quiet, rendering, report, weights
from bench.speech.contenders import ALONE, BATCHED, OURS, Run
from bench.speech.speaking import Studio
from bench.speech.truth import Truth

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "tingjian" / "bench-speech"
SPEED_CONDITION = "stereo 20 dB"        # the files that the bare ones run over, too
STAGES = ("corpus", "run", "tables")


def tell(message: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)


def last_run(cache: Path, hours: float, seed: int) -> Path:
    """The file that keeps the last run with so many hours and this seed: {"made": …, "runs": {model: {label: Run}}}."""
    return cache / f"last-{hours:g}-seed-{seed}.json"


def corpus(options: argparse.Namespace) -> list[Truth]:
    """The recordings of the corpus, spoken and rendered where they are not there yet."""
    studio = Studio(lambda: weights.locate(options.voices, options.cache), options.cache / "spoken", options.threads)
    truths: list[Truth] = []
    seconds = 0.0
    for take in rendering.plan(rendering.scripts(), options.seed, options.conditions):
        if seconds >= options.hours * 3600:
            break
        truths.append(rendering.render(take, studio.say, options.cache / "recordings", options.seed))
        seconds += truths[-1].seconds
        tell(f"{seconds / 60:6.1f} of {options.hours * 60:.0f} min  {take.name}"
             + (f"  ({studio.spoken:.0f} s newly spoken)" if studio.spoken else ""))
    return truths


def measure(model: str, truths: list[Truth], options: argparse.Namespace) -> dict[str, Run]:
    """All runs of a model by name: ours over everything, then each contender over the same stereo files, and over the silent ones."""
    silent = quiet.render(options.cache / "recordings", options.seed, min(quiet.MINUTES, options.hours * 15))
    same = [truth for truth in truths if truth.condition == SPEED_CONDITION]
    work = [("all", OURS, [*truths, *silent, *report.real_recordings()])]
    if not options.ours:
        work += [(f"speed {name}", name, same) for name in (OURS, ALONE, BATCHED) if same]
        work += [(f"quiet {name}", name, silent) for name in (ALONE, BATCHED)]
    runs = {}
    for label, contender, recordings in work:
        tell(f"{model}: {label}, {sum(truth.seconds for truth in recordings) / 60:.1f} min of audio")
        runs[label] = contenders.run(contender, model, recordings, options.compute)
        tell(f"{model}: {label} took {runs[label].wall:.0f} s")
        for name, reason in runs[label].failed.items():
            tell(f"{name} has no transcript: {reason}")
    return runs


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.speech", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=2.0, help="of calls, at least (default 2)")
    parser.add_argument("--models", nargs="+", default=["base"], help="base, small, or any recogniser of `tingjian models list`")
    parser.add_argument("--compute", default="int8", help="compute type (default int8)")
    parser.add_argument("--conditions", nargs="+", choices=list(lines.CONDITIONS), help="of the line, else all")
    parser.add_argument("--only", choices=STAGES, help="make the corpus, or run, or print the tables of the last run")
    parser.add_argument("--ours", action="store_true", help="leave the bare faster-whisper out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--voices", type=Path, help="folder of Kokoro's weights; else the models directory, else fetched")
    parser.add_argument("--cache", type=Path, default=CACHE, help=f"default {CACHE}")
    parser.add_argument("--page", type=Path, help="write the page here, too")
    parser.add_argument("--threads", type=int, default=2, help="for speaking")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    last = last_run(options.cache, options.hours, options.seed)
    began = time.time()
    truths = corpus(options)
    if options.only == "corpus":
        return
    results: dict[str, dict[str, Run]] = {}
    if options.only == "tables":
        if not last.exists():
            raise SystemExit(f"There is no finished run with --hours {options.hours:g} --seed {options.seed} below {options.cache}; run without --only first.")
        kept = json.loads(last.read_text("utf-8"))
        results = {model: {name: Run.model_validate(run) for name, run in runs.items()} for model, runs in kept["runs"].items()}
        made = kept["made"]
    else:
        for model in [name if "-" in name else f"whisper-{name}" for name in options.models]:
            results[model] = measure(model, truths, options)
        made = page.made(options, time.time() - began)
        last.write_text(json.dumps({"made": made, "runs": {
            model: {name: run.model_dump(mode="json") for name, run in runs.items()} for model, runs in results.items()}},
            ensure_ascii=False), "utf-8")
    tell("scoring")
    silent = quiet.render(options.cache / "recordings", options.seed, min(quiet.MINUTES, options.hours * 15))
    reports = {model: report.report(truths, silent, runs) for model, runs in results.items()}
    for model, one in reports.items():
        print(page.section(model, one, heading="\n# "))
    if options.page and options.only != "run":
        options.page.write_text(page.page(made, truths, reports), "utf-8")
        tell(f"wrote {options.page}")


if __name__ == "__main__":
    main()
