"""What sealing a workspace costs a call: processor time to store and to read it, and bytes on disk, with and without a key.

    python bench/encryption.py [--calls 300]

The calls are the samples' true transcripts with their drafts, stored again and again under other names; with and without a key turn by
turn in one process, so that a busy machine slows both.
"""
from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.scorecard import Scorer
from records import Call, Recording, Transcript
from settings import Scoring, Settings
from store.lake import AudioFile, Lake, Result
from store.sealing import new_key

GOLD = Path(__file__).parent.parent / "data" / "sample" / "gold.jsonl"
KEY = "TINGJIAN_ENCRYPTION__KEY_FILE"


def made(calls: int) -> list[Result]:
    scorer = Scorer.from_settings(Settings(scoring=Scoring(meaning=False)))
    samples = [Transcript.model_validate(json.loads(line)["transcript"]) for line in GOLD.read_text("utf-8").splitlines()]
    scored = [(one, scorer.draft(one)) for one in samples]
    results = []
    for number in range(calls):
        said, card = scored[number % len(scored)]
        told = {"call_id": f"call-{number:06}"}
        said, card = said.model_copy(update=told), card.model_copy(update=told)
        recording = Recording(call=Call.model_validate(said.model_dump()), path=f"/recordings/{number}.wav")
        results.append(Result(recording, AudioFile("0" * 64, 1, 1), "bench", said, card, scorer_version=scorer.version))
    return results


def cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def store(root: Path, results: list[Result]) -> None:
    lake = Lake.create(root)
    with lake.writing():
        for start in range(0, len(results), 100):
            lake.commit(results[start:start + 100])


def size(root: Path) -> int:
    return sum(file.stat().st_size for file in root.rglob("*.parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    results = made(parser.parse_args().calls)
    with TemporaryDirectory() as scratch:
        home = Path(scratch)
        new_key(home / "key")
        rows: dict[str, list[tuple[str, float]]] = {}
        for turn in range(2):           # the first warms up and is not told
            for name, key in (("open", None), ("sealed", str(home / "key"))):
                os.environ.pop(KEY, None)
                if key:
                    os.environ[KEY] = key
                root = home / f"{name}-{turn}"
                written = cpu(lambda root=root: store(root, results))
                lake = Lake.open(root)
                reads: dict[str, Callable[[], object]] = {
                    "read transcripts": lambda lake=lake: list(lake.transcripts()), "read drafts": lambda lake=lake: list(lake.drafts()),
                    "verdicts of all findings": lambda lake=lake: lake.findings().select("rule", "verdict").collect(),
                    "texts of all turns": lambda lake=lake: lake.turns().select("text").collect()}
                rows[name] = [("store", written), *((what, cpu(read)) for what, read in reads.items()), ("bytes on disk", float(size(root)))]
    calls = len(results)
    print(f"{calls} calls, {sum(len(one.transcript.turns) for one in results if one.transcript) / calls:.1f} turns each\n"
          f"{'a call':<28}{'open':>12}{'sealed':>12}{'more':>10}")
    for (what, plain), (_, sealed) in zip(rows["open"], rows["sealed"], strict=True):
        unit, scale = ("KB", 1e-3) if what.startswith("bytes") else ("ms", 1e3)
        print(f"{what:<28}{plain / calls * scale:>9.3f} {unit}{sealed / calls * scale:>9.3f} {unit}{sealed / plain:>9.2f}×")


if __name__ == "__main__":
    main()
