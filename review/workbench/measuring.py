"""What a calibration session says: agreement by item and rule, everybody's difference to the reference, who leans steadily.

The reference of a call is the gold card where there is one, else the median of all scores: one reviewer who is far off moves
it little, so the others do not seem to lean the other way. Of two people it is the other's score, which is shown, but says
nothing of who leans: nobody is paused by it.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from insight.agreement import cohen_kappa, gwet_ac1_of_many, krippendorff_alpha
from insight.leaning import Leaning, leaning
from store.reviews import calibration, standing
from store.reviews.blind import VERDICTS, Line, points
from store.reviews.calibration import Scored
from store.reviews.calibration_tables import Calibration
from store.reviews.database import Database
from store.reviews.schema import Person


class Agreement(NamedTuple):
    """Agreement on one item or rule: `units` rated by at least two people, the share on which all said the same, kappa (two
    people: Cohen's; more: Krippendorff's alpha) and AC1, None where undefined."""

    name: str
    title: str
    units: int
    alike: float
    kappa: float | None
    ac1: float | None


class Standing(NamedTuple):
    """One person in one session: mean difference in points to the reference, over how many calls, share of verdicts that are
    the reference's, and the items on which they are farthest from it: (item, title, mean points)."""

    person_id: int
    difference: float | None
    calls: int
    same: float | None
    items: list[tuple[str, str, float]]


def by_item(calls: Sequence[Scored], gold: int | None = None) -> list[Agreement]:
    """Per item over the session's calls, least agreed first. The gold card is a reference, no rater."""
    return _agreements(calls, gold, lambda line: [(line.item, line.title)])


def by_rule(calls: Sequence[Scored], gold: int | None, titles: dict[str, str]) -> list[Agreement]:
    """The same per rule; a rule shares in every item that rests on it."""
    return _agreements(calls, gold, lambda line: [(rule, titles.get(rule, rule)) for rule in line.rules])


def overall(calls: Sequence[Scored], gold: int | None = None) -> Agreement | None:
    found = _agreements(calls, gold, lambda line: [("", "")])
    return found[0] if found else None


def standings(calls: Sequence[Scored], gold: int | None) -> list[Standing]:
    """Everybody who handed in at least one card, but for the gold card's author; the mildest first."""
    people = sorted({person for call in calls for person in call.verdicts} - {gold})
    found = [_standing(calls, person, gold) for person in people]
    return sorted(found, key=lambda one: (one.difference is None, -(one.difference or 0.0)))


def differences(calls: Sequence[Scored], person: int, gold: int | None, telling: bool = False) -> list[float]:
    """Own score less the reference's, call by call, where both are there; if `telling` only where it is a gold card or a median."""
    return [score - reference for call in calls if (score := call.scores.get(person)) is not None
            and (reference := _reference(call, person, gold, telling)) is not None]


def leanings(session: Session, least_points: float, last: int = 12) -> dict[int, tuple[Leaning | None, list[tuple[Calibration, float | None]]]]:
    """By person: how they lean over the sessions since their last pause was lifted, and the mean difference session by session."""
    sessions = [(one, calibration.scored(session, one)) for one in calibration.over(session, last)]
    people = {person for _, calls in sessions for call in calls for person in call.verdicts}
    found: dict[int, tuple[Leaning | None, list[tuple[Calibration, float | None]]]] = {}
    for person in sorted(people):
        rows = [(one, calls) for one, calls in sessions if one.gold_id != person]
        since = standing.last_lifted(session, person)
        weighed = [differences(calls, person, one.gold_id, telling=True) for one, calls in rows
                   if since is None or (one.closed_at or one.closes_at or since) > since]
        shown = [(one, differences(calls, person, one.gold_id)) for one, calls in rows]
        found[person] = (leaning(weighed, least_points), [(one, fmean(values) if values else None) for one, values in shown])
    return found


def settle(session: Session, by: str, calibrations: Iterable[Calibration], least_points: float) -> list[Person]:
    """Closes the sessions and pauses who has turned out to lean steadily; gives those people."""
    closed = list(calibrations)
    for one in closed:
        calibration.close(session, by, one)
    if not closed:
        return []
    session.flush()
    stopped = []
    for number, (found, _) in leanings(session, least_points).items():
        person = session.scalar(select(Person).where(Person.id == number, Person.active))
        if person and found and found.steady:
            way = "偏高" if found.steady == "high" else "偏低"
            why = f"最近 {found.sessions} 次校准 {found.calls} 通，平均{way} {abs(found.mean):.1f} 分（95% 区间 {found.low:+.1f} 到 {found.high:+.1f}）"
            if standing.pause(session, "tingjian", person, why):
                stopped.append(person)
    return stopped


def close_due(database: Database, least_points: float) -> None:
    """Closes the sessions whose time is up; asked by the pages on which it would be missed, and in the background of the queue."""
    with database.reading() as session:
        if not calibration.due(session):
            return
    with database.writing() as session:
        settle(session, "tingjian", calibration.due(session), least_points)


def agreement(name: str, title: str, units: Sequence[dict[int, str]]) -> Agreement | None:
    """Agreement over units, each with its ratings by person; None where no unit has two."""
    compared = [unit for unit in units if len(unit) > 1]
    if not compared:
        return None
    raters = sorted({person for unit in units for person in unit})
    ratings = [list(unit.values()) for unit in units]
    kappa = (cohen_kappa([(unit[raters[0]], unit[raters[1]]) for unit in compared]) if len(raters) == 2
             else krippendorff_alpha(ratings))
    return Agreement(name, title, len(compared), sum(len(set(unit.values())) == 1 for unit in compared) / len(compared), kappa,
                     gwet_ac1_of_many(ratings, len(VERDICTS)))


def _agreements(calls: Sequence[Scored], gold: int | None, names: Callable[[Line], list[tuple[str, str]]]) -> list[Agreement]:
    units: dict[str, list[dict[int, str]]] = defaultdict(list)
    titles: dict[str, str] = {}
    for call in calls:
        for line in call.lines:
            for name, title in names(line):
                titles[name] = title
                units[name].append({person: said[line.item] for person, said in call.verdicts.items() if person != gold and line.item in said})
    found = [one for name, of in units.items() if (one := agreement(name, titles[name], of))]
    return sorted(found, key=lambda one: (one.ac1 if one.ac1 is not None else 1.0, one.name))


def _standing(calls: Sequence[Scored], person: int, gold: int | None) -> Standing:
    values = differences(calls, person, gold)
    same: list[bool] = []
    items: dict[tuple[str, str], list[float]] = defaultdict(list)
    for call in calls:
        for line in call.lines if person in call.verdicts else []:
            own = call.verdicts[person].get(line.item)
            others = [said[line.item] for other, said in call.verdicts.items()
                      if (other == gold if gold in call.verdicts else other != person) and line.item in said]
            if own is None or not others:
                continue
            same.extend(own == other for other in others)
            worth = [value for other in others if (value := points(line, other)) is not None]
            if (mine := points(line, own)) is not None and worth:
                items[line.item, line.title].append(mine - fmean(worth))
    far = sorted(((*key, fmean(each)) for key, each in items.items()), key=lambda one: -abs(one[2]))
    return Standing(person, fmean(values) if values else None, len(values), sum(same) / len(same) if same else None,
                    [one for one in far[:3] if abs(one[2]) >= 0.05])


def _reference(call: Scored, person: int, gold: int | None, telling: bool) -> float | None:
    if gold is not None and gold in call.verdicts:
        return call.scores[gold]
    scores = {other: score for other, score in call.scores.items() if score is not None}
    if len(scores) > 2:
        return median(scores.values())
    others = [score for other, score in scores.items() if other != person]
    return others[0] if others and not telling else None
