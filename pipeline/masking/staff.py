"""The agent made unknown: name and staff number as stars, for what is shown to people who are not to know who spoke.

Elsewhere the agent's name stays (docs/privacy.md): this is for examples that all agents may hear. Besides the name and number
that came with the call, what an agent's sentence says after 工号, 我是, 我姓, 我叫 is taken for the agent's own.
"""
from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.masking.finding import Span
from pipeline.masking.records_of_call import turn_as
from pipeline.masking.runs import runs
from pipeline.masking.showing import STAR
from pipeline.masking.signs import fold
from records import Transcript, Turn

LEAST_DIGITS = 2
_NUMBER = "[零〇一二两三四五六七八九幺0-9]{2,8}"
_OWN = re.compile(f"(?:工号|员工号|坐席号|我是)(?:是|为)?({_NUMBER})号?|({_NUMBER})号?(?:坐席|客服代表|客服|话务员)?为您服务"
                  "|我(?:叫|姓|是)((?:小)?[\u4e00-\u9fff]{1,3})(?=[，。,.！!？?]|$)|(小[\u4e00-\u9fff])(?=为您|很高兴)")
NOBODY = frozenset(["客服", "人工", "坐席", "您的", "机主", "本人", "这边", "这里", "说", "想", "问", "在", "听"])     # what 我是 may go on with instead of a name


def without_staff(transcript: Transcript) -> Transcript:
    """The call with its agent's name and number starred out wherever the agent says them, and without them as facts."""
    known = [name for name in (transcript.agent_name, transcript.agent_id) if name and len(name) >= LEAST_DIGITS]
    turns = tuple(_hidden(turn, known) for turn in transcript.turns)
    return transcript.model_copy(update={"turns": turns, "agent_name": None, "agent_id": None, "team": None})


def _hidden(turn: Turn, known: Sequence[str]) -> Turn:
    """Two stars at least, so that the sound is covered there, too (sound.starred)."""
    out = list(turn.text)
    for start, end, _ in _spans(turn, known):
        for at in range(max(0, min(start, len(out) - 2)), max(end, min(start + 2, len(out)))):
            out[at] = STAR
    return turn_as(turn, "".join(out))


def _spans(turn: Turn, known: Sequence[str]) -> list[Span]:
    folded = fold(turn.text)
    spans = [(found.start(), found.end(), "staff") for name in known for found in re.finditer(re.escape(fold(name)), folded)]
    for run in runs(folded):
        if "".join(atom.digits for atom in run.atoms) in known:
            spans.append((run.start, run.end, "staff"))
    if turn.speaker == "agent":
        for found in _OWN.finditer(folded):
            group = next(number for number in range(1, 5) if found[number])
            if found[group] not in NOBODY:
                spans.append((found.start(group), found.end(group), "staff"))
    return spans
