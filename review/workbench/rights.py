"""Who may do what. One table, read by every route and every template, so that a button that is shown also works.

A right over a card asks two things: does the role have it, and does this card lie within what the person may see.
"""
from __future__ import annotations

from typing import Literal

from store.reviews.schema import PUBLISHED, Card, Person

Right = Literal["queue", "see", "hear", "original", "review", "acknowledge", "appeal", "decide", "dashboard", "people", "log", "assign", "live", "follow",
                "score_blind", "calibrate", "audit", "keep_case", "cases", "appraise", "plan"]

RIGHTS: dict[Right, tuple[str, ...]] = {
    "queue": ("reviewer", "team_leader", "supervisor", "analyst"),
    "see": ("agent", "reviewer", "team_leader", "supervisor", "analyst"),
    "hear": ("agent", "reviewer", "team_leader", "supervisor"),
    "original": ("reviewer", "team_leader", "supervisor"),     # personal data unmasked, where [privacy] unmasked allows it
    "review": ("reviewer", "team_leader", "supervisor"),
    "acknowledge": ("agent",),
    "appeal": ("agent",),
    "decide": ("supervisor",),
    "dashboard": ("team_leader", "supervisor", "analyst"),
    "people": ("administrator",),
    "log": ("administrator", "supervisor"),
    "assign": ("team_leader", "supervisor"),
    "live": ("reviewer", "team_leader", "supervisor"),                  # cards without a recording
    "follow": ("agent", "reviewer", "team_leader", "supervisor"),       # follow-ups: an agent the own ones
    "score_blind": ("reviewer", "team_leader", "supervisor"),   # calibration and shadowing: only what one is asked to score
    "calibrate": ("supervisor",),                               # opens and closes sessions, lifts pauses, trusts rules again
    "audit": ("team_leader", "supervisor"),
    "appraise": ("team_leader", "supervisor"),                  # a leader the own team
    "plan": ("supervisor",),                                    # draws the sampling plan that the queue follows
    "keep_case": ("reviewer", "team_leader", "supervisor"),
    "cases": ("agent", "reviewer", "team_leader", "supervisor", "analyst"),     # agents and analysts: what is shared, no names
}


def may(person: Person, right: Right, card: Card | None = None) -> bool:
    """Whether `person` has the right, and over `card` where one is given."""
    return person.role in RIGHTS[right] and (card is None or within(person, card))


def within(person: Person, card: Card) -> bool:
    """An agent's own published cards, a leader's team, everything for the others."""
    if person.role == "agent":
        return bool(person.agent_id) and card.agent_id == person.agent_id and card.state in PUBLISHED
    if person.role == "team_leader":
        return bool(person.team) and card.team == person.team
    return True
