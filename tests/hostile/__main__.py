"""`make test-hostile`: every kind of hostile input at full length, a line an outcome; exit code 1 where one was not withstood."""
from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

from tests import benches
from tests.hostile import only_within, sounds, texts, web

KINDS = [sounds.damaged, sounds.bombs, sounds.disguised, texts.manifests, texts.json_lines, texts.sentences, texts.rule_files, texts.expressions,
         texts.exports, web.filters, web.paths, web.headers, web.requests]


def main() -> int:
    benches._made()          # once, outside the folders that come and go
    total, failed = 0, []
    print(f"{'tried':>7}  {'slowest':>8}  what: outcome")
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "here"
            folder.mkdir()
            tempfile.tempdir = str(folder)
            try:
                with only_within(folder):
                    outcomes = kind(folder, 1.0)
            except AssertionError as fault:
                failed.append(kind.__name__)
                print(f"{'':>7}  {'':>8}  {kind.__name__}: NOT WITHSTOOD: {str(fault)[:300]}")
                traceback.print_exc()
                continue
            finally:
                tempfile.tempdir = None
            for one in outcomes:
                total += one.tried
                print(f"{one.tried:>7}  {one.slowest:>6.2f} s  {one.what}: {one.came}", flush=True)
    print(f"{total} inputs; " + (f"not withstood: {', '.join(failed)}" if failed else "no crash, none over 10 s, nothing written outside its folder"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
