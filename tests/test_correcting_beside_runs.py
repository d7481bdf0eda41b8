"""Corrections in the workbench while the lake changes: a rescore, a batch, the queue being filled. Nothing is lost, laid over other words,
or counted twice."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from flows.rescore import rescore
from records import Transcript, Turn
from review.heard_and_said import lines
from review.workbench.bench import Bench
from store.lake import Lake, Result
from store.reviews.cards import kept_draft
from store.reviews.schema import Card, Hit, Item
from store.reviews.work_tables import Correction, Redraft, Said
from tests import benches
from tests.benches import Visitor
from tests.stand_ins import StubScorer, recording
from tests.test_corrections import RUDE, SLOPPY, Reviewer, agents_turn, verdicts


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def state(bench: Bench, call_id: str = SLOPPY) -> tuple[object, ...]:
    """What the workbench has of a call: its draft, lines, hits, searched words, corrections."""
    with bench.database.reading() as session:
        card = session.get_one(Card, call_id)
        rules = sorted(session.execute(select(Hit.rule, Hit.verdict).where(Hit.call_id == call_id)).tuples())
        items = sorted(session.execute(select(Item.item, Item.machine_verdict, Item.heard_verdict).where(Item.call_id == call_id)).tuples())
        said = session.scalars(select(Said.text).where(Said.call_id == call_id)).all()
        counted = [session.scalar(select(func.count()).select_from(table).where(table.call_id == call_id)) for table in (Correction, Redraft)]
        return kept_draft(card), card.machine_score, rules, items, said, counted


def recognised_anew(lake: Lake, change: list[Turn], call_id: str = SLOPPY) -> None:
    """A batch commits the call with other turns, as after a change of model."""
    known = lake.known([call_id])[call_id]
    said = lake.transcript(call_id).model_copy(update={"turns": tuple(change)})
    draft = benches.scorer().draft(said)
    one = recording(lake.root.parent / "again", call_id, **{
        name: value for name, value in said.model_dump(exclude={"turns", "removed", "recognition"}).items() if name != "call_id"})
    with lake.running("a source"):
        lake.commit([Result(one, known.audio, "another-model", said, draft.model_copy(update={"rules_version": "sha256:new"}),
                            scorer_version="new")])


def test_a_rescore_beside_a_correction_changes_the_lake_and_leaves_what_the_reviewer_has(bench: Bench) -> None:
    rui, turn = Reviewer(bench), agents_turn(bench)
    rui.correct(turn, RUDE)
    before, calls = state(bench), len(bench.lake.call_ids())
    done = rescore(bench.lake, StubScorer("sha256:other"))
    assert done.scores.calls == calls and bench.lake.draft(SLOPPY).rules_version == "sha256:other"
    bench.fill_queue()
    assert state(bench) == before
    assert rui.correct(turn, "您好。")[0] == 200       # and goes on from there
    rui.post(f"/calls/{SLOPPY}/release")
    bench.fill_queue()
    with bench.database.reading() as session:
        assert session.get_one(Card, SLOPPY).draft is not None and session.scalar(select(func.count()).select_from(Card)) == calls
    assert bench.lake.calls().collect().height == calls and state(bench)[-1] == [2, 2]
    assert "您好。" in Reviewer(bench, "rong").get(f"/calls/{SLOPPY}").text


def test_a_correction_while_the_queue_is_filled_keeps_its_words_in_the_search(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    turn, whole, seen = agents_turn(bench), Lake.drafts, []
    rescore(bench.lake, StubScorer("sha256:other"))

    def drafts(lake: Lake, call_ids: list[str]) -> object:
        read = list(whole(lake, call_ids))
        if not seen:        # read for the queue; before they are written there, somebody takes the call and corrects it
            rui = Visitor(bench, "rui")
            rui.get(f"/calls/{SLOPPY}")
            assert rui.post(f"/calls/{SLOPPY}/claim").status == 303
            sent = {"version": rui.version(SLOPPY), "turn": turn, "text": RUDE}
            assert rui.client.post(f"/calls/{SLOPPY}/correct", headers={"X-CSRF": rui.csrf}, json=sent).status_code == 200
            seen.append(state(bench))
        return read

    monkeypatch.setattr(Lake, "drafts", drafts)
    monkeypatch.setattr(bench, "fill_queue", lambda: 0)     # a page of the visit above would wait for this very filling
    Bench.fill_queue(bench)
    assert state(bench) == seen[0] and "你到底要不要" in str(seen[0])


def moved(heard: Transcript) -> list[Turn]:
    return [Turn(speaker="ivr", text="来电可能会被录音。", start=0.0, end=0.1), *heard.turns]


def test_a_correction_follows_its_words_when_the_call_is_recognised_anew(bench: Bench) -> None:
    rui, turn = Reviewer(bench), agents_turn(bench)
    rui.correct(turn, RUDE)
    heard = bench.lake.transcript(SLOPPY)
    recognised_anew(bench.lake, moved(heard))
    with bench.database.reading() as session:
        words = bench.words(session, session.get_one(Card, SLOPPY))
    assert list(words.changes) == [turn + 1] and words.corrected.turns[turn + 1].text == RUDE
    assert words.corrected.turns[turn].text == heard.turns[turn - 1].text
    line, = map(json.loads, lines(bench.lake, bench.database, False))
    assert (line["turn"], line["machine_text"], line["text"]) == (turn + 1, heard.turns[turn].text, RUDE)
    assert rui.correct(turn + 1, "好的。")[0] == 200
    line, = map(json.loads, lines(bench.lake, bench.database, False))
    assert (line["turn"], line["text"]) == (turn + 1, "好的。")


def test_a_correction_whose_words_are_gone_is_kept_and_laid_over_no_others(bench: Bench) -> None:
    rui, turn = Reviewer(bench), agents_turn(bench)
    rui.correct(turn, RUDE)
    recognised_anew(bench.lake, [Turn(speaker="agent", text=f"第{number}句。") for number in range(turn - 1)])
    assert RUDE not in rui.get(f"/calls/{SLOPPY}").text and list(lines(bench.lake, bench.database, False)) == []
    assert rui.correct(0, "您好。")[0] == 200
    recognised_anew(bench.lake, list(benches.workspace(bench.lake.root.parent / "first").transcript(SLOPPY).turns))
    line, = map(json.loads, lines(bench.lake, bench.database, False))
    assert (line["turn"], line["text"]) == (turn, RUDE)


def test_a_call_recognised_between_reading_and_keeping_asks_to_look_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rui, turn, whole, before = Reviewer(bench), agents_turn(bench), Bench.words, verdicts(bench)

    def words(self: Bench, *given: object) -> object:
        read = whole(self, *given)      # type: ignore[arg-type]
        recognised_anew(self.lake, moved(self.lake.transcript(SLOPPY)))
        return read

    sent = {"version": rui.version(SLOPPY), "turn": turn, "text": RUDE}
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Bench, "words", words)
        refused = rui.client.post(f"/calls/{SLOPPY}/correct", headers={"X-CSRF": rui.csrf}, json=sent)
    assert refused.status_code == 409 and "重新识别" in refused.text
    assert state(bench)[-1] == [0, 0] and {name: one.machine_verdict for name, one in verdicts(bench).items()} == \
        {name: one.machine_verdict for name, one in before.items()}
    assert rui.correct(turn + 1, RUDE)[0] == 200
