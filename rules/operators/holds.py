"""Holds: the customer is asked to wait, agrees, waits, and the agent comes back. Found once a call, used by all hold rules.

With times a hold is seen by its silence too: 我看看 is one only where silence follows. Without times the order of the turns
has to do: what the agent says next is the return, unless it is a check-back.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import re2

from rules.operators.parameters import Expression, HitsOf, LimitName, RuleRef, expression
from rules.scanning import Hit
from rules.schema import Entry, Rule
from rules.view import Outcome, View

MEMORY = "holds"
GOES_ON = 3.0
"""Seconds of pause within which an agent still goes on with what it was saying."""
NO_SURE_WORDS = 0.8
"""How sure a hold is that words alone would not tell, but silence follows."""
BY_SILENCE, UNHEARD = "客户同意后静默，回来致谢", 0.5
"""The note of a hold known by what came of it alone; how sure it is that its request lacks what was not heard in it."""
NOD, NODDED = 2, 0.7
"""Characters of an answer that is one word, and how sure it is that it agrees to wait when the wait follows."""
NO = frozenset("不没别未啥么谁多几喂为位")
"""Characters that refuse, ask, or call after somebody."""
SHORT_ANSWER = 6
"""Characters of an answer that can be no question of its own."""


NO_HOLD = Outcome("not_applicable", reason="没有请客户等待")


class Hold(NamedTuple):
    """`asked` are the agent's turns that ask for it, `answers` the customer's before the agent speaks again, `backs` the
    check-backs, `back` the turn of the return (None: the call ends before). `waits` are seconds from one word of the agent
    to its next, `silences` seconds nobody speaks; both empty without times."""

    hit: Hit
    asked: tuple[int, ...]
    answers: tuple[int, ...]
    backs: tuple[int, ...]
    back: int | None
    waits: tuple[float, ...]
    silences: tuple[float, ...]

    @property
    def length(self) -> float:
        return sum(self.waits)

    def covers(self, turn: int) -> bool:
        """Whether the turn lies between request and return, both included."""
        return self.asked[0] <= turn and (self.back is None or turn <= self.back)


class Request(Entry):
    check_back: Annotated[str, HitsOf]
    returned: Annotated[str, HitsOf]
    consent: Annotated[str, HitsOf]
    transfer: Annotated[str, HitsOf]
    silence: Annotated[str, LimitName] = "silence"


class OfHolds(Entry):
    request: Annotated[str, RuleRef]


class Reason(OfHolds):
    why: Expression
    length: Expression


class CheckBack(OfHolds):
    longest: Annotated[str, LimitName] = "hold"
    every: Annotated[str, LimitName] = "every"


class Unannounced(OfHolds):
    limit: Annotated[str, LimitName] = "silence"
    busy_customer: Expression
    instructs: Expression
    asks_after: Expression
    customer_done: Expression


class Transfer(Entry):
    consent: Annotated[str, HitsOf]


def request(view: View, rule: Rule, params: Request) -> Outcome:
    """Finds the holds; `value` is their number."""
    holds = _find(view, rule, params)
    view.memory[MEMORY] = holds
    if not holds:
        return Outcome("none", view.absent(view.spoken_by("agent")), value=0.0)
    hits = tuple(hold.hit for hold in holds)
    return Outcome("found", max(h.confidence for h in hits), hits, f"{len(hits)} 次请客户等待", float(len(hits)))


def permission(view: View, rule: Rule, params: OfHolds) -> Outcome:
    """Each hold's request is a question."""
    if not (holds := _known(view, params)):
        return NO_HOLD
    own = _by_turn(view, rule.id)
    return _every(view, holds, lambda hold: _first(own, hold.asked), lambda hold: hold.asked, ("征求了同意", "没有征求同意"))


def consent(view: View, rule: Rule, params: OfHolds) -> Outcome:
    """The customer says yes to each hold before the agent speaks again."""
    if not (holds := _known(view, params)):
        return NO_HOLD
    own = _by_turn(view, rule.id)
    return _every(view, holds, lambda hold: _agreed(view, own, hold), lambda hold: hold.answers or hold.asked,
                  ("得到了客户同意", "没有得到客户同意"))


def _agreed(view: View, own: dict[int, Hit], hold: Hold) -> Hit | None:
    """The yes of a hold: what the rule finds, or one word between request and silence, whatever was heard of it.

    A recogniser makes 好对 or 你 of a soft 好的 and 嗯; who refuses to wait says more than that, or a word of NO, and is not left
    waiting without another word."""
    found = _first(own, hold.answers)
    if (found is not None and found.confidence >= NODDED) or not hold.silences or hold.silences[0] <= GOES_ON:
        return found
    nods = [i for i in hold.answers if view.recognised[i] is not None and 0 < view.sizes[i] <= NOD]
    if len(nods) != len(hold.answers) or any(NO.intersection(view.text.said[i]) for i in nods):
        return found
    return next((_turn_hit(view, i, "等待前的应答")._replace(confidence=NODDED) for i in nods), found)


def reason(view: View, rule: Rule, params: Reason) -> Outcome:
    """Each hold is told why and how long; the why may stand in the agent's turn just before."""
    if not (holds := _known(view, params)):
        return NO_HOLD
    own, why, length = _by_turn(view, rule.id), expression(params.why), expression(params.length)

    def told(hold: Hold) -> Hit | None:
        if (hit := _first(own, hold.asked)) is not None:
            return hit
        before = [i for i in range(max(0, hold.asked[0] - 2), hold.asked[0]) if view.speakers[i] == "agent"]
        if not any(why.search(view.text.said[i]) for i in (*before, *hold.asked)):
            return None
        return next((_hit(view, i, m) for i in hold.asked if (m := length.search(view.text.said[i]))), None)

    return _every(view, holds, told, lambda hold: hold.asked, ("说明了原因和时长", "没有说全原因和时长"))


def check_back(view: View, rule: Rule, params: CheckBack) -> Outcome:
    """In holds longer than a limit the agent says a word about every `every` seconds."""
    holds = _known(view, params)
    if not holds:
        return NO_HOLD
    if not view.timed:
        return Outcome("not_applicable", reason="没有时间信息")
    limit, every = rule.limits[params.longest], rule.limits[params.every]
    long = [hold for hold in holds if hold.length > limit]
    if not long:
        return Outcome("not_applicable", reason=f"没有超过 {limit:g} 秒的等待")
    longest = max(max(hold.waits) for hold in long)
    told = tuple(_turn_hit(view, i, f"第 {_start(view, i):.0f} 秒回来告知") for hold in long for i in hold.backs)
    missed = [hold for hold in long if not hold.backs or max(hold.waits) > every]
    if missed:
        shown = tuple(_turn_hit(view, hold.back, f"等待 {hold.length:.0f} 秒") for hold in missed
                      if hold.back is not None)
        never = all(not hold.backs for hold in missed)
        why = "没有回来告知一次" if never else f"最长 {longest:.0f} 秒没有告知进展，最多隔 {every:g} 秒"
        return Outcome("fail", 0.9, shown, f"等待 {longest:.0f} 秒，{why}" if never else why, longest)
    return Outcome("pass", 0.9, told, f"每隔 {longest:.0f} 秒以内告知一次进展", longest)


def returned(view: View, rule: Rule, params: OfHolds) -> Outcome:
    """When it comes back the agent thanks or apologises; the note says which."""
    if not (holds := _known(view, params)):
        return NO_HOLD
    ended = [hold for hold in holds if hold.back is not None]
    if not ended:
        return Outcome("not_applicable", reason="等待之后坐席没有再说话")
    own = _by_turn(view, rule.id)

    def said(hold: Hold) -> Hit | None:
        assert hold.back is not None
        turns = [hold.back]
        if hold.back + 1 < len(view.turns) and view.speakers[hold.back + 1] == "agent":
            turns.append(hold.back + 1)  # one turn that the recogniser cut in two
        hit = _first(own, tuple(turns))
        if hit is None:
            return None
        thanks = any(word in view.text.light[hit.start:hit.end] for word in ("谢", "写写", "辛苦"))
        return hit._replace(note="感谢等待" if thanks else "为等待致歉", confidence=max(hit.confidence, NO_SURE_WORDS))

    outcome = _every(view, ended, said, lambda hold: (hold.back or 0,), ("回来时感谢或致歉了", "回来时没有感谢或致歉"))
    wording = "、".join(dict.fromkeys(hit.note for hit in outcome.hits))
    return outcome._replace(reason=f"{outcome.reason}：{wording}") if outcome.verdict == "pass" else outcome


def unannounced(view: View, rule: Rule, params: Unannounced) -> Outcome:
    """Silences over a limit after the customer has spoken and before the agent does, outside holds.

    Not the agent's: while the customer is off doing something, or was told to do something and says no more than yes.
    """
    if not view.timed:
        return Outcome("not_applicable", reason="没有时间信息")
    holds, limit = _known(view, params), rule.limits[params.limit]
    patterns = (params.busy_customer, params.instructs, params.asks_after, params.customer_done)
    busy, instructs, asks, done = (expression(pattern) for pattern in patterns)
    found: list[Hit] = []
    longest, last, end = 0.0, -1, 0.0
    for i, turn in enumerate(view.turns):
        if view.speakers[i] not in ("agent", "customer") or turn.start is None or turn.end is None:
            continue
        gap = turn.start - end
        if gap > limit and view.speakers[i] == "agent" and last >= 0 and view.speakers[last] == "customer":
            told = next((j for j in range(last - 1, -1, -1) if view.speakers[j] == "agent"), None)
            told_to = told is not None and _is_short(view, last) and instructs.search(view.text.said[told])
            theirs = not done.search(said := view.text.said[last]) and (
                busy.search(said) or asks.search(view.text.said[i]) or told_to)
            if not theirs and not any(hold.covers(i) and hold.covers(last) for hold in holds):
                found.append(_turn_hit(view, i, f"此前静默 {gap:.1f} 秒"))
                longest = max(longest, gap)
        last, end = i, max(end, turn.end)
    if found:
        return Outcome("fail", 0.9, tuple(found), f"{len(found)} 处没有说明的静默，最长 {longest:.0f} 秒", longest)
    return Outcome("pass", 0.9, reason=f"轮到坐席说话时没有超过 {limit:g} 秒又未说明的静默", value=longest)


def transfer(view: View, rule: Rule, params: Transfer) -> Outcome:
    """Where to or why was said (a hit that is not weak), and the customer said yes. Weak hits are bare transfers."""
    hits = view.hits(rule.id)
    if not hits:
        return Outcome("not_applicable", reason="没有转接")
    said_yes = {hit.turn for hit in view.hits(params.consent)}
    told = [hit for hit in hits if not hit.weak]
    sure = max(NO_SURE_WORDS, *(hit.confidence for hit in hits))
    if not told:
        return Outcome("fail", sure, hits, "没有说明转到哪里、为什么转")
    for hit in told:
        later = [h.turn for h in hits if h.turn >= hit.turn]
        for turn in (hit.turn, *later):
            after = _next_customer(view, turn)
            if after is not None and after in said_yes:
                return Outcome("pass", hit.confidence, (hit,), "说明了转接的去向或原因，客户同意")
        before = hit.turn - 1
        if before > 0 and before in said_yes and view.speakers[before] == "customer" and "转" in view.text.said[before]:
            return Outcome("pass", hit.confidence, (hit,), "客户同意后转接，并说明了去向")
    return Outcome("fail", view.absent([i for i in range(len(view.turns)) if view.speakers[i] == "customer"]), hits,
                   "没有等客户同意就转接")


# finding holds
def _find(view: View, rule: Rule, params: Request) -> list[Hold]:
    asks, least = _by_turn(view, rule.id), rule.limits[params.silence]
    waits = _waits(view, least)
    if not asks and not waits:  # what else belongs to a hold need not be looked for
        return []
    backs, returns, yes, moves = (_by_turn(view, other) for other in
                                  (params.check_back, params.returned, params.consent, params.transfer))
    asks = _agreed_to(view, waits, returns, yes) | asks
    holds: list[Hold] = []
    free = 0
    for turn in sorted(asks):
        if turn < free or turn in moves or _ivr_next(view, turn):
            continue
        hold = _follow(view, turn, least, asks, backs, returns)
        if hold.hit.match == "homophone" and hold.silences and hold.silences[0] <= GOES_ON:
            continue  # 后天下午您看 heard as 下午离开 sounds like 勿离开; who asks to wait, lets wait
        if hold.hit.weak:
            answered = not hold.answers or any(i in yes or _is_short(view, i) for i in hold.answers)
            if not (hold.silences and hold.silences[0] >= least and answered):
                continue
            hold = hold._replace(hit=hold.hit._replace(confidence=NO_SURE_WORDS, weak=False, note="其后静默"))
        elif turn in returns and not returns[turn].weak and _thanks_overlap(view, returns[turn], hold.hit):
            continue
        holds.append(hold)
        free = hold.back if hold.back is not None else len(view.turns)
    return holds


def _waits(view: View, least: float) -> list[tuple[int, int, int]]:
    """Where the agent speaks, the customer answers and nobody says a word for `least` seconds until the agent goes on: the three
    turns."""
    if not view.timed:
        return []
    found = []
    spoken = [i for i, who in enumerate(view.speakers) if who in ("agent", "customer")]
    for asked, answer, back in zip(spoken, spoken[1:], spoken[2:], strict=False):
        end, start = view.turns[answer].end, view.turns[back].start
        if (view.speakers[asked] == view.speakers[back] == "agent" and view.speakers[answer] == "customer"
                and None not in (end, start) and (start or 0.0) - (end or 0.0) >= least):
            found.append((asked, answer, back))
    return found


def _agreed_to(view: View, waits: list[tuple[int, int, int]], returns: dict[int, Hit], yes: dict[int, Hit]) -> dict[int, Hit]:
    """Requests known by what came of them, whatever was heard of their words: the customer said yes, waited, and was thanked."""
    return {asked: _turn_hit(view, asked, BY_SILENCE)._replace(confidence=NO_SURE_WORDS)
            for asked, answer, back in waits if answer in yes and back in returns and not returns[back].weak}


def _follow(view: View, turn: int, least: float, asks: dict[int, Hit], backs: dict[int, Hit], returns: dict[int, Hit]) -> Hold:
    """What comes of a request: walk on until the agent says something that is neither request nor check-back. After a word
    that leaves the customer waiting on for `least` seconds more, the hold goes on, whatever the word was."""
    asked, answers, between = [turn], [], []
    waits: list[float] = []
    silences: list[float] = []
    word = end = view.turns[turn].end
    back = None
    for i in range(turn + 1, len(view.turns)):
        who, now = view.speakers[i], view.turns[i]
        if who == "ivr":
            break
        if who != "agent":
            if who == "customer":
                (between if waits else answers).append(i)
                end = _later(end, now.end)
            continue
        known = view.timed and None not in (now.start, word, end)
        silence = max(0.0, (now.start or 0.0) - (end or 0.0)) if known else None
        if asks[turn].weak and i in asks and not asks[i].weak:
            back = i  # what it said before was no hold; this one is
            break
        if (silence is not None and silence < GOES_ON and not waits and i not in returns
                and all(_is_short(view, a) for a in answers) and _silence_after(view, i) > GOES_ON):
            asked.append(i)
            word, end = now.end, _later(end, now.end)
            continue
        if silence is not None:
            waits.append(max(0.0, (now.start or 0.0) - (word or 0.0)))
            silences.append(silence)
        waited = silence is None or silence > GOES_ON
        again = i in backs or (silence is not None and ((i in asks and not asks[i].weak) or _waits_on(view, i, least, returns)))
        if waited and again and (i not in returns or returns[i].weak):
            between.append(i)
            word, end = now.end, _later(end, now.end)
            continue
        back = i
        break
    checks = tuple(i for i in between if view.speakers[i] == "agent")
    return Hold(asks[turn], tuple(asked), tuple(answers), checks, back, tuple(waits), tuple(silences))


def _waits_on(view: View, turn: int, least: float, returns: dict[int, Hit]) -> bool:
    """Whether the customer waits on after a word of the agent: silence follows at once or after a short yes; or after whatever
    the customer says, and then thanks for the wait."""
    if turn in returns and not returns[turn].weak:
        return False
    if _silence_after(view, turn) >= least:
        return True
    following = [i for i in range(turn + 1, len(view.turns)) if view.speakers[i] in ("agent", "customer")][:2]
    if len(following) < 2 or [view.speakers[i] for i in following] != ["customer", "agent"]:
        return False
    answer, back = following
    end, start = view.turns[answer].end, view.turns[back].start
    return back in returns and not returns[back].weak and None not in (end, start) and (start or 0.0) - (end or 0.0) >= least


def _silence_after(view: View, turn: int) -> float:
    """Seconds until anybody speaks again, a short answer not counted."""
    end = view.turns[turn].end
    for i in range(turn + 1, len(view.turns)):
        now = view.turns[i]
        if view.speakers[i] not in ("agent", "customer") or now.start is None or end is None:
            continue
        if view.speakers[i] == "customer" and _is_short(view, i) and now.start - end < GOES_ON:
            end = now.end
            continue
        return max(0.0, now.start - end)
    return 0.0


def _known(view: View, params: OfHolds) -> list[Hold]:
    view.outcome(params.request)
    return view.memory.get(MEMORY, [])


def _every(view: View, holds: list[Hold], done: Callable[[Hold], Hit | None], looked: Callable[[Hold], tuple[int, ...]],
           words: tuple[str, str]) -> Outcome:
    """The verdict where each of some holds needs something; `words` say that it was done, and that it was not."""
    results = [(hold, done(hold)) for hold in holds]
    heard = [(hold, hit) for hold, hit in results if hit is not None or hold.hit.note != BY_SILENCE]
    if not heard:  # the words of the request are not known, so what they lack is not either
        return Outcome("fail", UNHEARD, tuple(hold.hit for hold in holds), f"{len(holds)} 次等待，没有听清怎样请客户等待", float(len(holds)))
    results = heard
    missed = [hold for hold, hit in results if hit is None]
    if missed:
        sure = min(view.absent(looked(hold)) for hold in missed)
        why = f"{len(results)} 次等待{f'，其中 {len(missed)} 次' if len(results) > 1 else '，'}{words[1]}"
        return Outcome("fail", sure, tuple(hold.hit for hold in missed), why, float(len(missed)))
    hits = tuple(hit for _, hit in results if hit is not None)
    return Outcome("pass", min(hit.confidence for hit in hits), hits, f"{len(results)} 次等待{'，' if len(results) == 1 else '都'}{words[0]}")


def _by_turn(view: View, rule_id: str) -> dict[int, Hit]:
    """A rule's surest hit in each turn."""
    best: dict[int, Hit] = {}
    for hit in view.hits(rule_id):
        other = best.get(hit.turn)
        if other is None or (not hit.weak, hit.confidence) > (not other.weak, other.confidence):
            best[hit.turn] = hit
    return best


def _first(hits: dict[int, Hit], turns: tuple[int, ...]) -> Hit | None:
    return next((hits[i] for i in turns if i in hits), None)


def _is_short(view: View, turn: int) -> bool:
    return view.sizes[turn] <= SHORT_ANSWER


def _start(view: View, turn: int) -> float:
    return view.turns[turn].start or 0.0


def _later(one: float | None, other: float | None) -> float | None:
    return max((t for t in (one, other) if t is not None), default=None)


def _thanks_overlap(view: View, thanks: Hit, ask: Hit) -> bool:
    """Whether a request is only the words of thanks for one: 谢谢您等我."""
    said = view.text.light[thanks.start:thanks.end]
    return thanks.start < ask.end and ask.start < thanks.end and any(w in said for w in ("谢", "写写", "久等", "让", "辛苦"))


def _ivr_next(view: View, turn: int) -> bool:
    return turn + 1 < len(view.turns) and view.speakers[turn + 1] == "ivr"


def _next_customer(view: View, turn: int) -> int | None:
    """The customer's turn that follows at once, before the agent or an announcement speaks."""
    for i in range(turn + 1, len(view.turns)):
        if view.speakers[i] == "customer":
            return i
        if view.speakers[i] in ("agent", "ivr"):
            return None
    return None


def _hit(view: View, turn: int, found: re2._Match) -> Hit:
    offset = view.text.offsets[turn]
    return Hit(turn, offset + found.start(), offset + found.end(), 0.9, "pattern")


def _turn_hit(view: View, turn: int, note: str) -> Hit:
    return Hit(turn, view.text.offsets[turn], view.text.end_of(turn), 0.9, "timing", False, note)
