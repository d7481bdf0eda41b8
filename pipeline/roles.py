"""Who is the agent: from what each voice says, when the manifest does not say which channel the agent is on.

role_cues.txt lists phrases that agents, or customers, say, each with a weight (log odds, estimated by bench/roles.py on
labelled calls), and sides.py knows how an agent's clauses sound. Both go by sound, without tones, so that misheard characters
still count. A voice's score is the sum of the weights of the cues it says and a share of its clauses' log odds; the voice with
the higher score is the agent, and the difference tells how sure that is.
"""
from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from models.voice_activity import Span
from pipeline import sides
from pipeline.sides import CLEAREST, by_sound
from records import Direction, Speaker, Word

OPENING = 180.0         # seconds of a call in which an announcement may be played: a queue may speak for minutes
PAUSE = 0.3             # seconds between phrases
# What only a machine says at the start of a call. Compared by sound; of the longer ones a syllable or two may be misheard.
ANNOUNCEMENTS = ("请按", "按一", "按零", "按井号", "请拨分机", "拨分机号", "人工服务请", "被录音", "保证服务质量",
                 "会录音", "正在为您转接", "坐席忙", "提高服务质量", "您的通话可能被录音", "本次通话将被录音", "通话将会被录音",
                 "座席全忙", "为您转接人工", "正在为您接通", "继续等待请按", "普通话服务请按", "请不要挂机", "请输入")
# What a person says in an opening: a phrase with one of these is no machine's.
PERSONS = ("我", "吗", "呢", "吧", "哪", "？", "?", "请问", "喂")
WORDING = 0.25          # how far the sum over all clauses is believed beside the cues: clauses are no independent evidence
DOUBTED = "the manifest names the agent's channel, but what is said there is a customer's: look at its column agent_channel"
CONTRADICTED = 4.0      # log odds against the manifest from which on it is doubted


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


def cast(voices: Mapping[int, Sequence[Word]], direction: Direction | None, given: int | None = None,
         spoken: tuple[tuple[int, Span], ...] | None = None) -> Cast:
    """Gives each voice its role; `given` is the agent's voice when the manifest names it, `spoken` what is already known to be
    announcements.

    With one voice only, it is the agent's if its own score says so, else the customer's. What is said decides even if it
    is hardly clearer than a coin: a reviewer sees the confidence, and a wrong name is easier to put right than none. The
    manifest is believed also where what is said contradicts it, but then the reason says so.
    """
    announcements = announced(voices) if spoken is None else spoken
    machine = Cast({}, 0, "", announcements)
    words = {voice: [word for word in each if machine.speaker(voice, word) != "ivr"] for voice, each in voices.items()}
    scores = _scores(words, direction)
    if given is not None:
        against = max((score for voice, score in scores.items() if voice != given), default=0.0) - scores.get(given, 0.0)
        roles: dict[int, Speaker] = {voice: "agent" if voice == given else "customer" for voice in voices}
        if len(scores) > 1 and against > CONTRADICTED:
            return Cast(roles, round(1 - _sure(against), 3), DOUBTED, announcements)
        return Cast(roles, 1.0, "the manifest names the agent's channel", announcements)
    if not scores:
        return Cast({}, 0.5, "nothing is said", announcements)
    agent = max(scores, key=lambda voice: scores[voice])
    lead = scores[agent] - max((score for voice, score in scores.items() if voice != agent), default=0.0)
    if len(scores) == 1 and scores[agent] < 0:
        return Cast({voice: "customer" if voice == agent else "agent" for voice in voices}, _sure(-scores[agent]),
                    "the only voice speaks like a customer", announcements)
    chosen: dict[int, Speaker] = {voice: "agent" if voice == agent else "customer" for voice in voices}
    return Cast(chosen, _sure(lead), "what is said", announcements)


def _scores(words: Mapping[int, Sequence[Word]], direction: Direction | None) -> dict[int, float]:
    """Log odds of each voice that says something being the agent: by cues, and by the sound of all its clauses."""
    starts = {voice: each[0].start for voice, each in words.items() if each}
    if not starts:
        return {}
    first = min(starts, key=lambda voice: starts[voice])
    said = features({voice: "".join(word.text for word in each) for voice, each in words.items()}, first, direction)
    return {voice: score(said[voice]) + WORDING * wording([text for text, _ in _phrases(words[voice])]) for voice in starts}


def wording(clauses: Iterable[str]) -> float:
    """Log odds that somebody who says these clauses is an agent, as if they were independent."""
    return sum(float(np.clip(sides.agent(clause), -CLEAREST, CLEAREST)) for clause in clauses)


def _sure(lead: float) -> float:
    return round(1 / (1 + math.exp(-max(0.0, lead))), 3)


def announced(voices: Mapping[int, Sequence[Word]]) -> tuple[tuple[int, Span], ...]:
    """Stretches of machine speech before anybody speaks: from the call's first phrase to the last one that only a machine says,
    as long as all are of one voice and none is a person's."""
    opening = sorted((phrase[0].start, voice, text, phrase[-1].end) for voice, words in voices.items()
                     for text, phrase in _phrases([word for word in words if word.end <= OPENING]))
    found: list[tuple[int, Span]] = []
    waiting: list[tuple[int, Span]] = []
    for start, voice, text, end in opening:
        if any(mark in text for mark in PERSONS) or voice != opening[0][1]:
            break
        waiting.append((voice, Span(start, end)))
        if any(sounds_like(mark, text) for mark in ANNOUNCEMENTS):
            found += waiting
            waiting = []
    return tuple(found)


def persons_and_machine(words: Sequence[Word]) -> tuple[list[Word], list[Word]]:
    """A mono recording's words without the announcement at its start, and the announcement's."""
    machine = Cast({}, 0, "", announced({0: words}))
    said: tuple[list[Word], list[Word]] = ([], [])
    for word in words:
        said[machine.speaker(0, word) == "ivr"].append(word)
    return said


def sounds_like(phrase: str, text: str) -> bool:
    """Whether a phrase is said somewhere in the text, by its sound; one syllable in four may be misheard."""
    wanted, heard = by_sound(phrase).split(), by_sound(text).split()
    wrong = len(wanted) // 4
    return any(sum(one != other for one, other in zip(wanted, heard[at:], strict=False)) <= wrong
               for at in range(len(heard) - len(wanted) + 1))


def _phrases(words: Sequence[Word]) -> list[tuple[str, Sequence[Word]]]:
    """Text and words between pauses and marks."""
    edges = [0, *(at for at in range(1, len(words)) if words[at].start - words[at - 1].end >= PAUSE
                  or words[at - 1].text.strip()[-1:] in tuple("。？！，,.?!")), len(words)]
    return [("".join(word.text for word in words[begin:end]), words[begin:end]) for begin, end in pairwise(edges) if end > begin]
