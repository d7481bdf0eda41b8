"""Calls, cards and a transcriber made by hand, for tests of what happens around recognition."""
from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pipeline.decode import Refused, probe
from records import Call, Draft, Evidence, Failure, Finding, Item, Recording, Removal, Transcript, Turn, Word


def recording(folder: Path, call_id: str, sound: bytes | None = None, **told: object) -> Recording:
    """A recording whose file holds `sound`; nothing here decodes it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{call_id}.wav"
    path.write_bytes(sound if sound is not None else call_id.encode() * 100)
    return Recording(call=Call.model_validate({"call_id": call_id, **told}), path=str(path))


def transcript(call: Call, words: str = "您好，嘟嘟客服中心") -> Transcript:
    turns = (
        Turn(speaker="agent", text=words, start=0.8, end=4.1, confidence=0.93, channel=0, loudness=-20.5,
             words=(Word(text="您好", start=0.8, end=1.1, confidence=0.97),)),
        Turn(speaker="customer", text="我要投诉", start=5.0, end=6.5, confidence=0.8, channel=1))
    removed = (Removal(text="请订阅", start=9.0, end=9.5, channel=0, reason="subtitle"),)
    told = call.model_dump() | {"duration": call.duration or 60.0}
    return Transcript.model_validate(told | {"turns": turns, "removed": removed, "recognition": {"recogniser": "stub"}})


def draft(of: Transcript, rules_version: str = "sha256:rules-1", form: str = "inbound") -> Draft:
    seen = Evidence(rule="greeting.salutation", turn=0, speaker="agent", start=0.8, end=4.1, text="您好", match="exact")
    items = (
        Item(id="greeting", title="开头语", section="规范用语", mode="auto", verdict="pass", points=8, max_points=8,
             confidence=0.96, rules=("greeting.salutation",), evidence=(seen,)),
        Item(id="closing", title="结束语", section="规范用语", mode="auto", verdict="fail", points=0, max_points=6,
             confidence=0.9, rules=("closing.farewell",), reason="没有道别"),
        Item(id="answer", title="解答正确", section="业务", mode="human", verdict="needs_review", max_points=10))
    findings = (
        Finding(rule="greeting.salutation", verdict="pass", evidence=(seen,)),
        Finding(rule="hold.request", verdict="found", value=2),
        Finding(rule="closing.farewell", verdict="fail", reason="没有道别"))
    return Draft(call_id=of.call_id, form=form, form_version="1", rules_version=rules_version, score=91.5, band="good",
                 fatal=False, items=items, findings=findings)


class StubScorer:
    def __init__(self, version: str = "sha256:rules-1") -> None:
        self.version = version

    def draft(self, transcript: Transcript, form: str | None = None) -> Draft:
        return draft(transcript, self.version, form or "inbound")

    def form(self, form: str) -> str:
        return form


class StubTranscriber:
    """Takes `seconds` a call. A file that begins with b"bad" is refused, one with b"busy" fails until `passes` tries."""

    def __init__(self, version: str = "stub-1", seconds: float = 0.0, passes: int = 1) -> None:
        self.version, self.seconds, self.passes = version, seconds, passes
        self.asked: list[str] = []

    def length(self, recording: Recording) -> float:
        try:
            return probe(recording.path).duration
        except Refused:
            return 0.0

    def run(self, recordings: Sequence[Recording], on_audio: Callable[[float], None] = lambda seconds: None,
            seconds_limit: object = None) -> Iterator[tuple[Recording, Transcript | Failure]]:
        for one in recordings:
            self.asked.append(one.call.call_id)
            time.sleep(self.seconds)
            on_audio(60.0)
            yield one, self._outcome(one)

    def _outcome(self, one: Recording) -> Transcript | Failure:
        sound = Path(one.path).read_bytes()
        call_id = one.call.call_id
        if sound.startswith(b"bad"):
            return Failure(call_id=call_id, recording=one.path, code="not_audio", message="not audio", stage="decode")
        if sound.startswith(b"busy") and self.asked.count(call_id) < self.passes:
            return Failure(call_id=call_id, recording=one.path, code="busy", message="busy", stage="decode", retryable=True)
        said = transcript(one.call, f"您好，{sound[:12].decode(errors='replace')}")
        facts = {"recogniser": self.version, "audio": {"sha256": hashlib.sha256(sound).hexdigest()}}
        return said.model_copy(update={"recognition": facts})
