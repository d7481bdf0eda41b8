"""A dialogue script (data/scripts/*.yaml, described in data/README.md) and the two channels that it becomes when spoken.

`read(path)` gives a Script, `perform(script, say)` its sound and the turns with their exact times, `gold(script, call)` the
labelled transcript. `say(text, voice, speed)` is `voices.Speaker.say`, or anything else that returns 24 kHz samples.
"""
from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import music
import numpy as np
import telephone
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator
from voices import RATE as SPOKEN_RATE

Say = Callable[[str, str, float], np.ndarray]      # text, voice, speed → 24 kHz samples
SPEAKERS = ("agent", "customer", "ivr")
RULES = (   # those that a listener can label (docs: the ids of the rule pack); voice.* measures are reckoned
    "greeting.salutation", "greeting.organisation", "greeting.identity", "greeting.offer", "greeting.festival",
    "greeting.prompt_answer", "outbound.verify_identity", "outbound.introduce", "outbound.convenient",
    "outbound.purpose", "name.asked", "name.used", "name.wrong", "hold.request", "hold.permission", "hold.consent",
    "hold.reason", "hold.check_back", "hold.return", "hold.unannounced", "transfer.explained", "closing.understood",
    "closing.anything_else", "closing.thanks", "closing.farewell", "closing.hangup_order", "taboo.refusal",
    "taboo.impatience", "taboo.counter_question", "taboo.sarcasm", "taboo.abuse", "taboo.blame", "taboo.shirk",
    "taboo.hang_up", "taboo.vague", "taboo.overpromise", "taboo.negative_wording", "taboo.filler", "taboo.privacy",
    "complaint.raised", "complaint.regret", "complaint.empathy", "complaint.restate", "complaint.commitment",
    "complaint.ownership", "complaint.refusal_sandwich", "customer.abusive", "customer.abusive_handled",
    "special.silent_call", "special.noise", "special.unresolved", "special.staff_name", "voice.interruption",
    "call.duration",
)

LEAD_IN = 0.6       # seconds before the first word and after the last
LAST_WORD = 0.8
FILLER = re.compile("哎是的|哎好的|那个|[嗯啊呢呃]")
CLASH = 0.5         # seconds of overlap from which an agent's start is an interruption (voice.interruption)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Voice(Part):
    voice: str
    speed: float = 1.0
    level: float = -21.0    # dBFS of active speech on the line


class Line(Part):
    """The recording: its file's name, codec and layout, and the state of the line."""

    file: str
    codec: str
    layout: Literal["stereo", "mono", "fake_stereo"] = "stereo"
    agent_on: Literal["left", "right"] = "left"
    named_in_manifest: bool = True
    snr: float = 27.0                       # dB, active speech to line noise
    crosstalk: float | None = None          # dB by which the leaking side is lower
    packet_loss: float = 0.0                # share of 20 ms packets
    bit_rate: int | None = None


class Event(Part):
    """A turn (exactly one of agent, customer, ivr is its text) or a pause: hold, ring or beep with its seconds."""

    agent: str | None = None
    customer: str | None = None
    ivr: str | None = None
    say: str | None = None                  # what the voice reads, where it differs from what is written
    gap: float | None = None                # seconds after the latest end so far; negative: spoken over it
    speed: float | None = None
    level: float | None = None
    marks: tuple[str, ...] = ()             # rules this turn is evidence for
    hold: float | None = None
    ring: float | None = None
    beep: float | None = None
    sound: Literal["silence", "music"] = "silence"
    style: str = "plain"                    # of the music, by name in music.STYLES
    by: str | None = None                   # who of `voices` speaks for this side: a colleague after a transfer, a relative

    @model_validator(mode="after")
    def _one_thing(self) -> Event:
        if sum(value is not None for value in (*self.texts, self.hold, self.ring, self.beep)) != 1:
            raise ValueError("an event is one turn (agent, customer or ivr) or one of hold, ring, beep")
        if unknown := set(self.marks) - set(RULES):
            raise ValueError(f"no such rule: {', '.join(sorted(unknown))}")
        return self

    @property
    def kind(self) -> str:
        """What a pause sounds like."""
        if self.hold is not None:
            return f"music {self.style}" if self.sound == "music" else "silence"
        return "ring" if self.ring is not None else "beep"

    @property
    def texts(self) -> tuple[str | None, ...]:
        return self.agent, self.customer, self.ivr

    @property
    def speaker(self) -> str | None:
        return next((who for who in SPEAKERS if getattr(self, who) is not None), None)

    @property
    def text(self) -> str:
        return next(text for text in self.texts if text is not None)


class Script(Part):
    """One call: what the manifest says of it, how it sounds, what is said, and what a human reviewer would decide."""

    call: dict[str, Any]
    line: Line
    voices: dict[str, Voice]
    events: tuple[Event, ...]
    verdicts: dict[str, tuple[str, ...]]    # verdict → rules; `taboo.*` is every taboo not named elsewhere
    note: str = Field(min_length=10)

    @property
    def call_id(self) -> str:
        return self.call["call_id"]

    def verdict_of(self) -> dict[str, str]:
        """Every rule's verdict in the order of RULES, `undecided` ones left out; ValueError where a rule has none or two."""
        named: dict[str, str] = {}
        families: dict[str, str] = {}
        for verdict, rules in self.verdicts.items():
            for rule in rules:
                place = families if rule.endswith(".*") else named
                if rule in place:
                    raise ValueError(f"{self.call_id}: {rule} is both {place[rule]} and {verdict}")
                place[rule] = verdict
        found = {rule: named.get(rule) or families.get(rule.split(".")[0] + ".*") for rule in RULES}
        if lost := [rule for rule, verdict in found.items() if verdict is None] + sorted(set(named) - set(RULES)):
            raise ValueError(f"{self.call_id}: no verdict, or no such rule: {', '.join(lost)}")
        return {rule: verdict for rule, verdict in found.items() if verdict and verdict != "undecided"}


class Turn(NamedTuple):
    speaker: str
    start: float
    end: float
    text: str
    marks: tuple[str, ...] = ()
    by: str = ""            # whose voice, by name of the script's `voices`


class Sound(NamedTuple):
    """What is heard where nobody speaks: `kind` is silence, ring, beep, or music and its style ("music plain")."""

    kind: str
    start: float
    end: float


class Stage(NamedTuple):
    """A call before the line: clean sound of the two ends by name, turns in order of their start, pauses and what fills them."""

    sides: dict[str, np.ndarray]
    turns: tuple[Turn, ...]
    sounds: tuple[Sound, ...]


class Performance(NamedTuple):
    """`agent` and `customer` are the two ends of the line at 8 kHz, equally long; `turns` in order of their start."""

    agent: np.ndarray
    customer: np.ndarray
    turns: tuple[Turn, ...]

    @property
    def duration(self) -> float:
        return len(self.agent) / telephone.RATE


def read(path: Path) -> Script:
    """A script from YAML. Raises ValueError (pydantic's, with the place) for one that is not well formed."""
    return Script.model_validate(yaml.safe_load(path.read_text("utf-8")))


def perform(script: Script, say: Say) -> Performance:
    """Speak a script and send it down its line."""
    rng = np.random.default_rng(zlib.crc32(script.call_id.encode()))
    stage = act(script, say, rng)
    return Performance(*_down_the_line(script, stage.sides, rng), stage.turns)


def act(script: Script, say: Say, rng: np.random.Generator) -> Stage:
    """Speak a script: the announcement, music and tones lie on the agent's side, as the exchange plays them there."""
    now, pieces, turns, sounds = LEAD_IN, [], [], []
    for event in script.events:
        if event.speaker is None:
            sound = _pause(event, rng)
            pieces.append(("agent", now, sound))
            sounds.append(Sound(event.kind, round(now, 2), round(now + len(sound) / telephone.RATE, 2)))
            now += len(sound) / telephone.RATE
            continue
        voice = script.voices[event.by or event.speaker]
        spoken = say(event.say or event.text, voice.voice, event.speed or voice.speed)
        sound = telephone.at_level(telephone.narrow(spoken, SPOKEN_RATE), event.level or voice.level)
        start = now + (rng.uniform(0.25, 0.7) if event.gap is None else event.gap)
        end = start + len(sound) / telephone.RATE
        pieces.append(("customer" if event.speaker == "customer" else "agent", start, sound))
        turns.append(Turn(event.speaker, round(start, 2), round(end, 2), event.text, event.marks, event.by or event.speaker))
        now = max(now, end)
    return Stage(_lay(pieces, now + LAST_WORD), tuple(sorted(turns, key=lambda turn: turn.start)), tuple(sounds))


def _pause(event: Event, rng: np.random.Generator) -> np.ndarray:
    if event.ring is not None:
        return telephone.ring_back(event.ring, -24)
    if event.beep is not None:
        return telephone.tone(event.beep, -22)
    seconds = event.hold or 0.0
    if event.sound == "music":
        return music.play(event.style, seconds, -26, rng)
    return np.zeros(int(seconds * telephone.RATE), np.float32)


def _lay(pieces: list[tuple[str, float, np.ndarray]], seconds: float) -> dict[str, np.ndarray]:
    sides = {side: np.zeros(int(seconds * telephone.RATE) + 1, np.float32) for side in ("agent", "customer")}
    for side, start, sound in pieces:
        first = int(start * telephone.RATE)
        sides[side][first:first + len(sound)] += sound
    return sides


def _down_the_line(script: Script, sides: dict[str, np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    line, clean = script.line, dict(sides)
    if line.crosstalk is not None:
        sides = {side: telephone.crosstalk(clean[side], clean[other], line.crosstalk)
                 for side, other in (("agent", "customer"), ("customer", "agent"))}
    for side, samples in sides.items():
        speech = script.voices.get(side, Voice(voice="")).level
        noisy = samples + telephone.line_noise(len(samples), speech - line.snr, rng)
        if line.packet_loss:
            noisy = telephone.packet_loss(noisy, line.packet_loss, rng)
        sides[side] = telephone.a_law(np.clip(noisy, -0.98, 0.98))
    return sides["agent"], sides["customer"]


def recorded(script: Script, performance: Performance) -> np.ndarray:
    """The recording's channels (channels, samples): left and right, or both ends mixed into one."""
    if script.line.layout != "stereo":
        mixed = np.clip(performance.agent + performance.customer, -0.98, 0.98)
        return np.stack([mixed] * (2 if script.line.layout == "fake_stereo" else 1))
    ends = (performance.agent, performance.customer)
    return np.stack(ends if script.line.agent_on == "left" else ends[::-1])


def gold(script: Script, turns: tuple[Turn, ...], duration: float, reckon: bool = False) -> dict[str, Any]:
    """The labelled call in the form of a line of gold.jsonl. Raises ValueError where labels contradict the times.

    With `reckon` those verdicts follow the times instead: for calls spoken by other voices than they were labelled with.
    """
    verdicts = script.verdict_of()
    if reckon:
        due = _due(script, turns, duration)
        verdicts = {rule: due.get(rule, verdict) for rule, verdict in verdicts.items() if due.get(rule) != "undecided"}
    evidence = {rule: [index for index, turn in enumerate(turns) if rule in turn.marks] for rule in verdicts}
    evidence = {rule: places for rule, places in evidence.items() if places}
    _agree(script, turns, duration, verdicts, evidence)
    known = {key: value for key, value in script.call.items() if value not in (None, "", [])}
    said = [{"speaker": turn.speaker, "start": turn.start, "end": turn.end, "text": turn.text} for turn in turns]
    return {"transcript": {**known, "duration": round(duration, 2), "turns": said},
            "gold": {"verdicts": verdicts, "evidence": evidence}, "note": " ".join(script.note.split())}


def timed_again(script: Script, spoken: dict[str, Any]) -> tuple[Turn, ...]:
    """The script's turns, marks and all, with the times of an earlier performance (a transcript of gold.jsonl).

    Raises ValueError when the words have changed since: then the call must be spoken again.
    """
    events = [event for event in script.events if event.speaker]
    if sorted((event.speaker, event.text) for event in events) != sorted((t["speaker"], t["text"]) for t in spoken["turns"]):
        raise ValueError(f"{script.call_id}: the script's words are no longer those that were spoken; "
                         f"make it again with --only {script.call_id}")
    marks: dict[tuple[str | None, str], list[tuple[str, ...]]] = {}
    for event in events:
        marks.setdefault((event.speaker, event.text), []).append(event.marks)
    return tuple(Turn(t["speaker"], t["start"], t["end"], t["text"], marks[t["speaker"], t["text"]].pop(0))
                 for t in spoken["turns"])


def _agree(script: Script, turns: tuple[Turn, ...], duration: float, verdicts: dict[str, str],
           evidence: dict[str, list[int]]) -> None:
    """Labels that can be reckoned must be what is reckoned; a hit needs its turn and a clean rule has none."""
    for rule, verdict in _due(script, turns, duration).items():
        if verdicts.get(rule, verdict) != verdict:
            raise ValueError(f"{script.call_id}: {rule} is labelled {verdicts[rule]}, the call itself says {verdict}")
    for rule, verdict in verdicts.items():
        taboo = rule.startswith("taboo.") and rule != "taboo.filler"
        hit, clean = verdict == "found" or (taboo and verdict == "fail"), verdict == "none" or (taboo and verdict == "pass")
        if hit != (rule in evidence) and (hit or clean):
            places = evidence.get(rule, [])
            raise ValueError(f"{script.call_id}: {rule} is labelled {verdict}, its marked turns are {places}")


def _due(script: Script, turns: tuple[Turn, ...], duration: float) -> dict[str, str]:
    """Verdicts that follow from times and metadata; "undecided" where a listener could say either."""
    call = script.call
    due = {"voice.interruption": "fail" if interruptions(turns) > 2 else "pass",
           "call.duration": "fail" if duration > 300 else "pass",
           "taboo.filler": _filler_verdict(turns),
           "closing.hangup_order": _by_metadata(call.get("released_by"), lambda who: who == "customer"),
           "greeting.prompt_answer": _by_metadata(call.get("answered_after"), lambda seconds: seconds <= 10)}
    if call.get("direction") == "outbound":
        del due["greeting.prompt_answer"]
    return due


def _filler_verdict(turns: tuple[Turn, ...]) -> str:
    """taboo.filler as it is labelled: up to 9 a minute of agent speech pass, from 12 on it fails, undecided between."""
    said = [turn for turn in turns if turn.speaker == "agent"]
    rate = sum(len(FILLER.findall(turn.text)) for turn in said) / sum(turn.end - turn.start for turn in said) * 60
    return "pass" if rate <= 9 else "fail" if rate >= 12 else "undecided"


def _by_metadata(value: Any, right: Callable[[Any], bool]) -> str:
    return "not_applicable" if value is None else "pass" if right(value) else "fail"


def interruptions(turns: tuple[Turn, ...]) -> int:
    """How often the agent starts while the customer speaks on for more than CLASH seconds."""
    said = [turn for turn in turns if turn.speaker == "customer"]
    return sum(any(other.start < turn.start and min(turn.end, other.end) - turn.start > CLASH for other in said)
               for turn in turns if turn.speaker == "agent")
