"""A call recognised anew under a card that somebody holds or has published: nothing shifts under a decision, and the reader is told."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from records import Draft, Transcript, Turn
from review.workbench.anew import placed
from review.workbench.bench import Bench
from store.reviews.cards import kept_draft
from store.reviews.schema import Card
from tests import benches
from tests.test_correcting_beside_runs import moved, recognised_anew
from tests.test_corrections import SLOPPY, Reviewer

BLIND = Path(__file__).parents[1] / "data" / "blind"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = benches.bench(tmp_path / "w")
    yield made
    made.database.engine.dispose()


def quoted(draft: Draft) -> list[tuple[str, float | None]]:
    return [(piece.text, piece.start) for one in [*draft.items, *draft.findings] for piece in one.evidence]


def test_evidence_of_every_sample_stands_where_its_draft_says(bench: Bench) -> None:
    for call_id in bench.lake.call_ids():
        draft = bench.lake.draft(call_id)
        assert placed(draft, bench.lake.transcript(call_id)).draft is draft, call_id


def test_evidence_over_two_turns_stands_where_its_draft_says() -> None:
    """What is said over two turns is quoted in one piece, and others' calls have more of it than the samples."""
    over_two = 0
    for file in sorted(BLIND.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            transcript = Transcript.model_validate(json.loads(line)["transcript"])
            draft = benches.scorer().draft(transcript)
            assert placed(draft, transcript).draft is draft, transcript.call_id
            over_two += sum(piece.turn is not None and piece.text not in transcript.turns[piece.turn].text
                            for one in draft.findings for piece in one.evidence)
    assert over_two


def test_evidence_follows_its_words_and_keeps_what_it_quotes(bench: Bench) -> None:
    draft, heard = bench.lake.draft(SLOPPY), bench.lake.transcript(SLOPPY)
    later = placed(draft, heard.model_copy(update={"turns": tuple(moved(heard))}))
    assert later.moved and quoted(later.draft) == quoted(draft)
    pairs = [(old, new) for a, b in zip(draft.items, later.draft.items, strict=True) for old, new in zip(a.evidence, b.evidence, strict=True)
             if old.turn is not None and old.text and new.turn is not None]
    assert pairs and all(new.turn == old.turn + 1 for old, new in pairs if old.turn is not None)


def test_evidence_whose_words_are_gone_points_nowhere(bench: Bench) -> None:
    draft, heard = bench.lake.draft(SLOPPY), bench.lake.transcript(SLOPPY)
    none = placed(draft, heard.model_copy(update={"turns": (Turn(speaker="agent", text="Zzz。", start=0.0, end=0.5),)}))
    assert none.lost and not none.moved and quoted(none.draft) == quoted(draft)
    assert all(piece.turn is None for one in none.draft.items for piece in one.evidence if piece.text)


def test_whoever_holds_a_card_is_told_that_its_call_was_recognised_anew(bench: Bench) -> None:
    rui = Reviewer(bench)
    assert 'id="anew"' not in rui.get(f"/calls/{SLOPPY}").text
    with bench.database.reading() as session:
        before = kept_draft(session.get_one(Card, SLOPPY))
    recognised_anew(bench.lake, [Turn(speaker="agent", text="Zzz。", start=0.0, end=0.5)])
    bench.fill_queue()
    page = rui.get(f"/calls/{SLOPPY}").text
    assert 'id="anew"' in page and "重新识别" in page
    with bench.database.reading() as session:
        assert kept_draft(session.get_one(Card, SLOPPY)) == before
