"""One HTML page a call that opens from a disk: sound, turns as a chat in two columns, the card beside it.

The page asks the network for nothing; styles and script stand in it. Everything that was said or delivered is escaped.
"""
from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from records import Draft, Evidence, Problem, Transcript, Turn
from review.handbook import UNKNOWN, Handbook
from review.sound import Stretch, write_sound
from review.wording import Language, clock, moment, number, say

LONG_SILENCE = 10.0     # seconds of nobody speaking that the timeline marks (voice.silence)
WORST = ("fail", "needs_review", "found", "pass", "not_applicable", "none")


def write_page(directory: Path, draft: Draft, transcript: Transcript, recording: Path | None, language: Language = "zh",
               handbook: Handbook = UNKNOWN, hidden: Sequence[Stretch] = ()) -> Path:
    """Writes `directory/CALL.html` and, where the recording can still be read, `CALL.webm` with a tone over what is `hidden`; gives
    the page's path."""
    name = file_name(draft.call_id)
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        sound = directory / f"{name}.webm"
        playable = recording is not None and write_sound(recording, sound, hidden)
        file = directory / f"{name}.html"
        file.touch(0o600)
        file.write_text(page(draft, transcript, sound.name if playable else None, language, handbook),
                        encoding="utf-8")
    except OSError as fault:
        raise Problem(f"{directory} cannot be written ({fault.strerror or fault}); name another directory.") from fault
    return file


def file_name(call_id: str) -> str:
    """A name that every file system takes; told apart by a hash where something had to go. `index` is the list's."""
    name = re.sub(r"[^\w.-]+", "_", call_id).strip("._")[:80]
    return name if name == call_id and name.lower() != "index" else f"{name}-{hashlib.sha256(call_id.encode()).hexdigest()[:8]}"


def page(draft: Draft, transcript: Transcript, sound: str | None, language: Language = "zh",
         handbook: Handbook = UNKNOWN) -> str:
    """The page as text; `sound` is the file beside it, the rest as in `write_page`."""
    evidence = by_turn(draft)
    turns = [turn_view(number, turn, evidence[number], language) for number, turn in enumerate(transcript.turns)]
    broken = handbook.broken(draft)
    telling = [one for one in draft.findings if one.verdict in ("fail", "needs_review", "found") and one not in broken]
    telling.sort(key=lambda one: WORST.index(one.verdict))
    return environment().get_template("call.html").render(
        draft=draft, transcript=transcript, turns=turns, sound=sound, broken=broken, findings=telling,
        lang="zh-CN" if language == "zh" else "en", say=lambda word: say(word, language), clock=clock, number=number,
        titles=handbook.titles, handbook=handbook, language=language, told=[one.rule for one in broken],
        used={rule for item in draft.items for rule in item.rules}, facts=call_facts(transcript, language),
        timeline=_timeline(transcript, evidence), sections=_sections(draft))


def turn_view(number_: int, turn: Turn, evidence: list[tuple[str, Evidence]], language: Language,
              asked: Sequence[tuple[int, int]] = ()) -> dict[str, Any]:
    """A turn as pages show it; `asked` are stretches of its text that a search led to."""
    marks = sorted({(piece.rule, verdict) for verdict, piece in evidence}, key=lambda mark: (WORST.index(mark[1]), mark[0]))
    return {"number": number_, "speaker": turn.speaker, "who": say(turn.speaker, language), "start": turn.start,
            "end": turn.end, "text": marked(turn.text, evidence, asked), "marks": marks, "unsure": (turn.confidence or 1.0) < 0.5}


def marked(text: str, evidence: list[tuple[str, Evidence]], asked: Sequence[tuple[int, int]] = ()) -> Markup:
    """The turn's text, escaped, with what the evidence quotes set in <mark>; the worst verdict gives the colour, `asked` lies over it."""
    verdicts: list[str | None] = [None] * len(text)
    for verdict, piece in sorted(evidence, key=lambda one: -WORST.index(one[0])):
        # What runs on into the next turn is found only in part.
        for quoted in [piece.text] if piece.text in text else piece.text.split():
            if quoted and (at := text.find(quoted)) >= 0:
                verdicts[at:at + len(quoted)] = [verdict] * len(quoted)
    for first, past in asked:
        verdicts[first:past] = ["asked"] * (past - first)
    out, at = Markup(), 0
    while at < len(text):
        end = at
        while end < len(text) and verdicts[end] == verdicts[at]:
            end += 1
        verdict, shown = verdicts[at], escape(text[at:end])
        out += Markup('<mark class="{}">{}</mark>').format(verdict, shown) if verdict else shown
        at = end
    return out


def by_turn(draft: Draft) -> dict[int, list[tuple[str, Evidence]]]:
    found: dict[int, list[tuple[str, Evidence]]] = defaultdict(list)
    for finding in draft.findings:
        for piece in finding.evidence:
            if piece.turn is not None:
                found[piece.turn].append((finding.verdict, piece))
    for item in draft.items:
        for piece in item.evidence:
            if piece.turn is not None and not any(piece.rule == other.rule for _, other in found[piece.turn]):
                found[piece.turn].append((item.verdict, piece))
    return found


def _sections(draft: Draft) -> list[tuple[str, list[Any]]]:
    sections: dict[str, list[Any]] = defaultdict(list)
    for item in draft.items:
        sections[item.section].append(item)
    return list(sections.items())


def call_facts(transcript: Transcript, language: Language) -> list[tuple[str, str]]:
    values = {"started_at": moment(transcript.started_at), "direction": say(transcript.direction, language),
              "organisation": "、".join(transcript.organisation), "agent_name": transcript.agent_name,
              "agent_id": transcript.agent_id, "team": transcript.team, "line": transcript.line,
              "customer_name": transcript.customer_name}
    return [(say(name, language), value) for name, value in values.items() if value]


def _timeline(transcript: Transcript, evidence: dict[int, list[tuple[str, Evidence]]]) -> dict[str, Any]:
    """Bars in per cent of the call: who speaks when, where nobody does for long, and where evidence lies."""
    spoken = [(number_, turn) for number_, turn in enumerate(transcript.turns)
              if turn.start is not None and turn.end is not None]
    total = transcript.duration or max((turn.end or 0.0 for _, turn in spoken), default=0.0)
    if not total:
        return {"bars": [], "silences": [], "total": 0.0}
    bars = []
    for number_, turn in spoken:
        assert turn.start is not None and turn.end is not None
        worst = min((verdict for verdict, _ in evidence[number_]), key=WORST.index, default="")
        bars.append({"turn": number_, "start": turn.start, "x": 100 * turn.start / total, "verdict": worst,
                     "width": max(100 * (turn.end - turn.start) / total, 0.15), "speaker": turn.speaker})
    silences, at = [], 0.0
    for begin, end in [*sorted((turn.start or 0.0, turn.end or 0.0) for _, turn in spoken), (total, total)]:
        if begin - at >= LONG_SILENCE:
            silences.append({"start": at, "x": 100 * at / total, "width": 100 * (begin - at) / total, "seconds": begin - at})
        at = max(at, end)
    return {"bars": bars, "silences": silences, "total": total}


@cache
def environment() -> Environment:
    """The templates, with what stands in every page: everything put in is escaped."""
    made = Environment(loader=PackageLoader("review"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                              lstrip_blocks=True)
    static = Path(__file__).parent / "static"
    made.globals["inline"] = lambda name: Markup((static / name).read_text(encoding="utf-8"))
    made.policies["json.dumps_function"] = lambda value, **options: json.dumps(value, ensure_ascii=False)
    return made
