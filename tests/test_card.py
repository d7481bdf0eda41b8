"""What a reviewer sees in the terminal beside the card's items: measures of the voice, and what guards took out."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from records import Finding, Removal, Transcript
from review.card import card, removed
from review.wording import WORDS
from store.lake import AudioFile, Lake, Result
from tests.stand_ins import draft, recording, transcript
from tingjian import app

GUARDS = Path(__file__).parent.parent / "pipeline"


def shown(what: RenderableType) -> str:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(what)
    return console.export_text()


def with_findings(*findings: Finding) -> str:
    call = transcript(recording_free())
    return shown(card(draft(call).model_copy(update={"findings": findings}), call))


def recording_free() -> Transcript:
    return Transcript(call_id="c", turns=())


@pytest.mark.parametrize(("finding", "seen"), [
    (Finding(rule="voice.rate", verdict="pass", value=212.0, reason="每分钟 212 字，要求 160–280 字"), "每分钟 212 字"),
    (Finding(rule="voice.pitch", verdict="none", value=1.2, reason="音高起伏 1.2 个半音"), "1.2 个半音"),
    (Finding(rule="voice.rate", verdict="fail", value=312.0, reason="每分钟 312 字"), "每分钟 312 字"),
    (Finding(rule="call.duration", verdict="pass", value=120.0, reason="120 秒"), "120 秒"),
])
def test_a_card_tells_every_measure_with_its_unit_good_or_bad(finding: Finding, seen: str) -> None:
    assert with_findings(finding).count(seen) == 1


def test_a_measure_that_does_not_apply_is_left_out() -> None:
    assert "没有音高数据" not in with_findings(Finding(rule="voice.pitch", verdict="not_applicable", reason="没有音高数据"))


def test_what_guards_removed_is_listed_with_time_side_and_reason() -> None:
    gone = (Removal(text="请订阅[bold]", start=61.0, end=63.5, channel=1, reason="subtitle"),
            Removal(text="好好", start=70.0, end=71.0, channel=0, reason="loop", detail="好 × 12"))
    text = shown(removed(recording_free().model_copy(update={"removed": gone})))
    assert re.search(r"01:01–01:03\s+右\s+字幕套话\s+请订阅\[bold\]", text)
    assert re.search(r"01:10–01:11\s+左\s+循环重复\s+好好  好 × 12", text)


def test_show_lists_removals_of_the_lake(tmp_path: Path) -> None:
    one = recording(tmp_path, "a")
    said = transcript(one.call)
    lake = Lake.create(tmp_path / "workspace")
    with lake.writing():
        lake.commit([Result(one, AudioFile("sha", 1, 1), "stub", said, draft(said))])
    done = CliRunner().invoke(app, ["show", "a", "--workspace", str(lake.root), "--removed"])
    assert done.exit_code == 0 and "字幕套话" in done.output and "请订阅" in done.output
    assert lake.removed().collect()["reason"].to_list() == ["subtitle"]


def test_every_reason_of_the_guards_has_its_words() -> None:
    code = "".join(path.read_text("utf-8") for path in GUARDS.glob("*.py"))
    invented = (line.split("\t")[0] for line in (GUARDS / "invented.txt").read_text("utf-8").splitlines()
                if line and not line.startswith("#"))
    given = re.findall(r'(?:yield Taken|_removal|reason = ).*', code)
    reasons = {*(reason for line in given for reason in re.findall(r'"([a-z_]+)"', line)), *invented}
    assert len(reasons) > 8
    assert not {reason for reason in reasons if f"removed_{reason}" not in WORDS}
