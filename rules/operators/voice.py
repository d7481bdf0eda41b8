"""What the clock and the level say: speaking rate, interruptions, silence, talk share, answering time, loudness, pitch.

Where there was sound its measures stand in the turns (records.Turn, made by pipeline/voice.py). A transcript from elsewhere
has only times: then the turns' are used, and their words' where there are some. Without times everything here is not applicable.
Recognisers and diarisers misplace turn edges by a few tenths of a second, hence no verdict here is surer than SURE.
"""
from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from math import log2, sqrt
from statistics import median
from typing import Annotated, NamedTuple

from records import Turn
from rules.operators.holds import MEMORY as HOLDS
from rules.operators.parameters import RuleRef
from rules.operators.special import audible
from rules.scanning import Hit
from rules.schema import Entry, Rule
from rules.view import Outcome, View

MEMORY = "spans"
SURE = 0.9
ENOUGH_SPEECH = 5.0
"""Seconds of speech below which a rate says nothing."""
LONG_TURN = 1.0
"""Seconds from which a turn's level counts; a 嗯 is quieter than a sentence."""
DEAD_AIR = 3.0
"""Seconds from which a pause between turns counts as dead air; shorter ones are taking turns."""
OVERLAP = 0.5
PAUSE_IN_TURN = 0.5
"""Seconds between two words from which the speaker is not speaking."""

NO_TIMES = Outcome("not_applicable", reason="没有时间信息")


class Plain(Entry):
    """Nothing to set; numbers stand in the rule's `limits`."""


class Silence(Entry):
    """`asked`: the signal that finds holds; silence in a hold that was asked for is not held against the agent."""

    asked: Annotated[str, RuleRef]


class Span(NamedTuple):
    start: float
    end: float
    turn: int


def spans_of(view: View, who: str) -> list[Span]:
    """Turns of agent, customer, both (any) or whoever speaks (all) that have times, by start."""
    known = view.memory.setdefault(MEMORY, {})
    if who not in known:
        turns = range(len(view.turns)) if who == "all" else view.spoken_by(who)
        known[who] = sorted([Span(t.start, t.end, i) for i in turns for t in [view.turns[i]]
                             if t.start is not None and t.end is not None and t.end >= t.start])
    return known[who]


def marked(view: View, turn: int, confidence: float = SURE, note: str = "") -> Hit:
    """A whole turn as evidence of timing."""
    return Hit(turn, view.text.offsets[turn], view.text.end_of(turn), confidence, "timing", False, note)


def spoken_in(turn: Turn) -> float:
    """Seconds for which the speaker of a turn with times speaks, pauses left out."""
    if turn.speech is not None:
        return turn.speech
    if not turn.words:
        return (turn.end or 0.0) - (turn.start or 0.0)
    pauses = [other.start - one.end for one, other in pairwise(turn.words)]
    return (turn.end or 0.0) - (turn.start or 0.0) - sum(pause for pause in pauses if pause >= PAUSE_IN_TURN)


def seconds_of(view: View, who: str) -> float:
    """Seconds for which someone speaks."""
    return sum([spoken_in(view.turns[span.turn]) for span in spans_of(view, who)])


def rate_of(view: View, who: str) -> float | None:
    """Characters (letters and digits) a minute while speaking; None with too little speech."""
    characters = sum([view.sizes[span.turn] for span in spans_of(view, who)])
    seconds = seconds_of(view, who)
    return characters / seconds * 60 if seconds >= ENOUGH_SPEECH else None


def rate(view: View, rule: Rule, params: Plain) -> Outcome:
    """Speaking rate within limits.slowest and limits.fastest; `value` is characters a minute."""
    if not view.timed:
        return NO_TIMES
    mine, theirs = rate_of(view, "agent"), rate_of(view, "customer")
    if mine is None:
        return Outcome("not_applicable", reason=f"坐席说话不足 {ENOUGH_SPEECH:g} 秒")
    slowest, fastest = rule.limits["slowest"], rule.limits["fastest"]
    reason = f"每分钟 {mine:.0f} 字，要求 {slowest:g}–{fastest:g} 字"
    if theirs is not None:
        reason += f"；客户 {theirs:.0f} 字，相差 {mine - theirs:+.0f} 字"
    return Outcome("pass" if slowest <= mine <= fastest else "fail", SURE, reason=reason, value=round(mine, 1))


def interruption(view: View, rule: Rule, params: Plain) -> Outcome:
    """Agent turns that begin while the customer speaks, who goes on for more than OVERLAP; at most limits.limit."""
    if not view.timed:
        return NO_TIMES
    customer = spans_of(view, "customer")
    hits: list[Hit] = []
    at, latest = 0, float("-inf")
    for span in spans_of(view, "agent"):
        while at < len(customer) and customer[at].start < span.start:
            latest = max(latest, customer[at].end)
            at += 1
        measured = view.turns[span.turn].interruption
        overlap = min(latest, span.end) - span.start if measured is None else measured
        if overlap > OVERLAP:
            outcome = "客户停下了" if latest <= span.end else "客户继续说"
            hits.append(marked(view, span.turn, note=f"抢话 {overlap:.1f} 秒，{outcome}"))
    limit = rule.limits["limit"]
    verdict = "pass" if len(hits) <= limit else "fail"
    reason = f"打断客户 {len(hits)} 次，上限 {limit:g} 次"
    return Outcome(verdict, SURE, tuple(sorted(hits)), reason, float(len(hits)))


def silence(view: View, rule: Rule, params: Silence) -> Outcome:
    """The longest pause in which nobody speaks against limits.limit seconds; `value` is its length.

    Silence within a hold that the customer was asked for is dead air too, but does not count as the longest.
    """
    if not view.timed:
        return NO_TIMES
    view.outcome(params.asked)
    holds = view.memory.get(HOLDS, [])
    spans = spans_of(view, "all")
    total = max(view.call.duration or 0.0, max(s.end for s in spans))
    if not total:
        return NO_TIMES
    dead, longest, after = 0.0, 0.0, None
    end, previous = spans[0].end, spans[0].turn
    for span in spans[1:]:
        measured = view.turns[span.turn].silence
        pause = span.start - end if measured is None else min(measured, span.start - end)
        if pause >= DEAD_AIR:
            dead += pause
            held = any(hold.covers(span.turn) and hold.covers(previous) for hold in holds)
            if not held and pause > longest:
                longest, after = pause, span.turn
        if span.end >= end:
            end, previous = span.end, span.turn
    limit = rule.limits["limit"]
    good = longest <= limit
    reason = f"最长静默 {longest:.1f} 秒，上限 {limit:g} 秒；静默占全程 {100 * min(1.0, dead / total):.0f}%"
    hits = () if good or after is None else (marked(view, after),)
    return Outcome("pass" if good else "fail", SURE, hits, reason, round(longest, 1))


def listening(view: View, rule: Rule, params: Plain) -> Outcome:
    """The customer's share of the talk, reported: found when it reaches limits.wanted; `value` is the share, 0 to 1."""
    if not view.timed:
        return NO_TIMES
    mine, theirs = seconds_of(view, "agent"), seconds_of(view, "customer")
    if not mine + theirs:
        return NO_TIMES
    share = theirs / (mine + theirs)
    reason = f"客户说话占 {100 * share:.0f}%，坐席占 {100 - 100 * share:.0f}%"
    return Outcome("found" if share >= rule.limits["wanted"] else "none", SURE, reason=reason, value=round(share, 3))


def latency(view: View, rule: Rule, params: Plain) -> Outcome:
    """Median time from the end of a customer's question (the rule's own hits) to the agent's next turn.

    What the customer adds in further turns belongs to the question; a 喂 into the silence does not.
    """
    if not view.timed:
        return NO_TIMES
    waits: list[tuple[float, int]] = []
    for question in sorted({h.turn for h in view.hits(rule.id)}):
        last = answer = question
        while answer < len(view.turns) and view.turns[answer].speaker == "customer":
            last = answer if audible(view.turns[answer].text) else last
            answer += 1
        end = view.turns[last].end
        start = view.turns[answer].start if answer < len(view.turns) else None
        if end is not None and start is not None and view.turns[answer].speaker == "agent":
            waits.append((max(0.0, start - end), answer))
    if not waits:
        return Outcome("not_applicable", reason="客户没有提问")
    waits = list({turn: (wait, turn) for wait, turn in waits}.values())
    value, limit = median(w for w, _ in waits), rule.limits["limit"]
    reason = f"{len(waits)} 次提问，回答间隔中位数 {value:.1f} 秒，上限 {limit:g} 秒"
    slow = tuple(marked(view, turn, note=f"等了 {wait:.1f} 秒") for wait, turn in waits if wait > limit)
    return Outcome("pass" if value <= limit else "fail", SURE, slow, reason, round(value, 2))


def loudness(view: View, rule: Rule, params: Plain) -> Outcome:
    """Agent turns of LONG_TURN seconds and more whose level is limits.limit dB away from the agent's own median."""
    levels = [(level, i) for i in view.by_speaker["agent"] for t in [view.turns[i]]
              if (level := t.loudness) is not None and (t.end or 0.0) - (t.start or 0.0) >= LONG_TURN]
    if len(levels) < 3:
        return Outcome("not_applicable", reason="没有足够的音量数据")
    middle, limit = median(level for level, _ in levels), rule.limits["limit"]
    away = [(level - middle, i) for level, i in levels if abs(level - middle) > limit]
    widest = max((level - middle for level, _ in levels), key=abs)
    hits = tuple(marked(view, i, note=f"相差 {off:+.0f} dB") for off, i in away)
    reason = f"与自身中位音量最多相差 {widest:+.1f} dB，上限 ±{limit:g} dB"
    return Outcome("fail" if away else "pass", SURE, hits, reason, round(widest, 1))


def pitch(view: View, rule: Rule, params: Plain) -> Outcome:
    """How far the agent's pitch moves, in semitones, reported: found when livelier than limits.flat.

    The standard deviation over the whole call: within the turns and, where their pitch is known, from turn to turn.
    """
    turns = [(max(0.1, spoken_in(t)), t.pitch_spread, 12 * log2(t.pitch) if t.pitch and t.pitch > 0 else None)
             for i in view.by_speaker["agent"] for t in [view.turns[i]] if t.pitch_spread is not None]
    if not turns:
        return Outcome("not_applicable", reason="没有音高数据")
    variance = weighted((seconds, spread * spread) for seconds, spread, _ in turns)
    if heights := [(seconds, height) for seconds, _, height in turns if height is not None]:
        middle = weighted(heights)
        variance += weighted((seconds, (height - middle) * (height - middle)) for seconds, height in heights)
    spread, flat = sqrt(variance), rule.limits["flat"]
    reason = f"音高起伏 {spread:.1f} 个半音，{'平淡' if spread < flat else '有起伏'}（界线 {flat:g}）"
    return Outcome("found" if spread >= flat else "none", SURE, reason=reason, value=round(spread, 2))


def weighted(values: Iterable[tuple[float, float]]) -> float:
    """The mean of (weight, value)."""
    pairs = list(values)
    return sum(weight * value for weight, value in pairs) / sum(weight for weight, _ in pairs)


def duration(view: View, rule: Rule, params: Plain) -> Outcome:
    """Length of the call (metadata, else the end of the last turn) against limits.limit seconds."""
    seconds = view.call.duration
    if seconds is None and view.timed:
        seconds = max((t.end or 0.0 for t in view.turns), default=None)
    if seconds is None:
        return Outcome("not_applicable", reason="没有通话时长")
    limit, aim = rule.limits["limit"], rule.limits["aim"]
    reason = f"{seconds:.0f} 秒，目标 {aim:g} 秒，上限 {limit:g} 秒"
    return Outcome("pass" if seconds <= limit else "fail", 1.0, reason=reason, value=round(float(seconds), 1))


def pretend_deaf(view: View, rule: Rule, params: Plain) -> Outcome:
    """Claims not to hear where the customer has just been heard clearly: words without scraps, recognised well."""
    hits = []
    for hit in view.hits(rule.id):
        before = next((i for i in range(hit.turn - 1, -1, -1) if view.turns[i].speaker == "customer"), None)
        if before is None or hit.turn - before > 2:
            continue
        turn = view.turns[before]
        if audible(turn.text) and (turn.confidence is None or turn.confidence >= 0.6):
            hits.append(hit)
    if hits:
        reason = f"客户的话清楚可辨，坐席却说听不到（{len(hits)} 处）"
        return Outcome("fail", 0.95 * max(h.confidence for h in hits), tuple(hits), reason, float(len(hits)))
    return Outcome("pass", view.absent(view.by_speaker["agent"]), reason="没有发现", value=0.0)
