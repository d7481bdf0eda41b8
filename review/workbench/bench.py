"""What every route of the workbench needs: the workspace, the database, the forms, and how a page is made."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from sqlalchemy import select
from sqlalchemy.orm import Session

from days import Days
from pipeline.scorecard import Scorer
from records import Draft, Transcript
from review.reasons import Reasons
from review.wording import Language, clock, moment, number
from review.workbench import intake
from review.workbench.behind import local, queue_of, written
from review.workbench.refusals import in_english
from review.workbench.rights import may
from review.workbench.words import say
from rules import english
from rules.english import Texts
from rules.form import Form
from rules.schema import Rule
from settings import Settings
from store.lake import Lake
from store.reviews import cards, corrections, followups
from store.reviews.database import Database
from store.reviews.schema import Card, Person
from store.reviews.work_tables import Correction, Followup


class Words(NamedTuple):
    """A call in words: as the machine `heard` it, as people `corrected` it, and the corrections by turn."""

    heard: Transcript
    corrected: Transcript
    changes: dict[int, Correction]


@dataclass
class Bench:
    """One running workbench. Made once, shared by all requests; everything in it is safe to use from several threads."""

    lake: Lake
    database: Database
    forms: dict[str, Form]
    rules: dict[str, Rule]
    settings: Settings
    _scorer: Scorer | None = None
    _filling: Lock = field(default_factory=Lock)
    _taken_in: str = ""
    choices: dict[str | None, tuple[float, dict[str, list[Any]]]] = field(default_factory=dict)
    """What the queue's filters offer, by team, and when it was found out (queue.py)."""
    weighed_at: float = -60.0       # by the monotonic clock, when rule health was last looked at (health.py)

    @classmethod
    def open(cls, workspace: Path, settings: Settings) -> Bench:
        """Raises Problem for a missing workspace, a database that cannot be reached, a mistake in rules or forms."""
        lake = Lake.open(workspace)
        scorer = Scorer.from_settings(settings)
        rules = dict(scorer.engine.pack.rules)
        english.load(settings.scoring.rule_pack, rules)      # a mistake in it is told at the start
        return cls(lake, Database.open(lake.root, settings.review.database), scorer.forms, rules, settings, scorer)

    @cached_property
    def titles(self) -> dict[str, str]:
        return {rule.id: rule.title for rule in self.rules.values()}

    @cached_property
    def days(self) -> Days:
        """Which days are working days here."""
        return Days(self.settings.calendar)

    @cached_property
    def _names(self) -> dict[str, tuple[str, str]]:
        """Chinese and English names of the forms' items and of the rules, by id; without an English one the Chinese twice."""
        entries = [*self.rules.values(), *(one for form in self.forms.values() for section in form.sections for one in section.items),
                   *(one for form in self.forms.values() for one in form.adjustments)]
        return {one.id: (one.title, one.title_en or one.title) for one in reversed(entries)}      # the first form's word counts

    def titled(self, name: str, language: Language, kept: str | None = None) -> str:
        """What an item or rule is called in the reader's language; `kept` is the title that its card kept, which a Chinese page shows. An
        item that no form has any more is called as it was, else by its id."""
        known = self._names.get(name) or self._names.get(name.removeprefix("fatal."))      # a fatal line is named after its rule
        if language == "zh" or known is None:
            return kept or (known[0] if known else name)
        return known[1]

    @cached_property
    def english(self) -> dict[str, Texts]:
        """What rules say of themselves on English pages, by id; where it is missing they are shown in Chinese."""
        return english.load(self.settings.scoring.rule_pack, self.rules)

    @cached_property
    def reasons(self) -> Reasons:
        """Puts the engine's reasons into English."""
        return Reasons({rule: self._names[rule] for rule in self.rules})

    @cached_property
    def _sections(self) -> dict[str, str]:
        return {one.title: one.title_en for form in self.forms.values() for one in form.sections if one.title_en}

    def section(self, title: str, language: Language) -> str:
        """A section of a card in the reader's language."""
        return (self._sections.get(title) or say(title, language)) if language == "en" else title

    def why(self, rule: str, language: Language = "zh") -> str:
        """Why there is such a rule; empty for one that the pack no longer has."""
        texts = self.english.get(rule) if language == "en" else None
        return (texts.why if texts else "") or (self.rules[rule].why if rule in self.rules else "")

    def coach(self, rule: str, language: Language = "zh") -> str:
        """What to coach where the rule failed; empty where there is nothing to say."""
        texts = self.english.get(rule) if language == "en" else None
        return (texts.coach if texts else "") or (self.rules[rule].coach if rule in self.rules else "")

    @cached_property
    def sounds(self) -> Path:
        """Where playable copies of recordings are kept."""
        directory = self.lake.root / "sounds"
        directory.mkdir(exist_ok=True, mode=0o700)
        return directory

    def fill_queue(self) -> int:
        """Takes in what was finished since; one at a time, and nobody waits for it."""
        if not self._filling.acquire(blocking=False):
            return 0
        try:
            now = intake.state_of(self.lake)
            if now and now == self._taken_in:
                return 0
            taken = intake.take_in(self.lake, self.database, self.forms, self.titles, self.settings.review.random_share,
                                   self.settings.privacy.masking != "off")
            self._taken_in = now
            self._watch()
            return taken
        finally:
            self._filling.release()

    def _watch(self) -> None:
        """Follow-ups look at the calls that came in, some agents at a time, so that nobody's save waits long."""
        with self.database.reading() as session:
            agents = sorted(session.scalars(select(Followup.agent_id).distinct()))
        due = intake.working_day(self.settings.followups.days, self.days).isoformat()
        for start in range(0, len(agents), followups.AT_ONCE):
            with self.database.writing() as session:
                followups.watch(session, agents[start:start + followups.AT_ONCE], self.settings.followups.calls, due)

    @cached_property
    def scorer(self) -> Scorer:
        """What drafts a call anew once its words were corrected."""
        return self._scorer or Scorer.from_settings(self.settings)

    def words(self, session: Session, card: Card) -> Words:
        """What was said in a call, as heard and as corrected."""
        if card.kind != "recording":
            told = {name: getattr(card, name) for name in ("call_id", "agent_id", "agent_name", "team", "line", "direction", "started_at")}
            nothing = Transcript.model_validate(told | {"turns": ()})
            return Words(nothing, nothing, {})
        heard = self.lake.transcript(card.call_id, card.day)
        changes = corrections.standing(session, card.call_id, heard)
        return Words(heard, corrections.corrected(heard, changes), changes)

    def draft(self, card: Card) -> Draft:
        """The draft that the reviewer was shown, before any claim the newest one."""
        kept = cards.kept_draft(card)
        return Draft.model_validate_json(kept) if kept else self.lake.draft(card.call_id, card.day)

    @cached_property
    def templates(self) -> Environment:
        made = Environment(loader=ChoiceLoader([PackageLoader("review.workbench"), PackageLoader("review")]), autoescape=True,
                           undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        sign_in = self.settings.sign_in
        made.globals.update(queue_of=queue_of, written=written, local=local, clock=clock, moment=moment, number=number, may=may, provider=sign_in.label if sign_in.issuer else "")
        made.policies["json.dumps_function"] = lambda value, **options: json.dumps(value, ensure_ascii=False)
        return made


def bench_of(request: Request) -> Bench:
    return request.app.state.bench


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the reader's language, with who reads it and the token that its forms carry."""
    person: Person | None = getattr(request.state, "person", None)
    asked = person.language if person else request.headers.get("accept-language", "")[:2].lower()
    language: Language = "en" if asked == "en" else "zh"
    bench = bench_of(request)
    if language == "en" and "titles" in values:
        values["titles"] = {name: bench.titled(name, language, title) for name, title in values["titles"].items()}
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "") if request.method == "GET" else "/"
    page = bench.templates.get_template(template).render(
        person=person, csrf=getattr(request.state, "csrf", ""), path=request.url.path, here=here, language=language,
        lang="zh-CN" if language == "zh" else "en", say=lambda word: say(word, language),
        titled=lambda name, kept=None: bench.titled(name, language, kept), sectioned=lambda title: bench.section(title, language),
        explained=lambda rule: bench.why(rule, language), coached=lambda rule: bench.coach(rule, language),
        refusal=in_english if language == "en" else str, noted=lambda note: bench.reasons.of(note) if language == "en" else note,
        reasoned=lambda line, draft: bench.reasons.item(line, draft) if language == "en" else line.reason, **values)
    return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})
