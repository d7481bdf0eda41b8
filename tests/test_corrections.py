"""Turns corrected by a person: kept beside the machine's, scored again at once, nothing judged is lost, exported as training material."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from records import Turn, Word
from review.workbench.bench import Bench
from review.workbench.correcting import unhidden
from store.reviews import corrections
from store.reviews.cards import Conflict, items, kept_draft
from store.reviews.schema import Audit, Card, Hit, Item
from store.reviews.work_tables import Correction
from tests import benches
from tests.benches import Visitor
from tingjian import app

SLOPPY = "sample-002"
RUDE = "你自己没看清楚，你到底要不要？"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


class Reviewer(Visitor):
    def __init__(self, bench: Bench, login: str = "rui", call_id: str = SLOPPY) -> None:
        super().__init__(bench, login)
        self.bench, self.call_id = bench, call_id
        self.get(f"/calls/{call_id}")
        assert self.post(f"/calls/{call_id}/claim").status == 303

    def correct(self, turn: int, /, text: str | None = "", **more: object) -> tuple[int, dict[str, object]]:
        with self.bench.database.reading() as session:
            shown = self.bench.words(session, session.get_one(Card, self.call_id)).corrected.turns[turn].text
        sent = {"version": self.version(self.call_id), "turn": turn, "text": text, "shown": shown} | more
        answer = self.client.post(f"/calls/{self.call_id}/correct", headers={"X-CSRF": self.csrf}, json=sent)
        return answer.status_code, answer.json()


def verdicts(bench: Bench, call_id: str = SLOPPY) -> dict[str, Item]:
    with bench.database.reading() as session:
        return {one.item: one for one in items(session, call_id)}


def agents_turn(bench: Bench) -> int:
    """A late turn of the agent that says nothing bad."""
    return [n for n, turn in enumerate(bench.lake.transcript(SLOPPY).turns) if turn.speaker == "agent"][-2]


def test_a_corrected_turn_is_scored_again_at_once_and_the_machines_words_stay_beside_it(bench: Bench) -> None:
    rui, turn = Reviewer(bench), agents_turn(bench)
    heard, before = bench.lake.transcript(SLOPPY).turns[turn].text, verdicts(bench)
    status, answer = rui.correct(turn, RUDE)
    after = verdicts(bench)
    changed = [name for name, one in after.items() if one.machine_verdict != before[name].machine_verdict]
    assert status == 200 and answer["changed"] == changed and changed
    assert all(after[name].heard_verdict == before[name].machine_verdict for name in changed)
    page = rui.get(f"/calls/{SLOPPY}").text
    assert f"<s>{heard}</s>" in page and "Rui" in page and "更正前" in page
    assert bench.lake.transcript(SLOPPY).turns[turn].text == heard
    with bench.database.reading() as session:
        card = session.get_one(Card, SLOPPY)
        draft = json.loads(kept_draft(card) or "")
        told = [piece for one in draft["findings"] for piece in one["evidence"] if one["rule"] == "taboo.impatience"]
        assert any(piece["turn"] == turn and piece["text"] in RUDE for piece in told)
        assert session.get(Hit, (SLOPPY, "taboo.impatience")) and card.machine_score == draft["score"]
        first, = corrections.earlier_drafts(session, SLOPPY)
        assert json.loads(first) == json.loads(bench.lake.draft(SLOPPY).model_dump_json())
        assert {"turn.corrected", "card.redrafted"} <= {row.action for row in session.query(Audit).filter_by(subject=SLOPPY)}


def test_giving_a_turn_back_to_the_machine_brings_its_verdicts_back(bench: Bench) -> None:
    rui, turn, before = Reviewer(bench), agents_turn(bench), verdicts(bench)
    rui.correct(turn, RUDE)
    assert rui.correct(turn, do="restore")[0] == 200
    after = verdicts(bench)
    assert {name: one.machine_verdict for name, one in after.items()} == {name: one.machine_verdict for name, one in before.items()}
    assert not any(one.heard_verdict for one in after.values()) and "机器听作" not in rui.get(f"/calls/{SLOPPY}").text
    with bench.database.reading() as session:
        assert session.query(Correction).count() == 2 and list(corrections.every(session)) == []


def test_a_turn_put_to_the_other_speaker_counts_no_longer_as_the_agents(bench: Bench) -> None:
    rui, turn = Reviewer(bench), agents_turn(bench)
    rui.correct(turn, RUDE)
    assert rui.correct(turn, RUDE, speaker="customer")[0] == 200
    with bench.database.reading() as session:
        assert session.get(Hit, (SLOPPY, "taboo.impatience")) is None


def test_what_was_judged_stays_and_a_verdict_that_now_differs_needs_a_reason_before_it_is_published(bench: Bench) -> None:
    rui, turn = Reviewer(bench), agents_turn(bench)
    words = {name: {"verdict": "pass" if one.machine_verdict == "needs_review" else one.machine_verdict}
             for name, one in verdicts(bench).items() if one.human_verdict is None}
    assert rui.judge(SLOPPY, rui.version(SLOPPY), **words).status == 200
    _, answer = rui.correct(turn, RUDE)
    assert {name: one.human_verdict for name, one in verdicts(bench).items()} | {name: w["verdict"] for name, w in words.items()} \
        == {name: one.human_verdict for name, one in verdicts(bench).items()}
    refused = rui.post(f"/calls/{SLOPPY}/publish", version=str(rui.version(SLOPPY)))
    assert refused.status == 409 and "更正文本后机器的判定变了" in refused.text
    again = {name: {"verdict": one.machine_verdict} for name, one in verdicts(bench).items() if name in answer["changed"]}     # type: ignore[operator]
    rui.judge(SLOPPY, rui.version(SLOPPY), **again)
    assert rui.post(f"/calls/{SLOPPY}/publish", version=str(rui.version(SLOPPY))).status == 303


def test_a_correction_upon_an_older_card_or_without_holding_it_changes_nothing(bench: Bench) -> None:
    rui, rong = Reviewer(bench), Visitor(bench, "rong")
    version = rui.version(SLOPPY)
    assert rui.correct(0, "您好。")[0] == 200
    assert rui.correct(1, "您好。", version=version)[0] == 409
    assert rui.correct(1, "您好。", shown="别的")[0] == 409
    assert rui.correct(1, " ")[0] == 409 and rui.correct(1, "x", speaker="nobody")[0] == 409
    rong.get("/queue")
    sent = {"version": rui.version(SLOPPY), "turn": 1, "text": "x", "shown": bench.lake.transcript(SLOPPY).turns[1].text}
    assert rong.client.post(f"/calls/{SLOPPY}/correct", headers={"X-CSRF": rong.csrf}, json=sent).status_code == 409
    with bench.database.reading() as session:
        assert session.query(Correction).count() == 1


def test_a_card_that_was_corrected_keeps_its_draft_when_it_is_given_back(bench: Bench) -> None:
    rui, turn = Reviewer(bench), agents_turn(bench)
    rui.correct(turn, RUDE)
    rui.post(f"/calls/{SLOPPY}/release")
    with bench.database.reading() as session:
        assert session.get_one(Card, SLOPPY).draft is not None
    assert "更正前" in Reviewer(bench, "rong").get(f"/calls/{SLOPPY}").text


def test_personal_data_hidden_in_the_turn_stay_in_the_words_when_the_rest_is_corrected(bench: Bench) -> None:
    rui = Reviewer(bench, call_id="sample-011")
    said = bench.lake.transcript("sample-011").turns[4].text
    secret = "三三零幺零二幺九八五零三幺二零零幺七"
    page = rui.get("/calls/sample-011").text
    shown = page.split('data-turn="4" data-speaker')[1].split('data-text="')[1].split('"')[0]
    assert secret in said and secret not in shown
    assert rui.correct(4, "嗯，" + shown, shown=shown)[0] == 200
    with bench.database.reading() as session:
        assert session.query(Correction).one().text == "嗯，" + said
    assert secret not in rui.get("/calls/sample-011").text


@pytest.mark.parametrize(("typed", "becomes"), [
    ("我叫王**，在这边。", "我叫王小明，在这边。"), ("王**", "王小明"), ("我叫李四。", "我叫李四。"), ("我叫王***。", None)])
def test_stars_become_the_data_they_stand_for_or_are_refused(typed: str, becomes: str | None) -> None:
    if becomes is None:
        with pytest.raises(Conflict):
            unhidden("我叫王小明。", "我叫王**。", "我叫王**。", typed)
    else:
        assert unhidden("我叫王小明。", "我叫王**。", "我叫王**。", typed) == becomes


def test_a_corrected_turn_has_no_word_times_and_is_sure(bench: Bench) -> None:
    turn = Turn(speaker="agent", text="您好", confidence=0.3, rate=200.0, words=(Word(text="您好", start=0, end=1),))
    told = bench.lake.transcript(SLOPPY).model_copy(update={"turns": (turn,)})
    change = Correction(turn=0, machine_speaker="agent", machine_text="您好", speaker="customer", text="您好吗？")
    made, = corrections.corrected(told, {0: change}).turns
    assert (made.speaker, made.text, made.confidence, made.words, made.rate) == ("customer", "您好吗？", 1.0, (), 400.0)
    change.text = "您好"
    assert corrections.corrected(told, {0: change}).turns[0].words == turn.words


def test_corrections_are_exported_as_training_material_and_masked_like_other_exports(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rui = Reviewer(bench, call_id="sample-011")
    turn = bench.lake.transcript("sample-011").turns[4]
    rui.correct(4, "嗯，" + turn.text)
    rui.client.close()

    def exported(*options: str) -> dict[str, object]:
        out = bench.lake.root.parent / "corrections.jsonl"
        result = CliRunner().invoke(app, ["export", "--workspace", str(bench.lake.root), "--corrections", str(out), *options])
        assert result.exit_code == 0, result.output
        line, = out.read_text(encoding="utf-8").splitlines()
        return json.loads(line)

    monkeypatch.setenv("TINGJIAN_PRIVACY__MASKING", "display")
    full = exported()
    assert full["call_id"] == "sample-011" and full["turn"] == 4 and full["by"] == "rui"
    assert (full["machine_text"], full["text"]) == (turn.text, "嗯，" + turn.text) and (full["start"], full["end"]) == (turn.start, turn.end)
    hidden = exported("--masked")
    assert "***" in str(hidden["text"]) and "***" in str(hidden["machine_text"]) and len(str(hidden["text"])) == len(str(full["text"]))
