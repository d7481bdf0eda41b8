"""The whole command on real speech with the real recogniser: what `make demo` promises."""
from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from store.lake import Lake

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"
BAD = "sample-015"      # the sample that is no recording


def run(workspace: Path, prefect: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tingjian", "run", str(SAMPLE), "--workspace", str(workspace)], cwd=ROOT, text=True,
        capture_output=True, timeout=900, env=os.environ | {"TINGJIAN_MONITORING__PREFECT_HOME": str(prefect)})


@pytest.mark.speech
@pytest.mark.timeout(1800)
def test_every_good_sample_gets_a_card_the_bad_one_its_reason_and_again_nothing_is_done(tmp_path: Path) -> None:
    with (SAMPLE / "manifest.csv").open(encoding="utf-8") as file:
        expected = sorted(row["call_id"] for row in csv.DictReader(file))
    first = run(tmp_path / "workspace", tmp_path / "prefect")
    assert first.returncode == 1, first.stdout + first.stderr
    assert f"failed: {BAD}: " in first.stderr and "\x1b" not in first.stdout + first.stderr
    lake = Lake.open(tmp_path / "workspace")
    assert lake.call_ids() == [call_id for call_id in expected if call_id != BAD]
    assert lake.failures().collect()["call_id"].to_list() == [BAD]
    drafts = list(lake.drafts())
    assert all(draft.items and draft.findings for draft in drafts) and len({draft.form for draft in drafts}) > 1
    for transcript in lake.transcripts():
        assert {turn.speaker for turn in transcript.turns} >= {"agent"} and transcript.duration, transcript.call_id
    spoken = {json.loads(line)["transcript"]["call_id"]: json.loads(line)["transcript"]
              for line in (SAMPLE / "gold.jsonl").read_text("utf-8").splitlines()}
    assert _syllables_heard(lake.transcript("sample-001").turns, spoken["sample-001"]["turns"]) > 0.6

    words = list(lake.transcripts())
    second = run(tmp_path / "workspace", tmp_path / "prefect")
    assert second.returncode == 1 and f"nothing to do: {len(expected) - 1} calls are finished" in second.stdout
    assert list(lake.transcripts()) == words and f"failed: {BAD}: " in second.stderr


def _syllables_heard(heard: object, spoken: list[dict[str, str]]) -> float:
    """Share of the spoken toneless syllables that were heard, in order."""
    from difflib import SequenceMatcher

    from pypinyin import lazy_pinyin

    truth = lazy_pinyin("".join(turn["text"] for turn in spoken), errors="ignore")
    got = lazy_pinyin("".join(turn.text for turn in heard), errors="ignore")  # type: ignore[attr-defined]
    return sum(block.size for block in SequenceMatcher(None, truth, got, autojunk=False).get_matching_blocks()) / len(truth)
