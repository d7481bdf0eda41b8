"""A benchmark of Mandarin telephone calls: `python -m bench.speech`, or `make bench-speech`; bench/speech/README.md says how.

    scripts/        what is said, and what a reviewer would decide (the form of data/scripts)
    casting.py      who speaks: Kokoro's voices, further ones by shifting pitch and formants together
    speaking.py     text to sound, every sentence once
    rendering.py    a spoken call under a condition of the line: files and truth, below a cache folder
    normal.py       what counts as the same text
    align.py        what was heard beside what was said, character by character
    measures.py     error rates, speakers, roles, invented text, confidence
    contenders.py   ours and bare faster-whisper, each in a process of its own
    scoring.py      figures of a run; tables.py and page.py show them
"""
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
for _folder in (ROOT, ROOT / "data"):       # the product, and the makers of the sample calls (voices, telephone, dialogue)
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))
