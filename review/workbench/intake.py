"""From the lake into the queue: every finished call becomes a card with what filters and sorting need, and its lines.

A card's lines are the items of its draft, and one for each fatal rule of the form: those bring the score to 0, so a person
must have said yes to them.
"""
from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select

from days import Days
from insight.triage import in_random_sample, triage
from pipeline.masking import mask_call
from pipeline.scorecard import band, total
from records import Draft, Transcript
from records import Item as Line
from rules.form import Bands, Form
from store.lake import Lake
from store.plans import Plans
from store.reviews import audit, cards, said
from store.reviews.database import Database
from store.reviews.schema import Card, Item
from store.reviews.sealed import searchable
from store.reviews.work_tables import Said
from store.tables import day_of

FATAL_SECTION = "致命项"
AT_ONCE = 200           # calls read, and then written in one transaction: a reviewer's save waits for no more than that


def take_in(lake: Lake, database: Database, forms: dict[str, Form], titles: dict[str, str], random_share: float,
            hidden: bool = True) -> int:
    """Brings the queue up to the lake; gives the number of calls that are new or drafted anew. Safe to run at any time.

    What was said goes into the index of the search, with personal data `hidden` as they are on the pages."""
    stored = dict(lake.calls().select("call_id", "rules_version").collect().iter_rows())
    with database.reading() as session:
        known = {call_id: version if state == "open" else stored.get(call_id) for call_id, version, state
                 in session.execute(select(Card.call_id, Card.draft_version, Card.state)).tuples()}
    new = sorted(call_id for call_id, version in stored.items() if known.get(call_id) != version)
    planned, taken = Plans(lake.root).picked(), 0
    for start in range(0, len(new), AT_ONCE):
        some = new[start:start + AT_ONCE]
        read = [(draft, transcript, shown(transcript, hidden))
                for draft, transcript in zip(lake.drafts(some), lake.transcripts(some), strict=True)]
        with database.writing() as session:
            for draft, transcript, turns in read:
                share = random_share if draft.call_id not in known else 0.0
                made = card(draft, transcript, share)
                made.picked = planned.of(made.call_id, made.day) or made.picked
                lines = lines_of(draft, forms.get(draft.form), titles)
                if cards.put(session, made, hits(draft), stored_items(draft.call_id, lines, forms.get(draft.form))):
                    taken += 1
                    said.keep(session, draft.call_id, turns)     # else somebody took it meanwhile, and may have corrected its words
            audit.note(session, "tingjian", "queue.filled", detail=len(some))
    _index_the_rest(lake, database, hidden)
    return taken


def _index_the_rest(lake: Lake, database: Database, hidden: bool) -> None:
    """Puts calls into the index of the search that came into the queue before there was one."""
    if not searchable():
        return
    with database.reading() as session:
        bare = select(Card.call_id).outerjoin(Said, Said.call_id == Card.call_id).where(Said.id.is_(None), Card.kind == "recording")
        missing = list(session.scalars(bare.order_by(Card.call_id)))
    for start in range(0, len(missing), AT_ONCE):
        read = [(one.call_id, shown(one, hidden)) for one in lake.transcripts(missing[start:start + AT_ONCE])]
        with database.writing() as session:
            for call_id, turns in read:
                said.keep(session, call_id, turns)


def shown(transcript: Transcript, hidden: bool) -> list[str]:
    """The turns' texts as pages show them."""
    texts = [turn.text for turn in transcript.turns]
    if not hidden:
        return texts
    staff, customer = transcript.agent_name, transcript.customer_name
    found = mask_call(texts, [turn.speaker for turn in transcript.turns], [staff] if staff else [], [customer] if customer else [])
    return [one.text for one in found]


def state_of(lake: Lake) -> str:
    """Another word whenever calls were committed to the lake: the name of the newest entry in the log of its table `calls`."""
    return max((entry.name for entry in (lake.root / "calls" / "_delta_log").glob("*.json")), default="")


def card(draft: Draft, transcript: Transcript, random_share: float) -> Card:
    """A call as the queue shows it."""
    risk = triage(draft)
    return Card(
        call_id=draft.call_id, started_at=transcript.started_at, day=day_of(transcript.started_at),
        agent_id=transcript.agent_id, agent_name=transcript.agent_name, team=transcript.team, line=transcript.line,
        direction=transcript.direction, duration=transcript.duration, form=draft.form, draft_version=draft.rules_version,
        machine_score=draft.score, machine_band=draft.band, fatal=draft.fatal, complaint="complaint" in risk.reasons,
        unsure=sum(item.verdict == "needs_review" and item.mode == "auto" for item in draft.items),
        triage=risk.risk, reasons=risk.reasons, state="open", version=1, comment="",
        picked="random" if in_random_sample(draft.call_id, random_share) else "risk")


def hits(draft: Draft) -> dict[str, str]:
    """Rules that failed, are unsure or were found, by id."""
    return {one.rule: one.verdict for one in draft.findings if one.verdict in ("fail", "needs_review", "found")}


def lines_of(draft: Draft, form: Form | None, titles: dict[str, str]) -> list[Line]:
    """The draft's items, and one line for each fatal rule of its form."""
    found = {finding.rule: finding for finding in draft.findings}
    fatal = [
        Line.of(id=f"fatal.{rule}", title=titles.get(rule, rule), section=FATAL_SECTION, mode="auto",
                verdict=found[rule].verdict, points=None, max_points=0.0, confidence=found[rule].confidence, rules=(rule,),
                evidence=found[rule].evidence, reason=found[rule].reason)
        for rule in (form.fatal if form else []) if rule in found]
    return [*fatal, *draft.items]


def stored_items(call_id: str, lines: Sequence[Line], form: Form | None) -> list[Item]:
    """Lines as rows. What only a person may give beside the 100 points (a bonus) starts as not given."""
    worth = {one.id: one.points for one in form.adjustments} if form else {}
    return [Item(
        call_id=call_id, item=line.id, position=position, title=line.title, max_points=line.max_points,
        rules=list(line.rules), machine_verdict=line.verdict, machine_points=line.points,
        machine_confidence=line.confidence, fatal=line.section == FATAL_SECTION, bonus=worth.get(line.id),
        human_verdict="not_applicable" if line.id in worth and line.points is None else None)
        for position, line in enumerate(lines)]


def result(items: Sequence[Item], bands: Bands, final: bool = False) -> tuple[float | None, str | None, bool]:
    """Score, band and whether it is fatal, by the human (or final) verdicts; what is undecided stays out of the score."""
    verdicts = [(item, item.final_verdict if final else item.human_verdict) for item in items]
    fatal = any(item.fatal and verdict == "fail" for item, verdict in verdicts)
    counted = [
        Line.of(id=item.item, title=item.title, section="", mode="human", verdict=verdict or "needs_review",
                points=item.final_points if final else item.human_points, max_points=item.max_points, confidence=1.0,
                rules=(), evidence=(), reason="")
        for item, verdict in verdicts if verdict and (item.max_points or item.bonus is not None)]
    score = 0.0 if fatal else total(counted)
    return score, None if score is None else band(score, bands), fatal


def working_day(number: int, days: Days, today: date | None = None) -> date:
    """The `number`-th working day after today; weekends and public holidays do not count, weekends worked in exchange do."""
    day = today or date.today()
    while number > 0:
        day += timedelta(days=1)
        number -= not days.off(day)
    return day


def feedback_due(days: Days, now: datetime | None = None) -> datetime:
    """One working day on (domain.md section 4): the same time on the next day that is no weekend or public holiday."""
    due = (now or datetime.now(UTC)) + timedelta(days=1)
    while days.off(due.astimezone().date()):
        due += timedelta(days=1)
    return due
