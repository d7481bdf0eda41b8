"""One turn that is two, two that are one: times from the words, scored again at once, taken back step by step, beside the machine's."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from records import Transcript, Turn, Word
from review.workbench.bench import Bench
from store.reviews import corrections
from store.reviews.cards import Conflict
from store.reviews.pieces import Stretch, cut, piece_of, read, replaced, stretches
from store.reviews.schema import Audit, Card, Hit
from store.reviews.work_tables import Correction
from tests import benches
from tests.test_corrections import RUDE, SLOPPY, Reviewer, agents_turn
from tingjian import app


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def spoken(text: str, start: float, letter: float = 0.2, **more: object) -> Turn:
    """A turn with a word a character of `letter` seconds."""
    said = [one for one in text if one.isalnum()]
    words = tuple(Word(text=one, start=start + number * letter, end=start + (number + 1) * letter, confidence=0.5 + number / 100)
                  for number, one in enumerate(said))
    return Turn.model_validate({"speaker": "agent", "text": text, "start": start, "end": words[-1].end, "channel": 0, "words": words,
                                "confidence": 0.5, "speech": round(len(said) * letter, 2), "rate": 300.0, "latency": 0.4, "silence": 0.1} | more)


def call(*turns: Turn) -> Transcript:
    return Transcript(call_id="a", turns=turns)


def turns(bench: Bench, call_id: str = SLOPPY) -> tuple[Turn, ...]:
    with bench.database.reading() as session:
        return bench.words(session, session.get_one(Card, call_id)).corrected.turns


def test_a_turn_is_cut_at_a_word_and_both_halves_keep_their_words_times_and_measures() -> None:
    heard = call(spoken("您好，请讲。", 10.0), Turn(speaker="customer", text="嗯。", start=10.3, end=10.5, channel=1))
    first, second = cut(piece_of(heard.turns[0]), 3, heard.turns[:1])
    assert (first.text, first.end, second.text, second.start) == ("您好，", 10.4, "请讲。", 10.4)
    made = [turn for _, turn in read(heard, replaced(stretches(heard, {}), Stretch(0, 1, (first, second._replace(speaker="customer")))))]
    assert [(turn.speaker, turn.text) for turn in made] == [("agent", "您好，"), ("customer", "嗯。"), ("customer", "请讲。")]     # by time
    one, _, two = made
    assert ["".join(word.text for word in turn.words) for turn in (one, two)] == ["您好", "请讲"]
    assert (one.confidence, two.confidence, one.speech, two.speech, one.rate) == (0.505, 0.525, 0.4, 0.4, 300.0)
    assert (one.latency, one.silence, two.latency, two.silence) == (0.4, 0.1, None, None)


@pytest.mark.parametrize(("text", "at", "moment"), [
    ("那您好，请讲。", 4, 0.4),         # a character that the machine missed shifts nothing
    ("您好。请您讲。", 3, 0.4), ("您", 1, None), ("您好，。", 2, None), ("您好", -1, None), ("您好", 9, None)])
def test_words_that_were_changed_find_their_time_and_an_empty_half_is_refused(text: str, at: int, moment: float | None) -> None:
    heard = [spoken("您好，请讲。", 0.0)]
    piece = piece_of(heard[0])._replace(text=text)
    if moment is None:
        with pytest.raises(Conflict):
            cut(piece, at, heard)
    else:
        first, second = cut(piece, at, heard)
        assert (first.end, second.start) == (moment, moment)


def test_without_words_a_turn_is_cut_by_the_share_of_letters_and_without_times_by_none() -> None:
    timed, bare = Turn(speaker="agent", text="一二三四。", start=2.0, end=4.0), Turn(speaker="agent", text="一二三四。")
    first, second = cut(piece_of(timed), 1, [timed])
    assert first.end == second.start == 2.5
    assert cut(piece_of(bare), 1, [bare])[0].end is None


def test_the_machines_halves_of_one_sentence_are_joined_and_what_stood_between_stays_between() -> None:
    heard = call(spoken("我帮您查。", 0.0, rate=200.0), Turn(speaker="customer", text="好。", start=0.9, end=1.1, channel=1), spoken("一下。", 1.2, rate=300.0))
    parts = stretches(heard, {})
    pieces = (piece_of(heard.turns[0])._replace(text="我帮您查。一下。", end=1.6), piece_of(heard.turns[1]))
    one, two = (turn for _, turn in read(heard, replaced(parts, Stretch(0, 3, pieces))))
    assert two == heard.turns[1] and (one.start, one.end, len(one.words), one.speech) == (0.0, 1.6, 6, 1.2)
    assert one.rate == pytest.approx((200 * 0.8 + 300 * 0.4) / 1.2, abs=0.01)


def test_a_split_turn_is_scored_again_and_undone_step_by_step(bench: Bench) -> None:
    rui, turn, before = Reviewer(bench), agents_turn(bench), turns(bench)
    said = before[turn].text + RUDE
    assert rui.correct(turn, said)[1]["changed"]
    status, _ = rui.correct(turn, said, do="split", at=len(before[turn].text), then="customer")      # the customer said it
    after = turns(bench)
    assert status == 200 and len(after) == len(before) + 1
    assert [(one.speaker, one.text) for one in after[turn:turn + 2]] == [("agent", before[turn].text), ("customer", RUDE)]
    assert before[turn].start == after[turn].start < after[turn].end == after[turn + 1].start < after[turn + 1].end == before[turn].end  # type: ignore[operator]
    page = rui.get(f"/calls/{SLOPPY}").text
    assert "由上一句拆出" in page and f"<s>{before[turn].text}</s>" in page and 'id="undo"' in page
    with bench.database.reading() as session:
        assert session.get(Hit, (SLOPPY, "taboo.impatience")) is None
    assert bench.lake.transcript(SLOPPY).turns == before
    assert rui.correct(0, do="undo")[0] == 200 and turns(bench)[turn].text == said
    with bench.database.reading() as session:
        assert session.get(Hit, (SLOPPY, "taboo.impatience")) is not None
    assert rui.correct(0, do="undo")[0] == 200 and turns(bench) == before
    assert rui.correct(0, do="undo")[0] == 409 and 'id="undo"' not in rui.get(f"/calls/{SLOPPY}").text
    with bench.database.reading() as session:
        actions = [row.action for row in session.query(Audit).filter_by(subject=SLOPPY).order_by(Audit.id) if row.action.startswith("turn.")]
        assert actions == ["turn.corrected", "turn.split", "turn.undone", "turn.undone"]
        assert session.query(Correction).count() == 4 and list(corrections.every(session)) == []


def test_turns_split_and_joined_again_are_the_machines_and_given_back_all_at_once(bench: Bench) -> None:
    rui, before = Reviewer(bench), turns(bench)
    text = before[2].text
    rui.correct(2, text, do="split", at=4)
    assert rui.correct(2, turns(bench)[2].text, do="join")[0] == 200
    assert turns(bench) == before
    rui.correct(2, text, do="split", at=4)
    rui.correct(3, "另外的话。", speaker="customer")
    rui.correct(3, do="join", text=None, shown=None)                 # with the turn after, which the machine had apart
    assert len(turns(bench)) == len(before) and turns(bench)[3].text == "另外的话。" + before[3].text
    assert rui.correct(3, do="restore")[0] == 200 and turns(bench) == before


def test_what_cannot_be_cut_or_joined_is_refused_and_says_why(bench: Bench) -> None:
    rui, heard = Reviewer(bench), turns(bench)
    last = len(heard) - 1
    gap = next(n for n in range(last) if (heard[n + 1].start or 0) - (heard[n].end or 0) >= 3)
    for turn, more, told in ((last, {"do": "join"}, "没有可以合并"), (gap, {"do": "join"}, "静默"), (0, {"do": "split", "at": 0}, "光标"),
                             (99, {"do": "split", "at": 1}, "没有这一句"), (0, {"do": "split", "at": 2, "then": "nobody"}, "说话人")):
        status, answer = rui.correct(0, **({"text": None, "shown": None, "turn": turn} | more))     # type: ignore[arg-type]
        assert status == 409 and told in str(answer["message"])
    assert turns(bench) == heard


def test_a_cut_through_a_number_that_would_show_it_is_refused(bench: Bench) -> None:
    rui, said = Reviewer(bench, call_id="sample-011"), turns(bench, "sample-011")[4].text
    number = said.index("三三零幺零二幺")
    status, answer = rui.correct(4, do="split", at=number + 16, text=None, shown=None)      # two digits alone are no number
    assert status == 409 and "隐去" in str(answer["message"])
    assert rui.correct(4, do="split", at=number, text=None, shown=None)[0] == 200
    assert "三三零幺" not in rui.get("/calls/sample-011").text


def test_recut_turns_are_exported_with_the_pieces_that_they_read_as(bench: Bench) -> None:
    rui, before = Reviewer(bench), turns(bench)
    rui.correct(2, before[2].text, do="split", at=4, then="customer")
    rui.client.close()
    out = bench.lake.root.parent / "corrections.jsonl"
    result = CliRunner().invoke(app, ["export", "--workspace", str(bench.lake.root), "--corrections", str(out)])
    assert result.exit_code == 0, result.output
    line = json.loads(out.read_text(encoding="utf-8"))
    assert (line["turn"], line["span"], line["machine_text"], len(line["pieces"])) == (2, 1, before[2].text, 2)
    assert [one["speaker"] for one in line["pieces"]] == [before[2].speaker, "customer"] and line["end"] == line["pieces"][1]["end"]
