"""From a transcript to a draft scorecard: the rules' findings, then the form's items.

Provisional score: 100 × the points of the decided items / their highest points. Items that do not apply leave the
denominator; so do items that wait for a person (human and assist items, and auto items whose verdict is not sure enough),
whose points are None until then. Adjustments are added, the result is kept within 0 and 100, and a fatal rule that failed
makes it 0.
"""
from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Literal

from days import Days
from records import Band, Draft, Evidence, Finding, Item, Mode, Problem, Transcript
from rules.deciding import WEAK
from rules.engine import Engine
from rules.form import Adjustment, Bands, Form, FormItem, load
from rules.weighing import Meaning
from settings import Settings

Decided = Literal["pass", "fail", "not_applicable", "needs_review"]
BONUS_SECTION = "加减分"
TRIAL = "（试行，不计分）"
_VERDICTS = {"pass": "通过", "fail": "不通过", "needs_review": "待复核", "not_applicable": "不适用"}
_PLAIN = {("pass", "已做到"): "做到了", ("fail", "没有找到"): "没有做到", ("pass", "没有发现"): "没有发现"}


class Scorer:
    """A rule pack and its forms, loaded once; `draft` is called for every transcript and keeps no state."""

    def __init__(self, engine: Engine, forms: dict[str, Form], content: bytes) -> None:
        self.engine, self.forms = engine, forms
        self.titles = {rule.id: rule.title for rule in engine.pack.rules.values()}
        self.trial = frozenset(rule.id for rule in engine.pack.rules.values() if rule.status == "experimental")
        layer = engine.knowledge.layer
        seed = "\0".join([engine.version, layer.version if layer else "", str(engine.review_below), engine.knowledge.days.version,
                          *sorted(engine.knowledge.organisations), ""]).encode()
        self.version = "sha256:" + hashlib.sha256(seed + content).hexdigest()

    @classmethod
    def from_settings(cls, settings: Settings, meaning: Meaning | None = None) -> Scorer:
        """`meaning`: another layer than the trained one that comes along. Raises Problem with every mistake in the files."""
        scoring = settings.scoring
        if meaning is None and scoring.meaning:
            from rules.meaning.predict import Meaning as TrainedLayer

            meaning = TrainedLayer.of_pack(scoring.rule_pack)
        engine = Engine.open(scoring.rule_pack, tuple(scoring.organisations), meaning, scoring.review_below,
                             scoring.limits, scoring.calibration, Days(settings.calendar))
        forms, content = load(scoring.forms, engine.pack.rules)
        return cls(engine, forms, content)

    def draft(self, transcript: Transcript, form: str | None = None) -> Draft:
        """The prefilled card of one call, on the form given by id, else on the one that its call chooses."""
        findings = self.engine.findings(self.engine.view(transcript))
        by_rule = {finding.rule: finding for finding in findings}
        chosen = self.choose(transcript, by_rule) if form is None else self.form(form)
        items = [fill(item, section.title, by_rule, self.titles, self.trial) for section in chosen.sections for item in section.items]
        items += [adjust(adjustment, by_rule, self.titles, self.trial) for adjustment in chosen.adjustments]
        fatal = any(by_rule[rule].verdict == "fail" for rule in chosen.fatal if rule not in self.trial)
        score = 0.0 if fatal else total(items)
        return Draft.of(
            call_id=transcript.call_id, form=chosen.id, form_version=chosen.version, rules_version=self.version,
            state="draft", score=score, band=None if score is None else band(score, chosen.bands), fatal=fatal,
            open_points=round(sum(item.max_points for item in items if item.verdict == "needs_review"), 2),
            items=tuple(items), findings=findings)

    def form(self, form: str) -> Form:
        """A form by id; raises Problem where there is none."""
        if form not in self.forms:
            raise Problem(f"there is no form {form}; there are {', '.join(sorted(self.forms))}")
        return self.forms[form]

    def choose(self, transcript: Transcript, findings: dict[str, Finding]) -> Form:
        """The form whose conditions all hold, the one with most conditions first; a call without direction is inbound."""
        direction = transcript.direction or "inbound"

        def fits(form: Form) -> int:
            choice = form.choose
            if choice.direction not in (None, direction):
                return -1
            if choice.found and findings[choice.found].verdict != "found":
                return -1
            if choice.line and transcript.line not in choice.line:
                return -1
            if choice.organisation and not set(choice.organisation).intersection(transcript.organisation):
                return -1
            return sum(map(bool, (choice.direction, choice.found, choice.line, choice.organisation)))

        best = max(self.forms.values(), key=fits)
        if fits(best) < 0:
            raise Problem(f"no form is meant for {direction} calls; give one with `choose: {{direction: {direction}}}`, "
                          f"or name a form with --form")
        return best


def fill(item: FormItem, section: str, findings: dict[str, Finding], titles: dict[str, str],
         trial: Collection[str] = ()) -> Item:
    """One line of the card from its rules' findings; rules on `trial` are told and take no points."""
    if item.mode == "human":
        return _item(item, section, "needs_review", None, 1.0, (), "由质检员判断")
    used = [findings[rule] for rule in item.rules if rule not in trial]
    tried = [findings[rule] for rule in item.rules if rule in trial] if trial else []
    applying = [f for f in used if f.verdict != "not_applicable"]
    on_trial = [said(titles[f.rule], f.verdict, f.reason) + TRIAL for f in tried if f.verdict != "not_applicable"]
    reason = "；".join([*[said(titles[f.rule], f.verdict, f.reason) for f in applying], *on_trial])
    evidence = tuple([e for f in (*applying, *tried) for e in f.evidence])
    if not applying:
        told = "；".join(dict.fromkeys([*[f.reason for f in used], *on_trial]))
        return _item(item, section, "not_applicable", None, 1.0, evidence, told)
    confidence = min(f.confidence for f in applying)
    failed = any(f.verdict == "fail" for f in applying)
    unsure = any(f.verdict == "needs_review" for f in applying)
    if item.mode == "assist" or (unsure and not (failed and item.points == "all")):
        return _item(item, section, "needs_review", None, confidence, evidence, reason)
    points = earned(item, applying)
    return _item(item, section, "fail" if failed else "pass", points, confidence, evidence, reason)


@lru_cache(maxsize=1 << 12)
def said(title: str, verdict: str, reason: str) -> str:
    """A finding in the words of a reviewer; they must read well for what is to be done and for what must not be.

    >>> said("问候", "fail", "没有找到"), said("推诿", "fail", "2 处"), said("语速", "pass", "每分钟 200 字")
    ('问候：没有做到', '推诿：出现 2 处', '语速：通过（每分钟 200 字）')
    """
    if verdict == "fail" and reason.endswith(" 处") and reason[:-2].isdigit():
        return f"{title}：出现 {reason}"
    plain = _PLAIN.get((verdict, reason))
    return f"{title}：{plain or _VERDICTS.get(verdict, verdict) + (f'（{reason}）' if reason else '')}"


def earned(item: FormItem, findings: Sequence[Finding]) -> float:
    """Points of an item from the findings that apply; a weak pass earns its part."""
    if item.points == "deduct":
        hits = sum(max(1, len(f.evidence)) for f in findings if f.verdict == "fail")
        return max(0.0, item.weight - item.per_hit * hits)
    shares = [0.0 if f.verdict == "fail" else f.value or 1.0 if f.reason == WEAK else 1.0 for f in findings]
    share = min(shares) if item.points == "all" else sum(shares) / len(shares)
    return round(item.weight * share, 2)


def adjust(adjustment: Adjustment, findings: dict[str, Finding], titles: dict[str, str],
           trial: Collection[str] = ()) -> Item:
    """A line outside the 100: its `max_points` is 0, its points are added to the score once given."""
    mode: Mode = "auto" if adjustment.rules else "human"
    failed = [findings[rule] for rule in adjustment.rules
              if findings[rule].verdict == "fail" and rule not in trial]
    verdict: Decided = "needs_review" if not adjustment.rules else "fail" if failed else "not_applicable"
    return Item.of(
        id=adjustment.id, title=adjustment.title, section=BONUS_SECTION, mode=mode, verdict=verdict,
        points=adjustment.points if failed else None, max_points=0.0,
        confidence=min((f.confidence for f in failed), default=1.0),
        rules=tuple(adjustment.rules), evidence=tuple(e for f in failed for e in f.evidence),
        reason="由质检员判断" if not adjustment.rules else "；".join(titles[f.rule] for f in failed))


def total(items: Sequence[Item]) -> float | None:
    """The provisional score, 0 to 100; None where nothing is decided yet."""
    counted = [item for item in items if item.max_points > 0 and item.points is not None]
    if not counted:
        return None
    base = 100 * sum(item.points or 0 for item in counted) / sum(item.max_points for item in counted)
    extra = sum(item.points or 0 for item in items if item.max_points == 0)
    return round(min(100.0, max(0.0, base + extra)), 1)


def band(score: float, bands: Bands) -> Band:
    if score >= bands.excellent:
        return "excellent"
    if score >= bands.good:
        return "good"
    return "needs_improvement" if score >= bands.needs_improvement else "below_standard"


def _item(item: FormItem, section: str, verdict: Decided, points: float | None, confidence: float,
          evidence: tuple[Evidence, ...], reason: str) -> Item:
    return Item.of(
        id=item.id, title=item.title, section=section, mode=item.mode, verdict=verdict, points=points,
        max_points=item.weight, confidence=round(confidence, 3), rules=tuple(item.rules), evidence=evidence, reason=reason)

