"""Prints transcripts or labelled calls with simulated recognition noise, one JSON object a line, in the order of the input.

    python bench/noise.py calls.jsonl --rate 0.1 --seed 7 > noisy.jsonl

Whatever else a line holds (gold, notes, foreign fields) is passed through as it is.
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from insight.noise import noisy
from records import Problem, Transcript


def distort_line(line: str, rate: float, seed: int) -> dict[str, Any]:
    """A line's object with noise in the texts of its turns. Raises Problem when it is no transcript."""
    try:
        whole = json.loads(line)
        raw = whole.get("transcript", whole)
        changed = noisy(Transcript.model_validate(raw), rate, seed)
    except (json.JSONDecodeError, AttributeError, ValidationError) as error:
        raise Problem(f"not a transcript: {error}") from error
    for old, new in zip(raw["turns"], changed.turns, strict=True):
        old["text"] = new.text
        if old.get("words"):
            old["words"] = [word.model_dump(exclude_none=True) for word in new.words]
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rate", type=float, default=0.1, help="wrong characters per Chinese character, 0 to 1")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    for number, line in enumerate(options.file.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            try:
                print(json.dumps(distort_line(line, options.rate, options.seed), ensure_ascii=False))
            except Problem as problem:
                print(f"{options.file} line {number}: {problem}", file=sys.stderr)
                return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
