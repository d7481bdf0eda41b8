"""The queue and what people decide: claim, judge item by item, publish, appeal, decide. Every change is in the audit log.

A card that two people work on is never merged: each change names the card's version it was made upon, and an older one is
refused with `Conflict`, so that the page can show what happened meanwhile. Who may do what is decided in
review/workbench/rights.py; here is only what makes sense at all.
"""
from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.reviews import audit
from store.reviews.schema import Appeal, Card, Hit, Item, Person
from store.reviews.standing import halted
from store.reviews.work_tables import Correction

HELD = timedelta(minutes=30)            # a claim lasts this long after the last change
APPEAL_WINDOW = timedelta(days=2)       # domain.md section 4: two days after the result was shown


class Conflict(Exception):
    """The change no longer fits the card: somebody else changed it, holds it, or it has moved on. Says so in Chinese."""


def put(session: Session, card: Card, hits: Mapping[str, str], items: Iterable[Item]) -> bool:
    """Takes a call into the queue, or brings the draft of one that nobody has begun up to date; says whether it did.

    A card that is held, judged or published stays as the person saw it: what the machine said then is kept for ever."""
    there = session.get(Card, card.call_id)
    if there and (there.state != "open" or there.draft_version == card.draft_version):
        return False
    for table in (Hit, Item):
        session.execute(delete(table).where(table.call_id == card.call_id))
    if there:
        card.version, card.picked = there.version + 1, there.picked
    session.merge(card)
    session.flush()
    session.add_all(Hit(call_id=card.call_id, rule=rule, verdict=verdict) for rule, verdict in hits.items())
    session.add_all(items)
    return True


def claim(session: Session, person: Person, call_id: str, draft: str, own_team: bool = True,
          due_at: datetime | None = None) -> Card:
    """Takes the call for `person`, who then alone may judge it; again by the same person makes the claim last longer.

    `draft` is the machine's draft as JSON, kept as the one that was reviewed unless an earlier reviewer began with another.
    A call given to another waits for them alone till the day's end; `own_team` says whether a reviewer may take calls of the own
    team. `due_at` is when the agent should have the result, counted from the first claim."""
    card = _card(session, call_id)
    now = datetime.now(UTC)
    if card.state not in ("open", "claimed"):
        raise Conflict("这通录音已经评完。")
    if card.holder_id not in (None, person.id) and card.held_until and card.held_until > now:
        holder = session.get_one(Person, card.holder_id)
        raise Conflict(f"{holder.name} 正在评这通录音（到 {card.held_until.astimezone():%H:%M}）。")
    if card.assigned_to not in (None, person.id) and (card.assigned_on or "") >= now.astimezone().date().isoformat():
        raise Conflict(f"这通录音今天分给了 {session.get_one(Person, card.assigned_to).name}；组长或主管可以改派。")
    if not own_team and person.role == "reviewer" and card.team and card.team == person.team:
        raise Conflict("按规定不评自己班组的录音。")
    if card.assigned_to != person.id:
        card.assigned_to = card.assigned_on = None
    if card.holder_id != person.id:
        if why := halted(session, person.id):
            raise Conflict(why)
        card.version += 1
        audit.note(session, person.login, "card.claimed", call_id)
    card.draft, card.due_at = card.draft or zlib.compress(draft.encode()), card.due_at or due_at
    card.state, card.holder_id, card.held_until = "claimed", person.id, now + HELD
    return card


def release(session: Session, person: Person, call_id: str) -> None:
    """Gives a claimed call back to the queue; what was judged so far stays for whoever takes it next."""
    card = held(session, person, call_id, None)
    card.holder_id, card.held_until = None, None
    if not begun(session, call_id) and card.kind == "recording":
        card.state, card.draft = "open", None
    card.version += 1
    audit.note(session, person.login, "card.released", call_id)


def judge(session: Session, person: Person, call_id: str, version: int,
          judged: Mapping[str, tuple[str, float | None, str]]) -> Card:
    """Keeps verdicts: by item id the verdict, its points (None: what the verdict earns) and the reason of an override.

    Raises Conflict for an older version, a call held by somebody else, an override without reason, points out of range."""
    card = held(session, person, call_id, version)
    for item_id, (verdict, points, reason) in judged.items():
        item = session.get(Item, (call_id, item_id))
        if item is None or verdict not in ("pass", "fail", "not_applicable"):
            raise Conflict(f"没有这个评分项：{item_id}（{verdict}）。")
        item.human_verdict, item.reason = verdict, reason.strip()
        given = earned(item, verdict) if points is None else points
        if item.overridden and not item.reason:
            raise Conflict(f"改判“{item.title}”要写理由。")
        if given is not None and item.max_points and not 0 <= given <= item.max_points:
            raise Conflict(f"“{item.title}”的分数应在 0 到 {item.max_points:g} 之间。")
        item.human_points = given
        audit.note(session, person.login, "item.judged", call_id, item=item_id, verdict=verdict, machine=item.machine_verdict,
                   points=given, reason=item.reason)
    card.version += 1
    card.held_until = datetime.now(UTC) + HELD
    return card


def comment(session: Session, person: Person, call_id: str, version: int, text: str) -> Card:
    card = held(session, person, call_id, version)
    card.comment = text.strip()
    card.version += 1
    audit.note(session, person.login, "card.commented", call_id)
    return card


def publish(session: Session, person: Person, call_id: str, version: int, score: float | None, band: str | None,
            due_at: datetime) -> Card:
    """Ends the review: every item must be decided. The agent sees the card from now on and may appeal for two days."""
    card = held(session, person, call_id, version)
    lines = items(session, call_id)
    if waiting := [item.title for item in lines if item.human_verdict is None]:
        raise Conflict(f"还有 {len(waiting)} 项没有判定：{'、'.join(waiting[:3])}{'…' if len(waiting) > 3 else ''}。")
    # A correction may turn the machine's verdict after a person has judged: their word stays, but now it is an override.
    if bare := [item.title for item in lines if item.bonus is None and item.overridden and not item.reason]:
        raise Conflict(f"更正文本后机器的判定变了，与您的不同，请复核或写明理由：{'、'.join(bare[:3])}。")
    for item in lines:
        item.final_verdict, item.final_points = item.human_verdict, item.human_points
    now = datetime.now(UTC)
    card.state, card.reviewer_id, card.holder_id, card.held_until = "published", person.id, None, None
    card.assigned_to = card.assigned_on = None
    card.published_at, card.due_at, card.appeal_until = now, card.due_at or due_at, now + APPEAL_WINDOW
    card.score, card.band = score, band
    card.version += 1
    audit.note(session, person.login, "card.published", call_id, score=score, band=band)
    return card


def contestable(item: Item) -> bool:
    """Whether the item cost the agent something: failed, earned in part, or a deduction that was given."""
    if item.bonus is not None:
        return item.human_verdict == "pass" and item.bonus < 0
    short = item.human_points is not None and item.human_points < item.max_points
    return item.human_verdict == "fail" or (item.human_verdict == "pass" and short)


def acknowledge(session: Session, person: Person, call_id: str) -> Card:
    """The agent has read the card."""
    card = _card(session, call_id)
    if card.seen_at is None:
        card.seen_at = datetime.now(UTC)
        card.version += 1
        audit.note(session, person.login, "card.acknowledged", call_id)
    return card


def appeal(session: Session, person: Person, call_id: str, item_id: str, text: str) -> Appeal:
    """An appeal against one item, once, within the window. Raises Conflict outside it."""
    card = _card(session, call_id)
    now = datetime.now(UTC)
    if card.state not in ("published", "appealed") or not card.appeal_until or now > card.appeal_until:
        raise Conflict("申诉期已过（结果公布后 2 天内可以申诉）。")
    item = session.get(Item, (call_id, item_id))
    if item is None or not text.strip():
        raise Conflict("申诉要写明针对哪一项、为什么。")
    if not contestable(item):
        raise Conflict("这一项没有扣分，不用申诉。")
    if session.scalar(select(Appeal).where(Appeal.call_id == call_id, Appeal.item == item_id)):
        raise Conflict("这一项已经申诉过。")
    made = Appeal(call_id=call_id, item=item_id, person_id=person.id, at=now, text=text.strip())
    session.add(made)
    card.state = "appealed"
    card.version += 1
    audit.note(session, person.login, "appeal.made", call_id, item=item_id)
    return made


def decide(session: Session, person: Person, appeal_id: int, granted: bool, verdict: str, answer: str) -> Card:
    """The supervisor's word, which is final. `verdict` is the item's when the appeal is granted. The caller sets the card's
    score anew (`rescored`). Raises Conflict where it is decided already or the answer is missing."""
    made = session.get(Appeal, appeal_id)
    if made is None or made.granted is not None:
        raise Conflict("没有这条申诉，或者已经裁定。")
    if not answer.strip():
        raise Conflict("裁定要写明理由。")
    made.granted, made.answer, made.decided_by, made.decided_at = granted, answer.strip(), person.id, datetime.now(UTC)
    item = session.get_one(Item, (made.call_id, made.item))
    if granted and item.bonus is not None and verdict != "not_applicable":
        raise Conflict("扣分项的申诉成立，就是撤销这一扣分。")
    if granted:
        item.final_verdict, item.final_points = verdict, earned(item, verdict)
    session.flush()
    card = _card(session, made.call_id)
    if not session.scalar(select(Appeal).where(Appeal.call_id == made.call_id, Appeal.granted.is_(None))):
        card.state = "final"
    card.version += 1
    audit.note(session, person.login, "appeal.decided", made.call_id, item=made.item, granted=granted, verdict=verdict)
    return card


def kept_draft(card: Card) -> str | None:
    """The draft that the reviewer was shown, as JSON; None before anybody claimed the call."""
    return zlib.decompress(card.draft).decode() if card.draft else None


def items(session: Session, call_id: str) -> list[Item]:
    return list(session.scalars(select(Item).where(Item.call_id == call_id).order_by(Item.position)))


def earned(item: Item, verdict: str) -> float | None:
    """Points of a verdict: the machine's own where it said the same (a partly earned item), else all or nothing; of a bonus
    or deduction what it is worth."""
    if verdict == "not_applicable":
        return None
    if item.bonus is not None:
        return item.bonus
    if verdict == item.machine_verdict and item.machine_points is not None:
        return item.machine_points
    return item.max_points if verdict == "pass" else 0.0


def _card(session: Session, call_id: str) -> Card:
    card = session.get(Card, call_id)
    if card is None:
        raise Conflict(f"没有这通录音：{call_id}。")
    return card


def held(session: Session, person: Person, call_id: str, version: int | None) -> Card:
    """The card, if `person` holds it and it still is of that version (None: whichever); else raises Conflict."""
    card = _card(session, call_id)
    if card.state != "claimed" or card.holder_id != person.id:
        raise Conflict("这通录音现在不在您手里，您的修改没有保存；请刷新后重新领取。")
    if version is not None and card.version != version:
        raise Conflict("这张评分表在别的窗口里改过了，请刷新后再改。")
    return card


def begun(session: Session, call_id: str) -> bool:
    judged = select(Item.item).where(Item.call_id == call_id, Item.human_verdict.is_not(None), Item.bonus.is_(None))
    corrected = select(Correction.id).where(Correction.call_id == call_id)
    return any(session.scalar(query.limit(1)) is not None for query in (judged, corrected))
