"""Who is the agent: from what each voice says, when the manifest does not say which channel the agent is on.

role_cues.txt lists phrases that agents, or customers, say, each with a weight (log odds, estimated by bench/roles.py on
labelled calls). They are compared by sound, without tones, so that misheard characters still count. A voice's score is
the sum of the weights of the cues it says; the voice with the higher score is the agent, and the difference tells how
sure that is.
"""
from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from pypinyin import lazy_pinyin

from models.voice_activity import Span
from records import Direction, Speaker, Word

OPENING = 30.0          # seconds of a call in which an announcement may be played
# Sounds that accents and telephones confuse; each is folded to its second form.
FOLDED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"))
# What only a machine says at the start of a call.
ANNOUNCEMENTS = ("请按", "按一", "按零", "按井号", "请拨分机", "拨分机号", "人工服务请", "被录音", "保证服务质量",
                 "会录音", "正在为您转接", "坐席忙")


class Cue(NamedTuple):
    """A phrase by its sound, and what it says for its speaker being the agent (log odds; negative: the customer)."""

    sound: str
    weight: float


class Cast(NamedTuple):
    """Who each voice is. `confidence` is that of the agent's choice, 0.5 to 1; `announcements` are times of machine
    speech."""

    roles: dict[int, Speaker]
    confidence: float
    reason: str
    announcements: tuple[tuple[int, Span], ...] = ()

    def speaker(self, voice: int, word: Word) -> Speaker:
        """The speaker of a word of this voice."""
        for where, span in self.announcements:
            if where == voice and span.start <= word.start and word.end <= span.end + 0.05:
                return "ivr"
        return self.roles.get(voice, "unknown")


@functools.lru_cache(maxsize=4096)
def _syllables(text: str) -> str:
    folded = "".join(f" {syllable}" for syllable in lazy_pinyin(text, errors="ignore"))
    for sound, form in FOLDED:
        folded = folded.replace(sound, form)
    return folded + " "


def by_sound(text: str) -> str:
    """Toneless syllables, near sounds folded, with a space before each and at the end: containment means whole syllables."""
    return _syllables(text)


@functools.cache
def cues() -> tuple[Cue, ...]:
    """The table, read once."""
    rows = (files("pipeline") / "role_cues.txt").read_text("utf-8").splitlines()
    parted = [row.split("\t") for row in rows if row and not row.startswith("#")]
    return tuple(Cue(phrase if phrase.startswith("(") else by_sound(phrase), float(weight)) for weight, phrase in parted)


def features(voices: Mapping[int, str], first: int | None, direction: Direction | None) -> dict[int, frozenset[str]]:
    """Which cues each voice says. Beside phrases there are three signs in brackets: (first inbound) and (first outbound) for
    who speaks first, (more 您) for who says 您 more often by the length of what is said."""
    sounds = {voice: by_sound(text) for voice, text in voices.items()}
    polite = {voice: text.count("您") / (len(text) + 20) for voice, text in voices.items()}
    said: dict[int, frozenset[str]] = {}
    for voice, text in voices.items():
        found = {cue.sound for cue in cues() if not cue.sound.startswith("(") and cue.sound in sounds[voice]}
        if voice == first:
            found.add(f"(first {direction or 'unknown'})")
        if text and polite[voice] > max((value for other, value in polite.items() if other != voice), default=0.0):
            found.add("(more 您)")
        said[voice] = frozenset(found)
    return said


def score(said: frozenset[str]) -> float:
    """Log odds of the cues that a voice says."""
    return sum(cue.weight for cue in cues() if cue.sound in said)


def cast(voices: Mapping[int, Sequence[Word]], direction: Direction | None, given: int | None = None) -> Cast:
    """Gives each voice its role; `given` is the agent's voice when the manifest names it.

    With one voice only, it is the agent's if its own score says so, else the customer's. What is said decides even if it
    is hardly clearer than a coin: a reviewer sees the confidence, and a wrong name is easier to put right than none.
    """
    announcements = announced(voices)
    spoken = Cast({}, 0, "", announcements)
    words = {voice: [word for word in each if spoken.speaker(voice, word) != "ivr"] for voice, each in voices.items()}
    if given is not None:
        return Cast({voice: "agent" if voice == given else "customer" for voice in voices}, 1.0,
                    "the manifest names the agent's channel", announcements)
    starts = {voice: each[0].start for voice, each in words.items() if each}
    if not starts:
        return Cast({}, 0.5, "nothing is said", announcements)
    first = min(starts, key=lambda voice: starts[voice])
    said = features({voice: "".join(word.text for word in each) for voice, each in words.items()}, first, direction)
    scores = {voice: score(cues_said) for voice, cues_said in said.items()}
    agent = max(starts, key=lambda voice: scores[voice])
    others = [scores[voice] for voice in voices if voice != agent]
    lead = scores[agent] - max(others, default=0.0)
    if len(starts) == 1 and scores[agent] < 0:
        return Cast({voice: "customer" if voice == agent else "agent" for voice in voices}, _sure(-scores[agent]),
                    "the only voice speaks like a customer", announcements)
    chosen: dict[int, Speaker] = {voice: "agent" if voice == agent else "customer" for voice in voices}
    return Cast(chosen, _sure(lead), "what is said", announcements)


def _sure(lead: float) -> float:
    return round(1 / (1 + math.exp(-max(0.0, lead))), 3)


def announced(voices: Mapping[int, Sequence[Word]]) -> tuple[tuple[int, Span], ...]:
    """Stretches of machine speech in a call's first half minute: phrases between pauses that only a machine says."""
    found: list[tuple[int, Span]] = []
    for voice, words in voices.items():
        opening = [word for word in words if word.end <= OPENING]
        begin = 0
        for index in range(1, len(opening) + 1):
            if index < len(opening) and opening[index].start - opening[index - 1].end < 0.8:
                continue
            phrase = opening[begin:index]
            text = "".join(word.text for word in phrase)
            if phrase and sum(by_sound(mark) in by_sound(text) for mark in ANNOUNCEMENTS) >= 1 and not _live(text):
                found.append((voice, Span(phrase[0].start, phrase[-1].end)))
            begin = index
    return tuple(found)


def _live(text: str) -> bool:
    """Whether a phrase that sounds like an announcement is a person's: it speaks of 我 or asks something back."""
    return any(mark in text for mark in ("我", "吗", "呢", "吧", "哪", "？"))
