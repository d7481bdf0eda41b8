"""The nouns that every part of Tingjian shares: what a call is, what was said, what was found, what is drafted.

All records are frozen; "changing" one means `record.model_copy(update=…)`. Times are seconds from the start of the
recording, confidences run from 0 to 1, levels are dBFS. Field names are those of the published JSON (docs/formats.md) and
stay put.
"""
from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Speaker = Literal["agent", "customer", "unknown", "ivr"]
Direction = Literal["inbound", "outbound"]
Verdict = Literal["pass", "fail", "not_applicable", "needs_review", "found", "none"]
Match = Literal["exact", "homophone", "pattern", "timing", "metadata"]
Mode = Literal["auto", "assist", "human"]
Band = Literal["excellent", "good", "needs_improvement", "below_standard"]


def _names(value: Any) -> Any:
    """`organisation` may be missing, one name, a list, or names parted by `;` as in a manifest."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.replace("；", ";").split(";") if part.strip())
    return value


class Problem(Exception):
    """Something the user can mend: shown as one message without a stack trace, exit code 2.

    The message says what is wrong, where, and what to do.
    """


class Record(BaseModel):
    """Base of all records: frozen; unknown fields of foreign JSON are left out rather than refused."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A record of values that are known to be right, all fields given: as `model_construct`, ten times as quick."""
        made = cls.__new__(cls)
        put = object.__setattr__
        put(made, "__dict__", values)
        put(made, "__pydantic_fields_set__", set(values))
        put(made, "__pydantic_extra__", None)
        put(made, "__pydantic_private__", None)
        return made


class Call(Record):
    """What is known of a call apart from its sound and its words. Everything but `call_id` may be missing.

    `answered_after` is seconds of ringing, `duration` seconds of the whole recording, `released_by` who hung up first,
    `started_at` ISO 8601 with offset (kept as text, so that what was delivered is what is shown).
    """

    call_id: str = Field(min_length=1)
    agent_id: str | None = None
    agent_name: str | None = None
    team: str | None = None
    line: str | None = None
    organisation: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    customer_name: str | None = None
    customer_gender: str | None = None
    customer_tier: str | None = None
    direction: Direction | None = None
    started_at: str | None = None
    answered_after: float | None = None
    duration: float | None = None
    released_by: str | None = None


class Recording(Record):
    """A call that is still sound: where the file lies and, when known, which channel the agent speaks on.

    `path` is absolute, or an address in a store of objects (s3://bucket/key); `origin` says where the row came from for
    messages ("calls.csv line 17"), empty for a bare folder. Of an object, `size` in bytes and `state`, a number that changes
    with what it holds, are known from the store; of a file both are None, it is looked at itself.
    """

    call: Call
    path: str
    agent_channel: Literal["left", "right"] | None = None
    origin: str = ""
    size: int | None = None
    state: int | None = None


class Failure(Record):
    """A call that could not be done, and why. `code` is a stable short word, `message` a sentence for a person."""

    call_id: str
    recording: str = ""
    code: str
    message: str
    stage: str = ""
    retryable: bool = False


class Word(Record):
    text: str
    start: float
    end: float
    confidence: float | None = None


class Turn(Record):
    """What one speaker says without the other taking over. `channel` is 0 (left/mono) or 1 (right).

    Measured on the sound (pipeline/voice.py): `speech` seconds of speaking, pauses left out; `rate` characters a minute of
    them; `overlap` seconds of them in which the other speaks too; `interruption` seconds for which both speak on where the
    turn begins over the other's words, else 0; `latency` seconds since the other's turn before, below 0 over it; `silence`
    seconds of the longest stretch without any voice before the turn; `loudness` dBFS; `pitch` Hz; `pitch_spread` the
    standard deviation of the pitch in semitones."""

    speaker: Speaker
    text: str
    start: float | None = None
    end: float | None = None
    confidence: float | None = None
    channel: int | None = None
    speech: float | None = None
    rate: float | None = None
    overlap: float | None = None
    interruption: float | None = None
    latency: float | None = None
    silence: float | None = None
    loudness: float | None = None
    pitch: float | None = None
    pitch_spread: float | None = None
    words: tuple[Word, ...] = ()


class Removal(Record):
    """Text that a guard took out after recognition, kept for audit: what, where, and the reason as a stable short word."""

    text: str
    start: float
    end: float
    channel: int | None = None
    reason: str
    detail: str = ""


class Transcript(Call):
    """A call in words. `recognition` names what made it (recogniser, diariser, versions); empty for foreign ones."""

    turns: tuple[Turn, ...]
    removed: tuple[Removal, ...] = ()
    recognition: dict[str, Any] = Field(default_factory=dict)


class Evidence(Record):
    """The place in the call that a verdict rests on. `turn` indexes `Transcript.turns`; `text` is what was heard there."""

    rule: str
    turn: int | None = None
    speaker: Speaker | None = None
    start: float | None = None
    end: float | None = None
    text: str = ""
    match: Match = "exact"
    confidence: float | None = None
    note: str = ""


class Finding(Record):
    """One rule's answer about one call. `reason` says in plain words why (also why a rule does not apply)."""

    rule: str
    verdict: Verdict
    value: float | None = None
    confidence: float = 1.0
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


class Item(Record):
    """One line of a scorecard as the rules prefill it."""

    id: str
    title: str
    section: str
    mode: Mode
    verdict: Literal["pass", "fail", "not_applicable", "needs_review"]
    points: float | None = None
    max_points: float
    confidence: float = 1.0
    rules: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    reason: str = ""


class Draft(Record):
    """A prefilled scorecard. Nothing in it counts before a person has confirmed it (`state`).

    `open_points` are the form's points that wait for a person; `score` is that of the others, brought to 100.
    """

    call_id: str
    form: str
    form_version: str
    rules_version: str
    state: Literal["draft"] = "draft"
    score: float | None
    band: Band | None
    fatal: bool
    open_points: float = 0.0
    items: tuple[Item, ...]
    findings: tuple[Finding, ...]
