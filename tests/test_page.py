"""The page of a call: everything said is escaped, evidence is marked, the sound is made playable, nothing is fetched."""
from __future__ import annotations

import re
import wave
from html.parser import HTMLParser
from pathlib import Path

import av
import pytest

from records import Call, Evidence, Transcript
from review.page import file_name, marked, page, write_page
from tests.stand_ins import draft, transcript

HOSTILE = "<script>alert(1)</script>\"' onmouseover=x"


def hostile() -> tuple[Transcript, str]:
    call = Call(call_id=HOSTILE, agent_name=HOSTILE, customer_name=HOSTILE, organisation=(HOSTILE,))
    said = transcript(call, HOSTILE)
    card = draft(said)
    evidence = Evidence(rule=HOSTILE, turn=0, start=0.8, end=4.0, text=HOSTILE[:12], note=HOSTILE)
    item = card.items[0].model_copy(
        update={"title": HOSTILE, "section": HOSTILE, "reason": HOSTILE, "evidence": (evidence,)})
    finding = card.findings[2].model_copy(update={"rule": HOSTILE, "reason": HOSTILE, "evidence": (evidence,)})
    return said, page(card.model_copy(update={"items": (item,), "findings": (finding,)}), said, f"{HOSTILE}.webm")


def test_what_was_said_or_delivered_never_becomes_markup() -> None:
    _, html = hostile()
    tags: list[tuple[str, list[str]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append((tag, [name for name, _ in attrs]))

    Reader().feed(html)
    assert [tag for tag, _ in tags].count("script") == 1 and html.count("alert(1)") > 8
    assert not [name for _, names in tags for name in names if name.startswith("on")]


def test_the_page_asks_the_network_for_nothing() -> None:
    _, html = hostile()
    assert "default-src 'none'" in html
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", html) and "http://" not in html and "https://" not in html


def test_evidence_is_marked_in_its_turn_with_the_worst_verdict() -> None:
    quoted = [("pass", Evidence(rule="a", text="您好")), ("fail", Evidence(rule="b", text="好<")),
              ("found", Evidence(rule="c", text="没有"))]
    assert marked("您好<b>", quoted) == '<mark class="pass">您</mark><mark class="fail">好&lt;</mark>b&gt;'


def test_evidence_that_runs_into_the_next_turn_is_marked_as_far_as_it_goes() -> None:
    assert marked("这个不。", [("fail", Evidence(rule="a", text="不。 归我管"))]) == '这个<mark class="fail">不。</mark>'


def test_evidence_leads_to_its_turn_and_time() -> None:
    said = transcript(Call(call_id="a"))
    html = page(draft(said), said, "a.webm")
    assert 'data-turn="0" data-start="0.8"' in html and 'id="turn-0"' in html and 'data-start="5.0"' in html


def test_a_transcript_without_times_and_sound_still_makes_a_page() -> None:
    said = transcript(Call(call_id="a"))
    bare = said.model_copy(update={"duration": None, "turns": tuple(
        turn.model_copy(update={"start": None, "end": None, "words": ()}) for turn in said.turns)})
    html = page(draft(bare), bare, None, "en")
    assert "the recording is gone" in html and "<audio" not in html and 'lang="en"' in html


@pytest.mark.parametrize(("call_id", "name"), [("c-0001", "c-0001"), ("通话1", "通话1")])
def test_a_plain_call_id_is_the_file_name(call_id: str, name: str) -> None:
    assert file_name(call_id) == name


def test_no_call_id_leaves_the_directory_or_meets_another() -> None:
    hostile_ids = ("../x", "..", "/x", "a/x", "a_x", "x" * 300, "x" * 301, "a\\x", "index", "INDEX")
    names = {file_name(call_id) for call_id in hostile_ids}
    assert len({name.lower() for name in names} - {"index"}) == len(hostile_ids)
    assert not any("/" in name or name.startswith(".") or len(name) > 90 for name in names)


def test_the_sound_beside_the_page_is_opus_with_both_channels(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "call.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0\1\0" * 16000)
    said = transcript(Call(call_id="a"))
    written = write_page(tmp_path / "out", draft(said), said, tmp_path / "call.wav")
    assert written == tmp_path / "out" / "a.html"
    with av.open(str(tmp_path / "out" / "a.webm")) as made:
        stream = made.streams.audio[0]
        assert (stream.codec_context.name, stream.channels) == ("opus", 2)
        assert sum(frame.samples for frame in made.decode(stream)) / stream.rate == pytest.approx(2.0, abs=0.1)


def test_a_recording_that_is_gone_leaves_a_page_that_says_so(tmp_path: Path) -> None:
    said = transcript(Call(call_id="a"))
    written = write_page(tmp_path, draft(said), said, tmp_path / "gone.wav")
    assert "录音不在原处" in written.read_text("utf-8") and [path.name for path in tmp_path.iterdir()] == ["a.html"]
