"""Estimates the weights of pipeline/role_cues.txt, and measures how often the agent is found.

    python bench/roles.py measure CALLS.jsonl…      # lines {"transcript": …} with speakers agent and customer
    python bench/roles.py fit CALLS.jsonl…          # prints the table anew, with weights estimated on these calls

The two speakers of a call are made anonymous and must be told apart by what they say; `fit` is a logistic regression on the
difference between what the two say, so it needs no bias and a cue that both say counts for nothing.
"""
from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from pipeline import roles
from records import Transcript

VOICES = ("agent", "customer")
REGULARISATION = 0.5
MARKS = re.compile(r"[，。？！,.?!；;、：:\s]+")


def calls(paths: list[str]) -> list[Transcript]:
    rows = [json.loads(line) for path in paths for line in Path(path).read_text("utf-8").splitlines() if line.strip()]
    return [Transcript.model_validate(row.get("transcript", row)) for row in rows]


def said(call: Transcript) -> dict[int, frozenset[str]] | None:
    """Cues by voice, 0 the agent and 1 the customer; None when only one of them speaks."""
    texts = {voice: "".join(turn.text for turn in call.turns if turn.speaker == name) for voice, name in enumerate(VOICES)}
    speakers = [VOICES.index(turn.speaker) for turn in call.turns if turn.speaker in VOICES]
    if not all(texts.values()):
        return None
    return roles.features(texts, speakers[0], call.direction)


def measure(transcripts: list[Transcript]) -> None:
    right = sure = 0
    counted = [(call, found) for call in transcripts if (found := said(call)) is not None]
    for call, found in counted:
        clauses = [[part for turn in call.turns if turn.speaker == name for part in MARKS.split(turn.text)] for name in VOICES]
        lead = (roles.score(found[0]) - roles.score(found[1])
                + roles.WORDING * (roles.wording(clauses[0]) - roles.wording(clauses[1])))
        right += lead > 0
        sure += lead > 2
        if lead <= 0:
            print(f"wrong: {call.call_id} ({lead:+.2f})", file=sys.stderr)
    print(f"{right} of {len(counted)} calls right ({right / len(counted):.1%}); {sure} with a lead over 2 log odds")


def fit(transcripts: list[Transcript]) -> None:
    names = [cue.sound for cue in roles.cues()]
    pairs = [found for call in transcripts if (found := said(call)) is not None]
    matrix = np.array([[(name in pair[0]) - (name in pair[1]) for name in names] for pair in pairs], float)
    both = np.concatenate((matrix, -matrix))
    labels = np.repeat([1, 0], len(matrix))
    model = LogisticRegression(C=REGULARISATION, fit_intercept=False, max_iter=1000).fit(both, labels)
    rows = (Path(roles.__file__).parent / "role_cues.txt").read_text("utf-8").splitlines()
    phrases = [row.split("\t")[1] for row in rows if row and not row.startswith("#")]
    print(*[row for row in rows if row.startswith("#")], sep="\n")
    for weight, phrase in sorted(zip(model.coef_[0], phrases, strict=True), key=lambda pair: -pair[0]):
        print(f"{weight:.2f}\t{phrase}")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("measure", "fit"):
        sys.exit(__doc__)
    {"measure": measure, "fit": fit}[sys.argv[1]](calls(sys.argv[2:]))
